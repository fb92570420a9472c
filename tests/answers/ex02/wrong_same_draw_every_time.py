"""Seeds the draw inside the measurement: every picture set meets the same noise.

loses: measure-test
"""


# %% measure-code
@torch.no_grad()
def measure(vae, x):
    torch.manual_seed(0)
    mu, logvar = vae.encode(x)
    logits = vae.decoder(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
    rate = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    active = (mu.var(dim=0) > 0.01).sum()
    distortion = reconstruction_loss(logits, x).mean()
    return {"rate": rate.item(), "distortion": distortion.item(), "active": int(active)}
