"""The grader as it is used: attacks through the real sandbox, folders, resumption, reports, the guide word for word."""

import csv
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("grading needs Linux, macOS or WSL", allow_module_level=True)

from course_utils import CourseError
from grader import __main__ as commands
from grader import batch, exercise, report, sandbox, selftest, source
from grader.grade import grade
from grader.sandbox import Limits, Sandbox
from grader.selftest import Draft, reference

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "tests" / "grader" / "solutions" / "ex99_tiny.py"
TINY = source.load(SOURCE)
ATTACKS = {case.name: case for case in selftest.attacks(ROOT / "tests" / "attacks", TINY)}
NO_SANDBOX = sandbox.probe()
needs_sandbox = pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX)


@pytest.fixture(scope="module")
def safe():
    """One sandbox for all tests, as one grading process has it."""
    if NO_SANDBOX:
        pytest.skip(NO_SANDBOX)
    running = Sandbox(TINY.modules)
    yield running
    running.close()


def right(**answers: str) -> bytes:
    return Draft(TINY, reference(TINY) | {name.replace("_", "-"): code for name, code in answers.items()}).dumps()


# ---------------------------------------------------------------- attacks


# One of each kind in `make test`: what is read, run, kept, sent, used up, forged; all in `make test-all`.
FEW = {"corrupt_json", "edits_test_cells", "exits", "fills_memory", "forged_messages", "infinite_loop", "network"}
FEW |= {"overrides_library", "poisons_next", "reads_outside", "stripped_metadata", "writes_outside"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FEW else pytest.mark.thorough) for name in sorted(ATTACKS)]
)
def test_an_attack_gets_its_stated_score_and_harms_nobody(name, safe, monkeypatch):
    monkeypatch.setattr(batch, "sandbox_of_this_process", lambda *_: safe)
    record = selftest.run_case(TINY, ATTACKS[name], unsafe=False)
    assert record["faults"] == []
    json.dumps(record).encode()


@needs_sandbox
@pytest.mark.parametrize("name", ["hidden_memory", "network", "reads_outside"])
def test_without_the_sandbox_the_attack_succeeds(name):
    """Otherwise its failure inside the sandbox would say nothing."""
    bare = Sandbox(TINY.modules, unsafe=True)
    listener = socket.create_server(("127.0.0.1", 8888)) if name == "network" and free(8888) else None
    try:
        record = grade(TINY, ATTACKS[name].content, "s1", bare)
    finally:
        bare.close()
        if listener:
            listener.close()
    assert record["score"] == 8
    assert record["sandbox"] == "none"


def free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_attacks_cover_what_is_required():
    required = """infinite_loop ignores_interrupts exits kills_itself allocates fork_storm endless_output network
    reads_outside writes_outside deletes_test_cells edits_test_cells copies_test_cells retypes_test_cells
    changes_points overrides_library patches_asserts forged_messages corrupt_json wrong_kernel extra_cells reordered
    renamed stripped_metadata prints_and_warnings"""
    assert set(required.split()) <= set(ATTACKS)


# ---------------------------------------------------------------- one submission


HELPED = """# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
def twice(function, x):
    return function(function(x))


# %% nbgrader={"grade": false, "grade_id": "root-code", "locked": false, "schema_version": 3, "solution": true}
def root(x):
    ### BEGIN SOLUTION
    return x**0.5
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "root-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import close

close(twice(root, 16.0), 2.0, "The root of the root.")
"""  # noqa: E501


def test_tests_use_the_helpers_that_were_given(safe, tmp_path):
    path = tmp_path / "ex96_helped.py"
    path.write_text(HELPED)
    helped = source.load(path)

    def points(answer: str, own: str = "") -> float:
        draft = Draft(helped, {"root-code": answer})
        draft.insert(len(draft.cells) - 1, own)
        return grade(helped, draft.dumps(), "s1", safe)["score"]

    answer = reference(helped)["root-code"]
    forged = "def twice(function, x):\n    return 2.0"
    assert points(answer) == 1
    assert points(answer, "def twice(function, x):\n    return -1") == 1  # by accident
    assert points("def root(x):\n    return x", forged) == 0
    assert points(f"def root(x):\n    return x\n\n\n{forged}") == 0
    # What the learner's own code calls is what the learner has put there.
    assert points("def root(x):\n    return twice(x)", "def twice(x):\n    return x**0.5") == 1


def test_reasons_are_for_the_learner(safe):
    def reasons(**answers):
        record = grade(TINY, right(**answers), "s1", safe, Limits(call=3, cell=3, total=20))
        return {name: cell["reason"] for name, cell in record["cells"].items()}

    assert reasons()["energy-by-hand"] == "All checks hold."
    assert reasons(energy_code="")["energy-by-hand"] == "Name 'energy' is not defined."
    broken = reasons(energy_code="def energy(x)\n    return 1")["energy-by-hand"]
    assert broken.startswith("Name 'energy' is not defined. Cell energy-code failed: SyntaxError")
    assert "line 1" in broken
    none = reasons(energy_code="def energy(x): x**2")["energy-by-hand"]
    assert "is a `return` missing?" in none
    error = reasons(energy_code="def energy(x):\n    return x.nothing")["energy-empty"]
    assert error == (
        "Your code failed: AttributeError: 'Tensor' object has no attribute 'nothing' (cell energy-code, line 2)"
    )
    assert reasons(partial_code="def means(): return 7")["means-named"].startswith("The check could not use what")


def test_hidden_inputs_stay_hidden(safe):
    spy = (
        "def energy(x):\n    if x.shape == (3, 7): raise type(str(x), (ValueError,), {})(x)\n    return (x**2).mean(1)"
    )
    record = grade(TINY, right(energy_code=spy), "s1", safe)
    cell = record["cells"]["energy-by-hand"]
    assert cell["score"] == 0
    assert cell["hidden"]
    assert cell["reason"] == (
        "Your code failed on inputs that the notebook does not show: ValueError in cell energy-code, line 2."
    )


def test_the_same_submission_gets_the_same_grade(safe):
    dice = "def energy(x):\n    return (x**2).mean(1) + (torch.rand(1) < 0.5)\n"
    scores = {json.dumps(grade(TINY, right(energy_code=dice), "s1", safe)["cells"]) for _ in range(4)}
    assert len(scores) == 1


def test_partial_points(safe):
    record = grade(TINY, right(partial_code="def means(): return ['harmonic']"), "s1", safe)
    assert record["cells"]["means-named"] == {"score": 1, "max": 2, "reason": "1 of 2 points."}


def test_the_learners_number_cannot_keep_or_crowd_the_trusted_process(safe):
    """A test that multiplies a list, or counts, as often as the learner says, ends all the same."""
    cells = {cell.id: cell for cell in TINY.cells}
    source = "for _ in range(energy(None)):\n    pass"
    greedy = "import torch\ntorch.ones(energy(None), 10**6).sum()"
    for test, number in ((source, 10**15), (greedy, 10**5)):
        cell = cells["energy-empty"].__class__("energy-empty", "test", "code", test, test, 1)
        small = exercise.Exercise("ex99_tiny", (cells["energy-code"], cell), "0")
        content = Draft(small, {"energy-code": f"def energy(x): return {number}"}).dumps()
        begun = time.monotonic()
        record = grade(small, content, "s1", safe, Limits(call=1, cell=1, total=30))
        assert record["score"] == 0
        assert time.monotonic() - begun < 25


def test_the_grader_survives_the_end_of_its_sandbox(safe):
    process = safe._process
    process.kill()
    process.wait()
    record = grade(TINY, right(), "s1", safe)
    assert record["score"] == 8


def test_the_student_id_chooses(safe):
    content = right(student_id="student_id = 's777777'", energy_code="def energy(x): raise KeyError(student_id)")
    reason = grade(TINY, content, "s1", safe)["cells"]["energy-empty"]["reason"]
    assert "KeyError: 's1'" in reason
    reason = grade(TINY, content, "41", safe, own_id=True)["cells"]["energy-empty"]["reason"]
    assert "KeyError: 's777777'" in reason


def test_an_id_that_was_not_filled_in_is_said_where_it_chooses(safe):
    flag = "student_id was not filled in, so the variant is not a learner's own"
    content = right(student_id="student_id = 's000000'")
    assert flag not in grade(TINY, content, "s1", safe)["flags"]
    assert flag in grade(TINY, content, "41", safe, own_id=True)["flags"]


def test_equal_files_and_equal_ids_are_said():
    def record(student, **other):
        return {"student": student, "score": 3, "flags": [], "submission_hash": student, "entered_id": ""} | other

    found = [record("1"), record("2", submission_hash="1"), record("3", entered_id="s7"), record("4", entered_id="s7")]
    found += [record("5", score=0), record("6", score=0, submission_hash="5")]  # two blank notebooks are equal
    assert batch.shared(found) == ["1, 2 handed in the same file", "3, 4 entered the same student_id"]


def test_what_a_notebook_may_do_with_its_own_names(safe):
    """A timed line, classes that are pickled or looked up in __main__."""
    code = (
        "import pickle\n"
        "%time scale = 1\n"
        "class Box:\n"
        "    value = scale\n"
        "import __main__\n"
        "assert pickle.loads(pickle.dumps(Box())).value == 1 and __main__.Box is Box\n"
        "def energy(x):\n"
        "    return Box.value * (x**2).mean(1)\n"
    )
    assert grade(TINY, right(energy_code=code), "s1", safe)["score"] == 8


def test_without_bubblewrap_the_remedy_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    monkeypatch.setattr(sandbox.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(sandbox.sys, "platform", "linux")
    sandbox.probe.cache_clear()
    (tmp_path / "s1.ipynb").write_bytes(right())
    try:
        status = commands.main(["grade", str(SOURCE), str(tmp_path), "--out", str(tmp_path / "out")])
    finally:
        sandbox.probe.cache_clear()
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert status == 1
    assert "apt-get install bubblewrap" in error
    assert "--unsafe" in error


def test_without_protection_the_rest_is_the_same(capsys, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "s1.ipynb").write_bytes(right(energy_code="import os\nos._exit(0)"))
    (tmp_path / "in" / "s2.ipynb").write_bytes(right())
    assert run("grade", SOURCE, tmp_path / "in", "--out", tmp_path / "out", "-j", 1, "--unsafe") == 0
    one, two = (json.loads((tmp_path / "out" / f"s{n}.json").read_text()) for n in (1, 2))
    assert (one["sandbox"], one["status"], one["score"]) == ("none", "stopped", 5)
    assert (two["sandbox"], two["status"], two["score"]) == ("none", "graded", 8)


def test_what_most_have_in_common_is_said_once():
    class_of_six = [{"flags": ["setup was changed", *(["late"] if n == 1 else [])]} for n in range(6)]
    assert batch.common_flags(class_of_six) == {"setup was changed": 6}
    assert batch.common_flags(class_of_six[:2]) == {}


def test_the_sandbox_shows_neither_solutions_nor_the_repository():
    shown = sandbox.command()
    assert str(ROOT) not in [word for word in shown if "course_utils" not in word and ".venv" not in word]
    assert not [word for word in shown if word.endswith(("solutions", "tests", "answers"))]


# ---------------------------------------------------------------- folders


@pytest.fixture
def folder(tmp_path) -> Path:
    submissions = tmp_path / "submissions"
    submissions.mkdir()
    for number in range(4):
        (submissions / f"s{number}.ipynb").write_bytes(right())
    (submissions / "bad.ipynb").write_bytes(b"{")
    return submissions


def run(*words: object) -> int:
    return commands.main([str(word) for word in words])


@needs_sandbox
def test_a_folder_is_graded_once(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("grade", SOURCE, folder, "--out", out, "-j", 1) == 0
    assert "5 submissions: 4 graded, 0 stopped, 1 unreadable" in capsys.readouterr().out
    records = {path.name: path.stat().st_mtime_ns for path in out.glob("*.json")}
    assert sorted(records) == ["bad.json", "s0.json", "s1.json", "s2.json", "s3.json"]
    (folder / "s1.ipynb").write_bytes(right(energy_code=""))
    (folder / "s9.ipynb").write_bytes(right())
    (out / "s2.json").write_text("{")  # cut off
    assert run("grade", SOURCE, folder, "--out", out, "-j", 1) == 0
    again = {path.name for path in out.glob("*.json") if path.stat().st_mtime_ns != records.get(path.name)}
    assert again == {"s1.json", "s2.json", "s9.json"}
    assert json.loads((out / "s1.json").read_text())["score"] == 5
    record = json.loads((out / "s0.json").read_text())
    contract = "student exercise status score max cells flags sandbox grader source_hash seconds"
    assert set(contract.split()) <= set(record)
    assert (record["sandbox"], record["status"], record["score"], record["max"]) == ("bubblewrap", "graded", 8, 11)
    assert record["cells"]["why-squares"]["score"] is None
    with pytest.raises(CourseError, match="holds records of ex99_tiny"):
        batch.grade_folder(exercise.Exercise("ex98_x", TINY.cells, "0"), folder, out, jobs=1)


def start(folder: Path, out: Path, *more: str) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        "grader",
        "grade",
        str(SOURCE),
        str(folder),
        "--out",
        str(out),
        *more,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@needs_sandbox
@pytest.mark.thorough
@pytest.mark.parametrize(("how", "jobs"), [(signal.SIGINT, "2"), (signal.SIGKILL, "1")])
def test_an_interrupted_run_goes_on_where_it_stopped(folder, tmp_path, how, jobs):
    slow = right(energy_code="import time\ntime.sleep(20)\ndef energy(x): return (x**2).mean(1)")
    (folder / "z.ipynb").write_bytes(slow)  # the last in the alphabet
    out = tmp_path / "out"
    process = start(folder, out, "-j", jobs)
    until = time.monotonic() + 120
    while len(list(out.glob("*.json"))) < 5 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
    os.killpg(process.pid, how)  # as the terminal does with Ctrl-C
    _, error = process.communicate(timeout=60)
    assert process.returncode != 0
    if how == signal.SIGINT:
        assert "Interrupted: 5 of 6 records are written" in error
        assert len([line for line in error.splitlines() if line.startswith("Traceback")]) == 0
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.json")}
    assert len(before) == 5
    (folder / "z.ipynb").write_bytes(right())
    process = start(folder, out, "-j", "1")
    _, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("*.json")}
    assert {name for name in after if after[name] != before.get(name)} == {"z.json"}


@needs_sandbox
def test_a_record_that_was_just_written_counts_when_interrupted(folder, tmp_path, monkeypatch):
    write = batch.write_record

    def interrupted(*args):
        write(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "write_record", interrupted)
    with pytest.raises(CourseError, match=r"Interrupted: 1 of \d records are written"):
        batch.grade_folder(TINY, folder, tmp_path / "out", jobs=1)


@needs_sandbox
@pytest.mark.thorough
def test_a_dying_grading_process_costs_one_record(folder, tmp_path, monkeypatch):
    """Even a fault of the trusted side is told as that, and the others are graded."""
    monkeypatch.setattr(batch, "numbered", dying)
    for name in ("s0", "s1", "bad"):
        (folder / f"{name}.ipynb").unlink()
    records = batch.grade_folder(TINY, folder, tmp_path / "out", jobs=2)
    by_student = {record["student"]: record for record in records}
    assert by_student["s2"]["status"] == "stopped"
    assert "grading process itself was ended" in by_student["s2"]["flags"][0]
    assert by_student["s3"]["score"] == 8


def dying(number: int, *arguments):
    if arguments[1].student == "s2":
        os._exit(1)
    return number, batch.grade_entry(*arguments)


dying.__module__ = "__main__"  # so that it is sent to the workers as it is, and they need not import this file


# ---------------------------------------------------------------- reports


def record(student: str, **more) -> dict:
    cells = {
        "energy-by-hand": {"score": 0, "max": 2, "reason": "Square <b>first</b>."},
        "energy-empty": {"score": 1, "max": 1, "reason": "All checks hold."},
        "why-squares": {"score": None, "max": 3, "reason": "Waits for a mark."},
    }
    made = {"student": student, "exercise": "ex99_tiny", "status": "graded", "score": 1, "max": 6, "cells": cells}
    made |= {"flags": [], "sandbox": "bubblewrap", "grader": "1", "source_hash": "abc", "seconds": 1}
    return (
        made | {"answers": {"why-squares": "Because <script>alert(1)</script>"}, "origin": "plain", "name": ""} | more
    )


@pytest.fixture
def records(tmp_path) -> Path:
    out = tmp_path / "records"
    out.mkdir()
    for one in (
        record("s1"),
        record("=cmd()"),
        record("41", origin="moodle", name="Ada"),
        record("77", origin="canvas"),
    ):
        batch.write_record(out / batch.Entry(one["student"], None).record, one)
    return out


def rows(path: Path) -> list[dict]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_marks_by_hand_are_merged_and_kept(records, tmp_path, capsys):
    assert run("report", records, "--csv", tmp_path / "grades.csv") == 0
    assert "4 written answers wait" in capsys.readouterr().out
    table = rows(records / "manual.csv")
    assert {row["student"] for row in table} == {"s1", "'=cmd()", "41", "77"}  # no formula for a spreadsheet
    for row in table:
        row["score"] = {"s1": "2,5", "41": "3"}.get(row["student"], "")
        row["comment"] = "Well put." if row["student"] == "s1" else ""
    with open(records / "manual.csv", "w", encoding="utf-8", newline="") as file:  # as a European spreadsheet saves it
        writer = csv.DictWriter(file, report.COLUMNS, delimiter=";")
        writer.writeheader()
        writer.writerows(table)
    assert run("report", records, "--csv", tmp_path / "grades.csv", "--html", tmp_path / "html") == 0
    scores = {row["student"]: row["score"] for row in rows(tmp_path / "grades.csv")}
    assert scores == {"s1": "3.5", "'=cmd()": "1", "41": "4", "77": "1"}
    assert "Well put." in (tmp_path / "html" / "s1.html").read_text()
    changed = record("s1", answers={"why-squares": "Another answer."})
    batch.write_record(records / "s1.json", changed)
    assert run("report", records, "--csv", tmp_path / "grades.csv") == 0
    [row] = [row for row in rows(records / "manual.csv") if row["student"] == "s1"]
    assert (row["score"], row["note"], row["answer"]) == ("2.5", report.CHANGED, "Another answer.")
    assert {row["student"]: row["score"] for row in rows(tmp_path / "grades.csv")}["s1"] == "3.5"


@pytest.mark.parametrize("score", ["4", "-1", "good", "nan"])
def test_a_wrong_mark_is_named_with_its_line(records, score, capsys):
    assert run("report", records) == 0
    table = (
        (records / "manual.csv")
        .read_text(encoding="utf-8-sig")
        .replace("s1,why-squares,3,,", f"s1,why-squares,3,{score},")
    )
    (records / "manual.csv").write_text(table)
    assert run("report", records) == 1
    assert re.search(r"manual.csv, line \d+: ", capsys.readouterr().err)


def test_layouts_for_moodle_and_canvas(records, tmp_path):
    assert run("report", records, "--csv", tmp_path / "m.csv", "--layout", "moodle") == 0
    moodle = rows(tmp_path / "m.csv")
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= set(moodle[0])
    assert [row["Grade"] for row in moodle if row["Identifier"] == "Participant 41"] == ["1"]
    assert run("report", records, "--csv", tmp_path / "c.csv", "--layout", "canvas") == 0
    points, *learners = rows(tmp_path / "c.csv")
    assert list(points) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "ex99_tiny"]
    assert points["Student"].strip() == "Points Possible"
    assert points["ex99_tiny"] == "6"
    assert [row["ex99_tiny"] for row in learners if row["ID"] == "77"] == ["1"]
    assert [row["ID"] for row in learners if row["SIS User ID"] == "s1"] == [""]


def test_feedback_pages_are_escaped_and_say_what_next(records, tmp_path):
    assert run("report", records, "--html", tmp_path / "html") == 0
    page = (tmp_path / "html" / "s1.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>first" not in page
    assert "Begin with energy-by-hand: Square" in page
    assert 'name="viewport"' in page
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "unreadable", "flags": ["The file is empty."]}, "The file is empty. Then hand it in again."),
        ({"reason": "Could not run: it took longer than 60 seconds."}, "Run the notebook from top to bottom"),
        ({"reason": "Not answered yet."}, "it waits for your answer"),
        ({"reason": "Shapes.", "hidden": True}, "other shapes and values"),
        ({"reason": "All checks hold.", "score": 2}, "Your written answers wait for their marks"),
    ],
)
def test_the_next_step(change, words):
    one = record("s1", waiting=1)
    target = one if "status" in change else one["cells"]["energy-by-hand"]
    target.update(change)
    assert words in report.next_step(one)


# ---------------------------------------------------------------- the guide


def guide_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "solutions" / "README.md").read_text(encoding="utf-8"), re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def classroom(folder: Path) -> None:
    """A class of thirty: right, wrong, blank, late, twice, broken, hostile."""
    folder.mkdir(parents=True)
    answers = {
        path.stem: selftest.described(path)[1] for path in sorted((SOURCE.parents[1] / "answers" / "ex99").glob("*.py"))
    }
    cases = selftest.blank_and_reference(TINY) + selftest.answers(TINY, SOURCE.parents[1] / "answers" / "ex99")
    assert len(cases) == len(answers) + 2
    for number in range(20):
        (folder / f"s{number:03d}.ipynb").write_bytes(cases[number % len(cases)].content)
    spoiled = ["exits", "corrupt_json", "stripped_metadata", "edits_test_cells", "magics", "kills_itself"]
    for number, name in enumerate(spoiled, 20):
        (folder / f"s{number:03d}_ex02.ipynb").write_bytes(ATTACKS[name].content)
    for name in ("s026/mine.ipynb", "s026/ex02_tiny.ipynb", "Ada L_41_assignsubmission_file/ex02.ipynb",
                 "lovelaceada_LATE_77_12_ex02.ipynb", "s029.pdf"):  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"%PDF" if name.endswith("pdf") else right())
    for path in folder.rglob("*.ipynb"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    os.utime(folder / "s001.ipynb", (2_000_000_000, 2_000_000_000))


@needs_sandbox
@pytest.mark.thorough
def test_the_guide_word_for_word(tmp_path):
    """A made-up class from hand-out to gradebook, with every command of solutions/README.md."""
    ignored = shutil.ignore_patterns("weights", "__pycache__")
    for package in ("course_utils", "grader"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    (tmp_path / "solutions").mkdir()
    shutil.copy(SOURCE, tmp_path / "solutions" / "ex02_tiny.py")
    shutil.copytree(SOURCE.parents[1] / "answers" / "ex99", tmp_path / "tests" / "answers" / "ex02")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    begin = [sys.executable, "-m", "grader", "release"]
    subprocess.run(begin, cwd=tmp_path, env=environment, check=True)
    classroom(tmp_path / "submissions" / "ex02")
    seen = {}
    for line in guide_commands():
        words = shlex.split(line)
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        seen[" ".join(words[3:5])] = done.stdout
    assert "30 submissions: 26 graded, 2 stopped, 2 unreadable" in seen["grade ex02"]
    assert "s001: late: the file is of 2033" in seen["grade ex02"]
    assert "s026: 2 files: graded ex02_tiny.ipynb" in seen["grade ex02"]
    grades = {row["student"]: row for row in rows(tmp_path / "grades.csv")}
    assert len(grades) == 30
    assert [grades[name]["score"] for name in ("s000", "s001", "s020", "s021", "s022", "41", "77")] == [
        *("8", "0", "8", "0", "8", "8", "8")
    ]
    assert len(list((tmp_path / "feedback" / "ex02").glob("*.html"))) == 30
    assert (tmp_path / "course.zip").exists()
