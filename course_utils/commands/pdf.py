"""The whole book as one PDF: the built pages put together, in the order of the contents, and printed by Chromium."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from course_utils import CourseError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
# What paper has no use for; the last is a line that only leads to the models to play with.
SCREEN_ONLY = 'script, style, button, .headerlink, .toctree-wrapper, p:has(> a[href$="play.html"]:only-child)'
COLOURED = re.compile(r"[kscm]\w*|ow")  # keywords, strings, comments, numbers; every span is a node of the PDF
LINES = ("id", "for", "aria-labelledby", "aria-describedby", "aria-controls")  # attributes that name places


def browser() -> str:
    """Chromium or Chrome, where it is installed.

    Raises:
        CourseError: there is none.
    """
    found = next(filter(None, map(shutil.which, PROGRAMS)), None) or (str(MAC) if MAC.exists() else None)
    if not found:
        raise CourseError("The PDF is printed by Chromium or Google Chrome, and neither was found: install one.")
    return found


def contents(book: Path) -> list[Path]:
    """The pages in the order of the contents, the first page first; models to play with need a screen."""
    from bs4 import BeautifulSoup

    index = BeautifulSoup((book / "index.html").read_text(encoding="utf-8"), "html.parser")
    links = [link["href"].partition("#")[0] for link in index.select("nav.bd-links a.internal")]
    pages = [book / unquote(link) for link in links if not link.startswith("play")]
    return list(dict.fromkeys([book / "index.html", *(page for page in pages if page.suffix == ".html")]))


def article(page: Path, book: Path, names: dict[Path, str]) -> str:
    """What stands on a page, for paper: its places and links with the page's name in front, everything unfolded."""
    from bs4 import BeautifulSoup

    body = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select_one("article")
    for part in body.select(SCREEN_ONLY):
        part.decompose()
    for part in body.select("details"):
        part["open"] = ""
    for word in body.select("pre span"):
        if not COLOURED.fullmatch(" ".join(word.get("class", ()))):
            word.unwrap()
    for part in body.find_all(True):
        for key in LINES:
            if key in part.attrs:
                part[key] = f"{names[page]}--{part[key]}"
    for picture in body.select("img[src]"):
        if not urlsplit(picture["src"]).scheme:
            there = (page.parent / unquote(picture["src"])).resolve()
            picture["src"] = there.relative_to(book).as_posix()
    for link in body.select("a[href]"):
        path, _, place = link["href"].partition("#")
        if urlsplit(path).scheme:
            continue
        there = (page.parent / unquote(path)).resolve() if path else page
        if there in names:
            link["href"] = f"#{names[there]}--{place}" if place else f"#{names[there]}"
        else:
            link.unwrap()  # a file that does not come with the PDF
    return f'<article id="{names[page]}">{body.decode_contents()}</article>'


def whole(book: Path) -> str:
    """All pages as one, with a table of contents after the first."""
    names = {page: page.relative_to(book).with_suffix("").as_posix().replace("/", "-") for page in contents(book)}
    first, *rest = (article(page, book, names) for page in names)
    title = re.compile(r"<h1[^>]*>(.*?)</h1>", re.S)
    lines = [
        f'<li><a href="#{name}">{title.search(text)[1]}</a></li>'
        for name, text in zip([*names.values()][1:], rest, strict=True)
    ]
    symbols = (book / "notebooks" / "notation.html").read_text(encoding="utf-8")
    formulas = re.search(r"<script>(window\.MathJax = .*?)</script>", symbols)
    return f"""<!doctype html>
<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Generative models in PyTorch</title>
<link rel="stylesheet" href="_static/pygments.css"><link rel="stylesheet" href="_static/print.css">
<script>{formulas[1]}</script><script defer src="_static/mathjax/tex-svg.js"></script></head>
<body>{first}<nav><h2>Contents</h2><ol>{"".join(lines)}</ol></nav>{"".join(rest)}</body></html>"""


def print_to(book: Path, pdf: Path) -> None:
    """Print the built book.

    Raises:
        CourseError: Chromium is missing, or has not printed.
    """
    program, page = browser(), book / "whole.html"
    page.write_text(whole(book), encoding="utf-8")
    pdf.parent.mkdir(parents=True, exist_ok=True)
    pdf.unlink(missing_ok=True)
    flags = ["--headless", "--disable-gpu", "--no-pdf-header-footer", "--generate-pdf-document-outline"]
    flags += ["--no-sandbox"] * (sys.platform == "linux" and os.geteuid() == 0)  # as root, Chromium starts without only
    patience = "--virtual-time-budget=60000"  # milliseconds that formulas may take, by the page's clock
    try:
        done = subprocess.run(
            [program, *flags, patience, f"--print-to-pdf={pdf}", page.as_uri()], capture_output=True, text=True
        )
    finally:
        page.unlink()
    if not pdf.exists():
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise CourseError(f"Chromium has not printed the book: {last}")
