"""The stub is left as it was; the answer, and a helper that it needs, stand in cells of their own above the test.

base: reference
loses: nothing
"""


def change(notebook):
    answer = "def energy(x):\n    return average(x * x)"
    place = notebook.cells.index(notebook.cell("energy-code"))
    notebook.answer("energy-code", "def energy(x):\n    raise NotImplementedError()")
    notebook.insert(place + 1, answer)
    notebook.insert(place + 2, "def average(x):\n    return x.mean(1)")
