"""Looks through frames and objects of its process for expected values.

base: blank
loses: everything
status: any
"""

CODE = r"""
import gc
import sys

frame = sys._getframe()
while frame:
    for name, value in list(frame.f_locals.items()):
        print(name, value)
    frame = frame.f_back
for one in gc.get_objects():
    if type(one).__name__ == "Session":
        one.do_name = one.do_call = one.do_attribute = lambda *args, **kwargs: torch.ones(2)
        one.answer_error = lambda error: one.answer(True)
"""


def change(notebook):
    notebook.insert(0, CODE)
