"""A function raises KeyboardInterrupt, which is no ordinary exception.

base: reference
loses: energy-by-hand, energy-empty
"""

CODE = r"""
def energy(x):
    raise KeyboardInterrupt
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
