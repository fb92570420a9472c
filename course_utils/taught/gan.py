"""Chapter 03: the two players of a GAN, what each of them minimises, and one step of each."""

import torch.nn.functional as F
from torch import nn


class Generator(nn.Module):
    def __init__(self, latent_dim=64, hidden_dim=256):
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, hidden_dim),  # (n, latent_dim) => (n, hidden_dim)
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, 2 * hidden_dim),
            nn.BatchNorm1d(2 * hidden_dim),
            nn.ReLU(),
            nn.Linear(2 * hidden_dim, 784),
            nn.Tanh(),  # pixels are in [-1, 1]
            nn.Unflatten(1, (1, 28, 28)),  # => (n, 1, 28, 28)
        )

    def forward(self, z):
        return self.layers(z)


class Discriminator(nn.Module):
    def __init__(self, hidden_dim=256, dropout=0.3):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),  # (n, 1, 28, 28) => (n, 784)
            nn.Linear(784, 2 * hidden_dim),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(2 * hidden_dim, hidden_dim),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, 1),  # a logit; D(x) is its sigmoid
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)  # (n,)


def discriminator_loss(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()  # −log D(x) − log(1 − D(G(z)))


def generator_loss(fake_logits):
    return F.softplus(-fake_logits).mean()  # −log D(G(z)), the non-saturating loss


def gan_update(generator, discriminator, optimizer_g, optimizer_d, x, z, penalty=0.0):
    """One step of each player, on real pictures `x` in [-1, 1] and noise `z`."""
    fakes = generator(z)
    d_loss = discriminator_loss(discriminator(x), discriminator(fakes.detach()))
    optimizer_d.zero_grad()
    (d_loss + penalty).backward()
    optimizer_d.step()

    discriminator.requires_grad_(False)  # G's gradient passes through D and leaves nothing there
    g_loss = generator_loss(discriminator(fakes))
    optimizer_g.zero_grad()
    g_loss.backward()
    optimizer_g.step()
    discriminator.requires_grad_(True)
    return d_loss, g_loss
