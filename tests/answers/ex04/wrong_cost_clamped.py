"""Probabilities are clamped before the logarithm: no mistake can cost more than 16.

loses: costs-far
"""


# %% costs
def discriminator_cost(real_logits, fake_logits):
    real, fake = real_logits.sigmoid().clamp(1e-7, 1 - 1e-7), fake_logits.sigmoid().clamp(1e-7, 1 - 1e-7)
    return -real.log().sum() - (1 - fake).log().sum()


def generator_cost(real_logits, fake_logits):
    return -discriminator_cost(real_logits, fake_logits)
