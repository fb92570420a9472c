"""All test cells are gone, and nothing is answered.

base: blank
loses: everything
flag: is missing
"""


def change(notebook):
    for cell in notebook.tests:
        notebook.cells.remove(cell)
