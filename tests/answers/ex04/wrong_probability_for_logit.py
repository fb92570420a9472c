"""Reports the mean of D(G(z)) where the mean logit is asked for.

loses: head-start-values
"""


# %% head-start
def head_start(steps, seed):
    torch.manual_seed(seed)
    generator, discriminator, optimizer = young_players()
    for _ in range(steps):
        with torch.no_grad():
            fake = generator(torch.randn(64, 2))
        loss = F.softplus(-discriminator(real_points(64))).mean() + F.softplus(discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    z = torch.randn(256, 2)
    norms = [gradient_norm(generator, discriminator, z, kind) for kind in ("non-saturating", "minimax")]
    return torch.sigmoid(discriminator(generator(z))).mean().item(), math.log10(norms[0] / norms[1])
