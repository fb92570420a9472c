"""Format 3, with worksheets, as very old editors write it.

base: reference
loses: nothing
"""

import json


def change(notebook):
    for cell in notebook.cells:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
            cell["language"] = "python"
        del cell["id"]
    return json.dumps({"worksheets": [{"cells": notebook.cells}], "metadata": {}, "nbformat": 3}).encode()
