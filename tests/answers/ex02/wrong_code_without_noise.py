"""Trains on z = mu: the noise that the KL term pays for never reaches the decoder.

loses: experiment-beta-test, experiment-elbo-test
"""


# %% experiment-code
def train_small(train_x, beta, steps, seed=0, floor=0.0):
    torch.manual_seed(seed)
    vae = SmallVAE()
    optimizer = torch.optim.Adam(vae.parameters(), lr=5e-3)
    for _ in range(steps):
        x = train_x[torch.randint(len(train_x), (128,))]
        mu, logvar = vae.encode(x)
        logits = vae.decoder(mu)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar)
        loss = reconstruction_loss(logits, x).mean() + beta * free_bits(kl, floor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return vae
