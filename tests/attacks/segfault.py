"""A cell reads address 0.

base: reference
loses: nothing
status: stopped
flag: SIGSEGV
"""

CODE = r"""
import ctypes

ctypes.string_at(0)
"""


def change(notebook):
    notebook.insert(0, CODE)
