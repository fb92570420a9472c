"""Grades one submission: student code runs over there, our tests run here and ask for it by name."""

import ast
import builtins
import contextlib
import ctypes
import math
import random
import threading
import time
import traceback
import zlib

import numpy as np
import torch

from course_utils.checks import CheckFailed
from course_utils.grading import GRADER_VERSION, border, submission
from course_utils.grading.border import Limits, Stopped, StudentError
from course_utils.grading.exercise import Cell, Exercise
from course_utils.grading.sandbox import Sandbox

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
        self._sandbox, self._student_id, self._limits = sandbox, student_id, limits
        self._deadline = time.monotonic() + limits.total
        self._cells: list[tuple[str, str]] = []  # run so far, without those that stopped the process
        self._student: border.Student | None = None
        self.errors: dict[str, str] = {}  # cell → what went wrong in it
        self.stops: list[str] = []

    def student(self) -> border.Student:
        """A process in which all cells so far have been run."""
        while self._student is None:
            channel = self._sandbox.fork(self._student_id, self._limits.memory)
            self._student = border.Student(channel, self._limits, self._deadline)
            for name, source in list(self._cells):
                if self._student is not None:
                    self._run(name, source)
        return self._student

    def run(self, name: str, source: str) -> None:
        self.student()
        self._cells.append((name, source))
        self._run(name, source)

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
        cause = self._sandbox.end()
        self._student = None
        reason = str(stop) if "longer than" in str(stop) else cause or str(stop)
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
    student_id: str,
    sandbox: Sandbox,
    limits: Limits = Limits(),  # noqa: B008
) -> dict:
    """The record of one submission."""
    begun = time.perf_counter()
    found = submission.read(content, exercise)
    notebook = Notebook(sandbox, student_id, limits)
    cells = {}
    try:
        for cell in exercise.cells:
            if cell.kind == "setup":
                notebook.run(cell.id, cell.source)
            elif cell.kind == "task":
                for number, extra in enumerate(found.extras.get(cell.id, [])):
                    notebook.run(f"before {cell.id} ({number + 1})", extra)
                if cell.id == "student-id":
                    notebook.run(cell.id, f"student_id = {student_id!r}")
                elif cell.id in found.answers:
                    notebook.run(cell.id, found.answers[cell.id])
            elif cell.kind == "test":
                cells[cell.id] = test(cell, exercise, notebook, student_id, limits)
            elif cell.kind == "essay":
                cells[cell.id] = essay(cell, found.answers.get(cell.id, ""))
    finally:
        notebook.close()
    return {
        "student": student_id,
        "exercise": exercise.id,
        "status": "stopped" if notebook.stops else "graded",
        "score": round(sum(cell["score"] or 0 for cell in cells.values()), 4),
        "max": exercise.max,
        "cells": cells,
        "flags": found.flags + notebook.stops,
        "sandbox": sandbox.stamp,
        "grader": GRADER_VERSION,
        "source_hash": exercise.source_hash,
        "seconds": round(time.perf_counter() - begun, 2),
    }


def essay(cell: Cell, answer: str) -> dict:
    if blank(answer, cell):
        return {"score": 0, "max": cell.points, "reason": "Left blank."}
    return {"score": None, "max": cell.points, "reason": "Waits for a mark."}


def blank(answer: str, cell: Cell) -> bool:
    """Whether an essay still says what it said when it was handed out, or nothing."""
    return "".join(answer.split()) in ("", "".join(cell.released.split()))


def test(cell: Cell, exercise: Exercise, notebook: Notebook, student_id: str, limits: Limits) -> dict:
    """Score and reason of one test cell."""
    if notebook.out_of_time:
        reason = f"Could not run: the whole notebook took longer than {limits.total:.0f} seconds."
        return {"score": 0, "max": cell.points, "reason": reason}
    seed = zlib.crc32(cell.id.encode())
    stop, last = None, None
    try:
        student = notebook.student()
        student.begin_cell(seed)
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - test cells may use the old generator
        random.seed(seed)
        with time_limit(limits.cell + 5):
            last = execute(cell, Names(student, student_id))
        stop = student.stopped and Stopped(student.stopped)
    except (Stopped, border.BorderError) as error:
        stop = error
    except Exception as error:
        return {"score": 0, "max": cell.points, "reason": why(error, cell, exercise, notebook)}
    if stop:
        reason = notebook.stop(f"test {cell.id}", stop)
        return {"score": 0, "max": cell.points, "reason": f"Could not run: {reason}."}
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
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == cell.id]
    hidden = bool(lines) and cell.is_hidden(lines[0])
    where = " on inputs that the notebook does not show" if hidden else ""
    if isinstance(error, StudentError):
        if error.name == "NotImplementedError":
            return "Not answered yet."
        if error.name == "NameError" and not error.place:
            return f"{missing_name(error.text)}{what_failed(cell, exercise, notebook)}"
        return (
            f"Your code failed{where}: {error.name + ' in ' + error.place if hidden and error.place else told(error)}"
        )
    if isinstance(error, AssertionError):
        return str(error) or "A check does not hold."
    return f"The check could not use what your code returned{where} ({type(error).__name__})."


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
def time_limit(seconds: float):
    """Raise Stopped in this thread after `seconds`: a test may loop as often as a student's number says."""
    thread, lock, running = threading.get_ident(), threading.Lock(), True

    def interrupt() -> None:
        with lock:
            if running:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TestStopped))

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            running = False


class TestStopped(Stopped):
    """Raised in a test that takes too long by itself."""

    def __str__(self) -> str:
        return "the check took longer than it may with what the code returned"
