"""An exception takes for ever to say what it is.

base: reference
loses: energy-by-hand, energy-empty
status: stopped
"""

CODE = r"""
class Slow(Exception):
    def __str__(self):
        while True:
            pass


def energy(x):
    raise Slow
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
