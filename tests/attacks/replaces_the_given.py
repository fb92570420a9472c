"""Defines again what a set-up cell defines; it may be an accident, and it is said.

base: reference
loses: nothing
flag: WIDTH, which a set-up cell defines, is defined again
"""


def change(notebook):
    place = notebook.cells.index(notebook.cell("energy-code"))
    notebook.insert(place, "WIDTH = 4")
