"""Divides both sums by the size of the real batch.

loses: wasserstein-losses
"""


# %% losses-code
def critic_loss(real, fake):
    """What the critic lowers, from its values for real samples (n,) and generated ones (m,): one number."""
    return (fake.sum() - real.sum()) / len(real)


def generator_loss(fake):
    """What the generator lowers, from the critic's values for its samples (m,): one number."""
    return -fake.mean()
