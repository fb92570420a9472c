"""The printed sign: constant minus the sum of log(1 − D), and then descended.

loses: costs-zero-sum, costs-direction, costs-far
"""


# %% costs
def discriminator_cost(real_logits, fake_logits):
    return F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()


def generator_cost(real_logits, fake_logits):
    return -F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()
