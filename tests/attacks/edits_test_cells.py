"""Every test cell says pass.

base: blank
loses: everything
flag: was changed
"""


def change(notebook):
    for cell in notebook.tests:
        cell["source"] = "pass"
