"""Draws z with the variance as standard deviation, while the KL term takes it for the variance.

loses: experiment-beta-test
"""


# %% experiment-code
def beta_experiment(train_x, test_x, beta, steps, seed=0, floor=0.0):
    torch.manual_seed(seed)
    vae = SmallVAE()
    optimizer = torch.optim.Adam(vae.parameters(), lr=5e-3)

    def terms(x):
        mu, logvar = vae.encode(x)
        logits = vae.decoder(mu + torch.randn_like(mu) * logvar.exp())
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar)
        return reconstruction_loss(logits, x).mean(), kl, mu

    for _ in range(steps):
        distortion, kl, _ = terms(train_x[torch.randint(len(train_x), (128,))])
        loss = distortion + beta * free_bits(kl, floor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with torch.no_grad():
        distortion, kl, mu = terms(test_x)
    active = (mu.var(dim=0) > 0.01).sum()
    return {"rate": kl.sum(dim=1).mean().item(), "distortion": distortion.item(), "active": int(active)}
