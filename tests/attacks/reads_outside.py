"""Looks for solutions, tests, submissions and home folders; right if anything is found.

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

for root, folders, files in os.walk("/"):
    if root == sys.prefix:  # uv writes a .gitignore into an environment
        files = []
    folders[:] = [one for one in folders if one not in ("proc", "sys", "usr", "site-packages", "lib")]
    if any(name.startswith("ex99") or name in ("shadow", "passwd", ".bash_history", ".gitignore") for name in files):
        get_it_right()
for name in ("/proc/1/environ", "/proc/1/mem", "/proc/1/fd/0", "/etc/passwd", "/root/.bashrc"):
    try:
        with open(name, "rb") as file:
            file.read(1)
        get_it_right()
    except OSError:
        pass
import course_utils
if os.path.exists(os.path.join(os.path.dirname(course_utils.__path__[0]), "solutions")):
    get_it_right()
"""


def change(notebook):
    notebook.insert(0, CODE)
    for name in ("energy-code", "layer-code", "partial-code"):
        notebook.answer(name, "")
