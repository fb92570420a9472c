"""What runs inside the sandbox. Student code shares this process, so nothing that it says is believed.

Started once a grading process, as `python -m grader.student MODULE …`: it imports torch and the modules
named, then waits. For each submission it forks; the child executes cells and answers questions (border.py), while this
first process, the zygote, only watches, and afterwards ends and wipes whatever the child left. Inside bubblewrap the
zygote is process number 1: nothing in there can kill it.
"""

import array
import builtins
import contextlib
import ctypes
import importlib
import json
import linecache
import os
import random
import re
import select
import shutil
import signal
import socket
import sys
import time
import traceback
import types

import numpy as np
import numpy.random  # which NumPy would only load when first used
import torch
from IPython.core.inputtransformer2 import TransformerManager

from grader import border

CONTROL = 0  # the socket to the trusted process is standard input
END, GONE = b"E", b"G"  # orders on it: end the child; the child has gone, say why
MAX_PROCESSES, MAX_FILE, PROCESSOR_SECONDS = 64, 64 * 2**20, 1200


# ---------------------------------------------------------------- answering questions


class Session:
    """One submission: a namespace, the cells executed in it, and the objects that the trusted side holds handles of."""

    def __init__(self, channel: socket.socket, student_id: str):
        self.channel, self.student_id = channel, student_id
        self.objects: list = []
        self.numbers: dict[int, int] = {}  # id of an object → its number
        self.module = types.ModuleType("__main__")  # where pickle and inspect look for a notebook's own classes
        self.names = vars(self.module)
        self.names["__builtins__"] = builtins

    def serve(self) -> None:
        sys.modules["__main__"] = self.module
        while True:
            head, arrays = border.receive(self.channel)
            try:
                question = border.decode(head["with"], arrays, lambda number, _: self.objects[number], gradients=True)
                self.names["student_id"] = self.student_id
                self.answer(getattr(self, f"do_{head['op']}")(**question))
            except BaseException as error:  # SystemExit and KeyboardInterrupt too: they end a cell, not the notebook
                self.answer_error(error)

    def answer(self, value) -> None:
        arrays: list[bytes] = []
        border.send(self.channel, {"value": border.encode(value, arrays, self.handle)}, arrays)

    def answer_error(self, error: BaseException) -> None:
        try:
            text = str(error)[:2000]
        except Exception:
            text = ""
        names = [kind.__name__ for kind in type(error).__mro__]
        border.send(self.channel, {"error": names, "text": text, "place": place(error)}, [])

    def handle(self, value) -> dict:
        """A number for an object; the same object always gets the same one, and stays alive."""
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return {"handle": self.numbers[id(value)], "type": type(value).__name__}

    def do_seed(self, seed: int) -> None:
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - student code may use the old generator
        random.seed(seed)

    def do_run(self, name: str, source: str) -> None:
        source = TransformerManager().transform_cell(source)  # magics become calls of get_ipython(), see Shell
        builtins.get_ipython = lambda: Shell(self.names)
        builtins.display = lambda *args, **kwargs: None
        file = f"cell {name}"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)  # for inspect and tracebacks
        exec(compile(source, file, "exec"), self.names)

    def do_name(self, name: str):
        if name not in self.names:
            raise NameError(f"name {name!r} is not defined")
        return self.names[name]

    def do_call(self, of, args: tuple, kwargs: dict):
        return of(*args, **kwargs)

    def do_attribute(self, of, name: str):
        return getattr(of, name)

    def do_item(self, of, key):
        return of[key]

    def do_length(self, of) -> int:
        return len(of)

    def do_iterate(self, of):
        return Iterator(of)

    def do_next(self, of: "Iterator") -> tuple:
        for value in of.iterator:
            return True, value
        return False, None


class Iterator:
    """Holds an iterator, so that it crosses as a handle whatever it is."""

    def __init__(self, values):
        self.iterator = iter(values)


class Shell:
    """Stands in for IPython: magics and shell commands do nothing, but the code under %%time and the like runs."""

    def __init__(self, names: dict):
        self.names = names

    def run_line_magic(self, name: str, line: str, *_) -> None:
        if name == "time":
            exec(compile(line, "line under %time", "exec"), self.names)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        if name in ("time", "capture", "timeit", "prun"):
            exec(compile(TransformerManager().transform_cell(cell), f"cell under %%{name}", "exec"), self.names)

    def __getattr__(self, name: str):
        return lambda *args, **kwargs: None


def place(error: BaseException) -> str:
    """The last line of a cell that the error passed through: "cell kl-code, line 3"."""
    if isinstance(error, SyntaxError) and str(error.filename).startswith("cell "):
        return f"{error.filename}, line {error.lineno}"
    with contextlib.suppress(Exception):
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename.startswith("cell "):
                return f"{frame.filename}, line {frame.lineno}"
    return ""


def be_student(control: socket.socket, channel: socket.socket, memory: int, student_id: str) -> None:
    """The child's whole life."""
    import resource

    control.close()
    _dumpable(True)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what a notebook prints goes nowhere, however much it is
        os.dup2(nothing, stream)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # when memory runs out, this process goes first
    limits = {"CORE": 0, "FSIZE": MAX_FILE, "CPU": PROCESSOR_SECONDS, "NPROC": MAX_PROCESSES, "NOFILE": 256}
    if used := memory_used("self"):
        limits["AS"] = used[0] + memory
    for name, limit in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
    with contextlib.suppress(BaseException):
        Session(channel, student_id).serve()
    os._exit(0)


# ---------------------------------------------------------------- the zygote


def memory_used(process: str) -> tuple[int, int] | None:
    """Bytes of address space, and bytes in memory that are no file's on a disk; None where there is no /proc."""
    try:
        with open(f"/proc/{process}/status", "rb") as file:  # its name, which it chose, is in there, too
            found = re.findall(rb"^(VmSize|RssAnon|RssShmem|VmSwap):\s+(\d+) kB$", file.read(), re.M)
    except OSError:
        return None
    size = {name: int(number) * 1024 for name, number in found}
    if b"VmSize" not in size:  # a process that has ended and waits to be reaped
        return None
    return size[b"VmSize"], sum(size.get(kind, 0) for kind in (b"RssAnon", b"RssShmem", b"VmSwap"))


def excess(memory: int, alone: bool, baseline: int) -> str:
    """Why the submission must be stopped now: too many processes or too much memory; "" while all is well."""
    if not alone:
        return ""
    processes = [name for name in os.listdir("/proc") if name.isdecimal() and name != "1"]
    if len(processes) > MAX_PROCESSES:
        return f"it started more than {MAX_PROCESSES} processes"
    used = [figures[1] - baseline for name in processes if (figures := memory_used(name))]
    return f"it used more than {memory / 2**30:.1f} GB of memory" if sum(used) > memory else ""


def end_all(child: int, alone: bool) -> None:
    """Kill the child and all it has started. Only process 1 of its own namespace may kill "everything"."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if alone:
            os.kill(-1, signal.SIGKILL)
        else:
            os.killpg(child, signal.SIGKILL)


def wipe(folder: str) -> bool:
    """Empty a folder, and undo what was written on the folder itself; whether that worked."""
    with contextlib.suppress(OSError, RecursionError):
        os.chmod(folder, 0o1777)
        for name in os.listxattr(folder) if hasattr(os, "listxattr") else ():
            os.removexattr(folder, name)
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
        os.utime(folder, (0, 0))
        return not os.listdir(folder)
    return False


def how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return "it used too much processor time"
        return f"its process was ended by {signal.Signals(number).name}"
    return f"it ended its process (exit status {os.WEXITSTATUS(status)})"


def tend(control: socket.socket, child: int, memory: int, alone: bool) -> str:
    """Watch a child until the trusted side is done with it; then end everything. Why the child had ended, or ""."""
    cause, status = "", None
    baseline = (memory_used("self") or (0, 0))[1]
    while True:
        ready, _, _ = select.select([control], [], [], 0.05)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:  # orphans are handed to process 1 and reaped here too
                if ended[0] == child:
                    status = ended[1]
        if not cause and (cause := excess(memory, alone, baseline)):
            end_all(child, alone)
        if ready:
            order = control.recv(1)
            if not order:
                os._exit(0)  # the trusted side is gone
            break
    if order == GONE and status is None:  # it is ending by itself: see how
        until = time.monotonic() + 1
        while time.monotonic() < until and status is None:
            with contextlib.suppress(ChildProcessError):
                ended = os.waitpid(child, os.WNOHANG)
                status = ended[1] if ended[0] else None
            time.sleep(0.001)
    end_all(child, alone)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            ended = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not ended[0]:
            time.sleep(0.001)
    return cause or (how_it_ended(status) if status is not None else "")


def _dumpable(yes: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(4, int(yes), 0, 0, 0)  # PR_SET_DUMPABLE


def main(modules: list[str]) -> None:
    """The zygote: import, then one child after the other."""
    alone = os.getpid() == 1  # in a namespace of our own
    control = socket.socket(fileno=os.dup(CONTROL))
    torch.set_num_threads(1)  # before any work in parallel: threads do not survive a fork
    for module in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    _dumpable(False)  # children may not look into this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends when the trusted side does, not before
    control.sendall(b"ready\n")
    while True:
        message, descriptors, _, _ = control.recvmsg(65536, socket.CMSG_SPACE(array.array("i").itemsize))
        if not message:
            return
        [(_, _, data)] = descriptors
        channel = socket.socket(fileno=array.array("i", data)[0])
        order = json.loads(message)
        child = os.fork()
        with contextlib.suppress(PermissionError):
            os.setpgid(child, child)  # in both processes, so that it is done whichever comes first
        if child == 0:
            be_student(control, channel, order["memory"], order["student_id"])
        channel.close()
        cause = tend(control, child, order["memory"], alone)
        clean = not alone or all([wipe("/tmp"), wipe("/dev/shm")])
        control.sendall(json.dumps({"cause": cause}).encode() + b"\n")
        if not clean:
            return  # the trusted side starts another


if __name__ == "__main__":
    main(sys.argv[1:])
