"""Seeds after the model is made: its first weights are left to chance.

loses: experiment-seed-test
"""


# %% experiment-code
def train_small(train_x, beta, steps, seed=0, floor=0.0):
    vae = SmallVAE()
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(vae.parameters(), lr=5e-3)
    for _ in range(steps):
        x = train_x[torch.randint(len(train_x), (128,))]
        mu, logvar = vae.encode(x)
        logits = vae.decoder(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar)
        loss = reconstruction_loss(logits, x).mean() + beta * free_bits(kl, floor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return vae
