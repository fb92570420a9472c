"""The non-saturating loss is taken for the other half of the zero-sum game.

loses: costs-zero-sum, costs-direction, costs-far
"""


# %% costs
def discriminator_cost(real_logits, fake_logits):
    return F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()


def generator_cost(real_logits, fake_logits):
    return F.softplus(-fake_logits).sum()
