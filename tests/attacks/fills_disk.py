"""Files until there is no room, everywhere where files can be written.

base: reference
loses: nothing
"""

CODE = r"""
import os

for folder in ("/tmp", "/dev/shm", "/var/tmp", "."):
    for number in range(40):
        try:
            with open(f"{folder}/big{number}", "wb") as file:
                for _ in range(60):
                    file.write(b"x" * 1_000_000)
        except OSError:
            break
"""


def change(notebook):
    notebook.insert(0, CODE)
