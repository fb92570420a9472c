"""The book: what its pages are made of; the whole build, with warnings as errors, where its packages are installed."""

import copy
import importlib.util
import json
import re
import time
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from urllib.parse import quote, unquote

import nbformat
import pytest
from chromium import MISSING, Chromium

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


def test_a_link_to_a_file_that_is_no_page_leads_to_the_repository():
    cell = nbformat.v4.new_markdown_cell(
        "[app.py](../course_utils/app.py), [ex](../exercises/ex01_a.ipynb), [R](../README.md)"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert "](../course_utils" not in book.page(copy.deepcopy(notebook)).cells[0].source
    words = book.page(notebook, "https://example.org/me/course").cells[0].source
    assert "[app.py](https://example.org/me/course/blob/HEAD/course_utils/app.py)" in words
    assert "[ex](../exercises/ex01_a.ipynb)" in words


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The whole book, once; warnings are errors."""
    if any(importlib.util.find_spec(name) is None for name in book.NEEDS):
        pytest.skip("needs the extra packages of make book")
    out = tmp_path_factory.mktemp("book") / "book"
    book.build(out)
    return out


def pages(built: Path) -> list[Path]:
    return [page for page in sorted(built.rglob("*.html")) if "_static" not in page.parts]


@pytest.mark.thorough
def test_the_book_is_built_without_warnings_and_reads_nothing_from_elsewhere(built):
    chapters = sorted((built / "notebooks").glob("*.html"))
    assert len(chapters) == len(list((ROOT / "notebooks").glob("*.ipynb"))) + 1  # and the page of symbols
    for page in pages(built):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?://[^\"]+)", text)
        assert loaded == [], f"{page.name} needs a network for {loaded}"
    assert not list(built.rglob("*solution*.ipynb"))


class Links(HTMLParser):
    """What a page points to, and the places in it that can be pointed to."""

    def __init__(self, text: str):
        super().__init__()
        self.targets, self.places = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.places |= {value for name, value in attrs if name in ("id", "name")}
        self.targets |= {value for name, value in attrs if name in ("href", "src") and tag in ("a", "img", "script")}


@pytest.mark.thorough
def test_links_inside_the_book_hold(built):
    found = {page: Links(page.read_text(encoding="utf-8")) for page in pages(built)}
    broken = []
    for page, links in found.items():
        for target in links.targets - {None, ""}:
            path, _, place = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = (page.parent / unquote(path).split("?")[0]).resolve() if path else page
            if not there.exists() or (place and there in found and unquote(place) not in found[there].places):
                broken.append(f"{page.relative_to(built)}: {target}")
    assert broken == []


FOUND = {  # a word that a reader might look for, and a page that must be among what is found
    "reparameterize": "02_vae",
    "posterior collapse": "02_vae",
    "autoencoder": "01_autoencoders",
    "minimax": "03_minimax",
    "saturation": "04_saturation",
    "transposed": "05_dcgan",
    "checkerboards": "05_dcgan",
    "Fréchet": "06_evaluation",
    "one-hot": "08_conditional",
    "checkpoint": "10_serving",
    "guidance": "11_diffusion",
    "disentanglement": "93_disentanglement",
}


@pytest.mark.thorough
@pytest.mark.skipif(MISSING, reason="needs Chromium or Chrome, on Linux or macOS")
def test_search_finds_what_a_reader_looks_for(built):
    listed = "[...document.querySelectorAll('#search-results li a')].map((one) => one.href)"
    missed = {}
    with Chromium() as chromium:
        for words, wanted in FOUND.items():
            chromium.open(f"{(built / 'search.html').as_uri()}?q={quote(words)}")
            for _ in range(50):
                time.sleep(0.1)
                found = chromium.evaluate(listed)
                if any(wanted in one for one in found):
                    break
            else:
                missed[words] = found
    assert missed == {}


AXE = ROOT / "build" / "node_modules" / "axe-core" / "axe.min.js"  # npm install --prefix build axe-core
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.mark.thorough
@pytest.mark.skipif(MISSING or not AXE.exists(), reason="needs Chromium or Chrome, and axe-core")
def test_no_page_violates_wcag(built):
    """Levels A and AA of WCAG 2.2, as far as axe-core sees: every page, light and dark, on a desk and on a phone."""
    axe = AXE.read_text(encoding="utf-8") + "\n0"
    rules = json.dumps({"runOnly": WCAG, "resultTypes": ["violations"]})
    short = "(one) => [one.id, one.nodes.map((node) => node.html.slice(0, 150)).slice(0, 3)]"
    found = []
    with Chromium() as chromium:
        for page, width, dark in product(pages(built), (1280, 390), (False, True)):
            chromium.look(width, dark, calm=True)
            chromium.open(page)
            chromium.evaluate(axe)
            violations = chromium.evaluate(f"axe.run(document, {rules}).then((all) => all.violations.map({short}))")
            found += [f"{page.name}, {width}, {'dark' if dark else 'light'}: {one}" for one in violations]
    assert found == []
