"""Chapter 01: the autoencoder."""

from torch import nn


class Autoencoder(nn.Module):
    def __init__(self, latent_dim=64, hidden_dim=128):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(),  # (n, 1, 28, 28) => (n, 784)
            nn.Linear(784, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, latent_dim),  # => (n, latent_dim), the code
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, 784),
            nn.Sigmoid(),  # pixels are in [0, 1]
            nn.Unflatten(1, (1, 28, 28)),  # => (n, 1, 28, 28)
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))
