"""A cell ends the process before any test has run; the rest is right.

base: reference
loses: nothing
status: stopped
flag: exit status 0
"""

CODE = r"""
import os

os._exit(0)
"""


def change(notebook):
    notebook.insert(0, CODE)
