"""Averages the reconstruction over the 64 pixels in training: the code collapses at β = 1.

loses: experiment-beta-test, experiment-elbo-test, experiment-floor-test
"""


# %% experiment-code
def train_small(train_x, beta, steps, seed=0, floor=0.0):
    torch.manual_seed(seed)
    vae = SmallVAE()
    optimizer = torch.optim.Adam(vae.parameters(), lr=5e-3)
    for _ in range(steps):
        x = train_x[torch.randint(len(train_x), (128,))]
        mu, logvar = vae.encode(x)
        logits = vae.decoder(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar)
        loss = reconstruction_loss(logits, x).mean() / 64 + beta * free_bits(kl, floor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return vae
