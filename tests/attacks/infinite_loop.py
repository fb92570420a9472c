"""A cell of the learner's own never ends; the rest of the notebook is right.

base: reference
loses: nothing
status: stopped
flag: longer than
"""

CODE = r"""
while True:
    pass
"""


def change(notebook):
    notebook.insert(0, CODE)
