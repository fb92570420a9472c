"""Chapter 09: the VAE–GAN, one step of it, and the stop for codes that fall silent."""

import torch
from torch import nn

from course_utils.taught.dcgan import DCGAN
from course_utils.taught.gan import discriminator_loss, generator_loss
from course_utils.taught.vae import kl_to_standard_normal, reconstruction_loss, reparameterize


class ConvVAE(nn.Module):
    def __init__(self, latent_dim=20, width=16):
        super().__init__()
        self.latent_dim = latent_dim
        pair = DCGAN(28, 1, width, latent_dim, refine=1)  # chapter 05's two networks
        self.hidden = pair.discriminator[:-2]  # (n, 1, 28, 28) => (n, 16, 14, 14) => (n, 32, 7, 7) => (n, 1568)
        self.to_mu = nn.Linear(98 * width, latent_dim)
        self.to_logvar = nn.Linear(98 * width, latent_dim)
        self.decoder = pair.generator[:-1]  # (n, 20) => (n, 32, 7, 7) => (n, 16, 14, 14) => (n, 1, 28, 28), no tanh

    def encode(self, x):
        h = self.hidden(2 * x - 1)  # (n, 1568)
        return self.to_mu(h), self.to_logvar(h)  # each (n, latent_dim)

    def decode(self, z):
        return self.decoder(z)  # logits of the pixels, (n, 1, 28, 28)


def hybrid_update(model, discriminator, adam_vae, adam_d, x, lam, penalty=0.0, beta=1.0):
    """One step of D, then one of encoder and decoder, on pictures `x` in [0, 1]."""
    mu, logvar = model.encode(x)
    z = reparameterize(mu, logvar)
    logits = model.decode(z)  # pictures rebuilt, (n, 1, 28, 28)
    codes = torch.cat([z.detach()[::2], torch.randn_like(z[1::2])])  # of every other picture, and from noise
    fakes = 2 * model.decode(codes).sigmoid() - 1  # half of them rebuilt, half invented; pixels in [-1, 1]

    d_loss = discriminator_loss(discriminator(2 * x - 1), discriminator(fakes.detach()))
    adam_d.zero_grad()
    (d_loss + penalty).backward()
    adam_d.step()

    discriminator.requires_grad_(False)
    reconstruction = reconstruction_loss(logits.flatten(1), x).mean()
    kl = kl_to_standard_normal(mu, logvar).mean()
    adversarial = generator_loss(discriminator(fakes))
    loss = (1 - lam) * (reconstruction + beta * kl) / 784 + lam * adversarial
    adam_vae.zero_grad()
    loss.backward()
    adam_vae.step()
    discriminator.requires_grad_(True)
    return {"reconstruction": reconstruction, "KL": kl, "adversarial": adversarial, "D loss": d_loss}


class SilentCode(Exception):
    """The codes say nothing any more about the pictures."""


def stop_if_silent(kls, floor=0.5, patience=100):
    """Raise SilentCode if the last `patience` KL terms, in nats, have all been below `floor`."""
    last = kls[-patience:]
    if len(last) == patience and max(last) < floor:
        raise SilentCode(f"the KL term has been below {floor} nats for {patience} steps, at step {len(kls)}")
