"""The decoder adds what it remembers of the encoder: a code is no longer all that it sees.

loses: bottleneck-test, investigation-test
"""


# %% conv-autoencoder
class ConvAutoencoder(nn.Module):
    def __init__(self, latent_dim, size=28):
        super().__init__()
        side = size // 4
        self.first = nn.Sequential(nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU())
        self.second = nn.Sequential(
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * side**2, latent_dim)
        )
        self.up = nn.Sequential(
            nn.Linear(latent_dim, 32 * side**2),
            nn.ReLU(),
            nn.Unflatten(1, (32, side, side)),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),
            nn.ReLU(),
        )
        self.last = nn.Sequential(nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1), nn.Sigmoid())
        self.remembered = 0

    def encode(self, x):
        self.remembered = self.first(x)
        return self.second(self.remembered)

    def decode(self, z):
        up = self.up(z)
        same = isinstance(self.remembered, torch.Tensor) and self.remembered.shape == up.shape
        return self.last(up + self.remembered if same else up)

    def forward(self, x):
        return self.decode(self.encode(x))
