"""A function sleeps outside Python, where no Python signal handler runs.

base: reference
loses: energy-by-hand, energy-empty
status: stopped
flag: longer than
"""

CODE = r"""
import ctypes


def energy(x):
    ctypes.CDLL(None).sleep(1000)
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
