"""Starts the process in which student code runs: inside bubblewrap, or without protection where that is asked for.

One sandbox serves a grading process for as long as it lives. It holds a zygote (student.py) that forks one child a
submission, or several where the first ones die. What the sandbox shows: the system's programs, this Python and its
packages, course_utils, grader. What it does not: the network, other processes, home folders, submissions, solutions,
tests.
"""

import json
import os
import platform
import shutil
import site
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_utils import CourseError
from grader.exercise import ROOT

REMEDY = (
    "On Debian and Ubuntu: sudo apt-get install bubblewrap. Where that is impossible, --unsafe runs student code "
    "without protection: on a machine that has nothing to lose, and the records say so."
)
START_SECONDS = 120  # imports included, on a slow machine


@dataclass(frozen=True)
class Limits:
    """Seconds of wall-clock time and bytes; all far above what an honest answer needs."""

    call: float = 30
    cell: float = 60
    total: float = 300
    memory: int = 4 * 2**30


class SandboxError(CourseError):
    """There is no sandbox here; the message says what to do."""


def command() -> list[str]:
    """bubblewrap and its options, up to the program."""
    folders = ["/usr", sys.prefix, sys.base_prefix, *site.getsitepackages()]
    folders += [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    folders = [os.path.realpath(folder) for folder in folders if os.path.isdir(folder)]
    outermost = [one for one in dict.fromkeys(folders) if not any(_within(one, other) for other in folders)]
    options = "--unshare-user --unshare-all --disable-userns --uid 65534 --gid 65534 --cap-drop ALL --die-with-parent"
    options += " --new-session --as-pid-1 --clearenv --hostname grader"
    binds: list[str] = []
    for folder in outermost:
        binds += ["--ro-bind", folder, folder]
        if _within(str(ROOT), folder):  # never show the repository because it lies in a folder that is shown
            binds += ["--tmpfs", str(ROOT)]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(name):
            binds += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            binds += ["--ro-bind", name, name]
    if sys.prefix not in outermost and os.path.abspath(sys.prefix) != os.path.realpath(sys.prefix):
        binds += ["--ro-bind", sys.prefix, sys.prefix]  # an environment behind a symbolic link
    binds += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    binds += ["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]
    for package in ("course_utils", "grader"):
        binds += ["--ro-bind", str(ROOT / package), f"/course/{package}"]
    binds += ["--proc", "/proc", "--dev", "/dev", "--dev-bind", "/dev/null", "/dev/zero"]
    binds += ["--size", str(64 * 2**20), "--tmpfs", "/dev/shm"]
    binds += ["--size", str(256 * 2**20), "--tmpfs", "/tmp", "--remount-ro", "/dev", "--remount-ro", "/"]
    binds += [word for name, value in environment("/course", "/tmp").items() for word in ("--setenv", name, value)]
    return [shutil.which("bwrap") or "bwrap", *options.split(), *binds, "--chdir", "/tmp", "--"]


# System calls that would hold memory outside every limit of a process, let one process look into another, or slow down
# the process that serves the learners after this one.
FORBIDDEN = {  # name: (number on x86-64, number on ARM64)
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "ptrace": (101, 117),
    "userfaultfd": (323, 282),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "setpriority": (141, 140),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
}
ONLY_OWN = (302, 261)  # prlimit64: a process may lower its own limits (process 0), not another's
MMAP = (9, 222)  # not for memory that is both shared and no file's: given back to the kernel, it stays, uncounted
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, name of the kernel's


def seccomp() -> bytes:
    """A filter for the kernel: the forbidden calls fail with "not permitted", all others pass.

    Each instruction is a code, two jumps and a number, as linux/filter.h has them.
    """
    column, architecture = MACHINES[platform.machine()]
    load, equal, at_least, any_bit, result = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, kill = 0x7FFF0000, 0x00050001, 0x80000000
    anonymous, shared = 0x20, 0x01
    numbers = [pair[column] for pair in FORBIDDEN.values()]
    n = len(numbers)
    program = [(load, 0, 0, 4), (equal, 1, 0, architecture), (result, 0, 0, kill), (load, 0, 0, 0)]
    program += [(at_least, n + 3, 0, 0x40000000)]  # the second numbering of x86-64
    program += [(equal, n + 3, 0, ONLY_OWN[column]), (equal, n + 6, 0, MMAP[column])]
    program += [(equal, n - place, 0, number) for place, number in enumerate(numbers)]
    program += [(result, 0, 0, allow), (result, 0, 0, refuse)]
    program += [(load, 0, 0, 16), (equal, 0, 1, 0), (result, 0, 0, allow), (result, 0, 0, refuse)]  # whose limits?
    program += [(load, 0, 0, 40), (any_bit, 0, 1, anonymous), (any_bit, 1, 0, shared)]  # what kind of memory?
    program += [(result, 0, 0, allow), (result, 0, 0, refuse)]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program)


def seccomp_file() -> int:
    """The filter in a pipe, from which bubblewrap reads it."""
    reading, writing = os.pipe()
    os.write(writing, seccomp())
    os.close(writing)
    return reading


def _within(path: str, folder: str) -> bool:
    return path != folder and Path(path).is_relative_to(folder)


def environment(course: str, scratch: str) -> dict[str, str]:
    """The student process's whole environment."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": course,
        "PYTHONSAFEPATH": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": scratch,
        "TQDM_DISABLE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "COURSE_DATA": "embedded",
        "COURSE_DEVICE": "cpu",
        "COURSE_SCHEDULE": "short",
    }


@cache
def probe() -> str:
    """Why bubblewrap cannot be used here, in a sentence with the remedy; "" where it can."""
    if not sys.platform.startswith("linux"):
        return f"The sandbox needs Linux (on Windows: WSL). {REMEDY}"
    if platform.machine() not in MACHINES:
        return f"The sandbox knows the processors {' and '.join(MACHINES)}, not {platform.machine()}. {REMEDY}"
    for folder in ("/tmp", "/dev", "/proc"):  # the sandbox has its own
        if any(_within(os.path.realpath(path), folder) for path in (sys.prefix, sys.base_prefix)):
            return f"The sandbox cannot use a Python below {folder}: move the course and its .venv to another folder."
    if not shutil.which("bwrap"):
        return f"The sandbox needs bubblewrap (bwrap), which is not installed. {REMEDY}"
    try:
        done = subprocess.run([*command(), sys.executable, "-c", ""], capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return f"bubblewrap hangs on this machine. {REMEDY}"
    if done.returncode == 0:
        return ""
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    if "uid map" in reason or "namespace" in reason or "Operation not permitted" in reason:
        return (
            f"bubblewrap may not make a sandbox here ({reason}): allow user namespaces (on Ubuntu 24.04: "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0; in a container: run it with its own seccomp "
            f"profile or as a virtual machine). {REMEDY}"
        )
    if "nknown option" in reason:
        return f"bubblewrap is too old here ({reason}): version 0.8 or newer is needed. {REMEDY}"
    return f"bubblewrap fails here ({reason}). {REMEDY}"


class Sandbox:
    """A zygote and its present child. `stamp` is what a record says about the protection."""

    def __init__(self, modules: tuple[str, ...] = (), *, unsafe: bool = False):
        if not unsafe and (reason := probe()):
            raise SandboxError(reason)
        self.stamp = "none" if unsafe else "bubblewrap"
        self._modules, self._unsafe = modules, unsafe
        self._process: subprocess.Popen | None = None
        self._start()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        program = [sys.executable, "-m", "grader.student", *self._modules]
        if self._unsafe:
            self._folder = Path(tempfile.mkdtemp(prefix="course-grading-"))
            where = {"cwd": self._folder, "env": environment(str(ROOT), str(self._folder))}
        else:
            program, where = [*command(), *program], {}
        filters = [] if self._unsafe else [seccomp_file()]
        self._process = subprocess.Popen(
            [*program[:1], *(word for file in filters for word in ("--seccomp", str(file))), *program[1:]],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=filters,
            **where,
        )
        for file in filters:
            os.close(file)
        theirs.close()
        self._ready = False

    def _line(self, seconds: float) -> bytes | None:
        """One line from the zygote; None if it is gone or silent."""
        line, until = b"", time.monotonic() + seconds
        while not line.endswith(b"\n"):
            self._control.settimeout(max(0.01, until - time.monotonic()))
            try:
                part = self._control.recv(1)
            except OSError:
                return None
            if not part:
                return None
            line += part
        return line

    def fork(self, student_id: str, memory: int) -> socket.socket:
        """A fresh student process; the socket to it."""
        for _ in range(3):
            if not self._ready:
                self._ready = self._line(START_SECONDS) == b"ready\n"
            if self._ready:
                ours, theirs = socket.socketpair()
                order = json.dumps({"memory": memory, "student_id": student_id}).encode()
                try:
                    self._control.settimeout(10)
                    socket.send_fds(self._control, [order], [theirs.fileno()])
                    return ours
                except OSError:
                    ours.close()
                finally:
                    theirs.close()
            self.close()
            self._start()
        raise SandboxError(f"The process for student code does not start here. {REMEDY}")

    def end(self, gone: bool = False) -> str:
        """End the student process and all it has left behind; why it had ended by itself (`gone`), or ""."""
        try:
            self._control.settimeout(10)
            self._control.sendall(b"G" if gone else b"E")
            line = self._line(15)
            return str(json.loads(line)["cause"])[:200]
        except (OSError, TypeError, ValueError, KeyError):  # the zygote is gone or stuck: make it anew
            self.close()
            self._start()
            return "the sandbox itself was ended"

    def close(self) -> None:
        if self._process is None:
            return
        self._control.close()  # the zygote ends when it reads this
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if self._unsafe:
            shutil.rmtree(self._folder, ignore_errors=True)
