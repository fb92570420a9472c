"""Memory bit by bit, without giving up.

base: reference
loses: nothing
status: stopped
"""

CODE = r"""
kept = []
while True:
    try:
        kept.append(bytearray(10**7))
    except MemoryError:
        pass
"""


def change(notebook):
    notebook.insert(0, CODE)
