"""A tower of folders in which a careless clean-up loses its way.

base: reference
loses: nothing
"""

CODE = r"""
import os

for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
"""


def change(notebook):
    notebook.insert(0, CODE)
