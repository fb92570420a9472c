"""Two gigabytes of output, on one line, through Python and past it.

base: reference
loses: nothing
"""

CODE = r"""
import os
import sys

for _ in range(1000):
    sys.stdout.write("x" * 1_000_000)
    os.write(1, b"x" * 1_000_000)
"""


def change(notebook):
    notebook.insert(0, CODE)
