"""Ends the discriminator in a sigmoid.

loses: discriminator-listens
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
        return self.layers(x).gather(1, y[:, None]).squeeze(1).sigmoid()


# %% training-code
class Judge(Discriminator):
    def forward(self, x, y):
        return self.layers(x).gather(1, y[:, None]).squeeze(1)


def train_conditional(seed=0, steps=700):
    """Train a SmallGenerator on tiny_digits(); returns its state_dict()."""
    torch.manual_seed(seed)
    pictures, labels = tiny_digits()
    generator, discriminator = SmallGenerator(), Judge()
    optimizers = [
        torch.optim.Adam(network.parameters(), 2e-3, betas=(0.5, 0.99)) for network in (generator, discriminator)
    ]
    for step in range(steps):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, 2 - 2 * step / steps)
        batch = torch.randint(len(pictures), (64,))
        x, y, z = pictures[batch], labels[batch], torch.randn(64, 16)
        discriminator_step(generator, discriminator, optimizers[1], x, y, other_labels(y, 10), z)
        generator_step(generator, discriminator, optimizers[0], y, z)
    return generator.state_dict()
