"""sys.exit() in a cell ends the cell, as in a notebook, and nothing else.

base: reference
loses: nothing
"""

CODE = r"""
import sys

sys.exit(0)
"""


def change(notebook):
    notebook.insert(0, CODE)
