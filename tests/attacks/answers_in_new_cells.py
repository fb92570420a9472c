"""Answers stand in cells below those that were meant for them.

base: reference
loses: nothing
"""


def change(notebook):
    for name in ("energy-code", "partial-code", "why-squares"):
        cell = notebook.cell(name)
        place = notebook.cells.index(cell)
        notebook.insert(place + 1, cell["source"], cell["cell_type"])
        notebook.cells.remove(cell)
