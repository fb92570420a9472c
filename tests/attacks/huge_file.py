"""More than a notebook can be.

base: reference
loses: everything
status: unreadable
flag: clear its outputs
"""


def change(notebook):
    notebook.cell("setup")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 60_000_000}]
