"""A function ends the process with success.

base: reference
loses: energy-by-hand, energy-empty
status: stopped
flag: exit status 0
"""

CODE = r"""
import os


def energy(x):
    os._exit(0)
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
