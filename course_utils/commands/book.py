"""The HTML book: every committed notebook as a page, with search, formulas and pictures, readable without a network.

    python -m course_utils book                # build/book/index.html
    python -m course_utils book --out FOLDER
    python -m course_utils book --pdf          # and build/book.pdf, all of it, printed by Chromium

Nothing is executed: the pages show the outputs that the notebooks carry. Exercises are in it, solutions never.
"""

import argparse
import importlib.util
import os
import re
import shutil
import sys
import tomllib
from functools import partial
from importlib.resources import files as package_files
from pathlib import Path

import nbformat

from course_utils import CourseError
from course_utils.commands import address, chapters, live, pdf, performance, reading

ROOT = chapters.ROOT
OUTSIDE = re.compile(r"\[([^]]+)\]\(\.\./((?:course_utils|grader|tests|\.ci)/[^)]+|[A-Z]+(?:\.md)?)\)")
ASIDE = re.compile(r" *# (?:fmt: skip|noqa\b.*)$", re.M)  # said to a formatter or linter, not to a reader
NEEDS = ("sphinx", "myst_nb", "sphinx_book_theme", "sphinx_copybutton", "mathjax")


def anchor(jupyter: str) -> str:
    """JupyterLab's name of a heading such as Case-1.-Pairs, as the book has it: case-1-pairs."""
    return re.sub(r"[^\w-]", "", jupyter.lower())


def outward(link: re.Match, home: str | None) -> str:
    """A link to a file that is no page of the book: to the repository, or, where none is known, only its words."""
    words, target = link.groups()
    return f"[{words}]({home}/blob/HEAD/{target})" if home else words


def page(notebook, home: str | None = None):
    """A notebook as the book shows it: its minutes, no set-up cell, and what a prediction asks for folded."""
    if minutes := reading.byline(notebook):
        first = next(cell for cell in notebook.cells if cell.source.startswith("# "))
        first.source = re.sub(r"\A(# .+)", rf"\1\n\n{minutes}\n", first.source)
    notebook.cells = [cell for cell in notebook.cells if "bootstrap" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(#([^)]+)\)", lambda link: f"](#{anchor(link[1])})", cell.source)
            cell.source = OUTSIDE.sub(partial(outward, home=home), cell.source)
        else:
            cell.source = ASIDE.sub("", cell.source)
        jupyter = cell.metadata.get("jupyter", {})
        tags = cell.metadata.setdefault("tags", [])
        tags += ["hide-output"] * bool(jupyter.get("outputs_hidden"))
        tags += ["hide-input"] * bool(jupyter.get("source_hidden"))
        if jupyter.get("outputs_hidden") and cell.get("outputs") and "text" in cell.outputs[0]:
            cell.outputs[0].text = cell.outputs[0].text.removeprefix(" \n")  # what JupyterLab shows of a fold
    return notebook


def repository() -> str | None:
    """The repository's address, where it has one."""
    home = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["course"]["repository"]
    return None if home == address.PLACEHOLDER else home


def collect(source: Path) -> None:
    """Everything that Sphinx reads, below `source`, in the folders that links between chapters and exercises expect."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "book", source)
    live.export(source / "_static" / "live")
    play = (ROOT / "book" / "play.md").read_text(encoding="utf-8")
    (source / "play.md").write_text(live.gallery(play), encoding="utf-8")
    performance.draw(source / "_static" / "performance")
    (source / "performance.md").write_text(performance.page(), encoding="utf-8")
    for folder, pattern in (("notebooks", "[0-9][0-9]_*.ipynb"), ("exercises", "ex[0-9][0-9]_*.ipynb")):
        (source / folder).mkdir()
        for path in sorted((ROOT / folder).glob(pattern)):
            notebook = page(nbformat.read(path, as_version=4), repository())
            if folder == "notebooks":
                live.insert(notebook, path.name[:2], play)
            nbformat.write(notebook, source / folder / path.name)
    shutil.copytree(ROOT / "notebooks" / "images", source / "notebooks" / "images")
    shutil.copy(ROOT / "notebooks" / "notation.md", source / "notebooks")
    shutil.copy(ROOT / "exercises" / "README.md", source / "exercises")
    (source / "solutions").mkdir()
    shutil.copy(ROOT / "solutions" / "README.md", source / "solutions")
    script = package_files("mathjax") / "static" / "mathjax" / "es5" / "tex-svg.js"
    (source / "_static" / "mathjax").mkdir(parents=True)
    shutil.copy(script, source / "_static" / "mathjax")


def build(out: Path) -> None:
    """Write the book to `out`; warnings are errors.

    Raises:
        CourseError: a package is missing, or Sphinx has found a fault, which stands above.
    """
    if missing := [name for name in NEEDS if importlib.util.find_spec(name) is None]:
        raise CourseError(f"The book needs {', '.join(missing)}: make book installs them (pip install -e '.[book]').")
    from sphinx.cmd.build import main as sphinx

    source = ROOT / "build" / "book-source"
    collect(source)
    if home := repository():
        os.environ["COURSE_REPOSITORY"] = home
    shutil.rmtree(out, ignore_errors=True)
    if sphinx(
        ["-b", "html", "-W", "--keep-going", "-q", "-j", "auto", "-d", str(source / "_build"), str(source), str(out)]
    ):
        raise CourseError("The book was not built: what is wrong stands above.")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils book", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "book", metavar="FOLDER")
    parser.add_argument("--pdf", type=Path, nargs="?", const=ROOT / "build" / "book.pdf", metavar="FILE")
    args = parser.parse_args(argv)
    out = args.out.resolve()
    if args.pdf:
        pdf.browser()  # where there is none, this is said before the build
    build(out)
    print(f"{len(list(out.rglob('*.html')))} pages: open {out / 'index.html'}", file=sys.stdout)
    if args.pdf:
        pdf.print_to(out, args.pdf.resolve())
        print(f"and all of them as {args.pdf.resolve()}")
    return 0
