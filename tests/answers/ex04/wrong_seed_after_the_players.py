"""The seed is set after the players have been made: every call starts from others.

loses: head-start-seeded
"""


# %% head-start
def head_start(steps, seed):
    generator, discriminator, optimizer = young_players()
    torch.manual_seed(seed)
    for _ in range(steps):
        with torch.no_grad():
            fake = generator(torch.randn(64, 2))
        loss = F.softplus(-discriminator(real_points(64))).mean() + F.softplus(discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    z = torch.randn(256, 2)
    norms = [gradient_norm(generator, discriminator, z, kind) for kind in ("non-saturating", "minimax")]
    return discriminator(generator(z)).mean().item(), math.log10(norms[0] / norms[1])
