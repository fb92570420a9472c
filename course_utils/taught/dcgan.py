"""Chapter 05: the convolutional GAN, its first weights, and the price of a steep discriminator."""

import copy
from itertools import pairwise

import torch
from torch import nn


class DCGAN(nn.Module):
    def __init__(self, image_size=28, channels=1, width=24, latent_dim=32, refine=0):
        super().__init__()
        self.latent_dim = latent_dim
        smallest = 7 if image_size % 7 == 0 else 4  # 28 = 7 · 2 · 2, 32 = 4 · 2 · 2 · 2, 64 = 4 · 2 · 2 · 2 · 2
        doublings = (image_size // smallest).bit_length() - 1
        if smallest * 2**doublings != image_size or doublings < 2:
            raise ValueError(f"image_size={image_size} is not 7 or 4, doubled twice or more: take 16, 28, 32, 64 …")
        maps = [channels] + [width * 2**k for k in range(doublings)]  # channels, from the image inwards: 1, 24, 48
        conv = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}  # doubles or halves the side
        same = {"kernel_size": 3, "padding": 1, "bias": False}  # keeps it
        top = maps[-1]
        generator = [nn.Linear(latent_dim, top * smallest**2, bias=False), nn.Unflatten(1, (top, smallest, smallest))]
        for _ in range(refine):
            generator += [nn.BatchNorm2d(top), nn.ReLU(), nn.Conv2d(top, top, **same)]
        for inner, outer in pairwise(reversed(maps)):
            generator += [nn.BatchNorm2d(inner), nn.ReLU(), nn.ConvTranspose2d(inner, outer, **conv)]
        self.generator = nn.Sequential(*generator, nn.Tanh())

        discriminator = []
        for outer, inner in pairwise(maps):
            discriminator += [nn.Conv2d(outer, inner, **conv), nn.BatchNorm2d(inner), nn.LeakyReLU(0.2)]
        del discriminator[1]  # no batch norm next to the pixels
        for _ in range(refine):
            discriminator += [nn.Conv2d(top, top, **same), nn.BatchNorm2d(top), nn.LeakyReLU(0.2)]
        discriminator += [nn.Flatten(), nn.Linear(top * smallest**2, 1), nn.Flatten(0)]
        self.discriminator = nn.Sequential(*discriminator)

    def shape_table(self):
        """One line a layer: its name and the shape it makes of (n, latent_dim) noise."""
        lines, x = [], torch.zeros(1, self.latent_dim)
        for layer in copy.deepcopy(nn.Sequential(*self.generator, *self.discriminator)).eval().cpu():
            x = layer(x)
            lines.append(f"{type(layer).__name__:16} ({', '.join(['n', *map(str, x.shape[1:])])})")
        return "\n".join(lines)


def dcgan_init(layer):
    if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


# equation (5.10)
def slope_penalty(discriminator, x):
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(dim=1).mean()  # the mean squared length of D's gradient in the picture
