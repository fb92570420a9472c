"""Grades one submission: student code runs over there, our tests run here and ask for it by name."""

import ast
import builtins
import hashlib
import math
import os
import random
import re
import time
import traceback
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from course_utils.checks import CheckFailed
from grader import GRADER_VERSION, border, submission
from grader.apart import TooMuch, apart
from grader.border import Clock, Stopped, StudentError
from grader.exercise import Cell, Exercise, names_in
from grader.sandbox import Limits, Sandbox

PASSED = "All checks hold."
SEED = zlib.crc32(b"course")  # for student code, the same in every test: it must not tell which test is asking


class Names(dict):
    """The namespace of a test cell: a name that it does not define itself is asked for in the student's process.

    A builtin stays Python's own, whatever the student calls so.
    """

    def __init__(self, student: border.Student, student_id: str, setup: "Setup"):
        super().__init__(__name__="__main__", student_id=student_id, __ours__=setup.name)
        self._student = student

    def __missing__(self, name: str):
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        return self._student.look_up(name)


class Setup:
    """What the set-up cells and the answers of our own source above a test define, made here (`checks.ours`)."""

    def __init__(self, exercise: Exercise, test: Cell):
        above = exercise.cells[: exercise.cells.index(test)]
        self._cells = [cell for cell in above if cell.kind in ("setup", "task")]
        self._names: dict = {"__name__": "__main__"}
        self._run: set[str] = set()

    def name(self, name: str):
        """The value of a name; only the cells that it needs are run."""
        self._need(name, len(self._cells))
        if name not in self._names:
            raise KeyError(f"no set-up cell or answer defines {name}")
        return self._names[name]

    def _need(self, name: str, end: int) -> None:
        for place in reversed(range(end)):
            cell = self._cells[place]
            bound, used = names_in(cell.source)
            if name in bound:
                if cell.id not in self._run:
                    self._run.add(cell.id)
                    for other in sorted(used):
                        self._need(other, place)
                    exec(compile(cell.source, cell.id, "exec"), self._names)
                return


@dataclass(frozen=True)
class Step:
    """One cell to be run: `kind` is ours (a set-up cell), answer, own (the learner's other code), test or essay."""

    kind: str
    name: str
    source: str = ""
    cell: Cell | None = None


class Notebook:
    """The student's side of one submission: cells are run as they come; after a stop, again in a fresh process."""

    def __init__(self, sandbox: Sandbox, student_id: str, limits: Limits):
        self._sandbox, self.student_id, self.limits = sandbox, student_id, limits
        self.clock = Clock(limits)
        self._cells: list[tuple[str, str, float | None]] = []  # run so far, without those that stopped the process
        self._student: border.Student | None = None
        self.errors: dict[str, str] = {}  # cell → what went wrong in it
        self.own: dict[str, str] = {}  # the learner's other cells → how they begin
        self.stops: list[str] = []
        self.notes: list[str] = []
        self.given: dict[str, frozenset[str]] = {}  # set-up cell → the names that it binds
        self.knows = False  # whether the present process has seen inputs of hidden tests
        self._own_time = 2 * limits.cell  # seconds for cells that are no answers

    def student(self) -> border.Student:
        """A process in which all cells so far have been run."""
        while self._student is None:
            channel = self._sandbox.fork(self.student_id, self.limits.memory)
            self.clock.attend(self._sandbox.waited)
            self._student = border.Student(channel, self.limits, self.clock)
            self._student.interrupt = self._sandbox.interrupt
            self.knows = False
            for name, source, seconds in list(self._cells):
                if self._student is not None:
                    self._run(name, source, seconds)
        return self._student

    def run(self, name: str, source: str, seconds: float | None = None) -> None:
        self.student()
        self._cells.append((name, source, seconds))
        self._run(name, source, seconds)

    def run_own(self, name: str, source: str) -> None:
        """A cell that is no answer: an experiment, a helper. All of them have as much time as two answers, on top; a
        cell that takes more is interrupted, and those below it are still run, for a short time each."""
        self.own[name] = next((line.strip() for line in source.splitlines() if line.strip()), "")[:60]
        left = max(self._own_time, self.limits.call / 6)
        begun = time.monotonic()
        self.run(name, source, left)
        took = time.monotonic() - begun
        if self.errors.get(name, "").startswith("KeyboardInterrupt: it took longer"):
            self.stops.append(f"{self.shown(name)}: {self.errors[name].removeprefix('KeyboardInterrupt: ')}")
        if took > left - 0.01:
            note = f"the learner's own cells took too long: {self.shown(name)} was interrupted"
            self.notes += [note] if not any("took too long" in one for one in self.notes) else []
        self._own_time -= took
        self.clock.extend(took)

    def _run(self, name: str, source: str, seconds: float | None) -> None:
        self.errors.pop(name, None)
        try:
            self._student.run(name, source, seconds, self.given.get(name, ()))
        except StudentError as error:
            self.errors[name] = self.told(error)
        except (border.BorderError, Stopped) as stop:
            self._cells.remove((name, source, seconds))  # it would stop every other process as well
            self.errors[name] = self.stop(self.shown(name), stop)

    def stop(self, where: str, stop: BaseException) -> str:
        """Give the present process up; why it had to end, in words."""
        late = "longer than" in str(stop)
        if late:
            self.clock.put_off()
        cause = self._sandbox.end(gone=not late)
        self._student = None
        reason = str(stop) if late else cause or str(stop)
        self.stops.append(f"{where}: {reason}")
        if late and (self.clock.given > 0.1 * (time.monotonic() - self.clock.begun) or busy()):
            note = "a time limit was reached while the machine was busy with other work: grade it --again to be fair"
            self.notes += [note] if note not in self.notes else []
        return reason

    def shown(self, name: str) -> str:
        """A cell's name for people."""
        return f"your cell `{self.own[name]}`" if name in self.own else f"cell {name}"

    def told(self, error: StudentError) -> str:
        """An error of student code in a line."""
        text = " ".join(error.text.split())[:300]
        place = error.place
        if found := re.fullmatch(r"cell (own-\d+)(, line \d+)", place):
            place = f"your cell `{self.own.get(found[1], '')}`{found[2]}"
        twice = not place or f"({place})" in text
        return f"{error.name}{': ' + text if text else ''}{'' if twice else ' (' + place + ')'}"

    def restart(self) -> None:
        """Begin anew in a process that has seen no test."""
        self.close()
        self._cells, self.errors = [], {}

    def close(self) -> None:
        if self._student is not None:
            self._sandbox.end()
            self._student = None


def busy() -> bool:
    """Whether more is waiting for a processor than there are."""
    try:
        return os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)
    except OSError:
        return False


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
    problem: str = "",
) -> dict:
    """The record of one submission, whatever it holds.

    `own_id`: learners could not know the name that their file got (a download from Moodle or Canvas), so the
    student_id that they entered chooses their variant of the exercise. `problem`: why there is no content. For the
    self-test: `part`, the exercise without some of its cells, is all that is run, and `until_lost` ends at the first
    test that gives less than all its points.
    """
    begun = time.perf_counter()
    record = {"student": student, "exercise": exercise.id, "status": "graded", "score": 0, "max": exercise.max}
    record |= {"cells": {}, "flags": [], "sandbox": sandbox.stamp, "grader": GRADER_VERSION}
    record |= {"source_hash": exercise.source_hash, "submission_hash": hashlib.sha256(content).hexdigest()}
    record |= {"names": exercise.titles, "sections": exercise.sections}
    try:
        if problem:
            raise submission.Unreadable(problem)
        found = apart(lambda: submission.read(content, exercise), limits.cell)
    except (submission.Unreadable, TooMuch) as error:
        reason = str(error) if isinstance(error, submission.Unreadable) else "The file takes too long to read."
        record |= {"status": "unreadable", "flags": [reason]}
        record["cells"] = {cell.id: lost(cell, f"Could not run: {reason}") for cell in exercise.graded}
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
        record["flags"] = [border.readable(flag, 3000) for flag in record["flags"]]
        if notebook.stops:
            record["status"] = "stopped"
    record["score"] = round(sum(cell["score"] or 0 for cell in record["cells"].values()), 4)
    record["seconds"] = round(time.perf_counter() - begun, 2)
    return record


def steps(exercise: Exercise, found: submission.Submission) -> Iterator[Step]:
    """The exercise from top to bottom, with what the learner added to it."""
    number = 0

    def own(sources: list[str]) -> Iterator[Step]:
        nonlocal number
        for source in sources:
            number += 1
            yield Step("own", f"own-{number}", source)

    wanted = borrowed(exercise, found)
    for cell in exercise.cells:
        yield from own(found.extras.get(cell.id, []))
        if cell.kind == "setup":
            yield Step("ours", cell.id, cell.source)
        elif cell.id == "student-id":
            yield Step("answer", cell.id)
        elif cell.kind == "task" and cell.id in found.answers:
            yield Step("answer", cell.id, found.answers[cell.id])
        elif cell.kind in ("test", "essay"):
            yield Step(cell.kind, cell.id, cell.source, cell)
            if cell.id in wanted:
                yield Step("ours", cell.id, wanted[cell.id])
        yield from own(found.added.get(cell.id, []))
    yield from own(found.last)


def borrowed(exercise: Exercise, found: submission.Submission) -> dict[str, str]:
    """For each test the code of it that defines what the learner's code further down uses: as in Jupyter, where the
    learner has run it."""
    wanted, bound = {}, set()

    def learners(cell: Cell) -> list[str]:
        return [*found.extras.get(cell.id, []), found.answers.get(cell.id, ""), *found.added.get(cell.id, [])]

    for place, cell in enumerate(exercise.cells):
        above = found.extras.get(cell.id, [])
        bound |= names_in(*above, cell.source if cell.kind == "setup" else found.answers.get(cell.id, ""))[0]
        if cell.kind == "test":
            below = [source for other in exercise.cells[place + 1 :] for source in learners(other)]
            needed = names_in(*below, *found.added.get(cell.id, []), *found.last)[1] - bound
            tree = ast.parse(cell.visible)
            imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
            given = "\n".join(ast.unparse(node) for node in imports)
            if needed & names_in(cell.visible)[0] - names_in(given)[0]:
                wanted[cell.id] = cell.visible
            elif needed & names_in(given)[0]:
                wanted[cell.id] = given
        bound |= names_in(*found.added.get(cell.id, []))[0]
    return wanted


def run(
    exercise: Exercise, found: submission.Submission, notebook: Notebook, until_lost: bool = False
) -> dict[str, dict]:
    """Go through the exercise from top to bottom: what each graded cell gives."""
    scores: dict[str, dict] = {}
    answered = names_in(*(cell.source for cell in exercise.of_kind("task")))[0]
    notebook.given = {cell.id: names_in(cell.source)[0] - answered for cell in exercise.of_kind("setup")}
    plan = list(steps(exercise, found))
    for step in plan:
        if step.kind == "test":
            scores[step.name] = mark(step.cell, exercise, notebook, scores)
            if until_lost and scores[step.name]["score"] < step.cell.points:
                break
        elif step.kind == "essay":
            scores[step.name] = essay(step.cell, found)
        else:
            execute_step(step, notebook)
    if any("unclear" in score for score in scores.values()):
        explain(plan, exercise, notebook, scores)
    name_dependent_losses(exercise, found, scores)
    failed = first_failure(notebook)
    if failed and any(score["score"] is not None and score["score"] < score["max"] for score in scores.values()):
        notebook.notes.append(f"the first of the learner's own cells that failed: {failed}")
    return scores


def execute_step(step: Step, notebook: Notebook) -> None:
    if step.kind == "own":
        notebook.run_own(step.name, step.source)
    elif step.name == "student-id":
        notebook.run(step.name, f"student_id = {notebook.student_id!r}")
    else:
        notebook.run(step.name, step.source)


def explain(plan: list[Step], exercise: Exercise, notebook: Notebook, scores: dict[str, dict]) -> None:
    """Errors of student code may be told word for word only by a process that has seen no hidden test: run the visible
    parts of those tests again in one."""
    stops, notes = list(notebook.stops), list(notebook.notes)
    notebook.restart()
    left = [name for name, score in scores.items() if score.pop("unclear", False)]
    for step in plan:
        if not left or notebook.clock.out_of_time:
            break
        if step.kind in ("ours", "answer", "own"):
            execute_step(step, notebook)
        elif step.name in left:
            left.remove(step.name)
            again = mark(step.cell, exercise, notebook, scores, visible=True)
            if again["score"] == 0 and not again.get("stopped"):
                scores[step.name]["reason"] = again["reason"]
    notebook.stops, notebook.notes = stops, notes


def name_dependent_losses(exercise: Exercise, found: submission.Submission, scores: dict[str, dict]) -> None:
    """Say of a lost check that it needs something whose own check is lost."""
    tasks = exercise.of_kind("task")
    binds: dict[str, str] = {}
    uses: dict[str, frozenset[str]] = {}
    for cell in tasks:
        bound = names_in(cell.source)[0]
        mine = names_in(found.answers.get(cell.id, ""))
        uses[cell.id] = mine[1]
        for name in bound | mine[0]:
            binds.setdefault(name, cell.id)
    lost_by: dict[str, str] = {}  # task → its first check that is lost
    for cell in exercise.of_kind("test"):
        if cell.id not in scores:
            continue
        own = {task.id for task in exercise.tasks_of(cell)}
        needed, waiting = set(), {binds[name] for name in names_in(cell.source)[1] if name in binds}
        while waiting:
            task = waiting.pop()
            needed.add(task)
            waiting |= {binds[name] for name in uses[task] if name in binds} - needed
        score = scores[cell.id]
        if score["score"] is None or score["score"] >= score["max"]:
            continue
        causes = [lost_by[task.id] for task in tasks if task.id in needed - own and task.id in lost_by]
        if causes and "depends on" not in score["reason"]:
            score["reason"] += f" It depends on {causes[0]}, which is lost too: mend that first."
        for task in own:
            lost_by.setdefault(task, cell.id)


def first_failure(notebook: Notebook) -> str:
    """The first of the learner's own cells that failed, and how; "" if none did."""
    failed = next((one for one in notebook.own if one in notebook.errors), None)
    return f"`{notebook.own[failed]}`: {notebook.errors[failed]}" if failed else ""


def redefinitions(exercise: Exercise, found: submission.Submission) -> list[str]:
    """Flags for code of the learner's that replaces what a set-up cell defines: tests may rely on it."""
    given = {name for cell in exercise.of_kind("setup") for name in submission.defined(cell.source)}
    tasks = [found.answers[cell.id] for cell in exercise.of_kind("task") if cell.id in found.answers]
    several = [*found.extras.values(), *found.added.values()]
    code = [*tasks, *(extra for some in several for extra in some)]  # what comes last changes no test
    replaced = sorted(given & {name for source in code for name in submission.defined(source)})
    return [f"{name}, which a set-up cell defines, is defined again by the learner's code" for name in replaced]


def placeholders(exercise: Exercise) -> set[str]:
    """The student_id that the exercise was handed out with."""
    cells = [cell for cell in exercise.cells if cell.id == "student-id"]
    return {name for cell in cells for name in re.findall(r"['\"]([^'\"]*)['\"]", cell.source)}


def lost(cell: Cell, reason: str) -> dict:
    return {"score": 0, "max": cell.points, "reason": reason}


def essay(cell: Cell, found: submission.Submission) -> dict:
    if not submission.is_blank(found.answers.get(cell.id, ""), cell):
        return {"score": None, "max": cell.points, "reason": "Waits for a mark."}
    if found.unassigned:
        reason = "Waits for a mark: its cell is blank, but the notebook holds text that belongs to no question (flags)."
        return {"score": None, "max": cell.points, "reason": reason}
    return lost(cell, "Left blank.")


def mark(cell: Cell, exercise: Exercise, notebook: Notebook, scores: dict[str, dict], visible: bool = False) -> dict:
    """Score and reason of one test cell; with `visible`, of the part that learners see."""
    if notebook.clock.out_of_time:
        return lost(cell, f"Could not run: the whole notebook took longer than {notebook.limits.total:.0f} seconds.")
    given = [] if visible else [name for name in cell.given if lost_points(name, exercise, scores)]
    limits = notebook.limits
    try:
        student = notebook.student()
        student.begin_cell(SEED)
        for name in given:
            student.ask("lend", source=next(task.source for task in exercise.cells if task.id == name))
        result = apart(
            lambda: outcome(cell, exercise, notebook, student, visible),
            limits.cell + 5,
            most=(limits.total + limits.cell) * Clock.MOST + 60,
        )
        clock = student.clock
        clock.end, clock.cell_end, clock.given, clock._counted = result.pop("clock")
        student.stopped = result.pop("stopped")
        if given and not student.stopped:
            student.ask("take_back")
        stop = student.stopped and Stopped(student.stopped)
    except TooMuch:
        stop = Stopped("the check took longer, or more memory, than it may with what the code returned")
    except (Stopped, border.BorderError) as error:
        stop = error
    except StudentError as error:
        stop = error
    if stop:
        return lost(cell, f"Could not run: {notebook.stop(f'test {cell.id}', stop)}.") | (
            {"stopped": True} if visible else {}
        )
    notebook.knows = notebook.knows or (cell.visible != cell.source and result.pop("went_on"))
    result.pop("went_on", None)
    if given and result["score"] == result["max"]:
        result["reason"] = f"{PASSED} The course's own {' and '.join(given)} stood in the place of yours."
    return result


def lost_points(task: str, exercise: Exercise, scores: dict[str, dict]) -> bool:
    tests = [cell.id for cell in exercise.of_kind("test") if task in {one.id for one in exercise.tasks_of(cell)}]
    return any(scores[name]["score"] < scores[name]["max"] for name in tests if name in scores)


def outcome(cell: Cell, exercise: Exercise, notebook: Notebook, student: border.Student, visible: bool) -> dict:
    """What a test gives, and the state in which it leaves the conversation with the student's process."""
    seed = zlib.crc32(cell.id.encode())
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - test cells may use the old generator
    random.seed(seed)
    torch.set_default_dtype(student.default)
    source = cell.visible if visible else cell.source
    went_on = True  # whether the hidden part may have been reached
    try:
        last = execute(cell.id, source, Names(student, notebook.student_id, Setup(exercise, cell)))
    except (Stopped, border.BorderError) as error:
        student.stopped = student.stopped or str(error)
        found = {}
    except Exception as error:
        hidden = not visible and in_hidden(error, cell)
        went_on = hidden
        found = lost(cell, why(error, cell, exercise, notebook, hidden)) | ({"hidden": True} if hidden else {})
        told_by_learner = not isinstance(error, (CheckFailed, AssertionError)) or isinstance(error, StudentError)
        if notebook.knows and not hidden and told_by_learner and not is_missing(error):
            found |= {"unclear": True, "reason": why(error, cell, exercise, notebook, hidden, tell=False)}
    else:
        partial = isinstance(last, (int, float)) and not isinstance(last, bool) and math.isfinite(last)
        score = min(max(last, 0), cell.points) if partial else cell.points
        reason = PASSED if score == cell.points else f"{score:g} of {cell.points:g} points."
        found = {"score": score, "max": cell.points, "reason": reason}
    clock = student.clock
    state = (clock.end, clock.cell_end, clock.given, clock._counted)
    return found | {"stopped": student.stopped, "clock": state, "went_on": went_on}


def execute(name: str, source: str, names: dict):
    """Run a test cell of ours; the value of its last line if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    return eval(compile(ast.Expression(last.value), name, "eval"), names) if last else None


def is_missing(error: Exception) -> bool:
    """Whether a name that a test asked for is not there."""
    return isinstance(error, StudentError) and error.name == "NameError" and not error.place


def why(
    error: Exception, cell: Cell, exercise: Exercise, notebook: Notebook, hidden: bool | None = None, tell: bool = True
) -> str:
    """Why a test cell gives nothing, for the learner: no inputs or values of hidden tests are in it.

    Without `tell`, nothing is repeated that the learner's code may have written: it has seen hidden inputs.
    """
    if isinstance(error, CheckFailed):
        return str(error)
    hidden = in_hidden(error, cell) if hidden is None else hidden
    where = " on inputs that the notebook does not show" if hidden else ""
    tell = tell and not hidden
    if isinstance(error, StudentError):
        if error.name == "NotImplementedError":
            return unanswered(error, cell, exercise)
        if is_missing(error):
            return f"{missing_name(error.text)}{what_failed(cell, exercise, notebook)}"
        if not tell:  # neither the error's text nor the name of a class may carry the inputs out
            kind = next((one.__name__ for one in type(error).__mro__ if one.__module__ == "builtins"), "Exception")
            at = known_place(error.place, notebook)
            more = "" if hidden else " Run the check in your notebook to see all of the message."
            return f"Your code failed{where}: {kind}{' in ' + at if at else ''}.{more}"
        return f"Your code failed: {notebook.told(error)}{own_failure(notebook)}"
    if isinstance(error, AssertionError):
        return str(error) or "A check does not hold."
    text = ": " + border.readable(" ".join(str(error).split()), 200) if tell else ""
    return f"The check could not use what your code returned{where} ({type(error).__name__}{text})."


def known_place(place: str, notebook: Notebook) -> str:
    """A place in student code, if there is such a line."""
    found = re.fullmatch(r"cell ([a-z0-9-]{1,64}), line (\d{1,5})", place)
    if found:
        for name, source, _ in notebook._cells:
            if name == found[1] and 1 <= int(found[2]) <= source.count("\n") + 1:
                return place if name not in notebook.own else f"{notebook.shown(name)}, line {found[2]}"
    return ""


def unanswered(error: StudentError, cell: Cell, exercise: Exercise) -> str:
    """Which task waits for its answer: the test's own, or one that it needs."""
    found = re.match(r"cell ([a-z0-9-]+),", error.place)
    own = {task.id for task in exercise.tasks_of(cell)}
    other = found and found[1] in {task.id for task in exercise.of_kind("task")} - own
    return f"It depends on {found[1]}, which is not answered yet." if other and own else "Not answered yet."


def in_hidden(error: Exception, cell: Cell) -> bool:
    """Whether an error arose from the hidden part of a test cell."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == cell.id]
    return bool(lines) and cell.is_hidden(lines[0])


def missing_name(text: str) -> str:
    return text[:1].upper() + text[1:200].rstrip(".") + "."


def what_failed(cell: Cell, exercise: Exercise, notebook: Notebook) -> str:
    """The error of the nearest task above a test, which may be why a name is missing."""
    above = exercise.cells[: exercise.cells.index(cell)]
    for task in reversed([other for other in above if other.kind == "task"]):
        if task.id in notebook.errors:
            if "NotImplementedError" in notebook.errors[task.id]:
                return " The task is not answered yet."
            return f" Cell {task.id} failed: {notebook.errors[task.id]}{own_failure(notebook)}"
    return own_failure(notebook)


def own_failure(notebook: Notebook) -> str:
    failed = first_failure(notebook)
    return f" The first of your own cells that failed: {failed}" if failed else ""
