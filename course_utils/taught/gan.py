"""Chapter 03: the two players of a GAN and what each of them minimises."""

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
