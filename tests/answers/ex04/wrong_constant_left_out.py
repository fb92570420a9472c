"""Only the part that depends on the generator: the two costs no longer add up to zero.

loses: costs-zero-sum, costs-far
"""


# %% costs
def discriminator_cost(real_logits, fake_logits):
    return F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()


def generator_cost(real_logits, fake_logits):
    return -F.softplus(fake_logits).sum()
