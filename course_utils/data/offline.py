"""The digits that need no network: scikit-learn's bundled real handwritten digits, made to look like MNIST.

The 1 797 scans (8×8 pixels, 43 writers; Alpaydin and Kaynak 1998, UCI) are enlarged to 20×20, set into a 28×28 frame,
and each is repeated with small random rotations, shifts and changes of size. Train and test share no scan.
"""

import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

TEST_SCANS = 360  # of 1 797; the rest is for training
COPIES = 10  # jittered copies of every scan


def embedded_digits() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images (14370, 1, 28, 28) and labels to train on, and 3600 of each to test: the same on every call."""
    scans, labels = load_digits(return_X_y=True)
    scans = torch.tensor(scans, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    labels = torch.tensor(labels)
    generator = torch.Generator().manual_seed(1998)
    order = torch.randperm(len(scans), generator=generator)
    parts = []
    for index in (order[TEST_SCANS:], order[:TEST_SCANS]):
        index = index.repeat(COPIES)
        parts += [_jitter(_enlarge(scans[index]), generator), labels[index]]
    return tuple(parts)


def _enlarge(scans: torch.Tensor) -> torch.Tensor:
    """(n, 1, 8, 8) → (n, 1, 28, 28): smooth enlargement, then more contrast, as ink has on paper."""
    large = F.interpolate(scans, size=20, mode="bicubic", align_corners=False).clamp(0, 1)
    ink = torch.sigmoid(12 * (large - 0.45))
    return F.pad((ink - ink.amin()) / (ink.amax() - ink.amin()), (4, 4, 4, 4))


def _jitter(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Rotate by up to 8°, scale by up to 8 %, shift by up to 1.5 pixels; all uniform, drawn for each image."""
    n = len(images)
    angle, scale, dx, dy = torch.rand(4, n, generator=generator, dtype=torch.float32) * 2 - 1
    angle, scale = angle * math.radians(8), 1 + 0.08 * scale
    dx, dy = dx * 1.5 / 14, dy * 1.5 / 14  # affine_grid measures from -1 to 1, so 14 pixels are one unit
    rows = torch.stack([scale * angle.cos(), -scale * angle.sin(), dx, scale * angle.sin(), scale * angle.cos(), dy])
    grid = F.affine_grid(rows.T.reshape(n, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False).clamp(0, 1)
