"""How heavy a chapter is: minutes of reading, the minute at which the first model trains, cells that show nothing.

Minutes are words / 200 + code lines / 8; formulas count nothing. The core ends at the first heading that begins with
"Further" (after its number); a cell tagged `further` does not count either.
"""

import hashlib
import re
import statistics
from typing import NamedTuple

FORMULA_OR_PICTURE = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|!\[.*?\]\(.*?\)|<[^>]+>", re.S)
FURTHER = re.compile(r"^##+ (?:[\d.A-Z]+ )?(?:·\s*)?Further\b", re.M)
TRAINS = re.compile(r"(?<!\w)(train|fit)\(")
HEADING = re.compile(r"^## (?P<title>.+?)(?: · \d+ min)?$", re.M)
UNTIMED = ("Summary", "References", "What comes next")  # headings that carry no minutes


class Form(NamedTuple):
    minutes: float  # of the whole chapter
    core: float  # of what stands before the first "Further"
    trains_at: float | None  # the minute of the first cell that calls train( or fit(
    median: float  # code lines of a cell
    longest: int
    silent: float  # share of the code cells without any output


def code_lines(source: str) -> int:
    return sum(bool(line.strip()) for line in source.split("\n"))


def source_hash(notebook) -> str:
    """Hash of the code cells; kept at execution, so that outputs of older code are found out."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\n\0".join(code).encode()).hexdigest()[:16]


def minutes_of(cell) -> float:
    if cell.cell_type == "markdown":
        return len(re.findall(r"\w+", FORMULA_OR_PICTURE.sub(" ", cell.source))) / 200
    return code_lines(cell.source) / 8


def form(notebook) -> Form:
    minutes = core = 0.0
    trains_at, further, lengths, silent = None, False, [], 0
    for cell in notebook.cells:
        further = further or (cell.cell_type == "markdown" and bool(FURTHER.search(cell.source)))
        minutes += minutes_of(cell)
        if not further and "further" not in cell.metadata.get("tags", []):
            core += minutes_of(cell)
        if cell.cell_type == "code" and cell.source.strip():
            lengths.append(code_lines(cell.source))
            silent += not cell.get("outputs")
            defines = re.search(r"^\s*def ", cell.source, re.M)
            if trains_at is None and TRAINS.search(cell.source) and not defines:
                trains_at = minutes
    share = silent / max(len(lengths), 1)
    return Form(minutes, core, trains_at, statistics.median(lengths or [0]), max(lengths, default=0), share)


def sections(notebook) -> dict[str, int]:
    """Minutes of each section, by the title of its `##` heading, rounded up, at least 1."""
    found, title = {}, None
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (heading := HEADING.search(cell.source)):
            title = heading["title"]
        if title:
            found[title] = found.get(title, 0.0) + minutes_of(cell)
    return {title: max(1, round(minutes)) for title, minutes in found.items()}


def with_minutes(text: str, notebook) -> str:
    """The text of a chapter with the minutes of each section in its heading, as in "## 1.2 Codes · 8 min"."""
    times = sections(notebook)

    def timed(match):
        title = match["title"]
        known = title in times and title not in UNTIMED
        return f"# ## {title} · {times[title]} min" if known else match[0]

    return re.sub(HEADING.pattern.replace("^## ", "^# ## "), timed, text, flags=re.M)
