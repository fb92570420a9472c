"""The chapter commands, on chapters of three cells: what they write, what they say when something fails."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from course_utils import __main__ as commands
from course_utils import results
from course_utils.commands import chapters

HEAD = "# ---\n# jupyter:\n#   kernelspec:\n#     display_name: Python 3\n#     name: python3\n# ---\n\n"
PNG = base64.b64decode(  # one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
GOOD = f"""{HEAD}# %% [markdown]
# # 07 · A small chapter
#
# ![A grey pixel](images/07.png)

# %%
print(6 * 7)

# %% tags=["picture"]
from IPython.display import HTML

HTML('<img src="data:image/png;base64,{base64.b64encode(PNG).decode()}" alt="A grey pixel">')
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A course of one chapter, `book.write(text)` changes it; commands run from its root."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(chapters, "ROOT", tmp_path)
    monkeypatch.setattr(chapters, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(results, "EXPECTED", tmp_path / "expected.json")
    monkeypatch.chdir(tmp_path)

    class Book:
        root, script = tmp_path, tmp_path / "notebooks" / "07_small.py"
        notebook = script.with_suffix(".ipynb")

        def write(self, text):
            self.script.write_text(text, encoding="utf-8")

    small = Book()
    small.write(GOOD)
    return small


def outputs(path: Path) -> str:
    return json.dumps([cell.get("outputs", []) for cell in nbformat.read(path, as_version=4).cells])


def test_run_writes_the_executed_notebook_and_its_page(book):
    (book.root / "notebooks" / "images").mkdir()
    (book.root / "notebooks" / "images" / "07.png").write_bytes(PNG)
    assert chapters.main(["run", "07", "--out", "made/here"]) == 0
    assert "42" in outputs(book.root / "made/here/07_small.ipynb")
    page = (book.root / "made/here/07_small.html").read_text(encoding="utf-8")
    assert "42" in page
    # Twice the same pixel: from the Markdown's file, which the page must carry with it, and from the output.
    assert page.count(base64.b64encode(PNG).decode()) >= 2
    assert "images/07.png" not in page
    assert "white-space: pre-wrap" in page[: page.index("</head>")]  # long lines of code
    assert not book.notebook.exists(), "run leaves the stored notebook alone"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("print('before')\nraise ValueError('first line\\nsecond line')", "ValueError: first line"),
        ("print('before')\nassert 1 + 1 == 3", "AssertionError"),
        ("import os, sys, time\nprint('before')\nsys.stdout.flush()\ntime.sleep(0.5)\nos._exit(1)", "Kernel died"),
    ],
)
def test_a_failed_cell_is_named_in_one_line_and_the_page_is_still_written(book, capfd, cell, reason):
    book.write(f"{HEAD}# %% [markdown]\n# # 07\n#\n# ## 7.1 Here\n\n# %%\n{cell}\n\n# %% [markdown]\n# ## 7.2\n")
    assert chapters.main(["run", "07", "--out", "made"]) == 1
    assert capfd.readouterr().err == f"07_small.py, cell after '7.1 Here': {reason}\n"
    assert "before" in (book.root / "made/07_small.html").read_text(encoding="utf-8")
    assert "before" in outputs(book.root / "made/07_small.ipynb")


def test_a_failed_chapter_leaves_the_stored_notebook_alone(book):
    book.notebook.write_text("the old one")
    book.write(GOOD.replace("6 * 7", "6 * seven"))
    assert chapters.main(["refresh", "07"]) == 1
    assert book.notebook.read_text() == "the old one"
    assert {path.name for path in book.notebook.parent.iterdir()} == {"07_small.ipynb", "07_small.py"}


@pytest.mark.parametrize("command", ["run", "refresh", "bands"])
def test_an_unknown_chapter_is_named_in_one_line(book, capfd, command):
    assert chapters.main([command, "99"]) == 1
    assert capfd.readouterr().err == "There is no chapter '99': choose from 07.\n"


def test_refresh_twice_gives_the_same_bytes(book):
    assert chapters.main(["refresh"]) == 0
    first = book.notebook.read_bytes()
    assert chapters.main(["refresh", "07", "--force"]) == 0
    assert book.notebook.read_bytes() == first
    notebook = jupytext.read(book.notebook)
    assert "42" in outputs(book.notebook)
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2]
    assert notebook.metadata.source_hash == chapters.source_hash(jupytext.read(book.script))


def test_refresh_keeps_outputs_only_where_the_code_is_the_same(book):
    assert chapters.main(["refresh", "07"]) == 0
    marked = book.notebook.read_text(encoding="utf-8").replace("42", "40 + 2")
    book.notebook.write_text(marked, encoding="utf-8")

    book.write(GOOD.replace("A small chapter", "A tiny chapter"))
    assert chapters.main(["refresh", "07"]) == 0
    assert "40 + 2" in outputs(book.notebook)  # not executed again
    assert "A tiny chapter" in book.notebook.read_text(encoding="utf-8")

    book.write(GOOD.replace("6 * 7", "6 * 8"))
    assert chapters.main(["refresh", "07"]) == 0
    assert "48" in outputs(book.notebook)


def test_the_hash_is_of_the_code_and_not_of_the_prose(book):
    hash_of = {
        text: chapters.source_hash(jupytext.reads(text, fmt="py:percent"))
        for text in (GOOD, GOOD.replace("small chapter", "tiny chapter"), GOOD.replace("6 * 7", "7 * 6"))
    }
    before, other_prose, other_code = hash_of.values()
    assert before == other_prose != other_code


def test_refresh_stores_the_picture_of_the_tagged_cell(book):
    assert chapters.main(["refresh", "07"]) == 0
    image = book.root / "notebooks" / "images" / "07.png"
    assert image.read_bytes() == PNG
    image.unlink()
    book.write(GOOD.replace(' tags=["picture"]', ""))
    assert chapters.main(["refresh", "07"]) == 0
    assert not image.exists()


MEASURES = f"""{HEAD}# %% [markdown]
# # 07 · Small

# %%
from course_utils import schedule
from course_utils.results import Results

results = Results("07", "toy")
results.add(seed=schedule.seed(), twice=2 * schedule.seed())
results.check()
"""


def test_bands_records_the_numbers_of_every_seed(book, monkeypatch):
    monkeypatch.setenv("COURSE_RESULTS", str(book.root / "mine"))  # what a reader has set is not touched
    book.write(MEASURES)
    results.EXPECTED.write_text('{"01": {"short/toy": "kept"}, "07": {"full/toy": "kept", "short/toy": "replaced"}}')
    assert chapters.main(["bands", "07", "--seeds", "3", "8"]) == 0
    recorded = json.loads(results.EXPECTED.read_text())
    entry = recorded["07"].pop("short/toy")
    assert recorded == {"01": {"short/toy": "kept"}, "07": {"full/toy": "kept"}}
    assert entry["seeds"] == [3, 8]
    assert entry["numbers"] == {"seed": [3.0, 8.0], "twice": [6.0, 16.0]}
    assert len(entry["seconds"]) == 2
    assert entry["date"]
    assert entry["machine"]
    assert entry["versions"]["torch"]
    assert not (book.root / "mine").exists()


def test_bands_of_further_runs(book, capfd):
    book.write(MEASURES)
    assert chapters.main(["bands", "07", "--seeds", "3", "--add"]) == 0  # nothing recorded yet
    first = json.loads(results.EXPECTED.read_text())["07"]["short/toy"]
    assert chapters.main(["bands", "07", "--seeds", "8", "3", "--add"]) == 0
    entry = json.loads(results.EXPECTED.read_text())["07"]["short/toy"]
    assert entry["seeds"] == [3, 8, 3]
    assert entry["numbers"] == {"seed": [3.0, 8.0, 3.0], "twice": [6.0, 16.0, 6.0]}
    assert entry["seconds"][:1] == first["seconds"]
    assert entry["machine"] == first["machine"]
    book.write(MEASURES.replace("twice", "double"))
    before = results.EXPECTED.read_text()
    assert chapters.main(["bands", "07", "--seeds", "1", "--add"]) == 1
    assert "without --add" in capfd.readouterr().err
    assert results.EXPECTED.read_text() == before


def test_bands_of_a_chapter_without_numbers_is_one_line(book, capfd):
    assert chapters.main(["bands", "07", "--seeds", "0"]) == 1
    assert capfd.readouterr().err.count("\n") == 1
    assert not results.EXPECTED.exists()


NUMBERS = {"loss": [103.04, 103.06, 103.08], "elbo": [-98.26]}
RECORDED = {"02": {"short/mnist": {"seconds": [61, 62.5, 95], "numbers": NUMBERS}}}


@pytest.fixture
def recorded(monkeypatch):
    monkeypatch.setattr(results, "_expected_file", lambda: RECORDED)


def test_quotes_are_found(recorded):
    text = "ends at <!--02.loss-->99.9 nats\n# after <!--02.seconds-->60 s, ELBO <!--02.elbo-->−98.3; <!--a note--> 5"
    assert chapters.quotes(text) == [("02", "loss", "99.9"), ("02", "seconds", "60"), ("02", "elbo", "−98.3")]


@pytest.mark.parametrize(
    ("printed", "recorded_as"),
    [
        ("<!--02.loss-->99.9 nats", "<!--02.loss-->103.1 nats"),
        ("<!--02.loss-->99, or", "<!--02.loss-->103, or"),
        ("<!--02.loss-->9.99999.", "<!--02.loss-->103.06000."),
        ("<!--02.elbo-->1.0", "<!--02.elbo-->−98.3"),
        ("<!--02.elbo-->-1.0", "<!--02.elbo-->-98.3"),
        ("| <!--02.seconds-->5 |", "| <!--02.seconds-->70 |"),
        ("103 without a marker", "103 without a marker"),
    ],
)
def test_requote_keeps_the_decimals_and_everything_else(recorded, printed, recorded_as):
    assert chapters.requote(printed) == recorded_as
    assert chapters.requote(recorded_as) == recorded_as


def test_quote_rewrites_both_files_of_a_pair_and_the_readme(book, recorded, capfd):
    book.write(GOOD.replace("small chapter", "loss of <!--02.loss-->1.0"))
    nbformat.write(jupytext.read(book.script), book.notebook)
    readme = book.root / "README.md"
    readme.write_text("after <!--02.seconds-->1 seconds", encoding="utf-8")
    assert chapters.main(["quote"]) == 0
    for path in (book.script, book.notebook):
        assert "<!--02.loss-->103.1" in path.read_text(encoding="utf-8")
    assert readme.read_text(encoding="utf-8") == "after <!--02.seconds-->70 seconds"
    before = book.notebook.read_bytes()
    capfd.readouterr()
    assert chapters.main(["quote"]) == 0
    assert capfd.readouterr().out == "", "the second time there is nothing to do"
    assert book.notebook.read_bytes() == before

    readme.write_text("<!--02.lost-->1.0", encoding="utf-8")
    assert chapters.main(["quote"]) == 1
    assert "<!--02.lost-->" in capfd.readouterr().err


@pytest.mark.parametrize(
    "url", ["my-fork", "http://github.com/me/fork", "https://github.com/me", "https://github.com/a b/c"]
)
def test_address_refuses_what_is_none(book, capfd, url):
    (book.root / "pyproject.toml").write_text('[tool.course]\nrepository = "https://github.com/OWNER/REPOSITORY"\n')
    assert chapters.main(["address", url]) == 1
    assert url in capfd.readouterr().err
    assert "OWNER" in (book.root / "pyproject.toml").read_text()


@pytest.mark.parametrize("words", ["", "run", "refresh", "bands", "quote", "address"])
def test_every_command_has_help(words, capsys):
    with pytest.raises(SystemExit) as stop:
        chapters.main([*words.split(), "--help"])
    assert stop.value.code == 0
    assert f"usage: python -m course_utils chapters {words}".strip() in capsys.readouterr().out


def test_the_command_line_hands_on_the_exit_status(capsys):
    assert commands.main(["chapters", "run", "99"]) == 1
    assert capsys.readouterr().err.startswith("There is no chapter '99'")
    assert commands.main([]) == commands.main(["--help"]) == 0
    assert all(f"  {name} " in capsys.readouterr().out for name in ["chapters"])
    wrong = subprocess.run([sys.executable, "-m", "course_utils", "chapter"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("There is no command 'chapter'")


needs_make = pytest.mark.skipif(not shutil.which("make"), reason="there is no make on this machine")
REPOSITORY = Path(__file__).resolve().parents[2]


def make(*words: str) -> subprocess.CompletedProcess:
    # --old-file: the environment that runs these tests is good, and they must not set up another.
    command = ["make", "--old-file=venv", f"BIN={Path(sys.executable).parent}", *words]
    # Under `make test` this make must not take itself for a part of that one.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    return subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, encoding="utf-8")


@needs_make
def test_make_help_lists_every_target():
    shown = make("help")
    assert shown.returncode == 0
    targets = next(line for line in (REPOSITORY / "Makefile").read_text().splitlines() if line.startswith(".PHONY"))
    assert {line.split()[0] for line in shown.stdout.splitlines()} == set(targets.split()[1:])


@needs_make
def test_make_run_without_a_chapter_says_so():
    failed = make("run")
    assert failed.returncode != 0
    assert "make run CHAPTER=" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_what_is_no_number_is_not_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "EXPECTED", tmp_path / "expected.json")
    run = {"seed": 0, "seconds": 1.0, "versions": {}, "device": "cpu", "schedule": "short", "data": "embedded"}
    with pytest.raises(chapters.ChapterError, match="NaN or infinity for b: nothing is recorded"):
        chapters.record("02", [{**run, "numbers": {"a": 1.0, "b": None}}])
    assert not (tmp_path / "expected.json").exists()
