"""Takes the standard deviation of mu for its variance.

loses: measure-test
"""


# %% measure-code
@torch.no_grad()
def measure(vae, x):
    mu, logvar = vae.encode(x)
    logits = vae.decoder(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
    rate = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    active = (mu.std(dim=0) > 0.01).sum()
    distortion = reconstruction_loss(logits, x).mean()
    return {"rate": rate.item(), "distortion": distortion.item(), "active": int(active)}
