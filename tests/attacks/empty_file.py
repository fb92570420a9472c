"""Nothing at all.

base: reference
loses: everything
status: unreadable
flag: empty
"""


def change(notebook):
    return b""
