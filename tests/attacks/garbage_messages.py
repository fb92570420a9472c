"""Sends a header that announces terabytes, then silence.

base: reference
loses: nothing
status: stopped
"""

CODE = r"""
import os
import time

for number in range(3, 64):
    try:
        os.write(number, b"\xff" * 12)
    except OSError:
        pass
time.sleep(100)
"""


def change(notebook):
    notebook.insert(0, CODE)
