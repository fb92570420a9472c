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
    setup, predicted = nbformat.v4.new_code_cell("import x"), nbformat.v4.new_code_cell("f()  # fmt: skip")
    setup.metadata.tags = ["bootstrap"]
    predicted.metadata.jupyter = {"outputs_hidden": True}
    predicted.outputs = [nbformat.v4.new_output("stream", text=" \n42\n")]  # JupyterLab shows the first line
    notebook.cells = [setup, nbformat.v4.new_markdown_cell("[here](#2.1-A-place) and [there](03_b.ipynb)"), predicted]
    words, code = book.page(notebook).cells
    assert words.source == "[here](#21-a-place) and [there](03_b.ipynb)"
    assert code.metadata.tags == ["hide-output"]
    assert code.source == "f()"
    assert code.outputs[0].text == "42\n"


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


browser = pytest.mark.skipif(MISSING, reason="needs Chromium or Chrome, on Linux or macOS")
FIELDS = "[...document.querySelectorAll('.prediction textarea')]"
BUBBLE = "(({hidden, textContent}) => hidden ? null : textContent)(document.getElementById('meaning'))"


@pytest.fixture(scope="module")
def tab():
    with Chromium() as one:
        one.look()
        yield one


def wait(tab, milliseconds: int = 100) -> None:
    """By the page's clock, and until it has drawn what is new."""
    tab.evaluate(f"new Promise((on) => setTimeout(() => requestAnimationFrame(() => on(0)), {milliseconds}))")


@pytest.mark.thorough
@browser
def test_every_prediction_has_a_field_that_keeps_what_is_typed(built, tab):
    page, other = built / "notebooks" / "03_minimax.html", built / "notebooks" / "04_saturation.html"
    script = (ROOT / "notebooks" / "03_minimax.py").read_text(encoding="utf-8")
    tab.open(page)
    tab.evaluate(f"{FIELDS}[2].focus()")
    tab("Input.insertText", text="it ends at 3 <b>")
    tab.open(other)
    assert set(tab.evaluate(f"{FIELDS}.map((one) => one.value)")) == {""}, "another page has fields of its own"
    tab.open(page)
    expected = [""] * script.count("**❓ Predict.**")
    expected[2] = "it ends at 3 <b>"
    assert tab.evaluate(f"{FIELDS}.map((one) => one.value)") == expected
    assert tab.evaluate(f"{FIELDS}.every((one) => one.labels[0].textContent === 'Your prediction')")
    told = "[...document.querySelectorAll('.predicted')].filter((one) => !one.hidden).map((one) => one.textContent)"
    assert tab.evaluate(told) == ["You predicted: it ends at 3 <b>"]
    assert tab.evaluate(
        f"!!({FIELDS}[2].compareDocumentPosition(document.querySelector('.predicted:not([hidden])')) & 4)"
    )

    tab.evaluate(f"{FIELDS}[2].focus()")
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Clear"
    tab.press("Enter")
    assert tab.evaluate(f"document.activeElement === {FIELDS}[2]")
    assert tab.evaluate(told) == []
    tab.open(page)
    assert set(tab.evaluate(f"{FIELDS}.map((one) => one.value)")) == {""}
    assert tab.said == []


@pytest.mark.thorough
@browser
def test_where_nothing_may_be_kept_the_field_works_all_the_same(built, tab):
    refuse = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    script = tab("Page.addScriptToEvaluateOnNewDocument", source=refuse)["identifier"]
    tab.open(built / "notebooks" / "04_saturation.html")
    tab("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    tab.evaluate(f"{FIELDS}[0].focus()")
    tab("Input.insertText", text="a hundred")
    assert tab.evaluate("document.querySelector('.predicted:not([hidden])').textContent") == "You predicted: a hundred"
    assert [one for one in tab.said if "reading.js" in one] == [], "the theme may complain"


@pytest.mark.thorough
@browser
def test_an_empty_field_is_not_printed(built, tab):
    tab.open(built / "notebooks" / "04_saturation.html")
    tab.evaluate(f"{FIELDS}[1].focus()")
    tab("Input.insertText", text="the other one")
    tab("Emulation.setEmulatedMedia", media="print")
    shown = tab.evaluate(f"{FIELDS}.map((one) => one.checkVisibility())")
    tab("Emulation.setEmulatedMedia", media="")
    assert [i for i, one in enumerate(shown) if one] == [1]
    tab.evaluate("localStorage.clear()")


@pytest.mark.thorough
@browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_minutes_that_are_left_fall_as_one_reads_on(built, tab, width):
    tab.look(width)
    tab.open(built / "notebooks" / "03_minimax.html")
    wait(tab, 500)
    core = int(tab.evaluate("document.querySelector('.minutes').dataset.core"))
    line = "document.querySelector('.minutes-left')"
    assert tab.evaluate(f"{line}.textContent") == f"{core} min"
    height = tab.evaluate("document.querySelector('.bd-header-article').offsetHeight")
    titles = tab.evaluate("[...document.querySelectorAll('article h2')].map((one) => one.textContent)")
    minutes = [int(found[1]) if (found := re.search(r"·\s(\d+)\smin", title)) else 0 for title in titles]
    begin = next(i for i, title in enumerate(titles) if "Further" in title)
    seen = []
    for i in range(len(titles)):
        tab.evaluate(f"document.querySelectorAll('article h2')[{i}].scrollIntoView({{behavior: 'instant'}})")
        wait(tab)
        seen.append(tab.evaluate(f"{line}.textContent"))
        assert tab.evaluate("document.querySelector('.bd-header-article').offsetHeight") == height
    core_left = [sum(minutes[i:begin]) for i in range(begin)]
    further_left = [sum(minutes[i:]) for i in range(begin, len(titles))]
    assert core >= core_left[0] > core_left[5] > core_left[begin - 3] > 0, "there is something to count"
    expected = [f"{m} min left" if m else "" for m in core_left]
    expected += [f"Further: {m} min left" if m else "" for m in further_left]
    assert seen[:-1] == expected[:-1], "the last section may be too short to be scrolled to the top"
    assert tab.evaluate(f"{line}.closest('[aria-live], [role=status], [role=alert]')") is None
    box = tab.evaluate(f"(({{left, right}}) => [left, right])({line}.getBoundingClientRect())")
    assert 0 <= box[0] <= box[1] <= width
    tab.look()


def point(tab, what: str) -> dict:
    """The middle of what `what` selects, after it has been scrolled to the middle of the window."""
    tab.evaluate(f"{what}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    wait(tab)
    box = tab.evaluate(f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({what}.getClientRects()[0])")
    return {"x": box[0], "y": box[1]}


@pytest.mark.thorough
@browser
def test_a_terms_meaning_opens_under_pointer_focus_and_finger_and_closes(built, tab):
    """WCAG 1.4.13: it can be dismissed, pointed at, and stays."""
    tab.open(built / "notebooks" / "03_minimax.html")
    meaning = "the network that judges whether a picture is real"
    term = "document.querySelector('a.term[href$=\"#term-discriminator\"]')"
    tab.evaluate("document.querySelector('a.term').focus()")
    assert tab.evaluate(BUBBLE) == "the network that turns noise into a picture"
    tab.press("Tab")
    assert tab.evaluate(f"document.activeElement === {term}")
    assert tab.evaluate(BUBBLE) == meaning, "reached by Tab"
    assert tab.evaluate(f"{term}.getAttribute('aria-describedby')") == "meaning"
    wait(tab, 500)
    assert tab.evaluate(BUBBLE) == meaning, "and it stays"
    tab.press("Escape")
    assert tab.evaluate(BUBBLE) is None
    assert tab.evaluate(f"document.activeElement === {term}"), "the focus has not moved"
    tab.evaluate("document.activeElement.blur()")

    def move(**place):
        tab("Input.dispatchMouseEvent", type="mouseMoved", **place)
        wait(tab, 600)
        return tab.evaluate(BUBBLE)

    there = point(tab, term)
    assert move(**there) == meaning
    left, top, width, height = tab.evaluate(
        "(({x, y, width, height}) => [x, y, width, height])(document.getElementById('meaning').getBoundingClientRect())"
    )
    assert move(x=left + width / 2, y=top + height / 2) == meaning, "the pointer may go onto it"
    assert move(x=5, y=800) is None
    assert move(**there) == meaning
    tab.press("Escape")
    assert tab.evaluate(BUBBLE) is None

    tab.look(390)
    tab.open(built / "notebooks" / "03_minimax.html")
    tab("Emulation.setTouchEmulationEnabled", enabled=True)
    there = point(tab, term)

    def tap():
        tab("Input.dispatchTouchEvent", type="touchStart", touchPoints=[there])
        tab("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        wait(tab, 600)

    tap()
    assert tab.evaluate(BUBBLE) == meaning
    assert "03_minimax" in tab.evaluate("location.pathname"), "a first tap does not leave the page"
    sides = tab.evaluate(
        "(({left, right}) => [left, right])(document.getElementById('meaning').getBoundingClientRect())"
    )
    assert 0 <= sides[0] < sides[1] <= 390
    tap()
    assert tab.evaluate("location.pathname + location.hash").endswith("notation.html#term-discriminator")
    tab("Emulation.setTouchEmulationEnabled", enabled=False)
    tab.look()


@pytest.mark.thorough
def test_terms_are_linked_once_a_page_and_never_in_code_formulas_or_headings(built):
    bs4 = pytest.importorskip("bs4")
    inside = "pre, code, .math, .cell, h1, h2, h3, h4, h5, h6, thead, nav"
    found = {}
    for page in pages(built):
        links = bs4.BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select("a.term")
        targets = [link["href"].partition("#")[2] for link in links]
        assert len(targets) == len({*targets}), page.name
        assert [
            link for link in links if link.find_parent("a") or any(link.css.closest(one) for one in inside.split(", "))
        ] == []
        assert all(len(link["title"]) > 5 for link in links), "without scripts, too, the meaning is there"
        found[page.stem] = {*targets}
    assert {"term-generator", "term-mode-collapse"} <= found["03_minimax"]
    assert {"term-ddim", "term-velocity"} <= found["11_diffusion"]
    assert found["notation"] == set()


TOO_WIDE = """[...document.querySelectorAll('article pre')].filter((one) => !one.querySelector('.columns'))
    .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth)
    .map((one) => one.textContent.slice(0, 60))"""


@pytest.mark.thorough
@browser
@pytest.mark.parametrize("width", [1280, 390])
def test_no_code_is_wider_than_its_column(built, tab, width):
    """What a cell prints in columns may be, and scrolls; the page itself does not."""
    tab.look(width)
    found, blocks = [], 0
    for page in pages(built):
        tab.open(page)
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found += [f"{page.name}: {one}" for one in tab.evaluate(TOO_WIDE)]
        code = "document.querySelectorAll('article .cell_input pre')"
        blocks += tab.evaluate(f"{code}.length")
        assert tab.evaluate(f"[...{code}].filter((one) => one.scrollWidth > one.clientWidth).length") == 0
        if tab.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{page.name}: the page")
    tab.look()
    assert blocks > 500
    assert found == []


@pytest.mark.thorough
@browser
def test_a_formula_that_is_too_long_for_a_phone_shows_its_beginning(built, tab):
    tab.look(390)
    tab.open(built / "notebooks" / "11_diffusion.html")
    tab.evaluate("window.MathJax.startup.promise.then(() => 0)")
    left = "((one) => one.getBoundingClientRect().left)"
    formulas = "[...document.querySelectorAll('div.math')]"
    assert tab.evaluate(f"{formulas}.some((one) => one.scrollWidth > one.clientWidth + 50)"), "there is such a formula"
    assert tab.evaluate(f"Math.min(...{formulas}.map((one) => {left}(one.firstElementChild) - {left}(one)))") >= -1
    tab.look()


@pytest.mark.thorough
@browser
def test_code_is_copied_as_it_was_written(built, tab):
    """Each line lies in a box of its own, for its wrapping; that must not show in what is copied."""
    tab.look(390)
    tab.open(built / "notebooks" / "03_minimax.html")
    picked = "[...document.querySelectorAll('.cell_input pre')].find((one) => /\\n\\n/.test(one.textContent.trim()))"
    tab.evaluate(f"getSelection().selectAllChildren({picked})")
    by_hand, text = tab.evaluate("getSelection().toString()"), tab.evaluate(f"{picked}.textContent")
    tab.look()
    assert by_hand.strip() == text.strip()
    script = (ROOT / "notebooks" / "03_minimax.py").read_text(encoding="utf-8")
    assert text.strip() in script


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
            chromium.evaluate("document.querySelector('article a.term')?.focus()")  # its meaning is looked at, too
            chromium.evaluate(axe)
            violations = chromium.evaluate(f"axe.run(document, {rules}).then((all) => all.violations.map({short}))")
            found += [f"{page.name}, {width}, {'dark' if dark else 'light'}: {one}" for one in violations]
    assert found == []
