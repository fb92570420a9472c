"""What runs inside the sandbox. Student code shares this process, so nothing that it says is believed.

Started once a grading process, as `python -m grader.student MODULE …`: it imports torch and the modules
named, then waits. For each submission it forks; the child executes cells as Jupyter does, in IPython's own shell, and
answers questions (border.py), while this first process, the zygote, only watches, and afterwards ends whatever the
child left. Inside bubblewrap the zygote is process number 1: nothing in there can kill it. It alone keeps the right to
mount: each child gets scratch folders, devices and a network of its own, and gives all rights away before it runs
anything of a learner's.
"""

import array
import asyncio
import builtins
import contextlib
import ctypes
import fcntl
import importlib
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import sys
import time
import traceback
import types

import numpy as np
import numpy.random  # which NumPy would only load when first used
import torch
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from grader import border

CONTROL = 0  # the socket to the trusted process is standard input
# Orders on it: end the child; the child has gone, say why; interrupt it; how long did it wait for a processor?
END, GONE, INTERRUPT, WAITED = b"E", b"G", b"I", b"T"
MAX_PROCESSES, MAX_FILE, PROCESSOR_SECONDS = 64, 256 * 2**20, 1200
SCRATCH, SHARED = 512 * 2**20, 64 * 2**20  # bytes that /tmp and /dev/shm may hold
SEEDS = (torch.default_generator.manual_seed, np.random.seed, random.seed)  # before anybody can replace them


# ---------------------------------------------------------------- answering questions


class Shell(InteractiveShell):
    """IPython's shell without a terminal. Errors are told to the trusted side, and shown to nobody."""

    def showtraceback(self, *args, **kwargs) -> None:
        pass

    showsyntaxerror = showindentationerror = showtraceback

    def enable_gui(self, gui=None) -> None:
        pass

    def ask_exit(self) -> None:
        pass


Shell.__name__ = "ZMQInteractiveShell"  # by which people's code knows that it is in a notebook


def make_shell(module: types.ModuleType) -> Shell:
    """A shell whose cells see the names of `module`, with the magics that a notebook has."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    Shell.clear_instance()
    shell = Shell.instance(config=config, user_module=module, user_ns=vars(module))
    shell.builtin_trap.activate()  # display and get_ipython, also in functions that tests call
    with contextlib.suppress(Exception):
        shell.extension_manager.load_extension("storemagic")
        from ipykernel.zmqshell import KernelMagics

        shell.register_magics(KernelMagics)
    return shell


class Session:
    """One submission: a namespace, the cells executed in it, and the objects that the trusted side holds handles of."""

    def __init__(self, channel: socket.socket, student_id: str):
        self.channel, self.student_id = channel, student_id
        self.objects: list = []
        self.numbers: dict[int, int] = {}  # id of an object → its number
        self.lent: dict[str, object] = {}
        self.kept: dict[str, object] = {}  # functions, classes, modules as set-up cells gave them
        self.module = types.ModuleType("__main__")  # where pickle and inspect look for a notebook's own classes
        self.names = vars(self.module)
        self.names["__builtins__"] = builtins
        self.cell = ""  # the name of the one that is run
        self.shell = make_shell(self.module)
        self.shell.compile.get_code_name = lambda *_: f"cell {self.cell}"

    def serve(self) -> None:
        """Answer until nobody asks any more. As in Jupyter, an event loop is running while cells are."""
        sys.modules["__main__"] = self.module
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        while True:
            with contextlib.suppress(KeyboardInterrupt):  # one that came too late for its cell
                loop.run_until_complete(self.answer_all())

    async def answer_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            asked = asyncio.Event()
            if self.channel.fileno() < 0:
                raise EOFError
            loop.add_reader(self.channel, asked.set)
            await asked.wait()
            loop.remove_reader(self.channel)
            head, arrays = border.receive(self.channel)
            try:
                question = border.decode(head["with"], arrays, lambda number, _: self.objects[number], gradients=True)
                self.names["student_id"] = self.student_id
                value = getattr(self, f"do_{head['op']}")(**question)
                self.answer(await value if head["op"] == "run" else value)
            except BaseException as error:  # SystemExit and KeyboardInterrupt too: they end a cell, not the notebook
                self.answer_error(error)

    def answer(self, value) -> None:
        arrays: list[bytes] = []
        border.send(self.channel, {"value": border.encode(value, arrays, self.handle)}, arrays)

    def answer_error(self, error: BaseException) -> None:
        try:
            text = str(error.msg if isinstance(error, SyntaxError) else error)[:2000]  # the place is told apart
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

    def do_seed(self, seed: int) -> torch.dtype:
        """Seed everything; what tensors are made of where nobody says it, which in Jupyter holds for tests, too."""
        for set_seed in SEEDS:
            set_seed(seed)
        return torch.get_default_dtype()

    async def do_run(self, name: str, source: str, keep: list) -> None:
        """Execute a cell the way ipykernel does; what it calls `keep` is what tests will find under these names."""
        self.cell, shell, fault = name, self.shell, None
        try:
            code = shell.transform_cell(source)
        except Exception:
            code, fault = source, sys.exc_info()
        options = {"transformed_cell": code, "preprocessing_exc_tuple": fault}
        if shell.should_run_async(source, **options):
            done = await shell.run_cell_async(source, store_history=True, **options)
        else:
            done = shell.run_cell(source, store_history=True)
        given = {one: self.names[one] for one in keep if one in self.names}
        self.kept |= {one: value for one, value in given.items() if callable(value) or type(value) is types.ModuleType}
        if error := done.error_before_exec or done.error_in_exec:
            raise error

    def do_lend(self, source: str) -> None:
        """Put the course's own answer in the place of the learner's, for one test."""
        before = dict(self.names)
        exec(compile(source, "cell of the course", "exec"), self.names)
        missing = self.lent.setdefault("", object())
        for name, value in list(self.names.items()):
            if before.get(name, missing) is not value and name not in self.lent:
                self.lent[name] = before.get(name, missing)

    def do_take_back(self) -> None:
        missing = self.lent.pop("", None)
        for name, value in self.lent.items():
            if value is missing:
                self.names.pop(name, None)
            else:
                self.names[name] = value
        self.lent = {}

    def do_has(self, names: list) -> list:
        return [name for name in names if name in self.names]

    def do_name(self, name: str):
        if name in self.kept:
            return self.kept[name]
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


def place(error: BaseException) -> str:
    """The last line of a cell that the error passed through: "cell kl-code, line 3"."""
    if isinstance(error, SyntaxError) and str(error.filename).startswith("cell "):
        return f"{error.filename}, line {error.lineno}"
    with contextlib.suppress(Exception):
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename.startswith("cell "):
                return f"{frame.filename}, line {frame.lineno}"
    return ""


# ---------------------------------------------------------------- a place of one's own

LIBC = ctypes.CDLL(None, use_errno=True)
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 8, 0x20, 0x1000, 0x4000, 1 << 18
NEW_MOUNTS, NEW_HOST_NAME, NEW_IPC, NEW_NETWORK = 0x00020000, 0x04000000, 0x08000000, 0x40000000


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    words = [word.encode() if word is not None else None for word in (source, target, kind)]
    if LIBC.mount(*words, ctypes.c_ulong(flags), data.encode() if data else None):
        raise OSError(ctypes.get_errno(), f"mount {target}")


def settle() -> None:
    """Scratch folders, terminals, devices and a network that nobody had before and nobody will have after this child.

    Raises:
        OSError: this process may not do that.
    """
    if LIBC.unshare(NEW_MOUNTS | NEW_IPC | NEW_HOST_NAME | NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", None, PRIVATE | RECURSIVE)
    mount("tmpfs", "/tmp", "tmpfs", NO_SUID | NO_DEV, f"size={SCRATCH},mode=1777")
    mount("tmpfs", "/dev/shm", "tmpfs", NO_SUID | NO_DEV, f"size={SHARED},mode=1777")
    mount("devpts", "/dev/pts", "devpts", NO_SUID | NO_EXEC, "newinstance,ptmxmode=0666,mode=620")
    for entry in os.scandir("/dev"):  # device nodes are the host's own: to be used, not to be changed
        if not entry.is_symlink() and not entry.is_dir():
            mount("none", entry.path, None, REMOUNT | BIND | READ_ONLY | NO_SUID | NO_EXEC)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket, contextlib.suppress(OSError):
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # up and running
    os.chdir("/tmp")


def give_up_rights() -> None:
    """No capability is left, and none can come back: bubblewrap has forbidden that programs gain any."""
    header, nothing = struct.pack("<Ii", 0x20080522, 0), bytes(24)
    LIBC.prctl(47, 4, 0, 0, 0)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL
    if LIBC.capset(header, nothing):
        raise OSError(ctypes.get_errno(), "capset")


def can_settle() -> bool:
    """Whether children can have places of their own: tried in one."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            settle()
            give_up_rights()
            os._exit(0)
        os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def be_student(control: socket.socket, channel: socket.socket, order: dict, alone: bool, own_place: bool) -> None:
    """The child's whole life."""
    import resource

    control.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if own_place:
        settle()
    if alone:
        give_up_rights()
    _dumpable(True)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what a notebook prints goes nowhere, however much it is
        os.dup2(nothing, stream)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # when memory runs out, this process goes first
    limits = {"CORE": 0, "FSIZE": MAX_FILE, "CPU": PROCESSOR_SECONDS, "NPROC": MAX_PROCESSES, "NOFILE": 256}
    if used := status_of("self"):
        limits["AS"] = used["VmSize"] + order["memory"]
    for name, limit in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
    sys.path.insert(0, "")  # a notebook's own folder
    with contextlib.suppress(BaseException):
        Session(channel, order["student_id"]).serve()
    os._exit(0)


# ---------------------------------------------------------------- the zygote


def status_of(process: str) -> dict[str, int] | None:
    """Bytes of a process: VmSize, and what it holds that is no file's on a disk (RssAnon, RssShmem, VmSwap)."""
    try:
        with open(f"/proc/{process}/status", "rb") as file:  # its name, which it chose, is in there, too
            found = re.findall(rb"^(VmSize|RssAnon|RssShmem|VmSwap):\s+(\d+) kB$", file.read(), re.M)
    except OSError:
        return None
    size = {name.decode(): int(number) * 1024 for name, number in found}
    return size if "VmSize" in size else None  # a process that has ended and waits to be reaped has none


def held(size: dict[str, int]) -> int:
    return sum(size.get(kind, 0) for kind in ("RssAnon", "RssShmem", "VmSwap"))


def fair_share(process: str) -> int | None:
    """What a process holds, pages that it shares with others counted in parts; None where that cannot be read."""
    try:
        with open(f"/proc/{process}/smaps_rollup", "rb") as file:
            found = re.findall(rb"^(Pss_Anon|Pss_Shmem|SwapPss):\s+(\d+) kB$", file.read(), re.M)
    except OSError:
        return None
    return sum(int(number) for _, number in found) * 1024 if found else None


def excess(memory: int, alone: bool, baseline: int) -> str:
    """Why the submission must be stopped now: too many processes or too much memory; "" while all is well.

    No process lowers the sum: what one shares with the zygote or with its parent counts in parts, nothing is taken off.
    """
    if not alone:
        return ""
    processes = [name for name in os.listdir("/proc") if name.isdecimal() and name != "1"]
    if len(processes) > MAX_PROCESSES:
        return f"it started more than {MAX_PROCESSES} processes"
    used = {name: held(size) for name in processes if (size := status_of(name))}
    if sum(used.values()) > memory:  # as if nothing were shared; only then look closely, which takes time
        shares = [fair_share(name) for name in used]
        exact = sum(share if share is not None else used[name] for name, share in zip(used, shares, strict=True))
        if exact > memory + baseline:
            return f"it used more than {memory / 2**30:.1f} GB of memory"
    return ""


def waited(alone: bool, child: int) -> float:
    """Seconds that the submission's processes were ready to run while the machine was busy with others."""
    total = 0.0
    for name in os.listdir("/proc") if alone else [str(child)]:
        if name.isdecimal() and name != "1":
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/schedstat") as file:
                total += int(file.read().split()[1]) / 1e9
    return total


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
    baseline = held(status_of("self") or {})
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
            if order == WAITED:
                control.sendall(json.dumps({"waited": waited(alone, child)}).encode() + b"\n")
            elif order == INTERRUPT:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, signal.SIGINT)
            else:
                break
    if order == GONE and status is None:  # it is ending by itself: see how
        until = time.monotonic() + 5
        while time.monotonic() < until and status is None:
            with contextlib.suppress(ChildProcessError):
                ended = os.waitpid(child, os.WNOHANG)
                status = ended[1] if ended[0] else None
            time.sleep(0.001)
    end_all(child, alone)
    until = time.monotonic() + 30
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
    for module in (*modules, "matplotlib.pyplot", "matplotlib_inline.backend_inline"):  # most notebooks draw
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    own_place = alone and can_settle()
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
            be_student(control, channel, order, alone, own_place)
        channel.close()
        cause = tend(control, child, order["memory"], alone)
        clean = not alone or own_place or all([wipe("/tmp"), wipe("/dev/shm")])
        control.sendall(json.dumps({"cause": cause}).encode() + b"\n")
        if not clean:
            return  # the trusted side starts another


if __name__ == "__main__":
    main(sys.argv[1:])
