"""Chapter 02: the variational autoencoder, its loss, and the bounds on its likelihood."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class VAE(nn.Module):
    def __init__(self, latent_dim=20, hidden_dim=400):
        super().__init__()
        self.latent_dim = latent_dim
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(784, hidden_dim), nn.ReLU())
        self.to_mu = nn.Linear(hidden_dim, latent_dim)
        self.to_logvar = nn.Linear(hidden_dim, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 784))

    def encode(self, x):
        h = self.hidden(x)  # (n, hidden_dim)
        return self.to_mu(h), self.to_logvar(h)  # each (n, latent_dim)

    def decode(self, z):
        return self.decoder(z)  # logits of the pixels, (n, 784)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar)
        return self.decode(z), mu, logvar

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, self.latent_dim, device=self.to_mu.weight.device)
        return self.decode(z).sigmoid().view(n, 1, 28, 28)


def reparameterize(mu, logvar):
    eps = torch.randn_like(mu)
    return mu + eps * (0.5 * logvar).exp()


# equation (2.7)
def kl_to_standard_normal(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)  # (n,), in nats


def reconstruction_loss(logits, x):
    logits, x = logits.float(), x.flatten(1)
    pixelwise = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return pixelwise.sum(dim=1)  # (n,): the sum over the 784 pixels, in nats


def negative_elbo(logits, x, mu, logvar, beta=1.0):
    kl = kl_to_standard_normal(mu, logvar)
    return (reconstruction_loss(logits, x) + beta * kl).mean()


def log_normal(x, mean, variance):
    """Log density of independent normals, summed over the last axis (nats)."""
    variance = torch.as_tensor(variance)
    each = (x - mean) ** 2 / variance + variance.log() + math.log(2 * math.pi)
    return -0.5 * each.sum(dim=-1)


def log_mean_exp(log_weights):
    return log_weights.logsumexp(dim=-1) - math.log(log_weights.shape[-1])
