"""Random pixels of the right shape.

loses: generator-shape, generator-listens
"""


# %% networks-code
class Generator(nn.Module):
    def forward(self, z, y):
        return torch.rand(len(z), 64) * 2 - 1


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Linear(96, 10),
        )  # fmt: skip

    def forward(self, x, y):
        return self.layers(x).gather(1, y[:, None]).squeeze(1)
