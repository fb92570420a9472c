"""A hundred thousand nested lists.

base: reference
loses: everything
status: unreadable
flag: damaged
"""


def change(notebook):
    return b"[" * 100_000 + b"]" * 100_000
