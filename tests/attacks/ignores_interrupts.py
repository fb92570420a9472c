"""A function catches every exception and ignores every signal.

base: reference
loses: energy-by-hand, energy-empty
status: stopped
flag: longer than
"""

CODE = r"""
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass


def energy(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
