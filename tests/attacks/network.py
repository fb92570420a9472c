"""Answers from the network: they would become right if any address answered.

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


import socket

for address in (("1.1.1.1", 53), ("8.8.8.8", 53), ("127.0.0.1", 22), ("127.0.0.1", 8888)):
    try:
        socket.create_connection(address, timeout=0.5)
        get_it_right()
    except ConnectionRefusedError:
        pass
    except OSError:
        pass
try:
    with open("/proc/net/dev") as file:
        if [line for line in file if ":" in line and "lo:" not in line]:
            get_it_right()
except OSError:
    pass
"""


def change(notebook):
    notebook.insert(0, CODE)
    for name in ("energy-code", "layer-code", "partial-code"):
        notebook.answer(name, "")
