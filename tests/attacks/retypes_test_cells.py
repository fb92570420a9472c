"""Test cells have become text.

base: blank
loses: everything
flag: has become a markdown cell
"""


def change(notebook):
    for cell in notebook.tests:
        cell["cell_type"] = "markdown"
