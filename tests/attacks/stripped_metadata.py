"""No metadata and no ids, as after a trip through Colab.

base: reference
loses: nothing
"""


def change(notebook):
    for cell in notebook.cells:
        del cell["id"]
        cell["metadata"] = {"id": "Xa7_b9"}
    notebook.metadata = {"colab": {"provenance": []}}
