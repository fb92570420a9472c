"""Prints, warnings and logging in right answers.

base: reference
loses: nothing
"""

CODE = """
import logging, sys, warnings

def energy(x):
    print("energy of", x.shape)
    warnings.warn("are you sure?")
    logging.warning("hm")
    print("…", file=sys.stderr)
    return (x**2).mean(dim=1)
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
