"""The book: what its pages are made of; the whole build, with warnings as errors, where its packages are installed."""

import copy
import importlib.util
import json
import re
import shutil
import time
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from urllib.parse import quote, unquote

import nbformat
import pytest
from chromium import MISSING, Chromium

from course_utils.__main__ import main
from course_utils.commands import book, pdf

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


NEXT = ("notebooks/01_a.html", "notebooks/notation.html")


@pytest.fixture
def two_pages(tmp_path):
    """A book of a first page and two more, that point to each other."""
    head = "<script>window.MathJax = {}</script>"
    listed = "".join(f'<a class="internal" href="{one}">x</a>' for one in ("#", "play.html", *NEXT))
    texts = {
        "index.html": f'<nav class="bd-links">{listed}</nav><article><h1 id="top">Book</h1>'
        '<a href="notebooks/01_a.html#one">one</a></article>',
        NEXT[0]: '<article><h1 id="one">A<a class="headerlink" href="#one">#</a></h1>'
        "<details><summary>?</summary>42</details><script>alert()</script><p><a href='../play.html'>play</a></p>"
        '<img src="../_images/a%20b.png"><a href="notation.html">S</a><a href="01_a.ipynb">file</a>'
        '<a href="#one">up</a><a href="https://example.org/x#y">away</a></article>',
        NEXT[1]: f'{head}<article><h1 id="one">S</h1></article>',
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_pdfs_page_has_every_page_once_and_its_links_lead_inside(two_pages):
    pytest.importorskip("bs4")
    text = pdf.whole(two_pages)
    found = Links(text)
    assert re.findall(r'<article id="(.+?)"', text) == ["index", "notebooks-01_a", "notebooks-notation"]
    assert {"notebooks-01_a--one", "notebooks-notation--one"} <= found.places, "the same place on two pages"
    inside = {target[1:] for target in found.targets if target.startswith("#")}
    assert inside == {"notebooks-01_a", "notebooks-01_a--one", "notebooks-notation"} <= found.places
    outside = found.targets - {f"#{one}" for one in inside}
    assert outside == {"https://example.org/x#y", "_images/a b.png", "_static/mathjax/tex-svg.js"}
    assert "file" in text
    assert '<details open="">' in text
    assert "alert" not in text
    assert ">play<" not in text


def test_without_chromium_a_sentence_says_so(monkeypatch, capsys):
    monkeypatch.setattr(pdf, "PROGRAMS", ("no-such-browser",))
    monkeypatch.setattr(pdf, "MAC", Path("no-such-folder"))
    monkeypatch.setattr(book, "build", lambda out: pytest.fail("built, though nothing can print it"))
    assert main(["book", "--pdf"]) == 1
    assert "Chromium or Google Chrome" in capsys.readouterr().err


@pytest.mark.skipif(MISSING, reason="needs Chromium or Chrome, on Linux or macOS")
def test_chromium_prints_a_pdf_and_leaves_nothing_behind(two_pages, tmp_path_factory):
    pytest.importorskip("bs4")
    (two_pages / "_static").mkdir()
    shutil.copy(ROOT / "book" / "_static" / "print.css", two_pages / "_static")
    before, out = {*two_pages.rglob("*")}, tmp_path_factory.mktemp("pdf") / "new" / "book.pdf"
    pdf.print_to(two_pages, out)
    content = out.read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 3, "a page of paper for each, the contents with the first"
    assert b"/Outlines" in content
    assert {*two_pages.rglob("*")} == before


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
def test_all_pages_but_the_models_are_in_the_pdf(built):
    text = pdf.whole(built)
    left_out = {"genindex.html", "search.html", "play.html"}
    assert len(re.findall("<article id=", text)) == len([one for one in pages(built) if one.name not in left_out])
    found = Links(text)
    assert {one[1:] for one in found.targets - {None} if one.startswith("#")} <= found.places
    files = {one for one in found.targets - {None} if not re.match("#|[a-z]+:", one)}
    assert [one for one in files if not (built / one).exists()] == []


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


@pytest.mark.thorough
@pytest.mark.skipif(MISSING, reason="needs Chromium or Chrome, on Linux or macOS")
def test_every_formula_is_typeset(built):
    count = "[document.querySelectorAll('mjx-container').length, document.querySelectorAll('.math').length]"
    wrong = "[...document.querySelectorAll('[data-mjx-error]')].map((one) => one.getAttribute('data-mjx-error'))"
    found, formulas = {}, 0
    with Chromium() as chromium:
        for page in pages(built):
            chromium.open(page)
            chromium.evaluate("window.MathJax?.startup?.promise.then(() => 0)")
            set_, meant = chromium.evaluate(count)
            formulas += meant
            if set_ < meant or chromium.evaluate(wrong):
                found[page.name] = meant - set_, chromium.evaluate(wrong)
    assert formulas > 1000
    assert found == {}


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
