"""A read-only mapping for the views, tensors for times, the walk by functools.reduce, NumPy for the ladder.

loses: nothing
"""

# %% denoise-code
from functools import partial, reduce

import numpy as np


def denoise(x, sigma, points, shares, *, dtype=torch.float64):
    place, data = x.to(dtype), points.to(dtype)
    gaps = torch.einsum("nd,nd->n", place, place)[:, None] - 2 * place @ data.mT + data.square().sum(-1)
    logs = torch.log(shares.to(dtype)) - gaps / (2 * sigma * sigma)
    return torch.einsum("nk,kd->nd", torch.exp(logs - logs.logsumexp(-1, keepdim=True)), data).to(x.dtype)


# %% views-code
from types import MappingProxyType


def views(x, sigma, x_hat):
    score = torch.sub(x_hat, x).div(sigma**2)
    noise = score.mul(-sigma)
    return MappingProxyType({"score": score, "noise": noise, "velocity": noise.sub(x_hat)})


def to_road(x, a, sigma):
    weights = F.normalize(torch.tensor([a, sigma], dtype=torch.float64), p=1, dim=0)
    return [x * float(weights[0] / a), weights[1]]


# %% step-code
def step(x, x_hat, sigma, lower, eta, noise):
    ratio = lower / sigma
    fresh = eta * lower * math.sqrt(1 - ratio * ratio)
    direction = torch.div(x - x_hat, sigma)
    return torch.add(x_hat, direction, alpha=math.sqrt(abs(lower * lower - fresh * fresh))).add(noise, alpha=fresh)


# %% sample-code
def sample(n, sigmas, points, shares, eta, seed):
    draw = partial(torch.randn, n, points.size(-1), generator=torch.Generator().manual_seed(seed), dtype=points.dtype)

    def down(x, levels):
        now, then = levels
        return step(x, denoise(x, now, points, shares), now, then, eta, draw())

    return reduce(down, zip(sigmas, sigmas[1:]), draw().mul(sigmas[0]))


# %% ladder-code
def ladder(T):
    betas = np.minimum(np.linspace(1e-4, 2e-2, T) * (1000 / T), 0.999)
    return betas, np.exp(0.5 * np.cumsum(np.log1p(-betas)))


# %% guide-code
def guide(told, untold, weight, convention):
    match convention:
        case "scale":
            return torch.lerp(untold, told, float(weight))
        case "extra":
            return told + weight * (told - untold)
