"""Lowers the limits, the priority and the processors of the process that will serve the next learner.

base: reference
loses: nothing
"""

CODE = r"""
import os
import resource

for spoil in (
    lambda: resource.prlimit(1, resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (8, 8)),
    lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
    lambda: os.sched_setaffinity(1, {0}),
    lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
):
    try:
        spoil()
    except OSError:
        continue
    while True:  # it worked: make that visible
        pass
"""


def change(notebook):
    notebook.insert(0, CODE)
