"""Flattens the last map into the batch, as the 32×32 listing of the clinic does: several answers a picture.

loses: discriminator-shape, discriminator-other-sizes, discriminator-leak, discriminator-batch-norm, discriminator-weights
"""


# %% generator-network
class Generator(nn.Module):
    """Noise (n, latent_dim) => pictures (n, channels, image_size, image_size), values from −1 to 1."""

    def __init__(self, image_size, channels, width, latent_dim):
        super().__init__()
        sides, maps = [image_size], [channels]
        while sides[-1] > 6:
            sides.append(sides[-1] // 2)
            maps.append(width * 2 ** (len(maps) - 1))
        top, smallest = maps[-1], sides[-1]
        layers = [nn.Linear(latent_dim, top * smallest**2, bias=False), nn.Unflatten(1, (top, smallest, smallest))]
        for stage in range(len(maps) - 1, 0, -1):
            odd = sides[stage - 1] % 2
            layers += [
                nn.BatchNorm2d(maps[stage]),
                nn.ReLU(),
                nn.ConvTranspose2d(maps[stage], maps[stage - 1], 4, 2, 1, output_padding=odd, bias=stage == 1),
            ]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z):
        return self.layers(z)


# %% discriminator-network
class Discriminator(nn.Module):
    """Pictures (n, channels, image_size, image_size) => one logit for each, (n,)."""

    def __init__(self, image_size, channels, width):
        super().__init__()
        layers, side, maps = [], image_size, channels
        while side > 6:
            first = side == image_size
            wider = width if first else 2 * maps
            layers += [nn.Conv2d(maps, wider, 4, 2, 1, bias=first)]
            layers += [nn.LeakyReLU(0.2)] if first else [nn.BatchNorm2d(wider), nn.LeakyReLU(0.2)]
            side, maps = side // 2, wider
        self.layers = nn.Sequential(*layers, nn.Conv2d(maps, 1, 2))

    def forward(self, x):
        return self.layers(x).view(-1)
