"""Experiments of the learner's own that take longer than any cell may: the answers keep their time.

base: reference
status: any
loses: nothing
flag: own cells took too long
"""


def change(notebook):
    for _ in range(12):
        notebook.insert(0, "import time\ntime.sleep(2.9)")
