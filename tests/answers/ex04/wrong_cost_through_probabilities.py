"""Sigmoid first, then the logarithm: a confident mistake is infinitely dear.

loses: costs-far
"""


# %% costs
def discriminator_cost(real_logits, fake_logits):
    return -real_logits.sigmoid().log().sum() - (1 - fake_logits.sigmoid()).log().sum()


def generator_cost(real_logits, fake_logits):
    return -discriminator_cost(real_logits, fake_logits)
