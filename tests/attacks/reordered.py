"""All cells in the opposite order.

base: reference
loses: nothing
"""


def change(notebook):
    notebook.cells.reverse()
