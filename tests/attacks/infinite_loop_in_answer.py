"""A function never returns; the other tasks are right.

base: reference
loses: energy-by-hand, energy-empty
status: stopped
flag: longer than
"""

CODE = r"""
def energy(x):
    while True:
        pass
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
