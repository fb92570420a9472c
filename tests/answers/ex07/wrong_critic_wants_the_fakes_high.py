"""Exchanges the two sides of the critic's loss.

loses: wasserstein-losses
"""


# %% losses-code
def critic_loss(real, fake):
    """What the critic lowers, from its values for real samples (n,) and generated ones (m,): one number."""
    return real.mean() - fake.mean()


def generator_loss(fake):
    """What the generator lowers, from the critic's values for its samples (m,): one number."""
    return -fake.mean()
