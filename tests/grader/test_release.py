"""From solutions/ to exercises/: nothing leaks, the same bytes every time, and stock nbgrader agrees."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext.compare import compare_notebooks

from course_utils import CourseError
from grader import __main__ as commands
from grader import bundle, exercise, mutants, release, source
from grader.exercise import EXERCISES, SOLUTIONS, ExerciseError

SOURCE = Path(__file__).parent / "solutions" / "ex99_tiny.py"
SECRETS = ("SOLUTION", "HIDDEN", "MARK SCHEME", "x**2", "x * x", "manual_seed(1)", "One point for each", "cancel")


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    (tmp_path / "solutions").mkdir()
    shutil.copy(SOURCE, tmp_path / "solutions")
    return tmp_path / "solutions", tmp_path / "exercises"


def test_kinds_and_points():
    tiny = source.load(SOURCE)
    kinds = {cell.id: cell.kind for cell in tiny.cells}
    assert [name for name, kind in kinds.items() if kind == "test"] == [
        *("energy-by-hand", "energy-empty", "layer-doubles", "layer-refuses", "means-named")
    ]
    assert (kinds["setup"], kinds["demonstration"], kinds["energy-code"]) == ("setup", "setup", "task")
    assert (kinds["why-squares"], kinds["cell-000"]) == ("essay", "prose")
    assert tiny.max == 11
    assert "torch" in tiny.modules
    assert "course_utils.checks" in tiny.modules


def test_lines_of_hidden_tests():
    cell = next(cell for cell in source.load(SOURCE).cells if cell.id == "energy-by-hand")
    lines = cell.source.split("\n")
    hidden = [number for number in range(1, len(lines) + 1) if cell.is_hidden(number)]
    assert lines[hidden[0] - 1] == "### BEGIN HIDDEN TESTS"
    assert lines[hidden[-1] - 1] == "### END HIDDEN TESTS"


def test_nothing_leaks(folders):
    release.release(*folders)
    text = (folders[1] / "ex99_tiny.ipynb").read_text(encoding="utf-8")
    assert [secret for secret in SECRETS if secret in text] == []
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    cells = {cell.id: cell for cell in notebook.cells}
    assert cells["energy-code"].source.endswith("# YOUR CODE HERE\n    raise NotImplementedError()")
    assert cells["why-squares"].source == "YOUR ANSWER HERE"
    assert cells["student-id"].source == 'student_id = "s000000"'
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert cells["energy-by-hand"].metadata.editable is False


def test_checks_are_folded_and_nothing_else_is(folders):
    """For every graded code cell that learners get, whatever its source says; nbgrader's own metadata stay."""
    release.release(*folders)
    written = jupytext.read(SOURCE)
    released = nbformat.read(folders[1] / "ex99_tiny.ipynb", as_version=4)
    for cell, before in zip(released.cells, written.cells, strict=True):
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert folded == (exercise.kind_of(cell) == "test" or "bootstrap" in cell.metadata.get("tags", []))
        theirs, ours = cell.metadata.get("nbgrader", {}), before.metadata.get("nbgrader", {})
        assert {key: theirs[key] for key in ours} == ours
        assert set(theirs) - set(ours) <= {"cell_type", "checksum"}


@pytest.mark.parametrize("path", [SOURCE, *sorted(SOLUTIONS.glob("ex*.py"))], ids=lambda path: path.stem)
def test_a_twin_is_its_source(path):
    """Code, text and metadata, so that an editor that pairs them changes neither."""
    compare_notebooks(source.solution(path), jupytext.read(path), "py:percent")


@pytest.mark.skipif(not sorted(EXERCISES.glob("ex*.ipynb")), reason="no exercises have been released yet")
@pytest.mark.parametrize("path", sorted(EXERCISES.glob("ex*.ipynb")), ids=lambda path: path.stem)
def test_the_checks_of_every_exercise_are_folded(path):
    """The task, the question and the learner's own cells are open."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "bootstrap" not in cell.metadata.get("tags", []):
            folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
            assert folded == (exercise.kind_of(cell) == "test"), cell.id


def test_release_writes_twice_the_same_and_check_sees_every_difference(folders):
    solutions, exercises = folders
    assert len(release.release(solutions, exercises, check=True)) == 2
    assert not exercises.exists()  # check changes nothing
    written = release.release(solutions, exercises)
    assert [path.name for path in written] == ["ex99_tiny.ipynb", "ex99_tiny.ipynb"]
    before = [path.read_bytes() for path in written]
    assert release.release(solutions, exercises) == []
    assert release.release(solutions, exercises, check=True) == []
    assert [path.read_bytes() for path in written] == before
    for path in written:
        path.write_bytes(path.read_bytes() + b"\n")
        assert release.release(solutions, exercises, check=True) == [path]
        release.release(solutions, exercises)
    stale = exercises / "ex98_gone.ipynb"
    stale.write_text("{}")
    assert release.release(solutions, exercises, check=True) == [stale]
    assert release.release(solutions, exercises) == [stale]
    assert not stale.exists()


@pytest.mark.skipif(not sorted(SOLUTIONS.glob("ex*.py")), reason="there are no solutions in the learners' bundle")
def test_the_committed_exercises_are_what_their_sources_say():
    assert release.release(SOLUTIONS, EXERCISES, check=True) == []


HEAD = '"grade_id": "energy-by-hand", "locked": true'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"grade_id": "energy-empty"', '"grade_id": "energy-by-hand"', "occurs twice"),
        ('"grade_id": "energy-empty"', '"grade_id": "Energy_empty"', "kebab-case"),
        (HEAD, HEAD.replace("true", "false"), "must be locked"),
        ('"points": 2, ', "", "needs points"),
        ('"points": 2, ', '"points": 0, ', "needs points"),
        ('"schema_version": 3', '"schema_version": 2', "schema_version"),
        ("x = torch.randn(3, 7,", "x = = 1 (", "line "),
        (
            "import torch\n\nfrom course_utils.checks import close",
            "from course_utils.checks import close",
            "uses torch from",
        ),
        (
            "close(energy(torch.zeros(1, 5))",
            "close(energy(0 * x[:1])",
            "energy-empty.* uses x of another test",
        ),
        ("### END SOLUTION", "### END", "no end solution"),
        ("### END HIDDEN TESTS", "### END", "(?i)no end hidden"),
        ("# Because", "# ### BEGIN HIDDEN TESTS\n# ### END HIDDEN TESTS\n# Because", None),
    ],
)
def test_faults_of_a_source_are_named(folders, old, new, words):
    path = folders[0] / "ex99_tiny.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    if words is None:
        release.release(*folders)
        return
    with pytest.raises(ExerciseError, match=words):
        release.release(*folders)


def test_an_unknown_exercise_is_named_with_the_known_ones():
    with pytest.raises(ExerciseError, match="There is no exercise 'ex77'"):
        exercise.find("ex77")


def test_mutants_are_small_and_parse():
    found = list(mutants.mutants(source.load(SOURCE)))
    names = [name for name, _, _ in found]
    assert len(set(names)) == len(names) > 10
    assert "energy-code: x ** 2 → x * 2" in names
    assert "layer-code: width < 0 → width <= 0" in names
    for _, _, changed in found:
        compile(changed, "mutant", "exec")


# ---------------------------------------------------------------- the bundle


def test_the_bundle_gives_nothing_away(tmp_path):
    root = tmp_path / "course"
    for name in ("exercises/ex99_tiny.ipynb", "solutions/ex99_tiny.ipynb", "tests/answers/ex99/right_a.py",
                 "tests/test_x.py", "notebooks/00_a.ipynb", "notebooks/.ipynb_checkpoints/00_a.ipynb",
                 "course_utils/a.py", "course_utils/__pycache__/a.pyc", "README.md", "records/s1.json", ".git/config",
                 "submissions/s1.ipynb"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    bundle.bundle(tmp_path / "a.zip", root)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = [name.removeprefix("course/") for name in archive.namelist()]
    assert names == [
        *("README.md", "course_utils/a.py", "exercises/ex99_tiny.ipynb", "notebooks/00_a.ipynb", "tests/test_x.py")
    ]
    bundle.bundle(tmp_path / "b.zip", root)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    (root / "exercises" / "ex99_tiny.ipynb").write_text("### BEGIN SOLUTION")
    with pytest.raises(CourseError, match="holds BEGIN SOLUTION"):
        bundle.bundle(tmp_path / "c.zip", root)
    assert not (tmp_path / "c.zip").exists()


@pytest.mark.skipif(not sorted(EXERCISES.glob("ex*.ipynb")), reason="no exercises have been released yet")
def test_the_real_bundle(tmp_path):
    assert commands.main(["bundle", str(tmp_path / "course.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "course.zip") as archive:
        names = archive.namelist()
        assert not [name for name in names if "solutions" in name or "/answers/" in name]
        for name in names:
            if name.startswith("course/exercises/"):
                text = archive.read(name).decode()
                assert "BEGIN SOLUTION" not in text
                assert "HIDDEN TESTS" not in text
    assert {"course/README.md", "course/Makefile", "course/.ci/make-venv.sh", "course/pyproject.toml"} <= set(names)


# ---------------------------------------------------------------- stock nbgrader


def stock(course: Path, *words: str) -> None:
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(course),
        "HOME": str(course),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # it calls alembic
    }
    environment["JUPYTER_PATH"] = str(Path(sys.prefix) / "share" / "jupyter")
    command = [sys.executable, "-m", "nbgrader", *words]
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="nbgrader's runner needs POSIX")
def test_stock_nbgrader_takes_the_same_source(tmp_path):
    """generate_assignment and autograde with the real nbgrader: reference full marks, blank nothing."""
    from nbgrader.api import Gradebook

    folder = tmp_path / "source" / "ex99_tiny"
    folder.mkdir(parents=True)
    nbformat.write(source.solution(SOURCE), folder / "ex99_tiny.ipynb")
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'course'\n")
    stock(tmp_path, "generate_assignment", "ex99_tiny")
    theirs = nbformat.read(tmp_path / "release" / "ex99_tiny" / "ex99_tiny.ipynb", as_version=4)
    ours = source.released(SOURCE)
    for mine, other in zip(ours.cells, theirs.cells, strict=True):
        if mine.id != "student-id":  # which keeps its example with us
            assert mine.source == other.source
            assert mine.metadata == other.metadata
    blank, full = tmp_path / "submitted" / "blank" / "ex99_tiny", tmp_path / "submitted" / "full" / "ex99_tiny"
    blank.mkdir(parents=True)
    full.mkdir(parents=True)
    nbformat.write(ours, blank / "ex99_tiny.ipynb")
    answers = {cell.id: cell.source for cell in source.solution(SOURCE).cells}
    for cell in ours.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers[cell.id]
    nbformat.write(ours, full / "ex99_tiny.ipynb")
    stock(tmp_path, "autograde", "ex99_tiny", "--create")
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        scores = {name: book.find_submission("ex99_tiny", name).score for name in ("blank", "full")}
    assert scores == {"blank": 0, "full": 8}  # the essay's three points wait for a person


def test_commands_end_with_a_sentence(capsys, tmp_path):
    assert commands.main(["grade", "ex77", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("There is no exercise 'ex77'")
    assert len(error.splitlines()) == 1
    assert commands.main(["report", str(tmp_path)]) == 1
    assert "no records" in capsys.readouterr().err


def test_help_is_quick():
    """Help and mistakes are answered without importing torch."""
    code = "import sys; from grader.__main__ import main\n"
    code += "try: main(['grade', '--help'])\nexcept SystemExit: pass\n"
    code += "assert 'torch' not in sys.modules and 'nbgrader' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=SOLUTIONS.parent)
    assert done.returncode == 0, done.stderr
    assert "--late-after" in done.stdout
