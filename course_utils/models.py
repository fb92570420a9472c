"""The models of the course. Each is written out, line by line, in the chapter that teaches it."""

import copy
from itertools import pairwise

import torch
from torch import nn


# Chapter 01
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


# Chapter 02
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


# Chapter 02
def reparameterize(mu, logvar):
    eps = torch.randn_like(mu)
    return mu + eps * (0.5 * logvar).exp()


# Chapter 03
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


# Chapter 03
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


# Chapter 05
class DCGAN(nn.Module):
    def __init__(self, image_size=28, channels=1, width=24, latent_dim=32, refine=0):
        super().__init__()
        self.latent_dim = latent_dim
        smallest = 7 if image_size % 7 == 0 else 4  # 28 = 7 · 2 · 2, 32 = 4 · 2 · 2 · 2, 64 = 4 · 2 · 2 · 2 · 2
        doublings = (image_size // smallest).bit_length() - 1
        if smallest * 2**doublings != image_size or doublings < 2:
            raise ValueError(f"image_size={image_size} is not 7 or 4, doubled twice or more: take 16, 28, 32, 64 …")
        maps = [channels] + [width * 2**k for k in range(doublings)]  # channels, from the image inwards: 1, 24, 48
        conv = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}  # doubles or halves the side
        same = {"kernel_size": 3, "padding": 1, "bias": False}  # keeps it
        top = maps[-1]
        generator = [nn.Linear(latent_dim, top * smallest**2, bias=False), nn.Unflatten(1, (top, smallest, smallest))]
        for _ in range(refine):
            generator += [nn.BatchNorm2d(top), nn.ReLU(), nn.Conv2d(top, top, **same)]
        for inner, outer in pairwise(reversed(maps)):
            generator += [nn.BatchNorm2d(inner), nn.ReLU(), nn.ConvTranspose2d(inner, outer, **conv)]
        self.generator = nn.Sequential(*generator, nn.Tanh())

        discriminator = []
        for outer, inner in pairwise(maps):
            discriminator += [nn.Conv2d(outer, inner, **conv), nn.BatchNorm2d(inner), nn.LeakyReLU(0.2)]
        del discriminator[1]  # no batch norm next to the pixels
        for _ in range(refine):
            discriminator += [nn.Conv2d(top, top, **same), nn.BatchNorm2d(top), nn.LeakyReLU(0.2)]
        discriminator += [nn.Flatten(), nn.Linear(top * smallest**2, 1), nn.Flatten(0)]
        self.discriminator = nn.Sequential(*discriminator)

    def shape_table(self):
        """One line a layer: its name and the shape it makes of (n, latent_dim) noise."""
        lines, x = [], torch.zeros(1, self.latent_dim)
        for layer in copy.deepcopy(nn.Sequential(*self.generator, *self.discriminator)).eval().cpu():
            x = layer(x)
            lines.append(f"{type(layer).__name__:16} ({', '.join(['n', *map(str, x.shape[1:])])})")
        return "\n".join(lines)


# Chapter 05
def dcgan_init(layer):
    if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


# Chapter 06
class Classifier(nn.Module):
    def __init__(self, num_features=64, num_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (n, 1, 28, 28) => (n, 16, 14, 14)
            nn.Conv2d(16, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),  # => (n, 32, 7, 7)
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, num_features),
            nn.ReLU(),  # => (n, num_features), the features
        )
        self.head = nn.Linear(num_features, num_classes)

    def forward(self, x):
        return self.head(self.features(x))  # logits, (n, num_classes)
