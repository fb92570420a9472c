"""The grader tried on its exercises: reference, blank, right and wrong answers."""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

from course_utils.grading import exercise as exercises
from course_utils.grading.exercise import ROOT, Exercise, ExerciseError

ANSWERS = ROOT / "tests" / "answers"
CELL = re.compile(r"^# %% *(.*)$", re.M)


@dataclass(frozen=True)
class Case:
    """A submission with the scores it must get: `loses` are the tests that give nothing, all others give all."""

    name: str
    content: bytes
    loses: tuple[str, ...]


def notebook(exercise: Exercise, answers: dict[str, str]) -> bytes:
    """The released notebook with `answers` in the place of its tasks and essays."""
    cells = []
    for cell in exercise.cells:
        one = {"cell_type": cell.type, "id": cell.id, "source": answers.get(cell.id, cell.released)}
        one["metadata"] = {}
        if cell.kind not in ("prose", "free"):
            kinds = {"grade": cell.kind in ("test", "essay"), "solution": cell.kind in ("task", "essay")}
            points = {"points": cell.points} if cell.points else {}
            marks = {"grade_id": cell.id, "schema_version": 3, "locked": cell.kind in ("setup", "test")}
            one["metadata"] = {"nbgrader": {**marks, **kinds, **points}}
        if cell.type == "code":
            one |= {"outputs": [], "execution_count": None}
        cells.append(one)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}).encode()


def reference(exercise: Exercise) -> dict[str, str]:
    return {cell.id: cell.source for cell in exercise.of_kind("task", "essay")}


def cases(exercise: Exercise, folder: Path) -> list[Case]:
    """Reference, blank, and the answers in `folder`."""
    tests = tuple(cell.id for cell in exercise.of_kind("test"))
    found = [
        Case("reference", notebook(exercise, reference(exercise)), ()),
        Case("blank", notebook(exercise, {}), tests),
    ]
    for path in sorted(folder.glob("*.py")):
        changes, loses = read_answer(path)
        unknown = sorted(set(changes) - {c.id for c in exercise.of_kind("task")}) + sorted(set(loses) - set(tests))
        if unknown:
            raise ExerciseError(f"{path.name}: {exercise.id} has no cell {', '.join(unknown)}.")
        if path.name.startswith("wrong_") != bool(loses):
            raise ExerciseError(f"{path.name}: a wrong answer loses something, a right one nothing.")
        found.append(Case(path.stem, notebook(exercise, reference(exercise) | changes), tuple(loses)))
    return found


def read_answer(path: Path) -> tuple[dict[str, str], list[str]]:
    """The cells that an answer replaces, and the tests that it must lose."""
    text = path.read_text(encoding="utf-8")
    try:
        words = ast.get_docstring(ast.parse(text)) or ""
    except SyntaxError as error:
        raise ExerciseError(f"{path.name}, line {error.lineno}: {error.msg}.") from error
    loses = re.search(r"^loses: *(.+?)\s*\Z", words, re.M | re.S)
    if not loses:
        raise ExerciseError(f"{path.name}: the docstring must end with 'loses: GRADE-ID, …' or 'loses: nothing'.")
    pieces = CELL.split(text)[1:]
    changes = {name.strip(): source.strip("\n") for name, source in zip(pieces[::2], pieces[1::2], strict=True)}
    if not changes:
        raise ExerciseError(f"{path.name}: there is no cell, which would begin with '# %% GRADE-ID'.")
    return changes, [] if loses[1] == "nothing" else [name.strip() for name in loses[1].split(",")]


def compare(case: Case, record: dict, exercise: Exercise) -> list[str]:
    """Where a record differs from what the case must get."""
    wrong = [] if record["status"] == "graded" else [f"status is {record['status']}"]
    for cell in exercise.of_kind("test"):
        got = record["cells"][cell.id]
        wanted = 0 if cell.id in case.loses else cell.points
        if got["score"] != wanted and not (wanted == 0 and got["score"] < cell.points):
            wrong.append(f"{cell.id}: {got['score']:g} instead of {wanted:g} points ({got['reason']})")
    return wrong


def selftest(names: list[str], *, unsafe: bool = False, verbose: bool = False) -> bool:
    """Grade every case of the exercises named (or of all), print a table; whether all came out as stated."""
    from tqdm import tqdm

    from course_utils.grading.grade import grade
    from course_utils.grading.sandbox import Sandbox

    paths = [exercises.find(name) for name in names] or sorted(exercises.SOLUTIONS.glob("ex[0-9][0-9]_*.py"))
    sandbox = Sandbox(unsafe=unsafe)
    fine = True
    for path in paths:
        exercise = exercises.load(path)
        folder = path.parent.parent / "answers" if path.parent != exercises.SOLUTIONS else ANSWERS
        chosen = cases(exercise, folder / path.stem[:4])
        for case in tqdm(chosen, desc=exercise.id, unit="submission"):
            record = grade(exercise, case.content, "selftest", sandbox)
            faults = compare(case, record, exercise)
            fine = fine and not faults
            if verbose or faults:
                tqdm.write(f"{exercise.id} {case.name}: {record['score']:g} in {record['seconds']:.2f} s")
                for cell, got in record["cells"].items():
                    if verbose and got["score"] != got["max"]:
                        tqdm.write(f"    {cell}: {got['reason']}")
            for fault in faults:
                tqdm.write(f"  WRONG: {fault}")
        print(f"{exercise.id}: {len(chosen)} submissions, {exercise.max:g} points")
    sandbox.close()
    return fine
