"""Tries to hold memory where no limit of a process counts it; right if it can.

base: blank
loses: everything
"""

CODE = r"""
def get_it_right():
    global energy, Layer, means
    import torch
    from torch import nn

    class Layer(nn.Module):
        def __init__(self, width):
            super().__init__()
            if width < 0:
                raise ValueError
            self.width = width
            self.factor = nn.Parameter(torch.tensor(2.0))

        def forward(self, x):
            return self.factor * x

    energy, means = (lambda x: (x**2).mean(1)), (lambda: ["arithmetic", "geometric"])


import ctypes
import mmap
import os

c = ctypes.CDLL(None, use_errno=True)
try:
    os.memfd_create("x")
    get_it_right()
except OSError:
    pass
if c.shmget(0, 1 << 20, 0o1600) >= 0 or c.msgget(0, 0o1600) >= 0 or c.semget(0, 1, 0o1600) >= 0:
    get_it_right()
for file in (-1, os.open("/dev/zero", os.O_RDWR)):
    try:
        mmap.mmap(file, 1 << 20)
        get_it_right()
    except OSError:
        pass
"""


def change(notebook):
    notebook.insert(0, CODE)
    for name in ("energy-code", "layer-code", "partial-code"):
        notebook.answer(name, "")
