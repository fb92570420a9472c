"""Each of many processes stays below the limit of one; together they do not.

base: reference
loses: nothing
status: stopped
"""

CODE = r"""
import os
import time

for number in range(12):
    if os.fork() == 0:
        kept = bytearray(b"x" * 300_000_000)
        time.sleep(1000)
time.sleep(1000)
"""


def change(notebook):
    notebook.insert(0, CODE)
