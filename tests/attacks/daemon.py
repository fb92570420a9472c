"""A process that outlives the submission waits for the next learner's and kills it.

base: reference
loses: nothing
"""

CODE = r"""
import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        own = os.getpid()
        while True:
            for name in os.listdir("/proc"):
                if name.isdecimal() and int(name) not in (1, own, os.getppid()):
                    age = time.time() - os.stat(f"/proc/{name}").st_ctime
                    if name not in globals().setdefault("seen", {n for n in os.listdir("/proc")}):
                        os.kill(int(name), 9)
    os._exit(0)
"""


def change(notebook):
    notebook.insert(0, CODE)
