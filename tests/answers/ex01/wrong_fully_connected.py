"""The fully connected network of chapter 01: no convolution in it.

loses: convolutions-test
"""


# %% conv-autoencoder
class ConvAutoencoder(nn.Module):
    def __init__(self, latent_dim, size=28):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Linear(size * size, 48),
            nn.ReLU(),
            nn.Linear(48, latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 48),
            nn.ReLU(),
            nn.Linear(48, size * size),
            nn.Sigmoid(),
            nn.Unflatten(1, (1, size, size)),
        )

    def encode(self, x):
        return self.encoder(x)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        return self.decode(self.encode(x))
