"""Every cell got a new grade_id and a new id.

base: reference
loses: nothing
"""


def change(notebook):
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"x{number}"
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["grade_id"] = f"cell-{number}abc"
