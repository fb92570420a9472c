"""From records to what people read: a gradebook, a table of essays to mark, a feedback page for each learner."""

import csv
import datetime
import hashlib
import html
import io
import json
import math
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from course_utils import CourseError, files
from grader import border, formulas

MANUAL = "manual.csv"
COLUMNS = ["student", "cell", "max", "score", "comment", "answer", "note", "key"]
CHANGED = "The answer has changed since it was marked."
LAYOUTS = ("plain", "moodle", "canvas")


def records(folder: Path) -> list[dict]:
    """All records in a folder, by student."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            found.append(record | {"record": path.stem})
            _ = record["student"], record["cells"], record["score"]
        except (ValueError, TypeError, KeyError) as error:
            raise CourseError(f"{path} is no grading record: remove it, or grade again.") from error
    if not found:
        raise CourseError(f"There are no records in {folder}: name the folder that `grade … --out` wrote.")
    return found


def is_essay(cell: str, record: dict) -> bool:
    return cell in record.get("answers", {})


# ---------------------------------------------------------------- marks by hand


def key_of(student: str, cell: str) -> str:
    """A word of letters for a row of manual.csv, which no spreadsheet takes for a number or a date."""
    digest = hashlib.sha256(f"{student}\0{cell}".encode("utf-8", "replace")).hexdigest()[:16]
    return "k" + digest.translate(str.maketrans("0123456789", "ghijklmnop"))


@dataclass
class Marks:
    """What manual.csv says."""

    rows: dict[tuple[str, str], dict] = field(default_factory=dict)  # (student, cell) → row, its score a number or None
    columns: list[str] = field(default_factory=lambda: [*COLUMNS])
    strangers: list[str] = field(default_factory=list)  # sentences on rows that fit no record


def text_of(content: bytes, known: list[str]) -> str:
    """The table's text, in whichever encoding a spreadsheet saved it: the one in which the learners' names and answers
    are those that are known."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    if content[:40].count(b"\0") > 10:
        return content.decode("utf-16-le" if content[1:2] == b"\0" else "utf-16-be")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    telling = {word for text in known for word in re.findall(r"\w*[^\x00-\x7f]\w*", text)}
    best, found = -1, ""
    for encoding in ("cp1252", "mac_roman", "cp1250", "cp1251", "cp1253", "latin-1"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        hits = len(telling & set(re.findall(r"\w*[^\x00-\x7f]\w*", text)))
        if hits > best:
            best, found = hits, text
    return found


def numeric(text: str) -> float | None:
    """The number that a spreadsheet may have taken an id for: 0012345 is 12345, 1E5 is 1,00E+05."""
    plain = text.strip().replace(" ", "").replace("\u00a0", "").replace(",", ".")
    try:
        return float(plain) if re.fullmatch(r"[+-]?\d+\.?\d*([eE][+-]?\d+)?", plain) else None
    except (ValueError, OverflowError):
        return None


def read_marks(folder: Path, found: list[dict] | None = None) -> Marks:
    """manual.csv, which a spreadsheet may have written in its own way. Each row is known by its key; where that is
    gone, by the learner and the question, also where the id became a number and only one learner can be meant.

    Raises:
        CourseError: something in it cannot be understood; the file is as it was.
    """
    path, marks = folder / MANUAL, Marks()
    if not path.exists():
        return marks
    found = records(folder) if found is None else found
    known = [word for record in found for word in (record["student"], *record.get("answers", {}).values())]
    try:
        text = text_of(path.read_bytes(), known)
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is in no encoding that is known: save it as CSV UTF-8.") from error
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}).") from error
    hint = re.match(r"sep=(.)\r?\n", text)
    text = text[hint.end() :] if hint else text
    first = text.partition("\n")[0]
    sign = hint[1] if hint else max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=sign)
    pairs = {(record["student"], name) for record in found for name in record.get("answers", {})}
    by_key = {key_of(*pair): pair for pair in pairs}
    try:
        columns = [name for name in rows.fieldnames or [] if name]
    except csv.Error as error:
        raise CourseError(f"{path}, line {rows.line_num}: {error}.") from error
    marks.columns = [*COLUMNS, *(name for name in columns if name not in COLUMNS)]
    taken: dict[tuple[str, str], int] = {}
    for row in rows:
        if not any(isinstance(value, str) and value.strip() for value in row.values()):
            continue  # an empty line
        try:
            student, cell, limit = unsafe(row["student"]), row["cell"].strip(), number(row["max"])
            score = number(row["score"]) if row["score"].strip() else None
        except (KeyError, AttributeError, ValueError) as error:
            raise CourseError(
                f"{path}, line {rows.line_num}: there must be columns {', '.join(COLUMNS[:4])}, with numbers as scores."
            ) from error
        if score is not None and not 0 <= score <= limit:
            raise CourseError(f"{path}, line {rows.line_num}: the score {score:g} is not between 0 and {limit:g}.")
        pair = whose((row.get("key") or "").strip(), student, cell, pairs, by_key)
        if pair is None:
            if score is not None or (row.get("comment") or "").strip():
                marks.strangers.append(
                    f"{MANUAL}, line {rows.line_num}: the mark of {student or 'nobody'} for {cell} fits no record"
                )
            pair = (student, cell)
        if pair in taken:
            raise CourseError(
                f"{path}, lines {taken[pair]} and {rows.line_num} are both about {pair[0]}, {pair[1]}: keep one, or "
                "give each its own id (a spreadsheet may have cut zeros off)."
            )
        taken[pair] = rows.line_num
        marks.rows[pair] = row | {"score": score, "student": pair[0], "cell": pair[1]}
    return marks


def number(text: str) -> float:
    """A score as people and spreadsheets write it."""
    value = float(text.strip().replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def whose(key: str, student: str, cell: str, pairs: set, by_key: dict[str, tuple]) -> tuple[str, str] | None:
    """The learner and the question of a row, or None."""
    if key in by_key:
        return by_key[key]
    student = unicodedata.normalize("NFC", student)
    exact = [pair for pair in pairs if pair[1] == cell and unicodedata.normalize("NFC", pair[0]) == student]
    if exact:
        return exact[0]
    value = numeric(student)
    alike = [pair for pair in pairs if pair[1] == cell and value is not None and numeric(pair[0]) == value]
    return alike[0] if len(alike) == 1 else None


def with_marks(record: dict, marks: Marks) -> dict:
    """A record in which the marks given by hand stand, and the score is their sum with the others."""
    cells = {}
    for name, cell in record["cells"].items():
        mark = marks.rows.get((record["student"], name))
        if mark and mark["score"] is not None:
            said = border.readable(unsafe(mark.get("comment") or ""), 10_000)
            cell = cell | {"score": mark["score"], "reason": said or "Marked by a person."}
        cells[name] = cell
    score = round(sum(cell["score"] or 0 for cell in cells.values()), 4)
    return record | {"cells": cells, "score": score, "waiting": sum(cell["score"] is None for cell in cells.values())}


def write_manual(folder: Path, notes: list[str] | None = None) -> int:
    """Bring manual.csv up to date with the records, keeping every mark; how many essays still wait for one.

    `notes` gets sentences on marks that fit nobody. They stay in the table.
    """
    found = records(folder)
    marks, rows = read_marks(folder, found), []
    if notes is not None:
        notes += marks.strangers
    left = dict(marks.rows)
    for record in found:
        for name, answer in record.get("answers", {}).items():
            old = left.pop((record["student"], name), {})
            cell = record["cells"][name]
            if cell["score"] is not None and not old:
                continue  # left blank
            text = answer.replace("\0", "").strip()
            changed = bool(old) and old["score"] is not None and letters(old.get("answer")) != letters(tame(text))
            row = old | {
                "student": Learners(record["student"]),
                "cell": name,
                "max": cell["max"],
                "answer": Learners(text),
            }
            row |= {"score": old.get("score"), "comment": unsafe(old.get("comment") or "")}
            row |= {"key": key_of(record["student"], name)}
            rows.append(row | {"note": CHANGED if changed else old.get("note", "")})
    rows += [row | {key: unsafe(row.get(key) or "") for key in ("comment", "answer")} for row in left.values()]
    if rows:
        table = [[row.get(column) for column in marks.columns] for row in rows]
        write_table(folder / MANUAL, marks.columns, table)
    return sum(row["score"] is None for row in rows)


def letters(text: str | None) -> str:
    """What is left of an answer by every program that saves a table: its plain letters and digits."""
    return "".join(re.findall(r"[A-Za-z0-9]", text or ""))[:5000]


class Learners(str):
    """A text that a learner wrote, on its way into a table."""


def tame(text: str) -> str:
    """A learner's text in which no spreadsheet finds a formula, also where it takes other signs than ours, or line
    breaks, for the end of a field."""
    return re.sub(r"(^|[,;\t|\n\r\"]\s*)(?=[=@]|[+-]\S)", r"\1'", text)


def safe(value) -> str:
    """A table's field that no spreadsheet takes for a formula."""
    if isinstance(value, float):
        return f"{value:g}"
    text = "" if value is None else str(value).replace("\0", "")
    text = text.encode(errors="replace").decode()
    if isinstance(value, Learners):
        return tame(text)
    return f"'{text}" if isinstance(value, str) and re.match(r"[=+\-@\t\r]", text) else text


def unsafe(text: str) -> str:
    """What `safe` was given."""
    return text[1:] if re.match(r"'[=+\-@\t\r]", text) else text


def write_table(path: Path, head: list[str], rows: list[list]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([safe(value) for value in row] for row in rows)
    save(path, text.getvalue().encode("utf-8-sig"))  # with the mark that Excel needs


def save(path: Path, content: str | bytes) -> None:
    try:
        files.write(path, content)
    except OSError as error:
        raise CourseError(f"{path} cannot be written ({error.strerror}).") from error


# ---------------------------------------------------------------- the gradebook


def gradebook(found: list[dict], layout: str) -> tuple[list[str], list[list]]:
    """Head and rows of the gradebook.

    moodle: a grading worksheet for "Upload grading worksheet". canvas: for Grades > Import.
    """
    title = found[0]["exercise"]
    if layout == "moodle":
        now = f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S}"
        head = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments"]
        return head, [
            [
                f"Participant {r['student']}" if r.get("origin") == "moodle" else r["student"],
                r.get("name", ""),
                r["score"],
                r["max"],
                now,
                summary(r),
            ]
            for r in found
        ]
    if layout == "canvas":
        head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title]
        rows: list[list] = [["    Points Possible", "", "", "", "", found[0]["max"]]]
        for r in found:
            ids = [r["student"], "", ""] if r.get("origin") == "canvas" else ["", r["student"], r["student"]]
            rows.append([r.get("name") or r["student"], *ids, "", r["score"]])
        return head, rows
    cells = list(dict.fromkeys(name for r in found for name in r["cells"]))
    found = [r | {"student": Learners(r["student"]), "name": Learners(r.get("name", ""))} for r in found]
    head = ["student", "name", "score", "max", "status", "essays without a mark", "flags", *cells]
    return head, [
        [
            *(r["student"], r.get("name", ""), r["score"], r["max"], r["status"], r["waiting"]),
            Learners("; ".join(border.readable(flag, 500) for flag in r["flags"])),
            *(r["cells"].get(name, {}).get("score") for name in cells),
        ]
        for r in found
    ]


def summary(record: dict) -> str:
    """A grade in one line."""
    return Learners(f"{total(record)}. {next_step(record)}")


def total(record: dict) -> str:
    """Points in words: those of code and of words apart, as long as some wait for their mark."""
    essays = {name for name in record["cells"] if is_essay(name, record) or record["cells"][name]["score"] is None}
    waiting = [name for name, cell in record["cells"].items() if cell["score"] is None]

    def of(names) -> str:
        cells = [record["cells"][name] for name in names]
        got, most = sum(cell["score"] or 0 for cell in cells), sum(cell["max"] for cell in cells)
        return f"{got:g} of {most:g}"

    code = [name for name in record["cells"] if name not in essays]
    marked = [name for name in record["cells"] if name in essays and name not in waiting]
    words = f"{of(record['cells'])} points"
    if essays and code:
        words = f"{of(code)} points for the code"
        words += f", {of(marked)} for written answers" if marked else ""
    if waiting:
        words += f"; {len(waiting)} written answer{'s' if len(waiting) > 1 else ''} not yet marked"
    elif essays and code:
        words += f": {of(record['cells'])} points"
    return words


# ---------------------------------------------------------------- feedback


def title(name: str, record: dict) -> str:
    """What a learner calls a graded cell: the ids stand nowhere in JupyterLab or Colab."""
    return record.get("names", {}).get(name, name)


def in_words(text: str, record: dict) -> str:
    """A reason in which cells are called as learners call them."""
    names = record.get("names", {})
    if not names:
        return text
    pattern = r"\b(?:cell |test )?(" + "|".join(map(re.escape, sorted(names, key=len, reverse=True))) + r")(?![\w-])"
    return re.sub(pattern, lambda found: names[found[1]], text)


def next_step(record: dict) -> str:
    """What to do first, in words."""
    if record["status"] == "unreadable":
        return f"{record['flags'][-1] if record['flags'] else 'The file could not be read.'} Then hand it in again."
    lost = {n: c for n, c in record["cells"].items() if c["score"] is not None and c["score"] < c["max"]}
    for name, cell in lost.items():
        if is_essay(name, record):
            continue
        where, reason = title(name, record), in_words(cell["reason"], record)
        if cell["reason"].startswith("Could not run"):
            return f"Begin with {where}. {reason} Run the notebook from top to bottom in a fresh kernel."
        if cell["reason"].startswith("Not answered") or "not answered yet" in cell["reason"]:
            return f"Begin with the task above {where}: it waits for your answer."
        if cell.get("hidden"):
            return (
                f"Begin with {where}: {reason} The check that you can see holds, one with other inputs does "
                "not. Try your code on other shapes and values, and work one small case out by hand."
            )
        return f"Begin with {where}: {reason} The same check stands in your notebook: mend the task and run it."
    blank = [name for name, cell in lost.items() if is_essay(name, record) and cell["reason"] == "Left blank."]
    if blank:
        return f"All checks of your code hold. A question still waits for your words: {title(blank[0], record)}."
    if lost:
        most = max(lost, key=lambda name: lost[name]["max"] - lost[name]["score"])
        waits = " Others still wait for their marks." if record.get("waiting") else ""
        return (
            f"All checks of your code hold. Read the remark on {title(most, record)}, where most points were lost, and "
            f"write the answer again with it in mind.{waits}"
        )
    if record.get("waiting"):
        return "All checks of your code hold. Your written answers wait for their marks."
    return "Everything is done. In the chapter, change one thing in a model, and predict what will happen first."


UNSEEN = ("Cc", "Cs", "Cf", "Co", "Cn")  # controls, halves of letters, marks that turn the direction of writing
HIDDEN_INPUTS = "What you can see of this check holds; it fails on inputs that your notebook does not show."
STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.total { font-size: 1.3rem; font-weight: 600; } progress { width: 100%; height: 1rem; }
.next { border-left: .3rem solid #2a6fbb; padding: .25rem 1rem; }
ul { list-style: none; padding: 0; }
li { border-top: 1px solid #8886; padding: .6rem 0; overflow-wrap: anywhere; }
.points { float: right; margin-left: 1rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.section { border: 0; padding-top: 1.2rem; font-weight: 600; opacity: .75; }
.hidden { margin: .2rem 0 0; opacity: .75; }
.name { font-weight: 600; } .reason { margin: .2rem 0 0; }
blockquote { margin: .5rem 0; padding-left: 1rem; border-left: .2rem solid #8886; white-space: pre-wrap; }
footer { margin-top: 2rem; font-size: .85rem; opacity: .75; }
"""


def page(record: dict) -> str:
    """A learner's feedback page. Everything that came from the learner is escaped; the page runs no scripts."""

    def text(value) -> str:
        plain = str(value).encode("utf-8", "replace").decode()
        return html.escape("".join(c if c in "\n\t" or unicodedata.category(c) not in UNSEEN else " " for c in plain))

    items, section = [], None
    for name, cell in record["cells"].items():
        got = "waits for its mark" if cell["score"] is None else f"{cell['score']:g} of {cell['max']:g}"
        answer = record.get("answers", {}).get(name, "")
        quoted = (
            f"<blockquote>{formulas.shown(answer[:5000], text)}</blockquote>"
            if answer.strip() and cell["reason"] != "Left blank."
            else ""
        )
        here = record.get("sections", {}).get(name, "")
        if here and here != section:
            items.append(f'<li class="section">{formulas.shown(here, text)}</li>')
            section = here
        hidden = f'<p class="hidden">{HIDDEN_INPUTS}</p>' if cell.get("hidden") else ""
        items.append(
            f'<li><span class="points">{got}</span><span class="name">{text(title(name, record))}</span>'
            f'{quoted}<p class="reason">{formulas.shown(in_words(cell["reason"], record), text)}</p>{hidden}</li>'
        )
    notes = "".join(f"<li>{text(in_words(flag, record))}</li>" for flag in record["flags"])
    notes = f"<h2>Notes on your file</h2><ul>{notes}</ul>" if notes else ""
    heading = f"{text(record['exercise'])} · {text(record['student'])}"
    points = text(total(record))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{heading}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{heading}</h1>
<p class="total">{points}</p>
<progress max="{record["max"]:g}" value="{record["score"]:g}" aria-label="{points}"></progress>
<h2>Your next step</h2>
<p class="next">{formulas.shown(next_step(record), text)}</p>
<h2>Check by check</h2>
<ul>
{chr(10).join(items)}
</ul>
{notes}
<footer>Grader {text(record["grader"])}, sandbox: {text(record["sandbox"])},
exercise version {text(record["source_hash"])}.</footer>
</body>
</html>
"""


def report(
    folder: Path, table: Path | None, pages: Path | None, layout: str = "plain", notes: list[str] | None = None
) -> tuple[int, int]:
    """Write what was asked for; how many records there are, and how many essays wait for a mark.

    `notes` gets sentences on marks that fit nobody.
    """
    waiting = write_manual(folder, notes)
    found = records(folder)
    marks = read_marks(folder, found)
    found = [with_marks(record, marks) for record in found]
    if table:
        write_table(table, *gradebook(found, layout))
    if pages:
        try:
            pages.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CourseError(
                f"{pages} cannot be made ({error.strerror}): name another folder after --html."
            ) from error
        for record in found:
            save(pages / f"{record['record']}.html", page(record))
    return len(found), waiting
