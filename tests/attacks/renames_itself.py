"""Takes names that look like a line of /proc/PID/status, to confuse whoever counts its memory there.

base: reference
loses: nothing
status: graded
"""

CODE = r"""
import ctypes
import time

for name in (b"\xff kB", b"much kB", b"VmSize: 1 kB"):
    ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
    time.sleep(0.3)
"""


def change(notebook):
    notebook.insert(0, CODE)
