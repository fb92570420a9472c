"""A learner's notebook: finds our cells in it, whatever an editor, a converter or a prankster did to them.

A cell is recognised by its grade_id, by its cell id (which is the same word), by its text, by the names it defines,
and, for essays, by its place. What was changed in our own cells is flagged; the original is used in any case. What was
added to them is the learner's own, like every other cell: code is run where it stands, and every text that is not ours
is part of an answer, or a flag quotes it.
"""

import ast
import difflib
import functools
import json
import re
import unicodedata
import warnings
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager

from course_utils import CourseError
from grader.exercise import Cell, Exercise, names_in

MAX_FILE, MAX_CELLS, MAX_SOURCE, MAX_ESSAY, MAX_QUOTE = 50 * 2**20, 20_000, 200_000, 30_000, 2000
PICTURE = re.compile(r"data:image/[\w.+-]+;base64,[\w+/=]*")
SHOWN = "attachment:a-picture"  # stands for it; also how JupyterLab writes one
DEFINED = re.compile(r"^(?:async +def|def|class) +(\w+)|^(\w+)(?: *:[^=\n]+| *)=(?!=)", re.M)
WORD = re.compile(r"[(\"“'‘*_]*[^\W\d_]+(?:[’'-][^\W\d_]+)*[\"”'’)*_,.;:!?]*")
CODE = re.compile(r"^\s*(def|class|import|from|for|while|if|return|with|try|print)\b.*[:(]|^\s*\w+ *=[^=]", re.M)


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
    added: dict[str, list[str]] = field(default_factory=dict)  # cell of ours → code written into it, below ours
    last: list[str] = field(default_factory=list)  # other code after the last cell of ours
    flags: list[str] = field(default_factory=list)
    claimed_id: str = ""  # what the learner entered as student_id
    unassigned: list[str] = field(default_factory=list)  # texts that belong to no question


def read(content: bytes, exercise: Exercise) -> Submission:
    """Find the exercise's cells in a notebook file.

    Raises:
        Unreadable: it is no notebook.
    """
    found = Submission()
    cells = notebook_cells(content, found.flags)
    matches, copies = match(exercise, cells)
    for cell in exercise.cells:
        found.flags += flags_of(cell, cells, matches.get(cell.id), copies.get(cell.id, []))
    if not any(cell.kind != "prose" for cell in exercise.cells if cell.id in matches):
        found.flags.append("none of the exercise's cells was found: is it another exercise?")
    read_code(exercise, cells, matches, found)
    read_words(exercise, cells, matches, copies, found)
    for name in sorted(cell.id for cell in exercise.of_kind("essay") if cell.id in found.answers):
        if "attachment:" in found.answers[name]:
            found.flags.append(f"question {name} is answered with a picture: look at it in the notebook")
        if len(found.answers[name]) == MAX_ESSAY:
            found.flags.append(f"the answer to question {name} was cut after {MAX_ESSAY} characters")
    if typed := re.search(r"^student_id *= *['\"]([^'\"\n]*)['\"]", found.answers.get("student-id", ""), re.M):
        found.claimed_id = typed[1][:80]
    return found


def read_code(exercise: Exercise, cells: list[Found], matches: dict[str, int], found: Submission) -> None:
    """Answers of tasks, and the learner's other code in its order."""
    kept = [cell for cell in exercise.cells if cell.kind != "free"]  # free cells are the learner's own code
    ours = {matches[cell.id]: cell for cell in kept if cell.id in matches}
    # Copies of our own cells, and of tasks without an answer, are no code of the learner's.
    not_run = {"".join(cell.released.split()) for cell in kept}
    locked = {cell.id for cell in exercise.of_kind("setup", "test")}
    waiting: list[str] = []  # other code, until the next cell of ours that is run
    for place, one in enumerate(cells):
        cell = ours.get(place)
        if cell is None:
            is_code = one.type == "code" and one.source.strip() and not is_words(one)
            if is_code and "".join(one.source.split()) not in not_run and locked.isdisjoint(one.names):
                waiting.append(one.source)
            continue
        if cell.kind == "task":
            found.extras[cell.id], waiting = waiting, []
            found.answers[cell.id] = one.source
        elif cell.kind in ("setup", "test"):
            before, after = additions(cell, one)
            found.extras[cell.id], waiting = waiting + before, []
            found.added[cell.id] = after
    found.last = waiting
    # An answer that was written into a locked cell.
    for task in exercise.of_kind("task"):
        wanted = defined(task.released) or defined(task.source)
        for name in found.added if task.id not in found.answers else ():
            pieces = found.added[name] + found.extras[name]
            if any(wanted & defined(piece) for piece in pieces):
                found.answers[task.id] = next(piece for piece in pieces if wanted & defined(piece))
                found.flags.append(f"the answer to task {task.id} stands in the cell {name}")
                break


def read_words(
    exercise: Exercise, cells: list[Found], matches: dict[str, int], copies: dict[str, list[int]], found: Submission
) -> None:
    """Answers of essays, and the texts that belong to none."""
    essays = exercise.of_kind("essay")
    parts: dict[str, list[tuple[int, str]]] = {cell.id: [] for cell in essays if cell.id in matches}
    order = [cell for cell in exercise.cells if cell.kind != "free"]
    texts: list[tuple[int, str]] = []  # place and words that are not ours, whoever's they are
    own = {
        place: cell for cell in order for place in [matches.get(cell.id), *copies.get(cell.id, [])] if place is not None
    }
    given = {"".join(cell.released.split()) for cell in exercise.cells if cell.type == "markdown"}
    for place, one in enumerate(cells):
        cell = own.get(place)
        if cell is not None and cell.kind == "essay":
            parts[cell.id].append((place, without_question(uncommented(one), cell, exercise)))
        elif cell is not None and cell.kind == "prose":
            if words_added := what_was_added(cell.released, uncommented(one)):
                texts.append((place, words_added))
        elif cell is None and is_words(one) and "".join(one.source.split()) not in {"", *given}:
            texts.append((place, uncommented(one)))
    for place, text in texts:
        answers = owners(place, exercise, matches, own, parts, essays)
        if not answers:
            found.unassigned.append(text)
        for essay in answers:
            parts.setdefault(essay, []).append((place, text))
        if len(answers) > 1:
            found.flags.append(f"a text may answer {' or '.join(answers)}: it stands with each of them")
    for cell in essays:
        if cell.id not in parts:
            continue
        said = [text.strip("\n") for _, text in sorted(parts[cell.id]) if not is_blank(text, cell)]
        if not said:  # was it answered with code?
            said = [one.source for place, one in enumerate(cells) if place not in own and one.type == "code"
                    and one.source.strip() and not is_words(one)
                    and neighbourhood(place, cell, exercise, matches, own)]  # fmt: skip
        said = list(dict.fromkeys(said))
        blank = uncommented(cells[matches[cell.id]]) if cell.id in matches else cell.released
        found.answers[cell.id] = ("\n\n".join(said) if said else blank)[:MAX_ESSAY]
    for text in found.unassigned:
        quoted = " ".join(text.split())
        more = f" … ({len(quoted)} characters)" if len(quoted) > MAX_QUOTE else ""
        found.flags.append(f"this text belongs to no question: “{quoted[:MAX_QUOTE]}{more}”")


def is_blank(answer: str, cell: Cell) -> bool:
    """Whether words still say what they said when they were handed out, or nothing."""
    visible = "".join(letter for letter in answer if unicodedata.category(letter) != "Cf")
    return "".join(visible.split()) in ("", "".join(cell.released.split()))


def owners(
    place: int,
    exercise: Exercise,
    matches: dict[str, int],
    own: dict[int, Cell],
    parts: dict[str, list[tuple[int, str]]],
    essays: list[Cell],
) -> list[str]:
    """The question that a text in the notebook answers: the one that it stands by; several where nothing tells."""
    near = [cell for cell in essays if neighbourhood(place, cell, exercise, matches, own)]
    if not near:
        return []
    open_ones = [cell for cell in near if all(is_blank(text, cell) for _, text in parts.get(cell.id, []))]
    between = own.get(place) is None and not any(
        matches.get(near[0].id, -1) < other < place and own[other].kind == "prose" for other in own
    )
    if len(near) > 1 and between and open_ones:
        return [cell.id for cell in open_ones]
    return [near[-1].id if own.get(place) is not None or not between else near[0].id]


def neighbourhood(place: int, essay: Cell, exercise: Exercise, matches: dict[str, int], own: dict[int, Cell]) -> bool:
    """Whether a place belongs to a question: from the text that asks it to the next cell of ours below its answer."""
    at = exercise.cells.index(essay)
    first = at
    while first > 0 and exercise.cells[first - 1].kind == "prose":
        first -= 1
    around = {cell.id for cell in exercise.cells[first : at + 1]}
    above = [where for where, cell in own.items() if cell.id not in around and where < place]
    mine = [where for where, cell in own.items() if cell.id in around]
    if place in mine:
        return True
    if mine:
        low, high = min(mine), max(mine)
        barrier_up = [where for where in own if where > high]
        barrier_down = [where for where in own if where < low]
        inside = low <= place <= high or (high < place < min(barrier_up, default=float("inf")))
        lost_head = own[low].kind == "essay" and first < at  # the text that asks is gone: what stands above may answer
        return inside or (lost_head and max(barrier_down, default=-1) < place < low)
    # Neither the question nor its cell is there any more: between what stands above them and what stands below.
    before = max((matches[cell.id] for cell in exercise.cells[:first] if cell.id in matches), default=-1)
    after = min((matches[cell.id] for cell in exercise.cells[at + 1 :] if cell.id in matches), default=float("inf"))
    return before < place < after and (not above or max(above) <= before)


def without_question(text: str, essay: Cell, exercise: Exercise) -> str:
    """An answer's cell without what is ours in it: a merged question, the words that it was handed out with."""
    at = exercise.cells.index(essay)
    for cell in reversed(exercise.cells[:at]):
        if cell.kind != "prose":
            break
        if "".join(cell.released.split()) in "".join(text.split()):
            text = what_was_added(cell.released, text)
    return text


def is_words(one: Found) -> bool:
    """Whether a code cell holds no code: only comments, or sentences."""
    if one.type != "code":
        return True
    lines = [line.strip() for line in one.source.splitlines() if line.strip()]
    if lines and all(line.startswith("#") for line in lines):
        return True
    if statements(one.source) is not None or not lines or lines[0].startswith(("%", "!")):
        return False
    text = one.source[:MAX_ESSAY]
    tokens = re.findall(r"\S+", text)
    plain = [
        token for token in tokens if re.fullmatch(r"[(\"“'‘*_]*[^\W\d_]+(?:[’'-][^\W\d_]+)*[\"”'’)*_,.;:!?]*", token)
    ]
    code = re.search(
        r"^\s*(def|class|import|from|for|while|if|return|with|try|print)\b.*[:(]|^\s*\w+ *=[^=]", text, re.M
    )
    return len(tokens) >= 3 and len(plain) > len(tokens) / 2 and not code


def uncommented(one: Found) -> str:
    """The words of a cell: of a code cell, without the signs of its comments."""
    if one.type != "code" or not all(line.strip().startswith("#") for line in one.source.splitlines() if line.strip()):
        return one.source
    return re.sub(r"^\s*# ?", "", one.source, flags=re.M)


@functools.lru_cache(4096)
def statements(source: str) -> tuple[str, ...] | None:
    """The outermost statements of code as IPython reads it; None where it cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = TransformerManager().transform_cell(source)
            tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError, AssertionError, IndexError):
            return None
    lines = code.splitlines(keepends=True)
    found = []
    for node in tree.body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        found.append("".join(lines[first - 1 : node.end_lineno]))
    return tuple(found)


def additions(cell: Cell, one: Found) -> tuple[list[str], list[str]]:
    """The code that a learner wrote into a locked cell of ours: what stands above our first statement, and the rest.

    What gives another value to a name of ours is no addition but a change, and the original stays.
    """
    if one.type != "code" or same(one.source, cell.released):
        return [], []
    ours, theirs = statements(cell.released), statements(one.source)
    if ours is None or theirs is None:
        return [], []
    known = {"".join(text.split()) for text in ours}
    taken = names_in(cell.released)[0]
    before, after, ours_seen = [], [], False
    for text in theirs:
        if "".join(text.split()) in known:
            ours_seen = True
        elif not names_in(text)[0] & taken:
            (after if ours_seen else before).append(text)
    if cell.kind == "setup":  # its names are there before anybody adds to them
        before, after = [], before + after
    return ["".join(before)] if before else [], ["".join(after)] if after else []


def what_was_added(ours: str, theirs: str) -> str:
    """The words of `theirs` that do not come from `ours`, in their order."""
    if same(ours, theirs):
        return ""
    old = re.findall(r"\S+", ours)
    spans = [found.span() for found in re.finditer(r"\S+", theirs)][:20_000]
    new = [theirs[begin:end] for begin, end in spans]
    if len(old) * len(new) > 20_000_000:
        return theirs
    pieces: list[list[int]] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    blocks = matcher.get_matching_blocks()
    ours_in_theirs = {
        place
        for block in blocks
        if block.size >= 4 or block.size == len(old)
        for place in range(block.b, block.b + block.size)
    }
    for place in range(len(new)):
        if place not in ours_in_theirs:
            if pieces and pieces[-1][1] == place - 1:
                pieces[-1][1] = place
            else:
                pieces.append([place, place])
    return "\n\n".join(theirs[spans[first][0] : spans[last][1]] for first, last in pieces)


# ---------------------------------------------------------------- the file


BEGINNINGS = {  # of files that are something else: what they are, and what to do
    b"PK": "a zip archive or a Word document: hand in the .ipynb file itself",
    b"%PDF": "a PDF: hand in the .ipynb file",
    b"<": "a web page: in Colab and Jupyter use File > Download > .ipynb",
    b"{\\rtf": "a text document: hand in the .ipynb file",
    b"\x1f\x8b": "a packed archive: hand in the .ipynb file that is in it",
    b"\x89PNG": "a picture: hand in the .ipynb file",
    b"\xff\xd8\xff": "a picture: hand in the .ipynb file",
    b"version https://git-lfs": "a pointer of Git LFS to a file that lies elsewhere: hand in the .ipynb file itself",
}


def notebook_cells(content: bytes, flags: list[str] | None = None) -> list[Found]:
    """The cells of a notebook file of format 3 or 4, however damaged their details are."""
    if len(content) > MAX_FILE:
        raise Unreadable(f"The file has more than {MAX_FILE // 2**20} MB: clear its outputs and hand it in again.")
    if not content.strip(b"\0 \t\r\n"):
        raise Unreadable("The file is empty.")
    for beginning, what in BEGINNINGS.items():
        if content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(beginning):
            raise Unreadable(f"The file is no notebook but {what}.")
    text = decoded(content, flags if flags is not None else [])
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(what_it_is(text, error)) from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):  # format 3
        sheets = [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise Unreadable("The file is no notebook: it has no cells.")
    found = [found_cell(cell) for cell in cells if isinstance(cell, dict)]
    filled = [cell for cell in found if cell.source.strip() or cell.names]
    if len(filled) > MAX_CELLS and flags is not None:
        flags.append(f"the notebook has {len(filled)} cells; those after number {MAX_CELLS} were not read")
    return filled[:MAX_CELLS]


def decoded(content: bytes, flags: list[str]) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
        broken = len(re.findall(rb"[\x80-\xff]", content))
        if broken > len(content) / 4:  # no text at all
            return content.decode("utf-8-sig", errors="replace")
        flags.append("the file is not in UTF-8, as notebooks are: it was read as Windows-1252, so look at its letters")
        return text


def what_it_is(text: str, error: Exception) -> str:
    """Why a file's text is no notebook."""
    if conflict := re.search(r"^(<{7}|={7}|>{7})", text, re.M):
        line = text.count("\n", 0, conflict.start()) + 1
        return f"The file holds the marks of a merge conflict (line {line}): settle it, and hand the file in again."
    first = text.lstrip("\ufeff \t\r\n")
    if first[:1] not in ("{", "[") and re.search(r"\w\w", first) and "\ufffd" not in first[:500]:
        line = first.splitlines()[0] if first else ""
        if len(first.strip()) < 300 and len(first.split("\n")) < 3 and re.fullmatch(r"[\w ./\\~:-]+", first.strip()):
            return f"The file is no notebook but a link to another one ({line[:80].strip()}): hand in that file itself."
        return "The file is no notebook but text, a script perhaps: hand in the .ipynb file."
    place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
    return f"The file is damaged: it is not in the format of a notebook{place}."


def found_cell(cell: dict) -> Found:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        source = ""
    kind = {"code": "code", "raw": "raw"}.get(str(cell.get("cell_type")), "markdown")
    if kind != "code":
        source = PICTURE.sub(SHOWN, source)
    source = (
        source[:MAX_SOURCE]
        .encode(errors="replace")
        .decode()
        .replace("\0", "")
        .replace("\r\n", "\n")
        .replace("\r", "\n")
    )
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


def match(exercise: Exercise, cells: list[Found]) -> tuple[dict[str, int], dict[str, list[int]]]:
    """For each cell of ours its place in the submission, and the places of further cells that claim to be it."""
    matches: dict[str, int] = {}
    copies: dict[str, list[int]] = {}
    ours = {cell.id: cell for cell in exercise.cells}
    claims: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        if name := next((name for name in cell.names if name in ours), None):
            claims.setdefault(name, []).append(place)
    for name, places in claims.items():
        matches[name] = which_counts(ours[name], places, cells, first_test(exercise, ours[name], claims))
        copies[name] = [place for place in places if place != matches[name]]
    known = {place for places in claims.values() for place in places}
    free = [place for place in range(len(cells)) if place not in known and cells[place].source.strip()]
    for recognise in (by_text, by_names, by_words, by_what_is_in_it):
        for cell in exercise.cells:
            if cell.id not in matches and cell.kind != "essay":
                place = recognise(cell, [(place, cells[place]) for place in free])
                if place is not None:
                    matches[cell.id] = place
                    free.remove(place)
    for cell in exercise.of_kind("essay"):  # their words are the learner's own: where they stand says more than they do
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
    if cell.kind == "essay":  # split, perhaps: all of it counts
        return answered[0]
    above = [place for place in answered if place < test]
    return (above or answered)[-1]


def first_test(exercise: Exercise, cell: Cell, claims: dict[str, list[int]]) -> float:
    """Where the first test after a cell of ours stands in the submission; infinity if it is not there."""
    below = exercise.cells[exercise.cells.index(cell) :]
    test = next((one for one in below if one.kind == "test"), None) if cell.kind == "task" else None
    return claims[test.id][0] if test and test.id in claims else float("inf")


def by_text(cell: Cell, free: list[tuple[int, Found]]) -> int | None:
    fitting = (place for place, found in free if same(uncommented(found), cell.released))
    return (
        next((place for place, found in free if same(found.source, cell.released)), None)
        if cell.type == "code"
        else (next(fitting, None))
    )


def by_names(cell: Cell, free: list[tuple[int, Found]]) -> int | None:
    """The last code that defines what the task's stub defines."""
    if cell.kind != "task":
        return None
    wanted = defined(cell.released) or defined(cell.source)
    fitting = [place for place, found in free if wanted & defined(found.source)]
    return fitting[-1] if fitting else None


def by_words(cell: Cell, free: list[tuple[int, Found]]) -> int | None:
    """The cell that is most like ours, if it is like it at all."""
    likely = max(((likeness(found, cell), -place) for place, found in free[:3000]), default=(0, 0))
    return -likely[1] if likely[0] > 0.6 else None


def by_what_is_in_it(cell: Cell, free: list[tuple[int, Found]]) -> int | None:
    """The cell that nearly all words of a text of ours are in: something was added to it."""
    ours = words(cell.released)
    if cell.kind != "prose" or len(ours) < 3:
        return None
    start = "".join(cell.released.split())
    for place, found in free[:3000]:
        if start in "".join(uncommented(found).split()):
            return place
    shares = ((len(ours & words(found.source)) / len(ours), -place) for place, found in free[:3000] if is_words(found))
    likely = max(shares, default=(0, 0))
    return -likely[1] if likely[0] > 0.9 and len(ours) >= 8 else None


def by_place(
    cell: Cell, exercise: Exercise, cells: list[Found], matches: dict[str, int], free: list[int]
) -> int | None:
    """The text between what stands above an essay and what stands below it: the one that is still as it was handed
    out, or the first."""
    at = exercise.cells.index(cell)
    above = next((matches[one.id] for one in reversed(exercise.cells[:at]) if one.id in matches), -1)
    below = next((matches[one.id] for one in exercise.cells[at:] if one.id in matches), len(cells))
    text = [place for place in free if above < place < below and is_words(cells[place])]
    blank = [place for place in text if same(uncommented(cells[place]), cell.released)]
    return next(iter(blank or text), None)


def flags_of(cell: Cell, cells: list[Found], place: int | None, copies: list[int]) -> list[str]:
    """What was done to a cell of ours, in words."""
    if cell.kind in ("prose", "free") or cell.id == "student-id":
        return []
    what = {"setup": "set-up cell", "test": "test cell", "task": "task", "essay": "question"}[cell.kind]
    name = f"{what} {cell.id}"
    if place is None:
        return [f"{name} is missing"]
    found, flags = cells[place], []
    if copies:
        flags.append(f"{name} occurs {len(copies) + 1} times")
    if found.type != cell.type and not (cell.kind == "essay" and is_words(found)):
        flags.append(f"{name} has become a {found.type} cell")
    if cell.kind in ("setup", "test") and not same(found.source, cell.released):
        flags.append(f"{name} was changed (the original was used)")
    if cell.kind in ("test", "essay") and found.points is not None and found.points != cell.points:
        flags.append(f"the points of {name} were changed (the original ones were used)")
    return flags
