"""Data whose truth is known: Gaussians on a ring and on a grid, a mixture on the line, shapes with known factors.

They are for questions that pictures of the world cannot answer: how many modes were lost, what the density is, and
whether a code has found the factors that made a picture.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

from course_utils import CourseError


class Mixture(NamedTuple):
    """Samples (n, d) of equally likely round Gaussians, their centres (m, d), and their common standard deviation."""

    samples: torch.Tensor
    centres: torch.Tensor
    std: float


def _draw(centres: torch.Tensor, std: float, n: int, seed: int) -> Mixture:
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(len(centres), (n,), generator=generator)
    noise = torch.randn(n, centres.shape[1], generator=generator)
    return Mixture(centres[which] + std * noise, centres, std)


def ring(n: int, seed: int = 0) -> Mixture:
    """Eight Gaussians on the unit circle, standard deviation 0.01: the set-up of VEEGAN and PacGAN."""
    angle = torch.arange(8) * (2 * math.pi / 8)
    return _draw(torch.stack([angle.cos(), angle.sin()], dim=1), 0.01, n, seed)


def grid(n: int, seed: int = 0) -> Mixture:
    """Twenty-five Gaussians on the grid {−4, −2, 0, 2, 4}², standard deviation 0.05: also theirs."""
    axis = torch.arange(-4.0, 5.0, 2.0)
    return _draw(torch.cartesian_prod(axis, axis), 0.05, n, seed)


def line(n: int, seed: int = 0) -> Mixture:
    """Three Gaussians on the line, at −2, 0 and 3, standard deviation 0.4: the density is known (`log_density`)."""
    return _draw(torch.tensor([[-2.0], [0.0], [3.0]]), 0.4, n, seed)


def log_density(x: torch.Tensor, mixture: Mixture) -> torch.Tensor:
    """The exact log density of `mixture` at x (n, d): (n,), in nats."""
    m, d = mixture.centres.shape
    scaled = torch.cdist(x, mixture.centres.to(x)) / mixture.std
    constant = math.log(m) + d * math.log(mixture.std) + 0.5 * d * math.log(2 * math.pi)
    return (-0.5 * scaled.square()).logsumexp(dim=1) - constant


# Chapter 06
def count_modes(samples, centres, std):
    """How many centres have a sample within three standard deviations, and the share of samples that are so near."""
    distance, nearest = torch.cdist(samples, centres).min(dim=1)
    good = distance <= 3 * std
    return len(nearest[good].unique()), good.float().mean().item()


# Chapter 06
def stack_digits(images, n, seed=0):
    """n colour pictures (n, 3, 28, 28), each made of three grey ones (·, 1, 28, 28) drawn at random: 1000 modes."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(len(images), (n, 3), generator=generator).to(images.device)
    return images[index].squeeze(2)


# Chapter 06
@torch.no_grad()
def stacked_modes(pictures, classifier):
    """The mode of each stacked picture, 0 to 999: the digits that the classifier reads in its three channels."""
    classifier.eval()
    channels = pictures.flatten(0, 1).unsqueeze(1)  # (3n, 1, 28, 28)
    digits = torch.cat([classifier(part).argmax(dim=1) for part in channels.split(1000)])
    return digits.view(-1, 3) @ torch.tensor([100, 10, 1], device=digits.device)


# Shapes: a picture for every combination of five factors, in the manner of dSprites. Angles stay below half a turn, so
# that no two combinations give the same picture.
FACTORS = {"shape": 3, "size": 4, "angle": 6, "x": 8, "y": 8}  # name: number of values
SHAPES = ("rectangle", "ellipse", "triangle")


def random_factors(n: int, seed: int = 0) -> torch.Tensor:
    """n combinations of factor values, (n, 5) whole numbers, drawn evenly and independently."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randint(size, (n,), generator=generator) for size in FACTORS.values()], dim=1)


def all_factors() -> torch.Tensor:
    """Every combination once, (4608, 5)."""
    return torch.cartesian_prod(*map(torch.arange, FACTORS.values()))


def shapes(factors: torch.Tensor) -> torch.Tensor:
    """White shapes on black, (n, 1, 28, 28), values in [0, 1], from their factors (n, 5), in the order of FACTORS.

    Raises:
        CourseError: a factor has a value that it cannot have.
    """
    sizes = torch.tensor(list(FACTORS.values()))
    factors = factors.cpu()
    if factors.ndim != 2 or factors.shape[1] != len(sizes) or ((factors < 0) | (factors >= sizes)).any():
        raise CourseError(f"Factors are whole numbers (n, {len(sizes)}), each below its number of values in {FACTORS}.")
    shape, size, angle, x, y = factors.float().T.reshape(len(sizes), -1, 1, 1)
    pixel = torch.arange(28.0)
    right, down = pixel.view(1, 1, -1) - (8 + 1.5 * x), pixel.view(1, -1, 1) - (8 + 1.5 * y)  # from the centre
    turn = angle * math.pi / 12  # 0 to 75 degrees
    u, v = right * turn.cos() + down * turn.sin(), down * turn.cos() - right * turn.sin()  # along the shape's own axes
    long = 3.2 + 1.1 * size  # half the length: 3.2 to 6.5 pixels
    broad = 0.55 * long
    rectangle = torch.maximum(u.abs() - 0.9 * long, v.abs() - 0.9 * broad)  # distances to the edge, negative inside
    ellipse = ((u / long).square() + (v / broad).square()).sqrt().sub(1).mul(broad)
    slope = math.hypot(2, 0.55)
    triangle = torch.maximum(-u - 0.8 * long, (0.55 * u + 2 * v.abs() - 0.66 * long) / slope)
    edge = torch.where(shape == 0, rectangle, torch.where(shape == 1, ellipse, triangle))
    return (0.5 - edge).clamp(0, 1).unsqueeze(1)  # a pixel that the edge halves is grey


# Scores of a code. It is given as a table, `codes` (4608, d): one row for each row of all_factors().


# Chapter 06
def rows_with_one_factor_fixed(fixed, generator):
    """Rows of all_factors(), (n, m), for factors `fixed` (n, m): alike in it, else random."""
    sizes = torch.tensor(list(FACTORS.values()))
    draws = (torch.rand(*fixed.shape, len(sizes), generator=generator) * sizes).long()  # (n, m, 5)
    alike = F.one_hot(fixed, len(sizes)).bool()
    draws = torch.where(alike, draws[:, :1], draws)  # the fixed factor is that of the first of the m
    strides = torch.tensor([math.prod(sizes[k + 1 :].tolist()) for k in range(len(sizes))])
    return (draws * strides).sum(dim=-1)


# Chapter 06
def beta_vae_score(codes, seed=0, n=2000, pairs=64):
    """Held-out accuracy of a linear classifier that names the factor shared by pairs, from the mean of |z1 − z2|."""
    generator = torch.Generator().manual_seed(seed)
    shared = torch.randint(len(FACTORS), (2 * n,), generator=generator)
    rows = rows_with_one_factor_fixed(shared.repeat_interleave(pairs)[:, None].expand(-1, 2), generator)
    differences = (codes[rows[:, 0]] - codes[rows[:, 1]]).abs().view(2 * n, pairs, -1).mean(dim=1)
    scaled = (differences / codes.std(dim=0).clamp(min=1e-6)).numpy()
    classifier = LogisticRegression(C=1e3, max_iter=2000).fit(scaled[:n], shared[:n].numpy())
    return float(classifier.score(scaled[n:], shared[n:].numpy()))


# Chapter 06
def factor_vae_score(codes, seed=0, n=1000, group=64):
    """Held-out accuracy of a vote that names the fixed factor, from the coordinate that varies least in a group."""
    active = codes[:, codes.var(dim=0) > 0.01]
    if active.shape[1] == 0:
        return 1 / len(FACTORS)  # a silent code: nothing to vote with
    generator = torch.Generator().manual_seed(seed)
    fixed = torch.randint(len(FACTORS), (2 * n,), generator=generator)
    rows = rows_with_one_factor_fixed(fixed[:, None].expand(-1, group), generator)
    steadiest = (active[rows].var(dim=1) / active.var(dim=0)).argmin(dim=1)  # (2n,)
    votes = torch.zeros(active.shape[1], len(FACTORS))
    votes.index_put_((steadiest[:n], fixed[:n]), torch.ones(n), accumulate=True)
    return (votes.argmax(dim=1)[steadiest[n:]] == fixed[n:]).double().mean().item()
