"""The head start with another order of draws, detach instead of no_grad, and BCEWithLogitsLoss; orders from logarithms of the norms.

loses: nothing
"""


# %% head-start
def head_start(steps, seed):
    torch.manual_seed(seed)
    generator, discriminator, optimizer = young_players()
    criterion = nn.BCEWithLogitsLoss()
    z = torch.randn(256, 2)
    for _ in range(steps):
        optimizer.zero_grad()
        on_fake = criterion(discriminator(generator(torch.randn(64, 2)).detach()), torch.zeros(64))
        on_real = criterion(discriminator(real_points(64)), torch.ones(64))
        (on_real + on_fake).backward()
        optimizer.step()
    with torch.no_grad():
        logit = discriminator(generator(z)).mean()
    orders = [
        torch.tensor(gradient_norm(generator, discriminator, z, kind)).log10() for kind in ("non-saturating", "minimax")
    ]
    return float(logit), float(orders[0] - orders[1])
