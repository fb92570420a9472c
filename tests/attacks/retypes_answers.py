"""Answers are in cells that were turned into text, by a slip of the hand.

base: reference
loses: nothing
flag: has become a raw cell
"""


def change(notebook):
    for name in ("energy-code", "layer-code"):
        notebook.cell(name)["cell_type"] = "raw"
