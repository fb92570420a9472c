"""Threads without end.

base: blank
loses: everything
status: any
"""

CODE = r"""
import threading
import time

while True:
    try:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    except RuntimeError:
        pass
"""


def change(notebook):
    notebook.insert(0, CODE)
