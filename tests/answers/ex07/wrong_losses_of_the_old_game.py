"""Takes the losses of chapter 03: a sigmoid on the critic's values.

loses: wasserstein-losses
"""


# %% losses-code
def critic_loss(real, fake):
    """What the critic lowers, from its values for real samples (n,) and generated ones (m,): one number."""
    return F.softplus(fake).mean() + F.softplus(-real).mean()


def generator_loss(fake):
    """What the generator lowers, from the critic's values for its samples (m,): one number."""
    return F.softplus(-fake).mean()
