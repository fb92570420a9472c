"""Grades one submission: student code runs over there, our tests run here and ask for it by name."""

import ast
import builtins
import contextlib
import ctypes
import hashlib
import math
import os
import random
import re
import threading
import time
import traceback
import unicodedata
import zlib

import numpy as np
import torch

try:
    import resource
except ImportError:  # Windows
    resource = None

from course_utils.checks import CheckFailed
from grader import GRADER_VERSION, border, submission
from grader.border import Stopped, StudentError
from grader.exercise import Cell, Exercise
from grader.sandbox import Limits, Sandbox

PASSED = "All checks hold."


class Names(dict):
    """The namespace of a test cell: a name that it does not define itself is asked for in the student's process.

    A builtin stays Python's own, whatever the student calls so.
    """

    def __init__(self, student: border.Student, student_id: str):
        super().__init__(__name__="__main__", student_id=student_id)
        self._student = student

    def __missing__(self, name: str):
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        return self._student.look_up(name)


class Notebook:
    """The student's side of one submission: cells are run as they come; after a stop, again in a fresh process."""

    def __init__(self, sandbox: Sandbox, student_id: str, limits: Limits):
        self._sandbox, self.student_id, self.limits = sandbox, student_id, limits
        self._deadline = time.monotonic() + limits.total
        self._cells: list[tuple[str, str]] = []  # run so far, without those that stopped the process
        self._student: border.Student | None = None
        self.errors: dict[str, str] = {}  # cell → what went wrong in it
        self.stops: list[str] = []
        self.notes: list[str] = []
        self._own_time = limits.cell  # seconds left for cells that are no answers

    def student(self) -> border.Student:
        """A process in which all cells so far have been run."""
        while self._student is None:
            channel = self._sandbox.fork(self.student_id, self.limits.memory)
            self._student = border.Student(channel, self.limits, self._deadline)
            for name, source in list(self._cells):
                if self._student is not None:
                    self._run(name, source)
        return self._student

    def run(self, name: str, source: str) -> None:
        self.student()
        self._cells.append((name, source))
        self._run(name, source)

    def run_own(self, name: str, source: str) -> None:
        """A cell that is no answer: an experiment, a helper. All of them have as much time as one cell, on top."""
        if self._own_time <= 0:
            note = "the learner's own cells took too long: not all were run"
            self.notes += [note] if note not in self.notes else []
            return
        begun = time.monotonic()
        self.run(name, source)
        took = time.monotonic() - begun
        self._own_time -= took
        self._deadline += took
        if self._student is not None:
            self._student.extend(took)

    def _run(self, name: str, source: str) -> None:
        self.errors.pop(name, None)
        try:
            self._student.run(name, source)
        except StudentError as error:
            self.errors[name] = told(error)
        except (border.BorderError, Stopped) as stop:
            self._cells.remove((name, source))  # it would stop every other process as well
            self.errors[name] = self.stop(f"cell {name}", stop)

    def stop(self, where: str, stop: BaseException) -> str:
        """Give the present process up; why it had to end, in words."""
        late = "longer than" in str(stop)
        cause = self._sandbox.end(gone=not late)
        self._student = None
        reason = str(stop) if late else cause or str(stop)
        self.stops.append(f"{where}: {reason}")
        return reason

    @property
    def out_of_time(self) -> bool:
        return time.monotonic() > self._deadline

    def close(self) -> None:
        if self._student is not None:
            self._sandbox.end()
            self._student = None


def grade(
    exercise: Exercise,
    content: bytes,
    student: str,
    sandbox: Sandbox,
    limits: Limits = Limits(),  # noqa: B008 - it cannot be changed
    *,
    own_id: bool = False,
    part: Exercise | None = None,
    until_lost: bool = False,
) -> dict:
    """The record of one submission, whatever it holds.

    `own_id`: learners could not know the name that their file got (a download from Moodle or Canvas), so the
    student_id that they entered chooses their variant of the exercise. For the self-test: `part`, the exercise without
    some of its cells, is all that is run, and `until_lost` ends at the first test that gives less than all its points.
    """
    begun = time.perf_counter()
    record = {"student": student, "exercise": exercise.id, "status": "graded", "score": 0, "max": exercise.max}
    record |= {"cells": {}, "flags": [], "sandbox": sandbox.stamp, "grader": GRADER_VERSION}
    record |= {"source_hash": exercise.source_hash, "submission_hash": hashlib.sha256(content).hexdigest()}
    try:
        with guarded(limits.cell):
            found = submission.read(content, exercise)
    except (submission.Unreadable, TestStopped) as error:
        record |= {"status": "unreadable", "flags": [str(error)]}
        record["cells"] = {cell.id: lost(cell, f"Could not run: {error}") for cell in exercise.graded}
    else:
        student_id = found.claimed_id if own_id and found.claimed_id else student
        entered = "" if found.claimed_id in placeholders(exercise) else found.claimed_id
        record |= {"student_id": student_id, "entered_id": entered}
        found.flags += redefinitions(exercise, found)
        if own_id and not entered and placeholders(exercise):
            found.flags.append("student_id was not filled in, so the variant is not a learner's own")
        if entered not in ("", student_id):
            found.flags.append(f"student_id in the notebook is {found.claimed_id!r}")
        notebook = Notebook(sandbox, student_id, limits)
        try:
            record["cells"] = run(part or exercise, found, notebook, until_lost)
        finally:
            notebook.close()
        record["answers"] = {cell.id: found.answers.get(cell.id, "") for cell in exercise.of_kind("essay")}
        record["flags"] = [*found.flags, *notebook.notes, *(f"stopped in {stop}" for stop in notebook.stops)]
        if notebook.stops:
            record["status"] = "stopped"
    record["score"] = round(sum(cell["score"] or 0 for cell in record["cells"].values()), 4)
    record["seconds"] = round(time.perf_counter() - begun, 2)
    return record


def run(
    exercise: Exercise, found: submission.Submission, notebook: Notebook, until_lost: bool = False
) -> dict[str, dict]:
    """Go through the exercise from top to bottom: what each graded cell gives."""
    scores = {}
    tasks = [cell.id for cell in exercise.of_kind("task")]
    for cell in exercise.cells:
        for number, extra in enumerate(found.extras.get(cell.id, []), 1):
            notebook.run_own(f"{number} above {cell.id}", extra)
        if cell.kind == "setup":
            notebook.run(cell.id, cell.source)
        elif cell.kind == "task":
            if cell.id == "student-id":
                notebook.run(cell.id, f"student_id = {notebook.student_id!r}")
            elif cell.id in found.answers:
                notebook.run(cell.id, found.answers[cell.id])
            if cell.id == tasks[-1]:
                for number, extra in enumerate(found.last, 1):
                    notebook.run_own(f"{number} below {cell.id}", extra)
        elif cell.kind == "test":
            scores[cell.id] = test(cell, exercise, notebook)
            if until_lost and scores[cell.id]["score"] < cell.points:
                break
        elif cell.kind == "essay":
            scores[cell.id] = essay(cell, found.answers.get(cell.id, ""))
    return scores


def redefinitions(exercise: Exercise, found: submission.Submission) -> list[str]:
    """Flags for code of the learner's that replaces what a set-up cell defines: tests may rely on it."""
    given = {name for cell in exercise.of_kind("setup") for name in submission.defined(cell.source)}
    tasks = [found.answers[cell.id] for cell in exercise.of_kind("task") if cell.id in found.answers]
    code = [*tasks, *(extra for several in found.extras.values() for extra in several), *found.last]
    replaced = sorted(given & {name for source in code for name in submission.defined(source)})
    return [f"{name}, which a set-up cell defines, is defined again by the learner's code" for name in replaced]


def placeholders(exercise: Exercise) -> set[str]:
    """The student_id that the exercise was handed out with."""
    cells = [cell for cell in exercise.cells if cell.id == "student-id"]
    return {name for cell in cells for name in re.findall(r"['\"]([^'\"]*)['\"]", cell.source)}


def lost(cell: Cell, reason: str) -> dict:
    return {"score": 0, "max": cell.points, "reason": reason}


def essay(cell: Cell, answer: str) -> dict:
    if blank(answer, cell):
        return lost(cell, "Left blank.")
    return {"score": None, "max": cell.points, "reason": "Waits for a mark."}


def blank(answer: str, cell: Cell) -> bool:
    """Whether an essay still says what it said when it was handed out, or nothing."""
    visible = "".join(letter for letter in answer if unicodedata.category(letter) != "Cf")
    return "".join(visible.split()) in ("", "".join(cell.released.split()))


def test(cell: Cell, exercise: Exercise, notebook: Notebook) -> dict:
    """Score and reason of one test cell."""
    if notebook.out_of_time:
        return lost(cell, f"Could not run: the whole notebook took longer than {notebook.limits.total:.0f} seconds.")
    seed = zlib.crc32(cell.id.encode())
    stop, last = None, None
    try:
        student = notebook.student()
        student.begin_cell(seed)
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - test cells may use the old generator
        random.seed(seed)
        with guarded(notebook.limits.cell + 5):
            last = execute(cell, Names(student, notebook.student_id))
        stop = student.stopped and Stopped(student.stopped)
    except (Stopped, border.BorderError) as error:
        stop = error
    except Exception as error:
        return lost(cell, why(error, cell, exercise, notebook)) | ({"hidden": True} if in_hidden(error, cell) else {})
    if stop:
        return lost(cell, f"Could not run: {notebook.stop(f'test {cell.id}', stop)}.")
    partial = isinstance(last, (int, float)) and not isinstance(last, bool) and math.isfinite(last)
    score = min(max(last, 0), cell.points) if partial else cell.points
    reason = PASSED if score == cell.points else f"{score:g} of {cell.points:g} points."
    return {"score": score, "max": cell.points, "reason": reason}


def execute(cell: Cell, names: dict):
    """Run a test cell of ours; the value of its last line if that is an expression."""
    tree = ast.parse(cell.source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, cell.id, "exec"), names)
    return eval(compile(ast.Expression(last.value), cell.id, "eval"), names) if last else None


def why(error: Exception, cell: Cell, exercise: Exercise, notebook: Notebook) -> str:
    """Why a test cell gives nothing, for the learner: no inputs or values of hidden tests are in it."""
    if isinstance(error, CheckFailed):
        return str(error)
    hidden = in_hidden(error, cell)
    where = " on inputs that the notebook does not show" if hidden else ""
    if isinstance(error, StudentError):
        if error.name == "NotImplementedError":
            return "Not answered yet."
        if error.name == "NameError" and not error.place:
            return f"{missing_name(error.text)}{what_failed(cell, exercise, notebook)}"
        if hidden:  # neither the error's text nor the name of a class may carry the inputs out
            kind = next((one.__name__ for one in type(error).__mro__ if one.__module__ == "builtins"), "Exception")
            at = re.match(r"cell [a-z0-9-]{1,64}, line \d{1,5}", error.place)
            return f"Your code failed{where}: {kind}{' in ' + at[0] if at else ''}."
        return f"Your code failed: {told(error)}"
    if isinstance(error, AssertionError):
        return str(error) or "A check does not hold."
    text = "" if hidden else ": " + " ".join(str(error).split())[:200]
    return f"The check could not use what your code returned{where} ({type(error).__name__}{text})."


def in_hidden(error: Exception, cell: Cell) -> bool:
    """Whether an error arose from the hidden part of a test cell."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == cell.id]
    return bool(lines) and cell.is_hidden(lines[0])


def told(error: StudentError) -> str:
    """An error of student code in a line."""
    text = " ".join(error.text.split())[:300]
    return f"{error.name}{': ' + text if text else ''}{' (' + error.place + ')' if error.place else ''}"


def missing_name(text: str) -> str:
    return text[:1].upper() + text[1:200].rstrip(".") + "."


def what_failed(cell: Cell, exercise: Exercise, notebook: Notebook) -> str:
    """The error of the nearest task above a test, which may be why a name is missing."""
    above = exercise.cells[: exercise.cells.index(cell)]
    for task in reversed([other for other in above if other.kind == "task"]):
        if task.id in notebook.errors:
            if "NotImplementedError" in notebook.errors[task.id]:
                return " The task is not answered yet."
            return f" Cell {task.id} failed: {notebook.errors[task.id]}"
    return ""


@contextlib.contextmanager
def guarded(seconds: float, memory: int = 4 * 2**30):
    """Bounds for a test of ours: it may loop as often, or allocate as much, as a student's number says.

    After `seconds` it raises Stopped in this thread, whichever thread that is; beyond `memory` bytes more than now,
    allocation fails as usual.
    """
    thread, lock, running = threading.get_ident(), threading.Lock(), True

    def interrupt() -> None:
        with lock:
            if running:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TestStopped))

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    before = set_memory_limit(memory)
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            running = False
        set_memory_limit(None, before)


def set_memory_limit(more: int | None, back_to=None):
    """Limit this process to `more` bytes of address space than it has; the limit before. None where impossible."""
    if resource is None or not os.path.exists("/proc/self/statm"):
        return None
    before = resource.getrlimit(resource.RLIMIT_AS)
    if more is None:
        limit = back_to
    else:
        with open("/proc/self/statm") as file:
            limit = (int(file.read().split()[0]) * resource.getpagesize() + more, before[1])
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_AS, limit)
    return before


class TestStopped(Stopped):
    """Raised in a test that takes too long by itself."""

    __test__ = False  # pytest: this is no test

    def __str__(self) -> str:
        return "the check took longer than it may with what the code returned"
