"""Chapter 10: a generator ready for use: noise that belongs to one picture, and pixels from 0 to 1."""

import torch
from torch import nn


def noise(seeds, dim):
    """One generator for each picture: row k depends on seeds[k] and on nothing else. (n, dim)"""
    each = [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.stack([torch.randn(dim, generator=one, dtype=torch.float32) for one in each])


class Drawer(nn.Module):
    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def forward(self, z):
        return (self.generator(z) + 1) / 2  # noise (n, d) in; pictures (n, 1, 28, 28) from 0 to 1 out


def arc(start, end, steps):
    """Codes on the great circle from one code to another, both ends included. (steps, dim)"""
    angle = torch.acos(torch.cosine_similarity(start, end, dim=0))
    t = torch.linspace(0, 1, steps).unsqueeze(1)
    return (((1 - t) * angle).sin() * start + (t * angle).sin() * end) / angle.sin()
