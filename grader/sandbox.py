"""Starts the process in which student code runs: inside bubblewrap, or without protection where that is asked for.

One sandbox serves a grading process for as long as it lives. It holds a zygote (student.py) that forks one child a
submission, or several where the first ones die. What the sandbox shows: the system's programs, this Python and its
packages, course_utils, grader. What it does not: the network, other processes, home folders, submissions, solutions,
tests. Started by root, it becomes another user first: inside, no number of a user may stand for the host's root.

`probe` says why there can be no sandbox here, `stamp` which of its lesser protections do not hold. Both know it because
somebody inside has tried (PROTECTIONS), each time that one is started.
"""

import contextlib
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
from functools import cache
from pathlib import Path

from course_utils import CourseError
from grader.border import BorderError, Clock, Stopped, Student, StudentError
from grader.exercise import ROOT
from grader.limits import Limits

REMEDY = (
    "On Debian and Ubuntu: sudo apt-get install bubblewrap. Where that is impossible, --unsafe runs student code "
    "without protection: on a machine that has nothing to lose, and the records say so."
)
START_SECONDS = 300  # imports included, on a slow machine
STAGE = "/mnt"  # where root puts, for the sandbox's eyes only, what it shows


class SandboxError(CourseError):
    """There is no sandbox here; the message says what to do."""


def lesser_user() -> tuple[int, int] | None:
    """Whom root becomes before it starts a sandbox: the owner of the course, or nobody; None for all others."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    owner = os.stat(ROOT)
    return (owner.st_uid, owner.st_gid) if owner.st_uid and owner.st_gid else (65534, 65534)


def command(*more: str) -> list[str]:
    """bubblewrap and its options, `more` first, up to the program."""
    folders = ["/usr", sys.prefix, sys.base_prefix, *site.getsitepackages()]
    folders += [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    folders = [os.path.realpath(folder) for folder in folders if os.path.isdir(folder)]
    outermost = [one for one in dict.fromkeys(folders) if not any(_within(one, other) for other in folders)]
    options = "--unshare-user --unshare-all --disable-userns --uid 65534 --gid 65534 --cap-drop ALL --die-with-parent"
    options += " --new-session --as-pid-1 --clearenv --hostname grader"
    # For the zygote alone, and in its own namespace: children give these up before they run anything (student.py).
    options += "".join(f" --cap-add CAP_{name}" for name in ("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN"))
    binds: list[str] = []
    shown: list[str] = []  # what the lesser user may not be able to reach: see enter.py

    def source(folder: str) -> str:
        if user is None:
            return folder
        shown.append(folder)
        return f"{STAGE}/{len(shown) - 1}"

    user = lesser_user()
    for folder in outermost:
        binds += ["--ro-bind", source(folder), folder]
        if _within(str(ROOT), folder):  # never show the repository because it lies in a folder that is shown
            binds += ["--tmpfs", str(ROOT)]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(name):
            binds += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            binds += ["--ro-bind", name, name]
    if sys.prefix not in outermost and os.path.abspath(sys.prefix) != os.path.realpath(sys.prefix):
        binds += ["--ro-bind", source(sys.prefix), sys.prefix]  # an environment behind a symbolic link
    binds += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    binds += ["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]
    for package in ("course_utils", "grader"):
        binds += ["--ro-bind", source(str(ROOT / package)), f"/course/{package}"]
    binds += ["--proc", "/proc"]
    for name in ("sys", "sysrq-trigger", "irq", "bus", "fs"):
        if os.path.exists(f"/proc/{name}"):
            binds += ["--ro-bind", f"/proc/{name}", f"/proc/{name}"]
    binds += ["--dev", "/dev", "--dev-bind", "/dev/null", "/dev/zero"]
    binds += ["--size", str(64 * 2**20), "--tmpfs", "/dev/shm"]
    binds += ["--size", str(256 * 2**20), "--tmpfs", "/tmp", "--remount-ro", "/dev", "--remount-ro", "/"]
    binds += [word for name, value in environment("/course", "/tmp").items() for word in ("--setenv", name, value)]
    begin = [shutil.which("bwrap") or "bwrap"]
    if user is not None:
        enter = str(Path(__file__).with_name("enter.py"))
        begin = [sys.executable, "-I", "-S", enter, *map(str, user), STAGE, *shown, "--", *begin]
    return [*begin, *more, *options.split(), *binds, "--chdir", "/tmp", "--"]


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
        "PATH": f"{os.path.join(sys.prefix, 'bin')}:/usr/local/bin:/usr/bin:/bin",
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
        "PAGER": "cat",
        "PIP_NO_INDEX": "1",  # there is no network: say so at once
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "COURSE_DATA": "embedded",
        "COURSE_DEVICE": "cpu",
        "COURSE_SCHEDULE": "short",
    }


@cache
def probe() -> str:
    """Why there can be no sandbox here, in a sentence with the remedy; "" where there can."""
    if reason := no_bubblewrap():
        return reason
    sandbox = None
    try:
        sandbox = Sandbox()
        _stamps["bubblewrap"] = sandbox.stamp
    except SandboxError as error:
        return str(error)
    finally:
        if sandbox is not None:
            sandbox.close()
    return ""


_stamps: dict[str, str] = {}


def stamp(unsafe: bool = False) -> str:
    """What a record says about the protection: none, bubblewrap, or bubblewrap without what does not hold here."""
    return "none" if unsafe or probe() else _stamps["bubblewrap"]


def no_bubblewrap() -> str:
    """Why bubblewrap cannot be used here; "" where it can."""
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
        done = subprocess.run([*command(), sys.executable, "-c", ""], capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return f"bubblewrap hangs on this machine. {REMEDY}"
    except OSError as error:
        return f"bubblewrap does not start here ({error.strerror}). {REMEDY}"
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


# What the sandbox promises, and code that breaks the promise if it can: it is run where student code is. Each is an
# expression that must be False.
PROTECTIONS = {
    "no network": "reaches(socket.create_connection, ('1.1.1.1', 53), 2) or interfaces() - {'lo'}",
    "no files of others": "any(map(os.path.exists, ('/home', '/root/.bashrc', '/etc/shadow', ROOT + '/tests')))",
    "no rights": "os.getuid() == 0 or capabilities() or libc.setuid(0) == 0 or libc.unshare(0x10000000) == 0"
    " or libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0) == 0",
    "no other processes": "{int(name) for name in os.listdir('/proc') if name.isdecimal()} - {1, os.getpid()}",
    "forbidden system calls": "libc.shmget(0, 4096, 0o1600) >= 0 or reaches(os.memfd_create, 'x')"
    " or reaches(mmap.mmap, -1, 4096)",
    "read-only programs": "any(reaches(open, one + '/x', 'w') for one in ('/', '/usr', '/dev', '/course/grader'))",
    "read-only settings of the kernel": "any(reaches(os.open, '/proc/sys/' + name, os.O_WRONLY)"
    " for name in ('kernel/core_pattern', 'kernel/hostname', 'vm/swappiness'))",
    "devices that cannot be changed": "any(reaches(change, '/dev/' + name) for change in (os.utime, touch)"
    " for name in ('null', 'zero', 'full', 'random', 'urandom', 'tty') if os.path.exists('/dev/' + name))",
    "a place of its own": "os.path.exists('/tmp/note') or 7 in {os.stat(one).st_mtime for one in ('/dev/pts', '/tmp')}",
    "limits": "resource.getrlimit(resource.RLIMIT_AS)[0] < 0 or resource.getrlimit(resource.RLIMIT_NPROC)[0] < 0",
}
VITAL = ("no network", "no files of others", "no rights", "no other processes", "forbidden system calls", "limits")
BREAKER = """
import ctypes, mmap, os, resource, socket
libc = ctypes.CDLL(None)
ROOT = @root@
def reaches(f, *arguments):
    try:
        f(*arguments)
    except (OSError, ValueError):
        return False
    return True
def touch(path):
    os.chmod(path, os.stat(path).st_mode & 0o7777)
def capabilities():
    with open("/proc/self/status") as file:
        return any(int(line.split()[1], 16) for line in file if line[:6] in ("CapEff", "CapPrm", "CapInh", "CapAmb"))
def interfaces():
    with open("/proc/self/net/dev") as file:
        return {line.partition(":")[0].strip() for line in file.readlines()[2:]}
broken = []
for name, attempt in @attempts@.items():
    try:
        if eval(attempt):
            broken.append(name)
    except Exception as error:
        broken.append(name)
open("/tmp/note", "w").close()
for folder in ("/dev/pts", "/tmp"):
    try:
        os.utime(folder, (7, 7))
    except OSError:
        pass
"""


class Sandbox:
    """A zygote and its present child. `stamp` is what a record says about the protection."""

    def __init__(self, modules: tuple[str, ...] = (), *, unsafe: bool = False):
        if not unsafe and (reason := no_bubblewrap()):
            raise SandboxError(reason)
        self._modules, self._unsafe = modules, unsafe
        self._process: subprocess.Popen | None = None
        self._broken: tuple[str, ...] | None = None
        self._start()

    @property
    def stamp(self) -> str:
        """What a record says about the protection: none, bubblewrap, or bubblewrap without what does not hold here.

        Raises:
            SandboxError: what matters most does not hold.
        """
        if self._unsafe:
            return "none"
        if self._broken is None:
            self._broken = self._break_it()
        if broken := [name for name in self._broken if name in VITAL]:
            raise SandboxError(f"The sandbox does not protect here: {', '.join(broken)} cannot be promised. {REMEDY}")
        lacking = [name for name in self._broken if name not in VITAL]
        return f"bubblewrap, without: {', '.join(lacking)}" if lacking else "bubblewrap"

    def _break_it(self) -> tuple[str, ...]:
        """The names of what the sandbox promises and does not keep: tried by two submissions in a row."""
        limits, broken = Limits(call=60, cell=120, total=300), set()
        code = BREAKER.replace("@root@", repr(str(ROOT))).replace("@attempts@", repr(PROTECTIONS))
        try:
            for _ in range(2):
                student = Student(self.fork("nobody", limits.memory), limits, Clock(limits))
                student.run("probe", code)
                broken |= set(student.look_up("broken"))
                self.end()
        except (Stopped, BorderError, StudentError) as error:
            raise SandboxError(f"Nothing runs in the sandbox here ({error}). {REMEDY}") from error
        return tuple(name for name in PROTECTIONS if name in broken)

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        program = [sys.executable, "-m", "grader.student", *self._modules]
        if self._unsafe:
            self._folder = Path(tempfile.mkdtemp(prefix="course-grading-"))
            where = {"cwd": self._folder, "env": environment(str(ROOT), str(self._folder))}
        else:
            where = {}
        filters = [] if self._unsafe else [seccomp_file()]
        if filters:
            program = [*command("--seccomp", str(filters[0])), *program]
        self._process = subprocess.Popen(
            program,
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

    def interrupt(self) -> None:
        """Press Ctrl-C in the student process."""
        with contextlib.suppress(OSError):
            self._control.sendall(b"I")

    def waited(self) -> float:
        """Seconds that the present submission waited for a processor; 0 where that is not known."""
        try:
            self._control.settimeout(10)
            self._control.sendall(b"T")
            return float(json.loads(self._line(60))["waited"])
        except (OSError, TypeError, ValueError, KeyError):
            return 0.0

    def end(self, gone: bool = False) -> str:
        """End the student process and all it has left behind; why it had ended by itself (`gone`), or ""."""
        try:
            self._control.settimeout(10)
            self._control.sendall(b"G" if gone else b"E")
            line = self._line(120)
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
