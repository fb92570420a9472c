"""Data whose truth is known: Gaussians on a ring, on a grid and on the line, and shapes with known factors."""

import math
from typing import NamedTuple

import torch

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
    """White shapes on black, (n, 1, 28, 28), values in [0, 1], from their factors (n, 5), in the order of FACTORS."""
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
