"""Feedback pages and tables: nothing that a learner wrote breaks them, and nothing of a marker's work is lost."""

import csv
import html
import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if sys.platform == "win32":
    pytest.skip("grading needs Linux, macOS or WSL", allow_module_level=True)

from course_utils import CourseError
from grader import __main__ as commands
from grader import batch, border, formulas, report, source
from grader.exercise import find

ROOT = Path(__file__).parents[2]
TINY = source.load(Path(__file__).parent / "solutions" / "ex99_tiny.py")


def record(student: str, answer: str = "Because.", **more) -> dict:
    cells = {
        "energy-by-hand": {"score": 0, "max": 2, "reason": "Square first (cell energy-code, line 2).", "hidden": True},
        "energy-empty": {"score": 0, "max": 1, "reason": "No. It depends on energy-by-hand, which is lost too."},
        "why-squares": {"score": None, "max": 3, "reason": "Waits for a mark."},
    }
    made = {"student": student, "exercise": "ex99_tiny", "status": "graded", "score": 0, "max": 6, "cells": cells}
    made |= {"flags": [], "sandbox": "bubblewrap", "grader": "1", "source_hash": "abc", "seconds": 1, "origin": "plain"}
    made |= {"names": TINY.titles, "sections": TINY.sections, "name": "", "answers": {"why-squares": answer}}
    return made | more


def folder_of(tmp_path: Path, *records: dict) -> Path:
    out = tmp_path / "records"
    out.mkdir()
    for one in records:
        batch.write_record(out / batch.Entry(one["student"], None).record, one)
    return out


def test_a_page_calls_things_as_learners_do():
    page = report.page(record("s1"))
    assert "Task 1, check 1 of 2" in page
    assert "Square first (Task 1, line 2)." in page
    assert "It depends on Task 1, check 1 of 2" in page
    assert "energy-by-hand" not in page
    assert report.HIDDEN_INPUTS in page
    assert "0 of 3 points for the code; 1 written answer not yet marked" in page


@pytest.mark.parametrize("name", ["ex01", "ex02", "ex03", "ex04", "ex05", "ex06"])
def test_every_graded_cell_of_an_exercise_has_a_name_of_its_own(name):
    try:
        exercise = source.load(find(name))
    except CourseError:
        pytest.skip("there are no solutions in the learners' bundle")
    titles = [exercise.titles[cell.id] for cell in exercise.graded]
    assert len(set(titles)) == len(titles)
    assert not set(titles) & {cell.id for cell in exercise.graded}


def test_the_next_step_after_a_marked_essay_points_to_it():
    one = record("s1")
    for name in ("energy-by-hand", "energy-empty"):
        one["cells"][name] = {"score": 2, "max": 2, "reason": "All checks hold."}
    one["cells"]["why-squares"] = {"score": 1, "max": 3, "reason": "And smoothness?"}
    assert "Read the remark on Question 4" in report.next_step(one)
    one["cells"]["why-squares"]["score"] = 3
    assert report.next_step(one).startswith("Everything is done.")


def test_formulas_are_shown_without_scripts():
    pytest.importorskip("latex2mathml")
    shown = formulas.shown(r"Is $\sigma^2 < 1$? It costs $5 or $6. $$\frac{a}{b}$$ <b>", html.escape)
    assert "<msup>" in shown
    assert "<mfrac>" in shown
    assert "$5 or $6" in shown
    assert "<b>" not in shown
    for evil in (r"$\href{javascript:alert(1)}{x}$", r"$\text{<script>alert(1)</script>}$", r"$x^{<img src=x>}$"):
        assert "<script" not in formulas.shown(evil, html.escape)
        assert "<img" not in formulas.shown(evil, html.escape)
        assert "href" not in formulas.shown(evil, html.escape).replace(r"\href", "")


@given(st.text(st.characters(), max_size=60), st.text(st.characters(), max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_a_page(answer, reason):
    one = record("s\ud800", answer + "$x$", flags=[reason])
    one["cells"]["energy-empty"]["reason"] = reason
    page = report.page(one).encode().decode()
    assert "\x1b" not in page
    assert "\u202e" not in page
    report.summary(one).encode("utf-8", "replace")
    assert border.readable(reason).isprintable() or " " in border.readable(reason)


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@given(st.text(st.sampled_from("=+-@;,\t\n\"'ab1 "), max_size=20))
@settings(max_examples=150, deadline=None)
def test_no_field_of_a_learner_becomes_a_formula_whatever_the_separator(sign, answer):
    text = io.StringIO(newline="")
    csv.writer(text).writerow(["s1", report.safe(report.Learners(answer)), "x"])
    for row in csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=sign):
        for cell in row:
            assert cell[:1] not in ("=", "@"), (answer, cell)


def marks_in(out: Path) -> dict:
    return {pair: row["score"] for pair, row in report.read_marks(out).rows.items()}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16", "mac_roman"])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_marks_survive_a_spreadsheet(tmp_path, encoding, sign):
    """Excel's plain CSV: another encoding and separator, 0012345 as 12345, 1E5 as 1,00E+05, 2.5 as 2,5."""
    ids = ("0012345", "Müller", "1E5", "s1")
    out = folder_of(tmp_path, *(record(one, "Für große Fehler, größer als klein.") for one in ids))
    report.write_manual(out)
    rows = list(csv.DictReader(io.StringIO((out / "manual.csv").read_text(encoding="utf-8-sig"), newline="")))
    for row in rows:
        row |= {"score": "2,5", "comment": "Schön, aber kürzer", "max": "3,00"}
        row["student"] = {"0012345": "12345", "1E5": "1,00E+05"}.get(row["student"], row["student"])
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0].keys(), delimiter=sign)
    writer.writeheader()
    writer.writerows(rows)
    (out / "manual.csv").write_bytes(text.getvalue().encode(encoding))
    notes: list[str] = []
    assert report.write_manual(out, notes) == 0
    assert notes == []
    assert marks_in(out) == {(one, "why-squares"): 2.5 for one in ids}
    assert "Schön, aber kürzer" in (out / "manual.csv").read_text(encoding="utf-8-sig")
    assert all(row["note"] == "" for row in report.read_marks(out).rows.values())


def test_marks_without_the_key_column_are_matched_or_said(tmp_path):
    out = folder_of(tmp_path, record("0012345"), record("12"), record("012"))
    head = "student;cell;max;score;comment\n"
    (out / "manual.csv").write_text(head + "12345;why-squares;3;2;\nnobody;why-squares;3;1;Good\n", encoding="utf-8")
    notes: list[str] = []
    report.write_manual(out, notes)
    assert marks_in(out)["0012345", "why-squares"] == 2
    assert notes == ["manual.csv, line 3: the mark of nobody for why-squares fits no record"]
    assert "Good" in (out / "manual.csv").read_text(encoding="utf-8-sig")
    doubled = head + "12;why-squares;3;2;\n12;why-squares;3;1;\n"  # one of them was 012
    (out / "manual.csv").write_text(doubled, encoding="utf-8")
    with pytest.raises(CourseError, match="lines 2 and 3 are both about"):
        report.write_manual(out)
    assert (out / "manual.csv").read_text(encoding="utf-8") == doubled  # as the marker left it


@pytest.mark.parametrize("how", ["file", "inside"])
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, how, capsys):
    submissions = tmp_path / "in"
    submissions.mkdir()
    (submissions / "s1.ipynb").write_text("{}")
    out = {"file": tmp_path / "out", "inside": submissions / "out"}[how]
    if how == "file":
        out.write_text("")
    words = ["grade", str(Path(__file__).parent / "solutions" / "ex99_tiny.py"), str(submissions), "--out", str(out)]
    assert commands.main([*words, "--unsafe", "-j", "1"]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "name" in said[0]


def test_a_renamed_file_is_one_learner(tmp_path):
    content = b'{"cells": []}'
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "anna.ipynb").write_bytes(content)
    import hashlib

    digest = hashlib.sha256(content).hexdigest()
    out = folder_of(tmp_path, record("s1", submission_hash=digest), record("s2", submission_hash="0"))
    said = batch.moved_on(out, batch.collect(tmp_path / "in", "ex99_tiny"))
    assert "s1 is called anna now" in said[0]
    assert "s2 has a record, but there is no file" in said[1]
    assert sorted(path.name for path in out.glob("*.json")) == ["s2.json"]
    assert json.loads((out / "renamed" / "s1.json").read_text())["student"] == "s1"
