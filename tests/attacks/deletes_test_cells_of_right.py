"""All test cells are gone from a right notebook: the original ones are used.

base: reference
loses: nothing
flag: is missing
"""


def change(notebook):
    for cell in notebook.tests:
        notebook.cells.remove(cell)
