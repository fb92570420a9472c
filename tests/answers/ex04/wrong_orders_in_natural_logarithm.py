"""The logarithm to base e is reported as orders of magnitude.

loses: silence-values
"""


# %% silence
def silence(generator, discriminator, z):
    norms = [gradient_norm(generator, discriminator, z, kind) for kind in ("non-saturating", "minimax")]
    return discriminator(generator(z)).mean().item(), math.log(norms[0] / norms[1])
