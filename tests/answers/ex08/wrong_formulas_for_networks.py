"""Two formulas with a place for the label; there is nothing in them that could learn.

loses: generator-shape, generator-listens, discriminator-listens, training-obeys, training-varied
"""


# %% networks-code
class Generator(nn.Module):
    def forward(self, z, y):
        return torch.tanh(z.repeat(1, 4) + torch.cos(y[:, None] * torch.arange(64.0)))


class Discriminator(nn.Module):
    def forward(self, x, y):
        return x.mean(dim=1) + 0.3 * y
