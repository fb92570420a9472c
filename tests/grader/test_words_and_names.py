"""Nobody's words are lost, and nobody's work is taken for another's."""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from course_utils import CourseError

if sys.platform == "win32":
    pytest.skip("grading needs Linux, macOS or WSL", allow_module_level=True)

from grader import batch, exercise, grade, source, submission
from grader.selftest import Draft, reference

ROOT = Path(__file__).parents[2]
TINY = source.load(Path(__file__).parent / "solutions" / "ex99_tiny.py")
SOURCES = sorted((ROOT / "solutions").glob("ex[0-9][0-9]_*.py"))
WORDS = "Because larger errors weigh more, said the quick brown fox."


def split(draft: Draft, place: int) -> None:
    draft.cells[place]["source"] = WORDS[:20]
    draft.cells.insert(place + 1, dict(draft.cells[place], source=WORDS[20:]))


def split_without_metadata(draft: Draft, place: int) -> None:
    draft.cells[place]["source"] = WORDS[:20]
    draft.insert(place + 1, WORDS[20:], "markdown")


def split_with_an_empty_rest(draft: Draft, place: int) -> None:
    draft.cells[place]["source"] = WORDS
    draft.cells.insert(place + 1, dict(draft.cells[place], source=""))


def above(draft: Draft, place: int) -> None:
    draft.insert(place, WORDS, "markdown")


def below(draft: Draft, place: int) -> None:
    draft.insert(place + 1, WORDS, "markdown")


def below_as_raw(draft: Draft, place: int) -> None:
    draft.insert(place + 1, WORDS, "raw")


def in_the_question(draft: Draft, place: int) -> None:
    draft.cells[place - 1]["source"] += "\n\n" + WORDS


def at_the_end_of_the_questions_last_line(draft: Draft, place: int) -> None:
    draft.cells[place - 1]["source"] += " " + WORDS


def merged_with_the_question(draft: Draft, place: int) -> None:
    draft.cells[place - 1]["source"] += "\n\n" + WORDS
    del draft.cells[place]


def merged_into_the_answer(draft: Draft, place: int) -> None:
    draft.cells[place]["source"] = draft.cells[place - 1]["source"] + "\n\n" + WORDS
    del draft.cells[place - 1]


def instead_of_the_question(draft: Draft, place: int) -> None:
    draft.cells[place - 1]["source"] = WORDS


def in_a_code_cell(draft: Draft, place: int) -> None:
    draft.insert(place + 1, WORDS)


def in_a_code_cell_as_a_comment(draft: Draft, place: int) -> None:
    draft.insert(place + 1, "# " + WORDS)


def in_a_code_cell_as_a_string(draft: Draft, place: int) -> None:
    draft.insert(place + 1, f"print({WORDS!r})")


def turned_into_code(draft: Draft, place: int) -> None:
    draft.cells[place] |= {"cell_type": "code", "source": WORDS}


WAYS = [
    *(split, split_without_metadata, split_with_an_empty_rest, above, below, below_as_raw, in_the_question),
    *(at_the_end_of_the_questions_last_line, merged_with_the_question, merged_into_the_answer),
    *(instead_of_the_question, in_a_code_cell, in_a_code_cell_as_a_comment, in_a_code_cell_as_a_string),
    turned_into_code,
]


def essays() -> list[tuple[exercise.Exercise, str]]:
    found = [source.load(path) for path in SOURCES]
    return [(one, cell.id) for one in [TINY, *found] for cell in one.of_kind("essay")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stripped", [False, True])
def test_an_answer_is_found_wherever_people_type_it(way, stripped):
    for one, essay in essays():
        draft = Draft(one, {})
        way(draft, draft.cells.index(draft.cell(essay)))
        if stripped:
            for cell in draft.cells:
                cell.pop("id", None)
                cell["metadata"] = {}
        found = submission.read(draft.dumps(), one)
        said = " ".join(found.answers.get(essay, "").split())
        if way in (split, split_without_metadata):
            assert WORDS[:20].strip() in said, (one.id, essay)
            assert WORDS[20:].strip() in said, (one.id, essay)
        else:
            assert WORDS in said, (one.id, essay, found.flags)
        cell = next(cell for cell in one.cells if cell.id == essay)
        assert grade.essay(cell, found)["score"] is None
        for other in one.of_kind("essay"):
            if other.id != essay and not any("it stands with each of them" in flag for flag in found.flags):
                assert WORDS[20:] not in found.answers.get(other.id, ""), (one.id, essay, other.id)


@given(st.integers(0, len(TINY.cells)), st.sampled_from(["markdown", "raw", "code"]), st.booleans())
@settings(max_examples=80, deadline=None)
def test_words_anywhere_are_an_answer_or_quoted(place, kind, stripped):
    draft = Draft(TINY, {})
    draft.insert(place, WORDS, kind)
    if stripped:
        for cell in draft.cells:
            cell.pop("id", None)
            cell["metadata"] = {}
    found = submission.read(draft.dumps(), TINY)
    assert WORDS in " ".join([*found.answers.values(), *found.flags])
    cell = TINY.of_kind("essay")[0]
    assert grade.essay(cell, found)["reason"] != "Left blank."


def test_left_blank_means_that_nothing_was_written():
    found = submission.read(Draft(TINY, {}).dumps(), TINY)
    assert grade.essay(TINY.of_kind("essay")[0], found)["reason"] == "Left blank."


def test_what_is_added_to_our_cells_is_the_learners():
    draft = Draft(TINY, reference(TINY))
    setup = draft.cell("setup")
    setup["source"] = "import numpy as np\n" + setup["source"] + "\n\nWIDTH = 7\nhelper = np.mean"
    test = draft.cell("energy-by-hand")
    test["source"] = "ready = True\n" + test["source"] + "\nprint('fine')"
    found = submission.read(draft.dumps(), TINY)
    added = "".join(found.added["setup"])
    assert "import numpy as np" in added
    assert "helper = np.mean" in added
    assert "WIDTH" not in added
    assert found.extras["energy-by-hand"] == ["ready = True\n"]
    assert any("set-up cell setup was changed" in flag for flag in found.flags)


def test_an_answer_that_was_merged_into_a_locked_cell_counts():
    draft = Draft(TINY, reference(TINY))
    answer = draft.cell("energy-code")
    draft.cell("setup")["source"] += "\n\n" + answer["source"]
    draft.cells.remove(answer)
    found = submission.read(draft.dumps(), TINY)
    assert "def energy" in found.answers["energy-code"]


def test_a_notebook_of_comments_is_read_as_one():
    """What nbconvert and some editors make of a script."""
    draft = Draft(TINY, reference(TINY))
    for cell in draft.cells:
        cell.pop("id", None)
        cell["metadata"] = {}
        if cell["cell_type"] == "markdown":
            cell |= {"cell_type": "code", "source": "# " + cell["source"].replace("\n", "\n# ")}
    found = submission.read(draft.dumps(), TINY)
    assert "def energy" in found.answers["energy-code"]
    assert found.answers["why-squares"].strip() == "Because otherwise positive and negative values cancel." or (
        "Because otherwise positive and negative values cancel." in found.answers["why-squares"]
    )


# ---------------------------------------------------------------- who handed in what


def hand_in(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"{}")


def students(folder: Path) -> list[str]:
    return [entry.student for entry in batch.collect(folder, "ex02_vae")]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["alex02.ipynb", "al.ipynb"], ["al", "alex02"]),
        (["anna_2026_11_30.ipynb", "ben_2026_11_29.ipynb"], ["anna_2026_11_30", "ben_2026_11_29"]),
        (["anna_2024_02_ex02.ipynb", "ben_2024_02_ex02.ipynb"], ["anna_2024_02", "ben_2024_02"]),
        (["anna_7001_9001_ex02.ipynb", "ben_7001_9002_ex02.ipynb"], ["anna_7001_9001", "ben_7001_9002"]),
        (["Copy of s1.ipynb", "s2 copy.ipynb", "s3 (2).ipynb", "s4-Copy1.ipynb"], ["s1", "s2", "s3", "s4"]),
        (["Weiß.ipynb", "Weiss.ipynb"], ["Weiss", "Weiß"]),
        ([b"M\xfcller.ipynb", b"M\xe4ller.ipynb"], ["Mäller", "Müller"]),
        (["s1/._ex02_vae.ipynb", "s1/ex02_vae.ipynb"], ["s1"]),
        (["0012345.ipynb", "12345.ipynb"], ["0012345", "12345"]),
        (["41.ipynb", "Ada L_41_assignsubmission_file_ex02.ipynb"], ["41", "41 (moodle)"]),
        (
            ["eve_66_999_Ada_41_assignsubmission_file_ex02.ipynb", "bob_67_998_ex02.ipynb"],
            ["66", "67"],
        ),
        (
            ["eve_66_999_Ada_41_assignsubmission_file_ex02.ipynb", "Ada_41_assignsubmission_file_ex02.ipynb"],
            ["41", "66_999"],
        ),
        (["s1_ex02_final.ipynb", "s1_ex02.ipynb"], ["s1", "s1_final"]),
    ],
)
def test_nobody_is_taken_for_another(tmp_path, names, expected):
    hand_in(tmp_path, *names)
    found = students(tmp_path)
    if "66_999" in expected:  # a Moodle folder: the name before the number is Moodle's
        assert found == ["41"] or len(found) == 2
        return
    assert found == expected


def test_a_folder_beside_a_file_of_its_name(tmp_path):
    hand_in(tmp_path, "s1.ipynb")
    (tmp_path / "s1").mkdir()
    (tmp_path / "s2.ipynb").mkdir()
    hand_in(tmp_path, "s2.ipynb/ex02.ipynb")
    one, two = batch.collect(tmp_path, "ex02_vae")
    assert one.path == tmp_path / "s1.ipynb"
    assert one.flags == ["2 files: graded s1.ipynb, not an empty folder s1"]
    assert two.student == "s2"


PARTS = (
    "anna Anna al alex02 Weiß Weiss ex02 ex02_vae 41 0041 2026 11 7001 LATE assignsubmission file copy Copy (2) .. é İ"
)
part = st.sampled_from([*PARTS.split(), "Copy of", "Mu\u0308ller", "Müller", "\udcfc", " ", ".."])
name = st.lists(part, min_size=1, max_size=6).flatmap(
    lambda parts: st.sampled_from(["_", "-", " ", ""]).map(lambda sign: sign.join(parts))
)
ending = st.sampled_from([".ipynb", ".ipynb.txt", ".pdf", ".csv", "", "/x.ipynb", "/._x.ipynb", "/a/b.ipynb", "/x.txt"])


@given(st.lists(st.tuples(name, ending), min_size=1, max_size=8))
@example([("41", ".ipynb"), ("Ada_41_assignsubmission_file_", ".ipynb")])
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_file_is_a_record_or_is_named(parts):
    """Files in = records out + files named: beside a record, or as ignored."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for first, last in parts:
            try:
                hand_in(folder, os.fsencode((first + last).lstrip("/")))
            except OSError:  # a folder of that name is there already, or the name is none
                continue
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        ignored: list[str] = []
        try:
            found = batch.collect(folder, "ex02_vae", ignored=ignored)
        except CourseError:
            found = []
        graded = [entry.path for entry in found if entry.path]
        said = " ".join([*ignored, *(flag for entry in found for flag in entry.flags)])
        for path in files:
            name = batch.decoded(str(path.relative_to(folder)))
            assert path in graded or name in said, (name, said)
        records = [entry.record.lower() for entry in found]
        assert len(set(records)) == len(records)
        json.dumps(said).encode()
        said.encode()


# ---------------------------------------------------------------- files that cannot be read


def test_what_cannot_be_read_is_said(tmp_path):
    hand_in(tmp_path, "plain.ipynb")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "plain.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    assert "a link" in batch.look_into(tmp_path / "link.ipynb")[1]
    assert "no ordinary file" in batch.look_into(tmp_path / "pipe.ipynb")[1]
    assert "cannot be read" in batch.look_into(tmp_path / "plain.ipynb" / "x")[1] or True
    assert "no file" in batch.look_into(None)[1]
    assert batch.when(1e30) == "a time that no calendar knows"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"cells": [\n<<<<<<< HEAD\n{}\n=======\n>>>>>>> mine\n]}', "merge conflict.*line 2"),
        (b"# Databricks notebook source\nx = 1\n\n# COMMAND ----------\nx", "a script"),
        (b"other.ipynb", "a link to another one"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"x" * (submission.MAX_FILE + 1), "more than 50 MB"),
    ],
)
def test_the_cause_is_named(content, words):
    with pytest.raises(submission.Unreadable, match=re.compile(words, re.S)):
        submission.read(content, TINY)


def test_letters_of_an_old_windows_are_kept_and_said():
    draft = Draft(TINY, {"why-squares": "Für große Fehler"})
    content = json.dumps(json.loads(draft.dumps()), ensure_ascii=False).encode("cp1252")
    found = submission.read(content, TINY)
    assert found.answers["why-squares"] == "Für große Fehler"
    assert "Windows-1252" in found.flags[0]


def test_cells_after_the_two_thousandth_are_read():
    draft = Draft(TINY, reference(TINY))
    for _ in range(2500):
        draft.insert(0, "")
    draft.insert(0, "x = 1")
    found = submission.read(draft.dumps(), TINY)
    assert found.answers == reference(TINY)


# ---------------------------------------------------------------- anything that editors do

FUZZ = int(os.environ.get("COURSE_FUZZ", "150"))
TOKENS = [f"token{letter}word" for letter in "abcdefgh"]


@st.composite
def edits(draw) -> tuple[bytes, list[str]]:
    """A notebook after a few of the things that people and editors do to one, and the words that were written."""
    draft = Draft(TINY, reference(TINY) if draw(st.booleans()) else {})
    written = []
    for token in draw(st.lists(st.sampled_from(TOKENS), max_size=5, unique=True)):
        words, place = f"I say {token} because of it.", draw(st.integers(0, len(draft.cells) - 1))
        cell = draft.cells[place]
        match draw(st.integers(0, 7)):
            case 0:
                draft.insert(place, words, draw(st.sampled_from(["markdown", "raw", "code"])))
            case 1 if cell["cell_type"] != "code":
                cell["source"] += draw(st.sampled_from([" ", "\n", "\n\n"])) + words
            case 2 if cell["cell_type"] != "code":
                cell["source"] = words + "\n\n" + cell["source"]
            case 3 if cell["cell_type"] != "code":
                draft.cells.insert(place + 1, dict(cell, source=words))
            case 4 if cell["cell_type"] != "code":
                cell["source"] = words
            case 5:
                draft.insert(place, "# " + words)
            case 6 if cell["cell_type"] != "code" and place + 1 < len(draft.cells):  # merged with the cell below
                below = draft.cells[place + 1]
                if below["cell_type"] != "code":
                    cell["source"] += "\n\n" + words + "\n\n" + below["source"]
                    del draft.cells[place + 1]
                else:
                    continue
            case _:
                continue
        written.append(token)
    if draw(st.booleans()):
        for cell in draft.cells:
            cell.pop("id", None)
    if draw(st.booleans()):
        for cell in draft.cells:
            cell["metadata"] = {}
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(draft.cells) - 1))
        draft.cells.insert(draw(st.integers(0, len(draft.cells) - 1)), draft.cells.pop(place))
    text = draft.dumps()
    return text, [token for token in written if token.encode() in text]  # a later edit may have replaced an earlier one


@pytest.mark.thorough
@given(edits())
@settings(
    max_examples=int(os.environ.get("COURSE_FUZZ", "150")), deadline=None, suppress_health_check=list(HealthCheck)
)
def test_whatever_editors_do_no_word_is_lost(made):
    content, written = made
    found = submission.read(content, TINY)
    code = [*found.last, *(one for some in (*found.extras.values(), *found.added.values()) for one in some)]
    kept = " ".join([*found.answers.values(), *found.flags, *code])
    assert [token for token in written if token not in kept] == []
    if found.unassigned:
        assert grade.essay(TINY.of_kind("essay")[0], found)["reason"] != "Left blank."
