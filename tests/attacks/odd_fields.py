"""Fields of every type but the right one, in cells beside the answers.

base: reference
loses: nothing
"""


def change(notebook):
    odd = (None, 1, [], {}, "x", [1, None], {"a": 1}, True)
    for one in odd:
        notebook.cells.append({"cell_type": one, "source": one, "metadata": one, "id": one, "outputs": one})
        notebook.cells.append(one)
        notebook.cells.append({"cell_type": "code", "source": "", "metadata": {"nbgrader": one}})
        notebook.cells.append({"cell_type": "code", "source": "", "metadata": {"nbgrader": {"grade_id": one}}})
    notebook.metadata = None
