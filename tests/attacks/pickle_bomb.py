"""An object that would do harm if it were unpickled on the other side.

base: reference
loses: energy-by-hand, energy-empty
"""

CODE = r"""
class Bomb:
    def __reduce__(self):
        return (exec, ("import os; os._exit(1)",))


def energy(x):
    return Bomb()
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
