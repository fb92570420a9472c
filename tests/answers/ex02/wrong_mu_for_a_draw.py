"""Decodes mu instead of a draw of z: the distortion looks smaller than it is.

loses: measure-test
"""


# %% measure-code
@torch.no_grad()
def measure(vae, x):
    mu, logvar = vae.encode(x)
    logits = vae.decoder(mu)
    rate = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    active = (mu.var(dim=0) > 0.01).sum()
    distortion = reconstruction_loss(logits, x).mean()
    return {"rate": rate.item(), "distortion": distortion.item(), "active": int(active)}
