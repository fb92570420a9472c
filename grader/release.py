"""Writes exercises/ and the twins of the sources from solutions/, or says what would change."""

from pathlib import Path

import nbformat

from course_utils.files import write
from grader.exercise import ExerciseError
from grader.source import released, solution


def files(solutions: Path, exercises: Path) -> dict[Path, bytes]:
    """Every file that `release` writes, with its content."""
    written = {}
    for path in sorted(solutions.glob("ex[0-9][0-9]_*.py")):
        for target, notebook in (
            (path.with_suffix(".ipynb"), solution(path)),
            (exercises / f"{path.stem}.ipynb", released(path)),
        ):
            nbformat.validate(notebook)
            written[target] = (nbformat.writes(notebook).rstrip("\n") + "\n").encode()
    return written


def release(solutions: Path, exercises: Path, *, check: bool = False) -> list[Path]:
    """Write exercises and twins; the files that were (with `check`: would be) changed or removed."""
    wanted = files(solutions, exercises)
    if not wanted:
        raise ExerciseError(f"There is no exercise in {solutions}: its name would be exNN_name.py.")
    changed = [path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content]
    stale = [path for folder in (solutions, exercises) for path in folder.glob("*.ipynb") if path not in wanted]
    if not check:
        exercises.mkdir(exist_ok=True)
        for path in changed:
            write(path, wanted[path])
        for path in stale:
            path.unlink()
    return sorted(changed + stale)
