"""Every test cell is worth a thousand points.

base: blank
loses: everything
flag: points
"""


def change(notebook):
    for cell in notebook.tests:
        cell["metadata"]["nbgrader"]["points"] = 1000
