"""Outputs of 20 MB, on one line.

base: reference
loses: nothing
"""


def change(notebook):
    notebook.cell("setup")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 20_000_000}]
