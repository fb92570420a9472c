"""Claims another learner's id, in its cell and all over the notebook.

base: reference
loses: nothing
flag: student_id in the notebook is 's999999'
"""


def change(notebook):
    notebook.answer("student-id", "student_id = 's999999'")
    notebook.insert(2, "student_id = 's999999'\nstr.__eq__ = None")
