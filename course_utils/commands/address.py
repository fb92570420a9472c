"""The repository's address, in every place that names it: `python -m course_utils chapters address URL`."""

import re
import tomllib
from pathlib import Path

import nbformat

from course_utils import CourseError, files
from course_utils.commands.form import source_hash

PLACEHOLDER = "https://github.com/OWNER/REPOSITORY"
GITHUB = "https://github.com/"
COLAB = "https://colab.research.google.com"
BADGE = r" *\[!\[(?:Open this notebook in Google Colab|The latest run of the tests)\][^\n|]*?\)\]\([^)\s]*\)"


def badges(url: str, tag: str):
    """A function from a notebook's path in the repository to its badge; to nothing where Colab could not open it."""

    def badge(path: str) -> str:
        if url == PLACEHOLDER or not url.startswith(GITHUB):
            return ""
        target = f"{COLAB}/github/{url.removeprefix(GITHUB)}/blob/{tag}/{path}"
        return f"[![Open this notebook in Google Colab]({COLAB}/assets/colab-badge.svg)]({target})"

    return badge


def under_the_title(text: str, badge: str, comment: str = "") -> str:
    """`text` with this badge, and no other, in a paragraph under its first heading; `comment` begins each line."""
    blank = comment.rstrip() + "\n"
    parts = re.split(rf"^({re.escape(comment)}# [^\n]*\n?)", text, maxsplit=1, flags=re.M)
    if len(parts) == 1:
        return text
    head, title, rest = parts
    rest = re.sub(rf"\A{re.escape(blank)}{re.escape(comment)}{BADGE}\n?", "", rest)
    if badge:
        title = title if title.endswith("\n") else title + "\n"
        title += f"{blank}{comment}{badge}" + ("\n" if rest else "")
    return head + title + rest


def in_the_readme(text: str, url: str, badge) -> str:
    """`text` with a badge after every link to a notebook in a table or list, and that of the tests under the title."""
    text = re.sub(r"(\]\((?:notebooks|exercises)/\w+\.ipynb\))(?:" + BADGE + ")", r"\1", text)
    if badge("x"):
        link = r"^([|-] .*?\]\(((?:notebooks|exercises)/\w+\.ipynb)\))"
        text = re.sub(link, lambda m: f"{m[1]} {badge(m[2])}", text, flags=re.M)
    tests = f"{url}/actions/workflows/test.yml"
    status = f"[![The latest run of the tests]({tests}/badge.svg)]({tests})"
    return under_the_title(text, status if badge("x") else "")


def write(root: Path, url: str) -> list[Path]:
    """Put the address into pyproject.toml, the README and the first cell of every notebook; the files that changed.

    Where it is an address on GitHub, badges that open a notebook in Colab stand in the README and under each title.

    Raises:
        CourseError: this is no address of a repository.
    """
    if not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", url):
        raise CourseError(f"{url!r} is not the address of a repository, such as https://github.com/me/my-fork.")
    project = root / "pyproject.toml"
    place = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["course"]
    old, badge, changed = place["repository"], badges(url, place["tag"]), []
    folders = [root / name for name in ("notebooks", "solutions", "exercises")]
    notebooks = [path for folder in folders for kind in ("*_*.py", "*_*.ipynb") for path in sorted(folder.glob(kind))]
    for path in [project, root / "README.md", root / "CITATION.cff", *notebooks]:
        if not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        new = text.replace(old, url)
        # A source of an exercise is opened as the exercise.
        name = f"{'notebooks' if path.parent.name == 'notebooks' else 'exercises'}/{path.stem}.ipynb"
        if path.suffix == ".py":
            new = under_the_title(new, badge(name), "# ")
        elif path.suffix == ".ipynb":
            before, notebook = nbformat.reads(text, as_version=4), nbformat.reads(new, as_version=4)
            notebook.cells[0].source = under_the_title(notebook.cells[0].source, badge(name))
            if before.metadata.get("source_hash") == source_hash(before):  # its outputs are as fresh as they were
                notebook.metadata["source_hash"] = source_hash(notebook)
            for old_cell, cell in zip(before.cells, notebook.cells, strict=True):
                if "checksum" in cell.metadata.get("nbgrader", {}) and cell.source != old_cell.source:
                    from nbgrader.utils import compute_checksum  # two seconds, so only where it is needed

                    cell.metadata.nbgrader.checksum = compute_checksum(cell)
            new = nbformat.writes(notebook) + "\n"
        elif path.suffix == ".md":
            new = in_the_readme(new, url, badge)
        if new != text:
            files.write(path, new)
            changed.append(path)
    return changed
