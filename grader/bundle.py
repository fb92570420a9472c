"""The zip that learners may have: the course, without what gives answers away and without anybody's records."""

import os
import zipfile
from pathlib import Path

from course_utils import CourseError
from grader.exercise import ROOT

FOLDERS = ("notebooks", "exercises", "course_utils", "grader", "tests", ".ci", ".github")
FILES = ("README.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "pyproject.toml", "constraints.txt", "environment.yml")
FILES += ("conftest.py", ".gitignore", ".ci/run")
ENDINGS = {".py", ".ipynb", ".md", ".json", ".html", ".png", ".safetensors", ".sh", ".yml"}
TELLING_FOLDERS = ("solutions", "answers")
TELLING = (b"BEGIN SOLUTION", b"BEGIN HIDDEN TESTS", b"BEGIN MARK SCHEME")


def contents(root: Path = ROOT) -> list[Path]:
    """The files of the bundle, relative to `root`."""
    inside = [path for folder in FOLDERS for path in (root / folder).rglob("*")]
    chosen = [
        path.relative_to(root)
        for path in [*inside, *(root / name for name in FILES)]
        if path.is_file() and (path.suffix in ENDINGS or path.relative_to(root).as_posix() in FILES)
    ]
    left_out = {"__pycache__", ".ipynb_checkpoints", *TELLING_FOLDERS}
    return sorted({path for path in chosen if left_out.isdisjoint(path.parts)})


def bundle(target: Path, root: Path = ROOT) -> list[Path]:
    """Write the zip; the same content gives the same bytes."""
    chosen = contents(root)
    if not any(path.parts[0] == "exercises" and path.suffix == ".ipynb" for path in chosen):
        raise CourseError("There are no exercises yet: run `python -m grader release` first.")
    temporary = target.with_name(target.name + ".part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in chosen:
            content = (root / path).read_bytes()
            tells = path.suffix == ".ipynb" and [mark.decode() for mark in TELLING if mark in content]
            if tells:
                temporary.unlink()
                raise CourseError(f"{path} holds {tells[0]}: run `python -m grader release` first.")
            entry = zipfile.ZipInfo(f"course/{path.as_posix()}", (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if path.suffix == ".sh" or path.name == "run" else 0o644) << 16
            archive.writestr(entry, content)
    os.replace(temporary, target)
    return chosen
