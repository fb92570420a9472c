"""The exercises, tried: every answer in tests/answers gets its stated points, through the real sandbox; what is
released runs from top to bottom and fails in nothing but its tests."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

if sys.platform == "win32":
    pytest.skip("grading needs Linux, macOS or WSL", allow_module_level=True)

from grader import sandbox, selftest, source
from grader.exercise import names_in

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "solutions").glob("ex[0-9][0-9]_*.py"))
ANSWERS = ROOT / "tests" / "answers"
if not SOURCES:
    pytest.skip("there are no solutions in the learners' bundle", allow_module_level=True)
EXERCISES = {path.stem[:4]: source.load(path) for path in SOURCES}
CASES = {
    (name, case.name): case
    for name, exercise in EXERCISES.items()
    for case in selftest.blank_and_reference(exercise) + selftest.answers(exercise, ANSWERS / name)
}
NO_SANDBOX = sandbox.probe()


def test_every_chapter_from_01_to_12_has_an_exercise():
    assert set(EXERCISES) >= {f"ex{number:02d}" for number in range(1, 13)}


def shared_out():
    """Every case as a parameter; `make test` takes reference, blank and the first right and wrong answer of each."""
    seen = set()
    for name, case in CASES:
        kind = case.split("_")[0]
        later = (name, kind) in seen
        seen.add((name, kind))
        yield pytest.param(name, case, marks=[pytest.mark.thorough] if later else [])


@pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX or "there is one")
@pytest.mark.parametrize(("name", "case"), shared_out(), ids=lambda part: part)
def test_an_answer_gets_its_stated_points(name, case):
    record = selftest.run_case(EXERCISES[name], CASES[name, case], unsafe=False)
    assert record["faults"] == []


@pytest.mark.parametrize("name", EXERCISES)
def test_what_a_test_has_from_us_stays_when_the_exercise_is_reduced(name):
    for case in (one for (exercise, _), one in CASES.items() if exercise == name):
        cells = selftest.reduced(EXERCISES[name], case.changed).cells
        for place, cell in enumerate(cells):
            if cell.kind == "test":
                there = {one for other in cells[:place] for one in names_in(other.source)[0] if other.kind != "test"}
                assert set(selftest.OURS.findall(cell.source)) <= there, (case.name, cell.id)


@pytest.mark.parametrize("name", EXERCISES)
def test_there_are_enough_answers_and_each_says_what_it_is(name):
    selftest.check_counts(ANSWERS / name)
    for path in sorted((ANSWERS / name).glob("*.py")):
        loses = CASES[name, path.stem].loses
        assert bool(loses) == path.stem.startswith("wrong_"), f"{path.name} loses {loses}"


@pytest.mark.parametrize("name", EXERCISES)
def test_survivors_are_listed_with_a_reason(name):
    """Whether a mutant survives, `selftest --mutants` finds out; here: that each listed one exists."""
    mutants = {case.name for case in selftest.mutant_cases(EXERCISES[name])}
    listed = selftest.survivors(ANSWERS / name)
    assert set(listed) <= mutants
    assert all(len(reason) > 10 for reason in listed.values())


@pytest.mark.thorough
@pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX or "there is one")
@pytest.mark.parametrize("name", EXERCISES)
def test_mutants_are_noticed_or_listed(name):
    """Every twelfth; `python -m grader selftest --mutants` tries them all, for most of an hour."""
    listed = selftest.survivors(ANSWERS / name)
    for case in selftest.mutant_cases(EXERCISES[name])[::12]:
        record = selftest.run_case(EXERCISES[name], case, unsafe=False)
        lost = any(cell["score"] is not None and cell["score"] < cell["max"] for cell in record["cells"].values())
        assert lost or case.name in listed, f"no test notices {case.name}"


@pytest.mark.thorough
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_released_exercise_fails_only_in_its_tests(path):
    notebook = nbformat.read(ROOT / "exercises" / f"{path.stem}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", allow_errors=True).execute()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        meta = cell.metadata.get("nbgrader", {})
        is_test = meta.get("grade", False) and not meta.get("solution", False)
        failed = [output.ename for output in cell.outputs if output.output_type == "error"]
        assert bool(failed) == is_test, f"{meta.get('grade_id', cell.source[:60])}: {failed or 'passes unanswered'}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_an_exercise_has_essays_an_investigation_and_small_steps(path):
    exercise = EXERCISES[path.stem[:4]]
    essays = exercise.of_kind("essay")
    assert len(essays) >= 2
    assert all("BEGIN MARK SCHEME" in cell.source for cell in essays)
    assert all(cell.points <= 4 for cell in exercise.of_kind("test"))
    prose = path.read_text(encoding="utf-8")
    assert re.search(r"[Ii]nvestigat", prose)
    assert re.search(r"\b(minutes|hours?)\b", prose)
