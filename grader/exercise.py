"""An exercise as its source defines it: cells, their kinds, their points."""

import ast
import contextlib
import re
import symtable
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
    given: tuple[str, ...] = ()  # tasks whose answer the course gives to this test, where the learner's has lost points

    @property
    def visible(self) -> str:
        """The source without hidden tests."""
        return HIDDEN.sub("", self.source)

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

    def tasks_of(self, test: Cell) -> list[Cell]:
        """The tasks that a test is about: those between it and the tests of others above it."""
        above = [cell for cell in self.cells[: self.cells.index(test)] if cell.kind in ("task", "test")]
        while above and above[-1].kind == "test":
            above.pop()
        found = []
        while above and above[-1].kind == "task":
            found.insert(0, above.pop())
        return found

    @cached_property
    def titles(self) -> dict[str, str]:
        """What learners call a task, a test or a question: "Task 2a, check 1 of 4"; they do not see ids."""
        found, labels, section, label = {}, {}, "", ""
        for cell in self.cells:
            if cell.kind == "prose":
                for heading, bold in TITLES.findall(cell.released):
                    section, label = (heading.strip("* "), "") if heading else (section, bold)
                    label = label or next(iter(re.findall(r"^(?:Task|Question|Part) [\w.]+", section)), "")
            elif cell.kind in ("task", "test", "essay") and cell.id != "student-id":
                labels[cell.id] = label or section or cell.id
        for name, label in labels.items():
            kind = next(cell.kind for cell in self.cells if cell.id == name)
            alike = [cell.id for cell in self.of_kind("test") if labels[cell.id] == label]
            number = f", check {alike.index(name) + 1} of {len(alike)}" if kind == "test" and len(alike) > 1 else ""
            found[name] = label + (number or (", check" if kind == "test" else ""))
        return found

    @cached_property
    def sections(self) -> dict[str, str]:
        """The heading under which each graded cell stands."""
        found, section = {}, ""
        for cell in self.cells:
            if cell.kind == "prose":
                headings = [heading for heading, _ in TITLES.findall(cell.released) if heading]
                section = headings[-1].strip("* ") if headings else section
            elif cell.kind in ("test", "essay"):
                found[cell.id] = section
        return found


TITLES = re.compile(r"^#{2,4} +(.+)$|^\**((?:Task|Question|Part|Step|Exercise) [A-Z]?\d*[a-z]?)\b", re.M)


@lru_cache(4096)
def names_in(*sources: str) -> tuple[frozenset[str], frozenset[str]]:
    """The global names that code binds, and those that it uses; code that is no Python has none."""
    bound, used = set(), set()
    for source in sources:
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            tables = [symtable.symtable(source, "cell", "exec")]
            bound |= {one.get_name() for one in tables[0].get_symbols() if one.is_assigned() or one.is_imported()}
            while tables:
                table = tables.pop()
                at_top = table.get_type() == "module"
                used |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (at_top or s.is_global())}
                tables += table.get_children()
    return frozenset(bound), frozenset(used)


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
