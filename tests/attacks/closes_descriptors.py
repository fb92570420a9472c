"""Closes every open file, so that no answer can be given.

base: reference
loses: nothing
status: stopped
"""

CODE = r"""
import os

os.closerange(3, 256)
"""


def change(notebook):
    notebook.insert(0, CODE)
