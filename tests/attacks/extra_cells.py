"""Cells between ours: a helper that an answer needs, failures, experiments.

base: reference
loses: nothing
"""


def change(notebook):
    place = notebook.cells.index(notebook.cell("energy-code"))
    notebook.answer("energy-code", "def energy(x):\n    return average(x * x)")
    notebook.insert(place, "def average(x):\n    return x.mean(1)")
    notebook.insert(place, "1 / 0")
    notebook.insert(place, "this is not Python")
    notebook.insert(place, "Some *notes*.", "markdown")
    notebook.insert(0, "")
    notebook.insert(len(notebook.cells), "energy(None)")
