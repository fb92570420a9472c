"""A cell kills its own process.

base: reference
loses: nothing
status: stopped
flag: SIGKILL
"""

CODE = r"""
import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
"""


def change(notebook):
    notebook.insert(0, CODE)
