"""The book: what its pages are made of; the whole build, with warnings as errors, where its packages are installed."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

from course_utils.commands import book

ROOT = Path(__file__).resolve().parents[2]


def test_a_heading_of_jupyterlab_is_found_under_the_books_name():
    assert book.anchor("Case-1.-Pairs-from-the-loader") == "case-1-pairs-from-the-loader"


def test_a_page_has_no_set_up_and_folds_what_answers_a_prediction():
    notebook = nbformat.v4.new_notebook()
    setup, predicted = nbformat.v4.new_code_cell("import x"), nbformat.v4.new_code_cell("f()")
    setup.metadata.tags = ["bootstrap"]
    predicted.metadata.jupyter = {"outputs_hidden": True}
    notebook.cells = [setup, nbformat.v4.new_markdown_cell("[here](#2.1-A-place) and [there](03_b.ipynb)"), predicted]
    words, code = book.page(notebook).cells
    assert words.source == "[here](#21-a-place) and [there](03_b.ipynb)"
    assert code.metadata.tags == ["hide-output"]


def test_the_contents_name_every_notebook_and_no_solution():
    contents = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    patterns = re.findall(r"^((?:notebooks|exercises|solutions)/\S+)$", contents, re.M)
    named = {path for pattern in patterns for path in ROOT.glob(pattern.rstrip("*") + "*")}
    assert {*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "exercises").glob("*.ipynb")} <= named
    assert [pattern for pattern in patterns if pattern.startswith("solutions")] == ["solutions/README"]


@pytest.mark.thorough
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in book.NEEDS), reason="needs the extra packages of make book"
)
def test_the_book_is_built_without_warnings_and_reads_nothing_from_elsewhere(tmp_path):
    book.build(tmp_path / "book")
    pages = sorted((tmp_path / "book" / "notebooks").glob("*.html"))
    assert len(pages) == len(list((ROOT / "notebooks").glob("*.ipynb"))) + 1  # and the page of symbols
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?://[^\"]+)", text)
        assert loaded == [], f"{page.name} needs a network for {loaded}"
    assert not list((tmp_path / "book").rglob("*solution*.ipynb"))
