"""No dense layers: a transposed convolution on 1x1 noise, a convolution over the whole last map; layers kept in lists.

loses: nothing
"""


# %% generator-network
def shrink(size):
    sides = [size]
    while sides[-1] > 6:
        sides.append(sides[-1] >> 1)
    return sides


class Generator(nn.Module):
    def __init__(self, image_size, channels, width, latent_dim):
        super().__init__()
        sides = shrink(image_size)[::-1]
        stages = len(sides) - 1
        maps = width * 2 ** (stages - 1)
        self.project = nn.ConvTranspose2d(latent_dim, maps, sides[0], bias=False)
        self.norms, self.ups = nn.ModuleList(), nn.ModuleList()
        for stage in range(stages):
            last = stage == stages - 1
            after = channels if last else maps // 2
            self.norms.append(nn.BatchNorm2d(maps))
            r = sides[stage + 1] - 2 * sides[stage]
            self.ups.append(nn.ConvTranspose2d(maps, after, 4, 2, 1, output_padding=r, bias=last))
            maps = after

    def forward(self, z):
        x = self.project(z[:, :, None, None])
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = up(torch.relu(norm(x)))
        return x.tanh()


# %% discriminator-network
class Discriminator(nn.Module):
    def __init__(self, image_size, channels, width):
        super().__init__()
        sides = shrink(image_size)
        body = []
        for stage in range(len(sides) - 1):
            body.append(nn.Conv2d(channels, width, 4, 2, 1, bias=not stage))
            if stage:
                body.append(nn.BatchNorm2d(width))
            body.append(nn.LeakyReLU(0.2, inplace=True))
            channels, width = width, 2 * width
        body.append(nn.Conv2d(channels, 1, sides[-1]))
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return self.body(x)[:, 0, 0, 0]


# %% table
def shape_table():
    sides = [my.image_size]
    while sides[-1] > 6:
        sides += [(sides[-1] - 2) // 2 + 1]
    maps = [my.channels, *(my.width * 2**k for k in range(len(sides) - 1))]
    kernels = sum(4 * 4 * a * b for a, b in pairwise(maps))
    dense = my.width * 2 ** (len(maps) - 2) * sides[-1] * sides[-1]
    norms = [2 * c for c in maps[1:]]
    return {
        "sides": tuple(sides),
        "maps": tuple(maps),
        "output_paddings": torch.tensor(
            [large - 2 * small for small, large in zip(sides[:0:-1], sides[-2::-1], strict=True)]
        ),
        "generator_weights": float(dense * my.latent_dim + kernels + sum(norms) + maps[0]),
        "discriminator_weights": kernels + sum(norms) - 2 * maps[1] + maps[1] + dense + 1,
    }


# %% initialise-code
def initialise(network, std=0.02):
    def each(layer):
        if isinstance(getattr(layer, "bias", None), torch.Tensor):
            layer.bias.data.zero_()
        if isinstance(getattr(layer, "weight", None), torch.Tensor):
            centre = float(layer.weight.ndim == 1)
            layer.weight.data = centre + std * torch.randn_like(layer.weight)

    return network.apply(each)


def spread_before_tanh(channels_in, k, s, std=0.02):
    products = channels_in * k * k / s**2
    return torch.tensor(products / 2 * std**2).sqrt()
