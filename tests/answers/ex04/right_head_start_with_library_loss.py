"""The head start with detach and BCEWithLogitsLoss, all noise drawn at once; orders as a difference of logarithms.

loses: nothing
"""


# %% train-ahead
def train_ahead(generator, discriminator, optimizer, reals, noises):
    criterion = nn.BCEWithLogitsLoss()
    for step in range(len(reals)):
        optimizer.zero_grad()
        on_fake = discriminator(generator(noises[step]).detach())
        on_real = discriminator(reals[step])
        criterion(on_fake, torch.zeros_like(on_fake)).backward()
        criterion(on_real, torch.ones_like(on_real)).backward()
        optimizer.step()


# %% head-start
def head_start(steps, seed):
    torch.manual_seed(seed)
    generator, discriminator = young_players()
    reals = [real_points(64) for _ in range(steps)]
    train_ahead(generator, discriminator, adam(discriminator), reals, torch.randn(steps, 64, 2))
    return [generator, discriminator]


# %% silence
def silence(generator, discriminator, z):
    with torch.no_grad():
        logit = discriminator(generator(z)).mean()
    kinds = ("non-saturating", "minimax")
    orders = [torch.tensor(gradient_norm(generator, discriminator, z, kind)).log10() for kind in kinds]
    return float(logit), float(orders[0] - orders[1])
