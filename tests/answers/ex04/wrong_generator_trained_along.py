"""The generator is trained as well: nobody has a head start.

loses: head-start-values
"""


# %% head-start
def head_start(steps, seed):
    torch.manual_seed(seed)
    generator, discriminator, optimizer = young_players()
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=5e-3, betas=(0.5, 0.99))
    for _ in range(steps):
        with torch.no_grad():
            fake = generator(torch.randn(64, 2))
        loss = F.softplus(-discriminator(real_points(64))).mean() + F.softplus(discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer_g.zero_grad()
        F.softplus(-discriminator(generator(torch.randn(64, 2)))).mean().backward()
        optimizer_g.step()
    z = torch.randn(256, 2)
    norms = [gradient_norm(generator, discriminator, z, kind) for kind in ("non-saturating", "minimax")]
    return discriminator(generator(z)).mean().item(), math.log10(norms[0] / norms[1])
