"""Runs our own code on a learner's values in a process of its own, which can be ended whatever it is doing.

A check may loop as often, or compute for as long inside one call of a library, as a learner's number says. Python can
interrupt neither in its own thread; the kernel can end a process.
"""

import contextlib
import ctypes
import gc
import os
import pickle
import resource
import select
import signal
import sys
import time
from collections.abc import Callable

IDLE = 600.0  # seconds of wall-clock time beyond which nothing waits, on the busiest machine


class TooMuch(Exception):
    """The work took more time or memory than it may."""


def apart(work: Callable[[], object], seconds: float, memory: int = 4 * 2**30, most: float = IDLE):
    """What `work()` returns (something that can be pickled: it is our own code), or the exception that it raises.

    `seconds` are of processor time, so that a busy machine takes none away; `memory` is what it may use beyond what is
    used now.

    Raises:
        TooMuch: it was ended.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            gc.disable()
            _bounds(seconds, memory, parent)
            try:
                result = (True, work())
            except BaseException as error:
                result = (False, error)
            _write(writing, pickle.dumps(result))
        finally:
            os._exit(0)
    os.close(writing)
    answer, until = bytearray(), time.monotonic() + most
    try:
        while time.monotonic() < until:
            if select.select([reading], [], [], min(1.0, max(0.0, until - time.monotonic())))[0]:
                part = os.read(reading, 2**20)
                if not part:
                    break
                answer += part
    finally:
        os.close(reading)
        if time.monotonic() >= until or sys.exc_info()[0]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if status or not answer:
        raise TooMuch("it was ended")
    fine, value = pickle.loads(answer)
    if not fine:
        raise value
    return value


def _bounds(seconds: float, memory: int, parent: int) -> None:
    whole = max(1, round(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: nobody would want the result
        if os.getppid() != parent:
            os._exit(0)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
