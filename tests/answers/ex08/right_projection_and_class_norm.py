"""The label by gains and shifts in the generator, by projection in the discriminator; an embedding table in ClassNorm.

loses: nothing
"""


# %% class-norm-code
class ClassNorm(nn.Module):
    def __init__(self, channels, num_classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.table = nn.Embedding(num_classes, 2 * channels)
        with torch.no_grad():
            self.table.weight[:, :channels] = 1
            self.table.weight[:, channels:] = 0

    def forward(self, x, y):
        gain, shift = self.table(y).unsqueeze(-1).unsqueeze(-1).chunk(2, dim=1)
        return gain * self.norm(x) + shift


# %% networks-code
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(16, 80), nn.BatchNorm1d(80, affine=False)
        self.gain, self.shift = nn.Embedding(10, 80), nn.Embedding(10, 80)
        self.last = nn.Linear(80, 64)

    def forward(self, z, y):
        h = self.norm(self.first(z)) * self.gain(y) + self.shift(y)
        return torch.tanh(self.last(torch.relu(h)))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3)
        )
        self.real, self.fits = nn.Linear(96, 1), nn.Embedding(10, 96)
        nn.init.normal_(self.fits.weight, 0.0, 0.1)

    def forward(self, x, y):
        h = self.body(x)
        return self.real(h)[:, 0] + torch.einsum("nd,nd->n", h, self.fits(y))
