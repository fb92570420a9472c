"""Tries to write anywhere but in its own scratch folders; right if it can.

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


import os
import sys

import course_utils
import torch

for folder in ("/", "/usr", "/usr/local", "/dev", "/proc/sys/kernel", "/etc", "/course", "/course/course_utils",
               sys.prefix, os.path.dirname(torch.__file__), course_utils.__path__[0], "/var", "/home", "/root", "/run"):
    try:
        with open(os.path.join(folder, "mark"), "w") as file:
            file.write("x")
        get_it_right()
    except OSError:
        pass
try:
    with open(course_utils.__file__, "a") as file:
        file.write("x")
    get_it_right()
except OSError:
    pass
"""


def change(notebook):
    notebook.insert(0, CODE)
    for name in ("energy-code", "layer-code", "partial-code"):
        notebook.answer(name, "")
