"""Only the generator is told the label.

loses: discriminator-listens, training-obeys
"""


# %% networks-code
class Generator(nn.Module):
    """Noise z (n, 16) and labels y (n,), whole numbers from 0 to 9 => pictures (n, 64), pixels from −1 to 1."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(16 + 10, 96), nn.BatchNorm1d(96), nn.ReLU(),
            nn.Linear(96, 96), nn.BatchNorm1d(96), nn.ReLU(),
            nn.Linear(96, 64), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z, y):
        return self.layers(beside(z, y, 10))


class Discriminator(nn.Module):
    """Pictures x (n, 64) and labels y (n,) => logits (n,): is this a real picture of this label?"""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Linear(96, 10),
        )  # fmt: skip

    def forward(self, x, y):
        return self.layers(x)[:, 0]
