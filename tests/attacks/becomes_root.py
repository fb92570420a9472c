"""Tries to gain rights: users, namespaces, mounts, debugging of process 1.

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
import os

c = ctypes.CDLL(None, use_errno=True)
NEW_USER_NAMESPACE, ATTACH = 0x10000000, 16
gained = [
    os.getuid() == 0,
    c.setuid(0) == 0,
    c.chroot(b"/tmp") == 0,
    c.unshare(NEW_USER_NAMESPACE) == 0,
    c.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0,
    c.ptrace(ATTACH, 1, None, None) == 0,
]
if any(gained):
    get_it_right()
"""


def change(notebook):
    notebook.insert(0, CODE)
    for name in ("energy-code", "layer-code", "partial-code"):
        notebook.answer(name, "")
