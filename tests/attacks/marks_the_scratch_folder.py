"""Leaves a note on the scratch folder itself, and takes the next learner's right to write there.

base: reference
loses: nothing
"""

CODE = r"""
import os

if os.stat("/tmp").st_mtime == 1 or not os.access("/tmp", os.W_OK):
    raise SystemExit("somebody was here")
try:
    os.setxattr("/tmp", "user.note", b"answers for Bob")
except OSError:
    pass
os.utime("/tmp", (1, 1))
os.chmod("/tmp", 0o555)
"""


def change(notebook):
    notebook.insert(0, CODE)
