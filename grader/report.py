"""From records to what people read: a gradebook, a table of essays to mark, a feedback page for each learner."""

import csv
import datetime
import html
import io
import json
import re
from pathlib import Path

from course_utils import CourseError, files

MANUAL = "manual.csv"
COLUMNS = ["student", "cell", "max", "score", "comment", "answer", "note"]
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


def read_marks(folder: Path) -> dict[tuple[str, str], dict]:
    """The rows of manual.csv by (student, cell); scores are numbers or None. Spreadsheets may have written it."""
    path = folder / MANUAL
    if not path.exists():
        return {}
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    marks = {}
    for row in rows:
        try:
            key, limit = (unsafe(row["student"]), row["cell"]), float(row["max"].replace(",", "."))
            score = float(row["score"].strip().replace(",", ".")) if row["score"].strip() else None
        except (KeyError, AttributeError, ValueError) as error:
            raise CourseError(
                f"{path}, line {rows.line_num}: there must be columns {', '.join(COLUMNS[:4])}, with numbers as scores."
            ) from error
        if score is not None and not 0 <= score <= limit:
            raise CourseError(f"{path}, line {rows.line_num}: the score {score:g} is not between 0 and {limit:g}.")
        marks[key] = row | {"score": score}
    return marks


def with_marks(record: dict, marks: dict[tuple[str, str], dict]) -> dict:
    """A record in which the marks given by hand stand, and the score is their sum with the others."""
    cells = {}
    for name, cell in record["cells"].items():
        mark = marks.get((record["student"], name))
        if mark and mark["score"] is not None:
            cell = cell | {"score": mark["score"], "reason": mark.get("comment") or "Marked by a person."}
        cells[name] = cell
    score = round(sum(cell["score"] or 0 for cell in cells.values()), 4)
    return record | {"cells": cells, "score": score, "waiting": sum(cell["score"] is None for cell in cells.values())}


def write_manual(folder: Path) -> int:
    """Bring manual.csv up to date with the records, keeping every mark; how many essays still wait for one."""
    marks, rows = read_marks(folder), []
    for record in records(folder):
        for name, answer in record.get("answers", {}).items():
            old = marks.pop((record["student"], name), {})
            cell = record["cells"][name]
            if cell["score"] is not None and not old:
                continue  # left blank
            text = answer.replace("\0", "").strip()
            changed = bool(old) and old["score"] is not None and old["answer"].strip() != safe(text).strip()
            row = {"student": record["student"], "cell": name, "max": cell["max"], "answer": text}
            row |= {"score": old.get("score"), "comment": unsafe(old.get("comment") or "")}
            rows.append(row | {"note": CHANGED if changed else old.get("note", "")})
    rows += [row | {key: unsafe(row.get(key) or "") for key in ("comment", "answer")} for row in marks.values()]
    if rows:
        write_table(folder / MANUAL, COLUMNS, [[row.get(column) for column in COLUMNS] for row in rows])
    return sum(row["score"] is None for row in rows)


def safe(value) -> str:
    """A table's field that no spreadsheet takes for a formula."""
    if isinstance(value, float):
        return f"{value:g}"
    text = "" if value is None else str(value).replace("\0", "")
    text = text.encode(errors="replace").decode()
    return f"'{text}" if isinstance(value, str) and re.match(r"[=+\-@\t\r]", text) else text


def unsafe(text: str) -> str:
    """What `safe` was given."""
    return text[1:] if re.match(r"'[=+\-@\t\r]", text) else text


def write_table(path: Path, head: list[str], rows: list[list]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([safe(value) for value in row] for row in rows)
    files.write(path, text.getvalue().encode("utf-8-sig"))  # with the mark that Excel needs


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
    head = ["student", "name", "score", "max", "status", "essays without a mark", "flags", *cells]
    return head, [
        [
            *(r["student"], r.get("name", ""), r["score"], r["max"], r["status"], r["waiting"]),
            "; ".join(r["flags"]),
            *(r["cells"].get(name, {}).get("score") for name in cells),
        ]
        for r in found
    ]


def summary(record: dict) -> str:
    """A grade in one line."""
    lost = [name for name, cell in record["cells"].items() if cell["score"] is not None and cell["score"] < cell["max"]]
    return f"{record['score']:g} of {record['max']:g}. " + next_step(record) if lost else "All checks hold."


# ---------------------------------------------------------------- feedback


def next_step(record: dict) -> str:
    """What to do first, in words."""
    if record["status"] == "unreadable":
        return f"{record['flags'][-1] if record['flags'] else 'The file could not be read.'} Then hand it in again."
    for name, cell in record["cells"].items():
        if is_essay(name, record) or cell["score"] is None or cell["score"] >= cell["max"]:
            continue
        if cell["reason"].startswith("Could not run"):
            return f"Begin with {name}. {cell['reason']} Run the notebook from top to bottom in a fresh kernel."
        if cell["reason"].startswith("Not answered") or "not answered yet" in cell["reason"]:
            return f"Begin with the task above {name}: it waits for your answer."
        if cell.get("hidden"):
            return (
                f"Begin with {name}: {cell['reason']} The check that you can see holds, one with other inputs does "
                "not. Try your code on other shapes and values, and work one small case out by hand."
            )
        return f"Begin with {name}: {cell['reason']} The same check stands in your notebook: mend the task and run it."
    if any(cell["score"] == 0 and is_essay(name, record) for name, cell in record["cells"].items()):
        return "All checks of your code hold. A question still waits for your words."
    if record.get("waiting"):
        return "All checks of your code hold. Your written answers wait for their marks."
    return "Everything is done. In the chapter, change one thing in a model, and predict what will happen first."


STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.total { font-size: 1.3rem; font-weight: 600; } progress { width: 100%; height: 1rem; }
.next { border-left: .3rem solid #2a6fbb; padding: .25rem 1rem; }
ul { list-style: none; padding: 0; }
li { border-top: 1px solid #8886; padding: .6rem 0; overflow-wrap: anywhere; }
.points { float: right; margin-left: 1rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.name { font-weight: 600; } .reason { margin: .2rem 0 0; }
blockquote { margin: .5rem 0; padding-left: 1rem; border-left: .2rem solid #8886; white-space: pre-wrap; }
footer { margin-top: 2rem; font-size: .85rem; opacity: .75; }
"""


def page(record: dict) -> str:
    """A learner's feedback page. Everything that came from the learner is escaped; the page runs no scripts."""

    def text(value) -> str:
        return html.escape(re.sub(r"[\x00-\x08\x0b-\x1f]", " ", str(value)))

    items = []
    for name, cell in record["cells"].items():
        got = "waits for its mark" if cell["score"] is None else f"{cell['score']:g} of {cell['max']:g}"
        answer = record.get("answers", {}).get(name, "")
        quoted = (
            f"<blockquote>{text(answer[:5000])}</blockquote>"
            if answer.strip() and cell["reason"] != "Left blank."
            else ""
        )
        items.append(
            f'<li><span class="points">{got}</span><span class="name">{text(name)}</span>'
            f'{quoted}<p class="reason">{text(cell["reason"])}</p></li>'
        )
    notes = "".join(f"<li>{text(flag)}</li>" for flag in record["flags"])
    notes = f"<h2>Notes on your file</h2><ul>{notes}</ul>" if notes else ""
    title = f"{text(record['exercise'])} · {text(record['student'])}"
    total = f"{record['score']:g} of {record['max']:g} points"
    if record.get("waiting"):
        total += f", {record['waiting']} written answer{'s' if record['waiting'] > 1 else ''} not yet marked"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<p class="total">{total}</p>
<progress max="{record["max"]:g}" value="{record["score"]:g}" aria-label="{total}"></progress>
<h2>Your next step</h2>
<p class="next">{text(next_step(record))}</p>
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


def report(folder: Path, table: Path | None, pages: Path | None, layout: str = "plain") -> tuple[int, int]:
    """Write what was asked for; how many records there are, and how many essays wait for a mark."""
    waiting = write_manual(folder)
    marks = read_marks(folder)
    found = [with_marks(record, marks) for record in records(folder)]
    if table:
        write_table(table, *gradebook(found, layout))
    if pages:
        pages.mkdir(parents=True, exist_ok=True)
        for record in found:
            (pages / f"{record['record']}.html").write_text(page(record), encoding="utf-8")
    return len(found), waiting
