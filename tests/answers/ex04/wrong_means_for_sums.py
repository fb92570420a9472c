"""Means over the batch where the costs are sums.

loses: costs-discriminator, costs-zero-sum, costs-direction, costs-far
"""


# %% costs
def discriminator_cost(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def generator_cost(real_logits, fake_logits):
    return -discriminator_cost(real_logits, fake_logits)
