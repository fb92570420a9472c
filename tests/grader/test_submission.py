"""Reading submissions: cells are found whatever happened to them, and nothing that is handed in stops the reader."""

import copy
import datetime
import json
import os
import random
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils import CourseError
from grader import batch, source, submission
from grader.selftest import Draft, reference

if sys.platform == "win32":
    pytest.skip("grading needs Linux, macOS or WSL", allow_module_level=True)

TINY = source.load(Path(__file__).parent / "solutions" / "ex99_tiny.py")
TASKS = ["student-id", "energy-code", "layer-code", "partial-code"]


def read(draft: Draft) -> submission.Submission:
    return submission.read(draft.dumps(), TINY)


@pytest.fixture
def right() -> Draft:
    return Draft(TINY, reference(TINY))


def test_an_untouched_notebook_is_read_as_it_is(right):
    found = read(right)
    assert found.answers == reference(TINY)
    assert found.flags == []
    assert [code for codes in found.extras.values() for code in codes] == found.last == []


def test_a_blank_notebook_answers_nothing():
    found = read(Draft(TINY, {}))
    assert found.flags == []
    assert "raise NotImplementedError()" in found.answers["energy-code"]
    assert found.answers["why-squares"] == "YOUR ANSWER HERE"
    assert found.claimed_id == "s000000"


def strip(cell: dict) -> None:
    cell.pop("id", None)
    cell["metadata"] = {}


def test_without_metadata_and_ids_cells_are_known_by_what_they_say(right):
    for cell in right.cells:
        strip(cell)
    found = read(right)
    assert found.answers == reference(TINY)
    assert found.flags == []


def test_renamed_functions_and_rewritten_essays_are_found_by_likeness_and_place(right):
    for cell in right.cells:
        strip(cell)
    right.cells[4]["source"] = right.cells[4]["source"].replace("def energy", "def Energy")
    right.cells[-1]["source"] = "Something of my own."
    found = read(right)
    assert "def Energy" in found.answers["energy-code"]
    assert found.answers["why-squares"] == "Something of my own."


def test_an_id_alone_is_enough(right):
    for cell in right.cells:
        cell["metadata"] = {}
    right.answer("energy-code", "energy = lambda x: (x * x).mean(1)")
    assert read(right).answers["energy-code"] == "energy = lambda x: (x * x).mean(1)"


def test_colabs_place_for_the_id(right):
    for cell in right.cells:
        cell["metadata"] = {"id": cell.pop("id")}
    assert read(right).answers == reference(TINY)


def test_the_last_answered_copy_counts(right):
    place = right.cells.index(right.cell("energy-code"))
    first, last, blank = (copy.deepcopy(right.cells[place]) for _ in range(3))
    first["source"], last["source"] = "def energy(x): return 1", "def energy(x): return 2"
    blank["source"] = next(cell.released for cell in TINY.cells if cell.id == "energy-code")
    right.cells[place : place + 1] = [first, last, blank]
    found = read(right)
    assert found.answers["energy-code"] == "def energy(x): return 2"
    assert found.extras["energy-code"] == ["def energy(x): return 1"]
    assert found.flags == ["task energy-code occurs 3 times"]


def test_an_answer_below_the_test_counts_only_where_none_stands_above(right):
    late = copy.deepcopy(right.cell("energy-code"))
    late["source"] = "def energy(x): return 3"
    right.cells.append(late)
    assert read(right).answers["energy-code"] == reference(TINY)["energy-code"]
    right.answer("energy-code", next(cell.released for cell in TINY.cells if cell.id == "energy-code"))
    assert read(right).answers["energy-code"] == "def energy(x): return 3"


def test_own_code_is_run_before_the_task_below_it(right):
    right.insert(right.cells.index(right.cell("layer-code")), "helper = 1")
    right.insert(len(right.cells), "after = 1")
    right.insert(0, "before = 1")
    found = read(right)
    assert found.extras["student-id"] == ["before = 1"]
    assert found.extras["layer-code"] == ["helper = 1"]
    assert found.last == ["after = 1"]


def test_copies_of_tests_are_not_the_learners_code(right):
    right.cells += copy.deepcopy(right.tests)
    changed = copy.deepcopy(right.tests[0])
    changed["source"] = "raise SystemExit"
    right.cells.append(changed)
    found = read(right)
    assert found.last == []
    assert "test cell energy-by-hand occurs 3 times" in found.flags


@pytest.mark.parametrize("kind", ["code", "raw", "markdown"])
def test_an_essay_of_any_cell_type_is_read(right, kind):
    right.answer("why-squares", "Because.")
    right.cell("why-squares")["cell_type"] = kind
    assert read(right).answers["why-squares"] == "Because."


def test_an_essay_that_goes_on_below_its_cell(right):
    right.answer("why-squares", "First.")
    right.insert(len(right.cells), "Second.", "markdown")
    assert read(right).answers["why-squares"] == "First.\n\nSecond."
    right.answer("why-squares", "YOUR ANSWER HERE")
    assert read(right).answers["why-squares"] == "Second."


@pytest.mark.parametrize("picture", ["data:image/png;base64," + "iVBORw0KGgo+/=" * 30_000, "attachment:image.png"])
def test_a_picture_in_an_essay_is_said_and_hides_no_words(right, picture):
    right.answer("why-squares", f"Look: ![drawing]({picture}) and therefore squares.")
    found = read(right)
    assert found.answers["why-squares"].endswith(" and therefore squares.")
    assert len(found.answers["why-squares"]) < 100
    assert found.flags == ["question why-squares is answered with a picture: look at it in the notebook"]


def test_a_very_long_essay_is_cut_and_it_is_said(right):
    right.answer("why-squares", "so " * submission.MAX_ESSAY)
    found = read(right)
    assert len(found.answers["why-squares"]) == submission.MAX_ESSAY
    assert found.flags == ["the answer to question why-squares was cut after 30000 characters"]


def test_white_space_in_a_test_cell_is_no_change(right):
    right.tests[0]["source"] = right.tests[0]["source"].replace("\n", "\n\n") + "\n "
    assert read(right).flags == []


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        (lambda cell: cell.update(source="pass"), "test cell energy-by-hand was changed"),
        (lambda cell: cell.update(cell_type="markdown"), "test cell energy-by-hand has become a markdown cell"),
        (
            lambda cell: cell["metadata"]["nbgrader"].update(points=99),
            "the points of test cell energy-by-hand were changed",
        ),
    ],
)
def test_tampering_is_flagged(right, change, flag):
    change(right.cell("energy-by-hand"))
    found = read(right)
    assert any(flag in one for one in found.flags)
    assert found.answers == reference(TINY)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\0\0\n ", "is empty"),
        (b"PK\x03\x04...", "a zip archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xef\xbb\xbf  <!DOCTYPE html>", "a web page"),
        (b'{"cells": [', r"damaged.*line 1"),
        (b"[" * 200_000, "damaged"),
        (b"3", "no cells"),
        (b'{"cells": {}}', "no cells"),
        (b'{"worksheets": [1, {"cells": 2}], "cells": null}', ""),
        (b"\xff\xfe\x00", "damaged"),
    ],
)
def test_what_is_no_notebook(content, words):
    if not words:
        assert submission.notebook_cells(content) == []
        return
    with pytest.raises(submission.Unreadable, match=words):
        submission.read(content, TINY)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(right, encoding):
    right.insert(0, "# ä 😀")
    content = json.dumps(json.loads(right.dumps()), ensure_ascii=False).encode(encoding)
    assert submission.read(content, TINY).answers == reference(TINY)


# ---------------------------------------------------------------- anything at all

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ids = st.sampled_from([cell.id for cell in TINY.cells]) | st.text(max_size=5)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
sources = st.sampled_from([cell.source for cell in TINY.cells] + [cell.released for cell in TINY.cells]) | st.text()
cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading"]) | anything,
        "source": sources | st.lists(sources | scalars, max_size=3) | anything,
        "input": sources,
        "id": ids | anything,
        "metadata": st.fixed_dictionaries(
            {},
            optional={
                "nbgrader": st.fixed_dictionaries({}, optional={"grade_id": ids | anything, "points": anything})
                | anything,
                "id": ids | anything,
            },
        )
        | anything,
    },
)
notebooks = st.fixed_dictionaries(
    {},
    optional={
        "cells": st.lists(cells | anything, max_size=8) | anything,
        "worksheets": st.lists(
            st.fixed_dictionaries({}, optional={"cells": st.lists(cells | anything) | anything}) | anything
        ),
        "metadata": anything,
        "nbformat": anything,
    },
)


def is_read_or_refused(content: bytes) -> None:
    try:
        found = submission.read(content, TINY)
    except submission.Unreadable:
        return
    texts = [
        *found.answers.values(),
        *found.last,
        *(one for some in found.extras.values() for one in some),
        *found.flags,
    ]
    assert all(isinstance(text, str) for text in texts)
    json.dumps(texts).encode()
    "".join(texts).encode()  # no lone surrogates
    assert set(found.answers) <= {cell.id for cell in TINY.of_kind("task", "essay")}


def spoiled(random: random.Random) -> bytes:
    """A right notebook with random damage: bytes changed, dropped, doubled."""
    content = bytearray(Draft(TINY, reference(TINY)).dumps())
    for _ in range(random.randint(1, 30)):
        place = random.randrange(len(content))
        match random.randrange(4):
            case 0:
                content[place] = random.randrange(256)
            case 1:
                del content[place : place + random.randrange(1, 50)]
            case 2:
                content[place:place] = content[place : place + random.randrange(1, 500)]
            case 3:
                content[place:place] = random.choice([b'"', b"{", b"]", b"\\ud800", b"\0", b"null", b"1e999", b"\xff"])
    return bytes(content)


@pytest.mark.thorough
@settings(max_examples=1200, deadline=None, suppress_health_check=list(HealthCheck))
@given(notebooks)
def test_any_json_is_read_or_refused(notebook):
    is_read_or_refused(json.dumps(notebook).encode())


@pytest.mark.thorough
@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(content):
    is_read_or_refused(content)


@pytest.mark.thorough
def test_damaged_notebooks_are_read_or_refused():
    chance = random.Random(0)
    for _ in range(700):
        is_read_or_refused(spoiled(chance))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"cells": [{"cell_type": "code", "source": "x" * 10_000_000}]}),
        json.dumps({"cells": [{"cell_type": "code", "source": "def f(): pass\n" * 500_000}]}),
        json.dumps({"cells": [{"cell_type": "markdown", "source": "word " * 1000}] * 20_000}),
        json.dumps({"cells": [{"cell_type": "code", "source": ["x\n"] * 1_000_000}]}),
        json.dumps({"cells": [{"cell_type": "code", "source": "a = " * 50_000, "id": "energy-code"}] * 500}),
        '{"cells": [' + '{"a": ' * 900 + "1" + "}" * 900 + "]}",
        '{"cells": [{"cell_type": "code", "source": "' + "\\ud83d" * 100_000 + '"}]}',
    ],
    ids=["line", "lines", "many", "list", "copies", "deep", "surrogates"],
)
def test_huge_notebooks_take_no_time(content):
    begun = datetime.datetime.now()
    is_read_or_refused(content.encode())
    assert (datetime.datetime.now() - begun).total_seconds() < 20


# ---------------------------------------------------------------- who handed in what


def hand_in(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}")
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))


@pytest.mark.parametrize(
    ("name", "student", "origin"),
    [
        ("s1.ipynb", "s1", "plain"),
        ("s1_ex99_tiny.ipynb", "s1", "plain"),
        ("ex99_tiny-s1.ipynb", "s1", "plain"),
        ("s1 (2).ipynb", "s1", "plain"),
        ("s1-Copy1.ipynb", "s1", "plain"),
        ("s1.ipynb.txt", "s1", "plain"),
        ("s1/whatever.ipynb", "s1", "plain"),
        ("s1/deep/er/whatever.ipynb", "s1", "plain"),
        ("ex99_tiny.ipynb", "ex99_tiny", "plain"),
        ("Ада Λ_41_assignsubmission_file/x.ipynb", "41", "moodle"),
        ("Ada Lovelace_41_assignsubmission_file_ex99_tiny.ipynb", "41", "moodle"),
        ("lovelaceada_77_1234_ex99_tiny-2.ipynb", "77", "canvas"),
        ("lovelaceada_LATE_77_1234_ex99_tiny.ipynb", "77", "canvas"),
        ("s1.pdf", "s1", "plain"),
    ],
)
def test_names_of_files_and_folders(tmp_path, name, student, origin):
    hand_in(tmp_path, name)
    [entry] = batch.collect(tmp_path, "ex99_tiny")
    assert (entry.student, entry.origin) == (student, origin)
    assert ("late: so marked by Canvas" in entry.flags) == ("LATE" in name)


def test_what_is_no_submission(tmp_path):
    hand_in(tmp_path, ".DS_Store", "__MACOSX/s1.ipynb", "grades.csv", "s2.ipynb", "s2/.ipynb_checkpoints/s2.ipynb")
    assert [entry.student for entry in batch.collect(tmp_path, "ex99_tiny")] == ["s2"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match="no submission"):
        batch.collect(tmp_path / "empty", "ex99_tiny")
    with pytest.raises(CourseError, match="no folder"):
        batch.collect(tmp_path / "nowhere", "ex99_tiny")


def test_of_several_files_the_newest_counts_and_it_is_said(tmp_path):
    hand_in(tmp_path, "s1/old.ipynb", "s1/new.ipynb", "S1.ipynb", "s3/ex99_tiny.ipynb", "s3/notes.ipynb")
    one, three = batch.collect(tmp_path, "ex99_tiny")
    assert one.path.name == "S1.ipynb"
    assert one.flags == ["3 files: graded S1.ipynb, not s1/old.ipynb, s1/new.ipynb"]
    assert three.path.name == "ex99_tiny.ipynb"  # named after the exercise, though older


def test_late_files(tmp_path):
    hand_in(tmp_path, "s1.ipynb", "s2.ipynb")
    limit = datetime.datetime.fromtimestamp(1_700_000_000.5)
    one, two = batch.collect(tmp_path, "ex99_tiny", limit)
    assert one.flags == []
    assert two.flags[0].startswith("late: the file is of 2023-11-1")


def test_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_text("{}")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "s1.ipynb").symlink_to(secret)
    [entry] = batch.collect(folder, "ex99_tiny")
    assert batch.content_of(entry.path) == b""


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
@settings(max_examples=200)
def test_a_record_stays_in_its_folder_whatever_the_student_is_called(student):
    name = batch.Entry(student, None).record
    assert Path(name).name == name
    assert not name.startswith(".") or student.startswith(".")
    assert "/" not in name


@pytest.mark.parametrize("student", ["王" * 80, "!" * 90, "я" * 120])
def test_the_record_of_a_long_name_fits_any_file_system(student):
    record = batch.Entry(student, None).record
    assert len(record.encode()) < 200
    assert record != batch.Entry(student + "x", None).record
