"""Chapter 07: games of small networks, many at once, and the remedies against lost modes."""

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call
from torch.nn.functional import softplus
from torch.nn.utils import parametrize


class ManyLinear(nn.Module):
    """A linear layer for each of several games, side by side: (games, n, a) to (games, n, b)."""

    def __init__(self, games, a, b):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(games, a, b).uniform_(-1, 1) / a**0.5)
        self.bias = nn.Parameter(torch.empty(games, 1, b).uniform_(-1, 1) / a**0.5)

    def forward(self, x):
        return torch.baddbmm(self.bias, x, self.weight)


def many_mlps(games, sizes, slope=0.0):
    layers = []
    for a, b in pairwise(sizes):
        layers += [ManyLinear(games, a, b), nn.LeakyReLU(slope)]
    return nn.Sequential(*layers[:-1])  # no bend after the last


def each(values):
    """Mean over the samples of each game, and the sum over games: no game moves another's weights."""
    return values.mean(dim=(1, 2)).sum()


def plain_d(judge, real, fake):
    return each(softplus(-judge(real))) + each(softplus(judge(fake)))


def plain_g(judge, real, fake):
    return each(softplus(-judge(fake)))


def new_games(generator, judge, d_loss=plain_d, g_loss=plain_g, *, d_steps=1, after=None, ahead=None, rate=1e-3):
    adam_g, adam_d = (torch.optim.Adam(part.parameters(), rate, (0.5, 0.99), fused=True) for part in (generator, judge))
    games, latent_dim, _ = generator[0].weight.shape

    def update(x):
        for real in x.view(games, -1, x.shape[-1]).chunk(d_steps, dim=1):
            fake = generator(torch.randn(games, real.shape[1], latent_dim, device=x.device))
            loss_d = d_loss(judge, real, fake.detach())
            adam_d.zero_grad()
            loss_d.backward()
            adam_d.step()
            if after:
                after(judge)
        seen = ahead(judge, real, fake) if ahead else judge
        loss_g = g_loss(seen, real, fake)
        adam_g.zero_grad()
        loss_g.backward(inputs=list(generator.parameters()))
        adam_g.step()
        return {"D loss": loss_d.detach() / games, "G loss": loss_g.detach() / games}

    return update


def squared_slope(judge, x):
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(judge(x).sum(), x, create_graph=True)
    return slope.square().sum(dim=-1, keepdim=True)  # (games, n, 1)


class SpectralNorm(nn.Module):
    """Divides a weight (…, a, b) by its largest singular value, which one round of power iteration a use follows."""

    def __init__(self, weight, bound=1.0, rounds=15):
        super().__init__()
        self.bound = bound
        self.register_buffer("u", F.normalize(torch.randn_like(weight[..., :1, :]), dim=-1))
        for _ in range(rounds):
            self.turn(weight)

    @torch.no_grad()
    def turn(self, weight):
        v = F.normalize(self.u @ weight.mT, dim=-1)  # (…, 1, a)
        self.u = F.normalize(v @ weight, dim=-1)  # (…, 1, b)
        return v

    def forward(self, weight):
        v = self.turn(weight) if self.training else F.normalize(self.u @ weight.mT, dim=-1).detach()
        return self.bound * weight / (v @ weight @ self.u.mT)


def spectral(network, bound=1.0):
    for layer in network:
        if hasattr(layer, "weight"):
            parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight, bound))
    return network


def wasserstein_d(judge, real, fake):
    return each(judge(fake)) - each(judge(real))


def wasserstein_g(judge, real, fake):
    return -each(judge(fake))


def gradient_penalty(judge, real, fake):
    share = torch.rand_like(real[..., :1])  # one for each pair, not one for each coordinate
    length = (squared_slope(judge, share * real + (1 - share) * fake) + 1e-12).sqrt()
    return each((length - 1).square())


class Pack(nn.Module):
    """Samples (games, n, d) two by two: (games, n / 2, 2 d)."""

    def forward(self, x):
        return x.reshape(len(x), x.shape[1] // 2, -1)


class Spread(nn.Module):
    """Appends to each sample's features the standard deviation over the batch, averaged over the features."""

    def forward(self, h):
        return torch.cat([h, h.std(dim=1).mean(dim=-1)[:, None, None].expand_as(h[..., :1])], dim=-1)


def look_ahead(judge, real, fake, steps=5, rate=0.1):
    """The judge after `steps` of gradient descent, as a function through which gradients reach `fake`."""
    ahead, weights = judge, dict(judge.named_parameters())
    for _ in range(steps):
        slopes = torch.autograd.grad(plain_d(ahead, real, fake), list(weights.values()), create_graph=True)
        weights = {name: w - rate * g for (name, w), g in zip(weights.items(), slopes, strict=True)}
        ahead = partial(functional_call, judge, weights)
    return ahead
