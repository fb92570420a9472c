"""An exercise as its source defines it: cells, their kinds, their points."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from course_utils import CourseError

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS, EXERCISES = ROOT / "solutions", ROOT / "exercises"
HIDDEN = re.compile(r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*$", re.M | re.S)


class ExerciseError(CourseError):
    """An exercise's source is missing or breaks a rule; the message names it."""


@dataclass(frozen=True)
class Cell:
    """One cell of the source.

    kind: prose; free (code that the learner may do with as they like); setup (locked code: imports, helpers);
    task (code to be written); test (locked code that gives points); essay (text that a person marks).
    """

    id: str
    kind: str
    type: str  # code or markdown
    source: str  # with solution, hidden tests, mark scheme
    released: str  # as the learner gets it
    points: float = 0

    def is_hidden(self, line: int) -> bool:
        """Whether line number `line` of the source stands between BEGIN and END HIDDEN TESTS."""
        start = sum(len(text) + 1 for text in self.source.split("\n")[: line - 1])
        return any(found.start() <= start < found.end() for found in HIDDEN.finditer(self.source))


@dataclass(frozen=True)
class Exercise:
    id: str
    cells: tuple[Cell, ...]
    source_hash: str

    @property
    def graded(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind in ("test", "essay")]

    @property
    def max(self) -> float:
        return sum(cell.points for cell in self.graded)

    @property
    def modules(self) -> tuple[str, ...]:
        """What set-up and test cells import: worth importing once, before the first submission."""
        nodes = [node for cell in self.of_kind("setup", "test") for node in ast.walk(ast.parse(cell.source))]
        names = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
        names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
        return tuple(dict.fromkeys(names))

    def of_kind(self, *kinds: str) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind in kinds]


def kind_of(cell) -> str:
    """The kind of a notebook cell, from its nbgrader metadata."""
    marks = cell.metadata.get("nbgrader", {})
    if cell.cell_type == "markdown":
        return "essay" if marks.get("grade") and marks.get("solution") else "prose"
    if marks.get("grade"):
        return "test"
    if marks.get("solution"):
        return "task"
    return "setup" if marks.get("locked") else "free"


def find(name: str, folder: Path = SOLUTIONS) -> Path:
    """The source of exercise `name`: ex02, ex02_vae, or the path of a .py file."""
    if name.endswith(".py") and Path(name).is_file():
        return Path(name)
    known = sorted(path for path in folder.glob("ex[0-9][0-9]_*.py"))
    chosen = [path for path in known if name in (path.stem, path.stem[:4])]
    if not chosen:
        names = ", ".join(path.stem for path in known) or f"none yet in {folder.name}/"
        raise ExerciseError(f"There is no exercise {name!r}: choose from {names}.")
    return chosen[0]
