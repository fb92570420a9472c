"""A function returns a generator that never ends.

base: reference
loses: energy-by-hand, energy-empty
"""

CODE = r"""
def energy(x):
    def forever():
        while True:
            yield x

    return forever()
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
