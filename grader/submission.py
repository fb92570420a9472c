"""A learner's notebook: finds our cells in it, whatever an editor, a converter or a prankster did to them.

A cell is recognised by its grade_id, by its cell id (which is the same word), by its text, by the names it defines,
and, for essays, by its place. What was changed in our own cells is flagged; the original is used in any case.
"""

import functools
import json
import re
from dataclasses import dataclass, field

from course_utils import CourseError
from grader.exercise import Cell, Exercise

MAX_FILE, MAX_CELLS, MAX_SOURCE, MAX_ESSAY = 50 * 2**20, 2000, 200_000, 30_000
PICTURE = re.compile(r"data:image/[\w.+-]+;base64,[\w+/=]*")
SHOWN = "attachment:a-picture"  # stands for it; also how JupyterLab writes one
DEFINED = re.compile(r"^(?:async +def|def|class) +(\w+)|^(\w+)(?: *:[^=\n]+| *)=(?!=)", re.M)


class Unreadable(CourseError):
    """The file holds no notebook; the message says what it holds."""


@dataclass
class Found:
    """A cell of the submission, with everything in it that could be wrong already made right."""

    type: str  # code, markdown, raw
    source: str
    names: tuple[str, ...]  # what it says it is: grade_id, cell id
    points: object = None


@dataclass
class Submission:
    """What counts of a submission."""

    answers: dict[str, str] = field(default_factory=dict)  # task or essay → source
    extras: dict[str, list[str]] = field(default_factory=dict)  # cell of ours → other code that is run before it
    last: list[str] = field(default_factory=list)  # other code after the last cell of ours
    flags: list[str] = field(default_factory=list)
    claimed_id: str = ""  # what the learner entered as student_id


def read(content: bytes, exercise: Exercise) -> Submission:
    """Find the exercise's cells in a notebook file.

    Raises:
        Unreadable: it is no notebook.
    """
    cells = notebook_cells(content)
    matches, copies = match(exercise, cells)
    found = Submission()
    for cell in exercise.cells:
        found.flags += flags_of(cell, cells, matches.get(cell.id), copies.get(cell.id, 0))
    kept = [cell for cell in exercise.cells if cell.kind != "free"]  # free cells are the learner's own code
    ours = {matches[cell.id]: cell.id for cell in kept if cell.id in matches}
    if not matches:
        found.flags.append("none of the exercise's cells was found: is it another exercise?")
    tasks = {cell.id for cell in exercise.of_kind("task")}
    essays = {cell.id: cell for cell in exercise.of_kind("essay")}
    # Copies of our own cells, and of tasks without an answer, are no code of the learner's.
    not_run = {"".join(cell.released.split()) for cell in kept}
    locked = {cell.id for cell in exercise.of_kind("setup", "test")}
    waiting: list[str] = []  # other code, until the next cell of ours that is run
    behind = None  # the last of our cells that was passed
    for place, cell in enumerate(cells):
        name = ours.get(place)
        if name is not None:
            behind = name
        if name in tasks or name in locked:
            found.extras[name], waiting = waiting, []
        if name in tasks:
            found.answers[name] = cell.source
        elif name in essays:
            found.answers[name] = cell.source[:MAX_ESSAY]
        elif name is None and cell.type == "code" and cell.source.strip():
            if "".join(cell.source.split()) not in not_run and locked.isdisjoint(cell.names):
                waiting.append(cell.source)
        elif name is None and cell.type != "code" and behind in essays and cell.source.strip():
            blank = same(found.answers[behind], essays[behind].released)  # the answer stands below the cell for it
            before = "" if blank else found.answers[behind] + "\n\n"
            found.answers[behind] = (before + cell.source)[:MAX_ESSAY]
    found.last = waiting
    for name in sorted(essays.keys() & found.answers.keys()):
        if "attachment:" in found.answers[name]:
            found.flags.append(f"question {name} is answered with a picture: look at it in the notebook")
        if len(found.answers[name]) == MAX_ESSAY:
            found.flags.append(f"the answer to question {name} was cut after {MAX_ESSAY} characters")
    if typed := re.search(r"^student_id *= *['\"]([^'\"\n]*)['\"]", found.answers.get("student-id", ""), re.M):
        found.claimed_id = typed[1][:80]
    return found


# ---------------------------------------------------------------- the file


def notebook_cells(content: bytes) -> list[Found]:
    """The cells of a notebook file of format 3 or 4, however damaged their details are."""
    if len(content) > MAX_FILE:
        raise Unreadable(
            f"The file has {len(content) / 2**20:.0f} MB, more than {MAX_FILE // 2**20}: clear its outputs and hand it "
            "in again."
        )
    if not content.strip(b"\0 \t\r\n"):
        raise Unreadable("The file is empty.")
    for beginning, what in {
        b"PK": "a zip archive: hand in the .ipynb file that is in it",
        b"%PDF": "a PDF: hand in the .ipynb file",
        b"<": "a web page: in Colab and Jupyter use File > Download > .ipynb",
    }.items():
        if content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(beginning):
            raise Unreadable(f"The file is no notebook but {what}.")
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        notebook = json.loads(content.decode(encoding, errors="replace"))
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"The file is damaged: it is not in the format of a notebook{place}.") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):  # format 3
        sheets = [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise Unreadable("The file is no notebook: it has no cells.")
    return [found_cell(cell) for cell in cells[:MAX_CELLS] if isinstance(cell, dict)]


def found_cell(cell: dict) -> Found:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        source = ""
    kind = {"code": "code", "raw": "raw"}.get(str(cell.get("cell_type")), "markdown")
    if kind != "code":
        source = PICTURE.sub(SHOWN, source)
    source = source[:MAX_SOURCE].encode(errors="replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    metadata = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
    marks = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    names = (marks.get("grade_id"), cell.get("id"), metadata.get("id"))  # the last is where Colab keeps it
    return Found(kind, source, tuple(name for name in names if isinstance(name, str)), marks.get("points"))


# ---------------------------------------------------------------- which cell is which


def same(one: str, other: str) -> bool:
    """Whether two sources differ at most in blanks and line breaks."""
    return "".join(one.split()) == "".join(other.split())


@functools.lru_cache(8192)
def words(source: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", source[:20_000]))


def likeness(found: Found, cell: Cell) -> float:
    """How much of our cell is in a found one, from 0 to 1: of a task its stub's words, otherwise both ways."""
    ours, theirs = words(cell.released), words(found.source)
    if cell.kind == "task":
        ours -= {"YOUR", "CODE", "HERE", "raise", "NotImplementedError"}
        return len(ours & theirs) / max(5, len(ours))
    return len(ours & theirs) / max(1, len(ours | theirs))


@functools.lru_cache(8192)
def defined(source: str) -> frozenset[str]:
    """Names that a source's outermost lines define."""
    return frozenset(name for pair in DEFINED.findall(source) for name in pair if name)


def match(exercise: Exercise, cells: list[Found]) -> tuple[dict[str, int], dict[str, int]]:
    """For each cell of ours its place in the submission, and how many further cells claim to be it."""
    matches: dict[str, int] = {}
    copies: dict[str, int] = {}
    ours = {cell.id: cell for cell in exercise.cells}
    claims: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        if name := next((name for name in cell.names if name in ours), None):
            claims.setdefault(name, []).append(place)
    for name, places in claims.items():
        matches[name] = which_counts(ours[name], places, cells, first_test(exercise, ours[name], claims))
        copies[name] = len(places) - 1
    known = {place for places in claims.values() for place in places if ours}
    free = [place for place in range(len(cells)) if place not in known and cells[place].source.strip()]
    for recognise in (by_text, by_names, by_words):
        for cell in exercise.cells:
            if cell.id not in matches:
                place = recognise(cell, [(place, cells[place]) for place in free])
                if place is not None:
                    matches[cell.id] = place
                    free.remove(place)
    for cell in exercise.of_kind("essay"):
        if cell.id not in matches and (place := by_place(cell, exercise, cells, matches, free)) is not None:
            matches[cell.id] = place
            free.remove(place)
    return matches, copies


def which_counts(cell: Cell, places: list[int], cells: list[Found], test: float) -> int:
    """Of several cells that say they are one of ours: the last answer that stands above the task's `test`.

    That is the one that a run from top to bottom would test. Only where there is none does one below count.
    """
    answered = [place for place in places if not same(cells[place].source, cell.released)]
    if cell.kind not in ("task", "essay") or not answered:
        return places[0]
    above = [place for place in answered if place < test]
    return (above or answered)[-1]


def first_test(exercise: Exercise, cell: Cell, claims: dict[str, list[int]]) -> float:
    """Where the first test after a cell of ours stands in the submission; infinity if it is not there."""
    below = exercise.cells[exercise.cells.index(cell) :]
    test = next((one for one in below if one.kind == "test"), None) if cell.kind == "task" else None
    return claims[test.id][0] if test and test.id in claims else float("inf")


def by_text(cell: Cell, free: list[tuple[int, Found]]) -> int | None:
    return next((place for place, found in free if same(found.source, cell.released)), None)


def by_names(cell: Cell, free: list[tuple[int, Found]]) -> int | None:
    """The last code that defines what the task's stub defines."""
    if cell.kind != "task":
        return None
    wanted = defined(cell.released) or defined(cell.source)
    fitting = [place for place, found in free if wanted & defined(found.source)]
    return fitting[-1] if fitting else None


def by_words(cell: Cell, free: list[tuple[int, Found]]) -> int | None:
    """The cell that is most like ours, if it is like it at all."""
    if cell.kind == "essay":  # its text is the learner's own
        return None
    likely = max(((likeness(found, cell), -place) for place, found in free), default=(0, 0))
    return -likely[1] if likely[0] > 0.6 else None


def by_place(
    cell: Cell, exercise: Exercise, cells: list[Found], matches: dict[str, int], free: list[int]
) -> int | None:
    """The first text between what stands above an essay and what stands below it."""
    at = exercise.cells.index(cell)
    above = next((matches[one.id] for one in reversed(exercise.cells[:at]) if one.id in matches), -1)
    below = next((matches[one.id] for one in exercise.cells[at:] if one.id in matches), len(cells))
    between = [place for place in free if above < place < below]
    text = [place for place in between if cells[place].type != "code"]
    return text[0] if text else None


def flags_of(cell: Cell, cells: list[Found], place: int | None, copies: int) -> list[str]:
    """What was done to a cell of ours, in words."""
    if cell.kind in ("prose", "free") or cell.id == "student-id":
        return []
    what = {"setup": "set-up cell", "test": "test cell", "task": "task", "essay": "question"}[cell.kind]
    name = f"{what} {cell.id}"
    if place is None:
        return [f"{name} is missing"]
    found, flags = cells[place], []
    if copies:
        flags.append(f"{name} occurs {copies + 1} times")
    if found.type != cell.type:
        flags.append(f"{name} has become a {found.type} cell")
    if cell.kind in ("setup", "test") and not same(found.source, cell.released):
        flags.append(f"{name} was changed (the original was used)")
    if cell.kind in ("test", "essay") and found.points is not None and found.points != cell.points:
        flags.append(f"the points of {name} were changed (the original ones were used)")
    return flags
