"""The seed is set after the players have been made: every call starts from others.

loses: head-start-seeded
"""


# %% head-start
def head_start(steps, seed):
    generator, discriminator = young_players()
    torch.manual_seed(seed)
    reals = [real_points(64) for _ in range(steps)]
    noises = [torch.randn(64, 2) for _ in range(steps)]
    train_ahead(generator, discriminator, adam(discriminator), reals, noises)
    return generator, discriminator
