"""Shapes that broadcasting would forgive: the values are right.

base: reference
loses: energy-by-hand, energy-empty
"""

CODE = r"""
def energy(x):
    return (x**2).mean(dim=1, keepdim=True)
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
