"""The generator is given the discriminator's own cost: two players on one side.

loses: costs-zero-sum, costs-direction, costs-far
"""


# %% costs
def discriminator_cost(real_logits, fake_logits):
    return F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()


def generator_cost(real_logits, fake_logits):
    return discriminator_cost(real_logits, fake_logits)
