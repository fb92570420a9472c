"""JSON, but no notebook.

base: reference
loses: everything
status: unreadable
flag: no cells
"""


def change(notebook):
    return b'[{"cells": 3}]'
