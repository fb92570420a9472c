"""Test cells call themselves ungraded tasks, and tasks locked tests.

base: reference
loses: nothing
"""


def change(notebook):
    for cell in notebook.cells:
        for mark in ("grade", "solution", "locked"):
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"][mark] = not cell["metadata"]["nbgrader"][mark]
