"""Adds the adversarial term to the whole VAE loss, so that λ = 1 is no pure GAN.

loses: loss-ends, loss-steady, step-moves, step-exact, train-ablation
"""


# %% loss-code
def hybrid_loss(logits, x, mu, logvar, verdicts, lam, beta=1.0):
    """L_λ as a scalar tensor.

    logits, x: (n, d), of the rebuilt pictures, and the pictures; mu, logvar: (n, k); verdicts: (m,), the judge's logits of fakes.
    """
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    adversarial = F.softplus(-verdicts).mean()
    return (reconstruction + beta * kl) / x.shape[1] + lam * adversarial
