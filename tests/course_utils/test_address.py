"""The address of a fork: on a copy of the course, every place gets it, badges appear, and nothing else changes."""

import re
import shutil
from pathlib import Path

import jupytext
import pytest
from jupytext.compare import compare_notebooks

from course_utils.commands import address, chapters
from grader.release import release

ROOT = Path(__file__).resolve().parents[2]
FORK = "https://github.com/me/my-fork"
COLAB = "https://colab.research.google.com/github/me/my-fork/blob/main/"


pytest.importorskip("nbgrader", reason="an exercise's locked cells carry nbgrader's checksums")


@pytest.fixture
def copy(tmp_path):
    """A course of two chapters and an exercise, the placeholder in its files."""
    for pattern in ("notebooks/[09]0_*.*", "solutions/ex03_*.*", "exercises/ex03_*.*", "*.toml", "README.md", "*.cff"):
        for path in ROOT.glob(pattern):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
    address.write(tmp_path, address.PLACEHOLDER)
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_fork_and_back(copy):
    before = contents(copy)
    assert not any(b"colab-badge" in content for content in before.values())

    changed = address.write(copy, FORK)
    after = contents(copy)
    assert {path for path in after if after[path] != before[path]} == set(changed)
    assert not any(b"OWNER/REPOSITORY" in content for content in after.values())
    assert address.write(copy, FORK) == [], "the second time there is nothing to do"

    address.write(copy, "https://github.com/you/yours")
    assert not any(b"my-fork" in content for content in contents(copy).values())
    address.write(copy, address.PLACEHOLDER)
    assert contents(copy) == before


def test_every_notebook_opens_in_colab(copy):
    address.write(copy, FORK)
    for folder in ("notebooks", "exercises"):
        for path in (copy / folder).glob("*.ipynb"):
            title, _, badge, *_ = jupytext.read(path).cells[0].source.split("\n")
            assert title.startswith("# ")
            assert badge.endswith(f"({COLAB}{folder}/{path.name})")
    readme = (copy / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\|.*\]\((notebooks/\w+\.ipynb)\)", readme, re.M)
    assert len(linked) == len(list((ROOT / "notebooks").glob("*.ipynb")))
    for target in linked:
        assert f"({COLAB}{target})" in readme
    assert f"{FORK}/actions/workflows/test.yml/badge.svg" in readme.split("\n## ")[0]


def test_what_belongs_together_still_agrees(copy):
    """Pairs of notebook and script, outputs and the code they came from, exercises and their sources."""
    address.write(copy, FORK)
    for script in (copy / "notebooks").glob("*_*.py"):
        stored = jupytext.read(script.with_suffix(".ipynb"))
        compare_notebooks(jupytext.read(script), stored, fmt="py:percent", allow_expected_differences=True)
        original = jupytext.read(ROOT / "notebooks" / script.with_suffix(".ipynb").name)
        fresh = original.metadata.source_hash == chapters.source_hash(original)
        assert fresh == (stored.metadata.source_hash == chapters.source_hash(stored))
    assert release(copy / "solutions", copy / "exercises", check=True) == []


def test_no_badges_where_colab_does_not_look(copy):
    address.write(copy, "https://gitlab.com/me/my-fork")
    text = b"".join(contents(copy).values())
    assert b"colab-badge" not in text
    assert b"git+https://gitlab.com/me/my-fork@main" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# Title", "# Title\n\nBADGE"),
        ("# Title\n\nText", "# Title\n\nBADGE\n\nText"),
        ("before\n\n# Title\n## Next\n", "before\n\n# Title\n\nBADGE\n## Next\n"),
        ("no title", "no title"),
    ],
)
def test_under_the_title(text, shown):
    badge = address.badges(FORK, "main")("notebooks/00_x.ipynb")
    assert address.under_the_title(text, badge) == shown.replace("BADGE", badge)
    assert address.under_the_title(shown.replace("BADGE", badge), "") in (text, text + "\n")
