"""ClassNorm inside the generator, which at first does not listen; lazy layers; a projection that begins at zero.

loses: nothing
"""


# %% networks-code
class Generator(nn.Module):
    def __init__(self, width: int = 24):
        super().__init__()
        self.first = nn.LazyLinear(width * 4)
        self.norms = nn.ModuleList(ClassNorm(width, 10) for _ in range(2))
        self.convs = nn.ModuleList([nn.LazyConvTranspose2d(width, 4, 2, 1), nn.LazyConvTranspose2d(1, 4, 2, 1)])
        self.width = width

    def forward(self, z, y):
        h = self.first(z).unflatten(-1, (self.width, 2, 2))
        for norm, conv in zip(self.norms, self.convs):
            h = conv(F.silu(norm(h, y)))
        return h.flatten(-3).clip(-20, 20).tanh()


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.body = nn.Sequential(norm(nn.Linear(64, 96)), nn.GELU(), norm(nn.Linear(96, 96)), nn.GELU())
        self.real, self.fits = nn.Linear(96, 1), nn.Embedding(10, 96, _weight=torch.zeros(10, 96))

    def forward(self, x, y):
        h = self.body(x)
        return torch.squeeze(self.real(h), dim=-1) + (h * self.fits(y)).sum(-1)


# %% training-code
class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Linear(96, 10),
        )  # fmt: skip

    def forward(self, x, y):
        return torch.take_along_dim(self.layers(x), y.unsqueeze(-1), dim=-1).flatten()


def train_conditional(seed=0, steps=700, rate=2e-3):
    torch.manual_seed(seed)
    x, y = tiny_digits()
    g, d = SmallGenerator(), Judge()
    adams = [torch.optim.Adam(one.parameters(), rate, betas=(0.5, 0.99)) for one in (g, d)]
    fades = [torch.optim.lr_scheduler.LambdaLR(one, lambda k: min(1.0, 2 - 2 * k / steps)) for one in adams]
    for _ in range(steps):
        some = torch.randint(len(x), (64,))
        discriminator_step(g, d, adams[1], x[some], y[some], other_labels(y[some], 10), torch.randn(64, 16))
        generator_step(g, d, adams[0], y[some], torch.randn(64, 16))
        [fade.step() for fade in fades]
    return g.eval()
