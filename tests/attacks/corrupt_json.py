"""The file ends in the middle.

base: reference
loses: everything
status: unreadable
flag: damaged
"""


def change(notebook):
    return notebook.dumps()[:-500]
