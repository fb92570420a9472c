"""400 GB in one piece.

base: reference
loses: nothing
"""

CODE = r"""
import torch

torch.empty(10**11).fill_(1)
"""


def change(notebook):
    notebook.insert(0, CODE)
