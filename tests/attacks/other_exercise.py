"""A notebook, but of another exercise.

base: reference
loses: everything
flag: none of the exercise's cells was found
"""


def change(notebook):
    notebook.cells[:] = []
    notebook.insert(0, "print('hello')")
