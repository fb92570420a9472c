"""One call that makes a run repeatable."""

import random

import numpy as np
import torch

from course_utils import schedule


def seed_everything(seed: int | None = None) -> int:
    """Seed Python, NumPy and torch (every device) with `seed`, by default COURSE_SEED; return it.

    On one machine, device and library version the same seed then gives the same CPU result, bit for bit.
    Between machines or devices the last digits differ, because sums are taken in another order.
    """
    seed = schedule.seed() if seed is None else seed
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - whatever still uses NumPy's global generator is covered, too
    torch.manual_seed(seed)
    return seed
