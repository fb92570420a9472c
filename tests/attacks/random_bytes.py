"""Noise.

base: reference
loses: everything
status: unreadable
flag: damaged
"""

import random


def change(notebook):
    return random.Random(0).randbytes(10_000)
