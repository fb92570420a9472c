"""Reports the mean of D(G(z)) where the mean logit is asked for.

loses: silence-values
"""


# %% silence
def silence(generator, discriminator, z):
    norms = [gradient_norm(generator, discriminator, z, kind) for kind in ("non-saturating", "minimax")]
    return torch.sigmoid(discriminator(generator(z))).mean().item(), math.log10(norms[0] / norms[1])
