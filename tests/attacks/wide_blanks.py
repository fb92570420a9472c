"""Cells of blanks after a name, which made a careless search for definitions take hours.

base: reference
loses: nothing
"""


def change(notebook):
    for cell in notebook.cells:
        cell.pop("id")
        cell["metadata"] = {}
    for number in range(3):
        notebook.insert(number, "a:" + " " * 199_000)
