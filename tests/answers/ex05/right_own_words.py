"""Other loops and other groupings of the same formulas; the running variance from a sum of squares; a subclass of nn.Sequential.

loses: nothing
"""


# %% sizes
def conv_out(n, k, s=1, p=0, d=1):
    places, left = 0, -p
    while left + d * (k - 1) <= n + p - 1:
        places, left = places + 1, left + s
    return float(places)


def transposed_out(m, k, s=1, p=0, d=1, r=0):
    return torch.tensor((m - 1) * s - 2 * p + d * (k - 1) + r + 1)


# %% ways-back
def needed_output_padding(n, k, s=1, p=0, d=1):
    for r in range(s):
        if transposed_out(conv_out(n, k, s, p, d), k, s, p, d, r) == n:
            return r


def padding_that_keeps(k, d=1):
    half, rest = divmod((k - 1) * d, 2)
    return None if rest else half


# %% generator-network
class Generator(nn.Sequential):
    def __init__(self, image_size, channels, width, latent_dim):
        path = [(image_size, channels)]
        while path[-1][0] > 6:
            path.append((path[-1][0] // 2, width * 2 ** (len(path) - 1)))
        side, maps = path.pop()
        layers = [nn.Linear(latent_dim, maps * side * side, bias=False), nn.Unflatten(1, (maps, side, side))]
        while path:
            larger, fewer = path.pop()
            layers += [nn.BatchNorm2d(maps), nn.ReLU(inplace=True)]
            layers += [nn.ConvTranspose2d(maps, fewer, 4, 2, 1, larger - 2 * side, bias=not path)]
            side, maps = larger, fewer
        super().__init__(*layers, nn.Tanh())


# %% discriminator-network
class Discriminator(nn.Sequential):
    def __init__(self, image_size, channels, width):
        layers = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        side = image_size // 2
        while side > 6:
            layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
            side, width = side // 2, 2 * width
        super().__init__(*layers, nn.Flatten(), nn.Linear(width * side * side, 1), nn.Flatten(0))


# %% batch-norm-code
def batch_norm(x, running_mean, running_var, momentum=0.1, eps=1e-5):
    count = x[:, 0].numel()
    mean = x.sum((0, 2, 3), keepdim=True) / count
    square = ((x - mean) ** 2).sum((0, 2, 3), keepdim=True)
    y = (x - mean) * torch.rsqrt(square / count + eps)
    step = momentum * (mean.squeeze() - running_mean), momentum * (square.squeeze() / (count - 1) - running_var)
    return y, running_mean + step[0], running_var + step[1]


def fold(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / torch.sqrt(running_var + eps)
    return (weight.transpose(0, 1) * scale[:, None, None, None]).transpose(0, 1), beta - running_mean * scale
