"""The first try was copied and kept above the last one.

base: reference
loses: nothing
flag: occurs 2 times
"""

import copy


def change(notebook):
    cell = notebook.cell("energy-code")
    draft = copy.deepcopy(cell)
    draft["source"] = "def energy(x):\n    return x"
    notebook.cells.insert(notebook.cells.index(cell), draft)
