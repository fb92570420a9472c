"""The grader tried on its exercises: everything goes through the real sandbox, and must get its stated score.

reference, blank     full marks, nothing
answers              tests/answers/exNN/right_*.py and wrong_*.py: what they lose stands in their docstring
attacks              tests/attacks/*.py, on a small exercise; after each, another submission must not have suffered
mutants              the reference with one small change: some test must notice, or survivors.json says why not
"""

import ast
import json
import re
import runpy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from course_utils import CourseError
from grader import exercise as exercises
from grader import source as sources
from grader.exercise import ROOT, Cell, Exercise, ExerciseError, names_in
from grader.sandbox import Limits

TESTS = ROOT / "tests"
VICTIM = TESTS / "grader" / "solutions" / "ex99_tiny.py"  # the exercise on which attacks are tried
CELL = re.compile(r"^# %% *(.*)$", re.M)
OURS = re.compile(r'\bours\("(\w+)"\)')
ORDINARY = Limits()
QUICK = Limits(call=3, cell=6, total=30, memory=2**30)


@dataclass(frozen=True)
class Case:
    """A submission with what it must get: `loses` are the tests that give less than all, the others give all."""

    name: str
    content: bytes
    loses: tuple[str, ...]
    status: str = "graded"
    flag: str = ""
    limits: Limits = ORDINARY
    student: str = "s000001"
    then: bytes = b""  # graded next, in the same sandbox: must get full marks
    changed: dict[str, str] = field(default_factory=dict)  # task → source, where that is not the reference's
    mutant: bool = False  # it is enough that one test notices it


class Draft:
    """A notebook in the making, for attacks to spoil."""

    def __init__(self, exercise: Exercise, answers: dict[str, str]):
        self.cells = []
        for cell in exercise.cells:
            one = {"cell_type": cell.type, "id": cell.id, "source": answers.get(cell.id, cell.released), "metadata": {}}
            if cell.kind not in ("prose", "free"):
                one["metadata"]["nbgrader"] = {
                    "grade_id": cell.id,
                    "schema_version": 3,
                    "grade": cell.kind in ("test", "essay"),
                    "solution": cell.kind in ("task", "essay"),
                    "locked": cell.kind in ("setup", "test"),
                    **({"points": cell.points} if cell.points else {}),
                }
            if cell.type == "code":
                one |= {"outputs": [], "execution_count": None}
            self.cells.append(one)
        self.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}

    @property
    def tests(self) -> list[dict]:
        marked = [cell for cell in self.cells if cell["metadata"].get("nbgrader", {}).get("grade")]
        return [cell for cell in marked if cell["cell_type"] == "code"]

    def cell(self, name: str) -> dict:
        return next(cell for cell in self.cells if cell.get("id") == name)

    def answer(self, name: str, source: str) -> None:
        self.cell(name)["source"] = source

    def insert(self, place: int, source: str, kind: str = "code") -> None:
        self.cells.insert(place, {"cell_type": kind, "metadata": {}, "source": source})

    def dumps(self) -> bytes:
        notebook = {"cells": self.cells, "metadata": self.metadata, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(notebook).encode()


def reference(exercise: Exercise) -> dict[str, str]:
    return {cell.id: cell.source for cell in exercise.of_kind("task", "essay")}


def blank_and_reference(exercise: Exercise) -> list[Case]:
    tests = tuple(cell.id for cell in exercise.of_kind("test"))
    full = Draft(exercise, reference(exercise)).dumps()
    return [Case("reference", full, ()), Case("blank", Draft(exercise, {}).dumps(), tests)]


# ---------------------------------------------------------------- answers


def answers(exercise: Exercise, folder: Path) -> list[Case]:
    """Right and wrong answers: the reference with some tasks answered differently."""
    tests = {cell.id for cell in exercise.of_kind("test")}
    tasks = {cell.id for cell in exercise.of_kind("task")}
    found = []
    for path in sorted(folder.glob("*.py")):
        words, body = described(path)
        loses = names_after("loses", words, path)
        pieces = CELL.split(body)[1:]
        changed = {name.strip(): source.strip("\n") for name, source in zip(pieces[::2], pieces[1::2], strict=True)}
        if not changed:
            raise ExerciseError(f"{path.name}: there is no cell, which would begin with '# %% GRADE-ID'.")
        if unknown := sorted(set(changed) - tasks) + sorted(set(loses) - tests):
            raise ExerciseError(f"{path.name}: {exercise.id} has no cell {', '.join(unknown)}.")
        if path.name.startswith("wrong_") != bool(loses):
            raise ExerciseError(f"{path.name}: a wrong_… answer loses something, a right_… one nothing.")
        content = Draft(exercise, reference(exercise) | changed).dumps()
        found.append(Case(path.stem, content, loses, changed=changed))
    return found


def described(path: Path) -> tuple[str, str]:
    """A file's docstring and text."""
    text = path.read_text(encoding="utf-8")
    try:
        return ast.get_docstring(ast.parse(text)) or "", text
    except SyntaxError as error:
        raise ExerciseError(f"{path.name}, line {error.lineno}: {error.msg}.") from error


def names_after(word: str, words: str, path: Path) -> tuple[str, ...]:
    """The names that a docstring lists after `word:`, up to the next empty line."""
    found = re.search(rf"^{word}: *(.+?)(?:\n\w+:|\n\n|\Z)", words, re.M | re.S)
    if not found:
        raise ExerciseError(f"{path.name}: its docstring needs a line '{word}: GRADE-ID, …' or '{word}: nothing'.")
    names = tuple(name.strip() for name in found[1].replace("\n", " ").split(","))
    return () if names == ("nothing",) else names


# ---------------------------------------------------------------- attacks


def attacks(folder: Path, exercise: Exercise) -> list[Case]:
    """What a hostile or unlucky learner hands in. Each file's `change` spoils a notebook, or returns other bytes.

    In the docstring: `base` (reference or blank), `loses` (grade ids, nothing, or everything), and where they differ
    from graded and none, `status` (or any) and `flag` (a part of one).
    """
    tests = tuple(cell.id for cell in exercise.of_kind("test"))
    fine = Draft(exercise, reference(exercise)).dumps()
    found = []
    for path in sorted(folder.glob("*.py")):
        words, _ = described(path)
        fields = dict(re.findall(r"^(base|status|flag|student): *(.+)$", words, re.M))
        loses = names_after("loses", words, path)
        draft = Draft(exercise, reference(exercise) if fields.get("base") == "reference" else {})
        content = runpy.run_path(str(path))["change"](draft)
        found.append(
            Case(
                name=path.stem,
                content=draft.dumps() if content is None else content,
                loses=tests if loses == ("everything",) else loses,
                status=fields.get("status", "graded"),
                flag=fields.get("flag", ""),
                limits=QUICK,
                then=fine,
            )
        )
    return found


# ---------------------------------------------------------------- mutants


def mutant_cases(exercise: Exercise) -> list[Case]:
    from grader.mutants import mutants

    return [
        Case(
            name, Draft(exercise, reference(exercise) | {task: source}).dumps(), (), changed={task: source}, mutant=True
        )
        for name, task, source in mutants(exercise)
    ]


def survivors(folder: Path) -> dict[str, str]:
    path = folder / "survivors.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def reduced(exercise: Exercise, changed: dict[str, str]) -> Exercise:
    """The exercise without the tests that cannot notice a change to some tasks, and without what only those need.

    A cell needs the cells that bind the names it uses, and what they need. Most of the time of a self-test goes into
    training that has nothing to do with the task in question.
    """
    code = [cell for cell in exercise.cells if cell.kind in ("setup", "task", "test")]
    names = {cell.id: names_in(cell.source, changed.get(cell.id, "")) for cell in code}
    binds: dict[str, set[str]] = {}  # name → the cells outside tests that give it
    for cell in code:
        for name in names[cell.id][0] if cell.kind != "test" else ():
            binds.setdefault(name, set()).add(cell.id)
    direct = {}
    for cell in code:
        given, used = names[cell.id]
        outside = used - given if cell.kind == "test" else used
        direct[cell.id] = set().union(*(binds.get(name, set()) for name in outside))

    def needs(cell: str) -> set[str]:
        found, waiting = {cell}, [cell]
        while waiting:
            new = direct[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    tests = [cell.id for cell in code if cell.kind == "test" and needs(cell.id) & set(changed)]
    # What a test has from us cannot notice the learner's change, but it has to be there.
    from_us = [
        place for cell in code if cell.id in tests for name in OURS.findall(cell.source) for place in binds[name]
    ]
    needed = set().union(*map(needs, [*tests, *from_us]))
    tasks = {cell.id for cell in code if cell.kind == "task"}
    idle = {cell.id for cell in code if cell.kind == "setup" and needs(cell.id) & tasks} - needed
    unaffected = {cell.id for cell in code if cell.kind == "test"} - set(tests)
    return replace(exercise, cells=tuple(cell for cell in exercise.cells if cell.id not in idle | unaffected))


# ---------------------------------------------------------------- running them


def run_case(exercise: Exercise, case: Case, unsafe: bool) -> dict:
    """The record of a case; in `faults`, how it differs from what was stated."""
    from grader.batch import sandbox_of_this_process
    from grader.grade import grade

    sandbox = sandbox_of_this_process(exercise.modules, unsafe)
    some = reduced(exercise, case.changed) if case.changed else exercise
    record = grade(exercise, case.content, case.student, sandbox, case.limits, part=some, until_lost=case.mutant)
    record["faults"] = [] if case.mutant else faults(case, record, some.of_kind("test"))
    if case.then:
        after = grade(exercise, case.then, "s000002", sandbox)
        if any(cell["score"] != cell["max"] for cell in after["cells"].values() if cell["score"] is not None):
            record["faults"].append("the next learner's submission has suffered")
    return record


def faults(case: Case, record: dict, tests: list[Cell]) -> list[str]:
    """Where a record differs from what the case must get."""
    wrong = []
    if case.status not in ("any", record["status"]):
        wrong.append(f"the status is {record['status']} instead of {case.status} ({'; '.join(record['flags'])})")
    if case.flag and not any(case.flag in flag for flag in record["flags"]):
        wrong.append(f"no flag says {case.flag!r}, only {record['flags']}")
    for cell in tests:
        got = record["cells"][cell.id]
        if (got["score"] < cell.points) != (cell.id in case.loses):
            wanted = "less than" if cell.id in case.loses else "instead of"
            wrong.append(f"{cell.id}: {got['score']:g}, {wanted} {cell.points:g} points were due ({got['reason']})")
    if not case.loses and record["status"] == "unreadable":
        wrong.append("it was not graded")
    wrong += [f"{name}: nothing that was changed can reach it" for name in case.loses if name not in record["cells"]]
    return wrong


def all_cases(names: list[str], with_mutants: bool) -> Iterator[tuple[Exercise, list[Case], dict[str, str]]]:
    """Every exercise with its cases, and the mutants that may survive."""
    paths = [exercises.find(name) for name in names if name != "attacks"]
    if not names:
        paths = sorted(exercises.SOLUTIONS.glob("ex[0-9][0-9]_*.py"))
    for path in paths:
        exercise = sources.load(path)
        folder = path.resolve().parent.parent / "answers"
        folder = (folder if folder.is_dir() else TESTS / "answers") / path.stem[:4]
        cases = blank_and_reference(exercise) + answers(exercise, folder)
        yield exercise, (mutant_cases(exercise) if with_mutants else cases), survivors(folder)
    if (not names or "attacks" in names) and not with_mutants:
        exercise = sources.load(VICTIM)
        yield exercise, attacks(TESTS / "attacks", exercise), {}


def selftest(
    names: list[str], *, jobs: int, unsafe: bool = False, mutants: bool = False, verbose: bool = False
) -> bool:
    """Grade every case, print a table of them; whether all came out as stated."""
    import joblib
    from tqdm import tqdm

    from grader.sandbox import SandboxError, probe

    if not unsafe and (reason := probe()):
        raise SandboxError(reason)
    fine = True
    for exercise, cases, may_survive in all_cases(names, mutants):
        title = "attacks" if cases[0].then else exercise.id
        work = (joblib.delayed(run_case)(exercise, case, unsafe) for case in cases)
        results = joblib.Parallel(n_jobs=jobs, return_as="generator", batch_size=1)(work)
        results = tqdm(results, total=len(cases), desc=title, unit="submission")
        lines, alive = [], set()
        for case, record in zip(cases, results, strict=True):
            wrong = record["faults"]
            if case.mutant and not any(map(lost, record["cells"].values())):
                alive.add(case.name)
                wrong = [] if may_survive.get(case.name) else ["no test notices it; survivors.json does not list it"]
            if wrong or verbose or not case.mutant or case.name in alive:
                lines += row(case, record, wrong, verbose)
            fine = fine and not wrong
        if mutants and (gone := sorted(set(may_survive) - alive)):
            lines += [f"WRONG  survivors.json lists {name!r}, which is killed or gone" for name in gone]
            fine = False
        print(f"\n{title}: {len(cases)} {f'mutants, {len(alive)} alive' if mutants else 'submissions'}")
        print("\n".join(lines), flush=True)
    return fine


def row(case: Case, record: dict, wrong: list[str], verbose: bool) -> list[str]:
    """A case's line of the table; below it what is wrong, and on request the reason for every point lost."""
    score = f"{record['score']:g} of {record['max']:g}"
    verdict = "WRONG" if wrong else "ok"
    lines = [f"{verdict:5}  {score:>10}  {record['status']:10}  {record['seconds']:6.2f} s  {case.name}", *wrong]
    if verbose:
        lines += [f"{name}: {cell['reason']}" for name, cell in record["cells"].items() if lost(cell)]
    return [lines[0], *(f"         {line}" for line in lines[1:])]


def lost(cell: dict) -> bool:
    return cell["score"] is not None and cell["score"] < cell["max"]


def check_counts(folder: Path) -> None:
    """Raise unless an exercise has at least three right and eight wrong answers."""
    right, wrong = len(list(folder.glob("right_*.py"))), len(list(folder.glob("wrong_*.py")))
    if right < 3 or wrong < 8:
        raise CourseError(f"{folder}: {right} right and {wrong} wrong answers; at least 3 and 8 are needed.")
