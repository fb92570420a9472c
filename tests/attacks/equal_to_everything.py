"""A result that claims to be equal to everything.

base: reference
loses: energy-by-hand, energy-empty
"""

CODE = r"""
class Yes:
    shape, dtype, ndim = (2,), None, 1
    __eq__ = __ge__ = __le__ = __lt__ = __gt__ = lambda self, other: True
    __sub__ = __rsub__ = __mul__ = __abs__ = __array__ = lambda self, *args: 0
    __bool__ = lambda self: True
    __hash__ = lambda self: 0
    __torch_function__ = classmethod(lambda *args, **kwargs: True)


def energy(x):
    return Yes()
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
