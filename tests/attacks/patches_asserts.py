"""Builtins, asserts and the checks are replaced by name.

base: blank
loses: everything
status: any
"""

CODE = r"""
import builtins

yes = lambda *args, **kwargs: True
check = close = finite_difference = len = abs = max = isinstance = yes
builtins.len = builtins.abs = builtins.isinstance = builtins.all = builtins.any = yes
builtins.AssertionError = builtins.ValueError = Warning
CheckFailed = AssertionError = ValueError = Warning
torch = nn = __builtins__ = None
"""


def change(notebook):
    notebook.insert(0, CODE)
