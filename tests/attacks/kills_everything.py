"""A cell kills whatever it can reach: process 1, its parent, all.

base: reference
loses: nothing
"""

CODE = r"""
import os
import signal

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGSTOP, signal.SIGKILL):
    for process in (1, os.getppid(), -1):
        try:
            os.kill(process, number)
        except OSError:
            pass
"""


def change(notebook):
    notebook.insert(0, CODE)
