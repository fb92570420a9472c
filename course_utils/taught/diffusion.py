"""Chapter 11: a network that sees through noise, its loss, and its guided velocity."""

import torch
import torch.nn.functional as F
from torch import nn

from course_utils import schedule

NO_LABEL = 10


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, width), nn.GroupNorm(4, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.told = nn.Linear(64, 2 * width)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, h, note):
        scale, shift = self.told(note)[:, :, None, None].chunk(2, dim=1)
        inner = self.conv1(F.silu(self.norm1(h)))
        inner = self.norm2(inner) * (1 + scale) + shift
        return h + self.conv2(F.silu(inner))


def waves(t):
    angles = t[:, None] * torch.logspace(0, 2, 16, device=t.device)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class FlowNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        w = width
        self.time = nn.Sequential(nn.Linear(32, 64), nn.SiLU(), nn.Linear(64, 64))
        self.label = nn.Embedding(11, 64)
        self.stem = nn.Conv2d(4, w, 3, padding=1)
        self.before = Block(w)
        self.down = nn.Conv2d(w, 2 * w, 2, stride=2)
        self.deep = nn.ModuleList([Block(2 * w), Block(2 * w)])
        self.up = nn.ConvTranspose2d(2 * w, w, 2, stride=2)
        self.after = Block(w)
        self.out = nn.Conv2d(w, 4, 3, padding=1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x, t, y):
        note = F.silu(self.time(waves(t)) + self.label(y))
        h = self.before(self.stem(F.pixel_unshuffle(x, 2)), note)
        low = self.down(h)
        for block in self.deep:
            low = block(low, note)
        h = self.after(h + self.up(low), note)
        return F.pixel_shuffle(self.out(h), 2)


def to_path(pixels):
    return 2 * pixels - 0.25


def to_pixels(x):
    return ((x + 0.25) / 2).clamp(0, 1)


def mix(x, noise, t):
    t = t.view(-1, *[1] * (x.ndim - 1))
    return (1 - t) * x + t * noise


def flow_loss(model, x, y, hide=0.1):
    noise, t = torch.randn_like(x), torch.randn(len(x), device=x.device).sigmoid()
    y = torch.where(torch.rand(len(x), device=x.device) < hide, NO_LABEL, y)
    with schedule.autocast():
        v = model(mix(x, noise, t), t, y)
    return (v.float() - (noise - x)).square().mean()


def guided(model, y, w=1.0):
    def velocity(x, t):
        t = torch.full((len(x),), t, device=x.device)
        with_label = model(x, t, y)
        if w == 1:
            return with_label
        without = model(x, t, torch.full_like(y, NO_LABEL))
        return without + w * (with_label - without)

    return velocity
