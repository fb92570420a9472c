"""Grades a folder: who handed in what, which of it still has to be graded, and one record for each.

The engine is joblib: processes of this machine by default, a dask cluster where one is named. The records are written
here, one by one as they come, so that an interrupted run loses only what it was just working on.
"""

import contextlib
import datetime
import functools
import hashlib
import json
import os
import re
import unicodedata
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course_utils import CourseError, files
from grader import GRADER_VERSION
from grader.exercise import Exercise

RENAMED = "renamed"  # the folder for records of files that are handed in under another name now

# What platforms make of a learner's upload. The first part is theirs; what follows it, the learner has chosen.
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:[_.].*)?", re.S)
CANVAS = re.compile(
    r"(?P<name>[^\W\d_]+)_(?P<late>LATE_)?(?P<id>[1-9]\d*)_(?P<number>[1-9]\d*)_(?P<rest>.*[^\W\d_].*)", re.S
)
COPIES = re.compile(
    r"^(?:copy of|kopie von|copie de|copia de) +| *(?:\(\d+\)|-copy\d*|_copy| copy(?: \d+)?| - copy| - kopie| kopie)$",
    re.I,
)
JUNK = {"thumbs.db", "desktop.ini", "icon\r"}


@dataclass
class Entry:
    """What one learner handed in."""

    student: str
    path: Path | None
    origin: str = "plain"  # or moodle, canvas
    name: str = ""  # as the platform wrote it
    flags: list[str] = field(default_factory=list)
    key: str = ""  # by which files of one learner are known as such

    @property
    def record(self) -> str:
        """The record's file name; a student id may hold anything that a file name can."""
        name = urllib.parse.quote(self.student, safe=" @+()")
        if len(name) > 150:  # a long name in another script: file systems allow 255 bytes
            name = f"{name[:120]}-{hashlib.sha256(self.student.encode()).hexdigest()[:16]}"
        return name + ".json"


def decoded(path: Path | str) -> str:
    """The name of a file as text. One that is not UTF-8 was written on an older system: each letter stays another."""
    raw = os.fsencode(path.name if isinstance(path, Path) else path)
    try:
        return unicodedata.normalize("NFC", raw.decode("utf-8"))
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def collect(
    folder: Path, exercise: str, late_after: datetime.datetime | None = None, ignored: list[str] | None = None
) -> list[Entry]:
    """One entry for each learner with something in `folder`.

    ID.ipynb, ID_ex02_vae.ipynb, ID/anything.ipynb, and what Moodle and Canvas name downloads. Where a learner has
    several notebooks, one that is named after the exercise goes first, then the newest; a flag names the others. Every
    file is part of an entry, or its name is added to `ignored`.
    """
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}: name the one with the submissions.")
    ignored = [] if ignored is None else ignored
    paths = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__MACOSX")) or path.suffix.lower() == ".csv" or path.name.lower() in JUNK:
            inside = [one for one in sorted(path.rglob("*")) if not one.is_dir()] if path.is_dir() else [path]
            ignored += [decoded(str(one.relative_to(folder))) for one in inside or [path]]
        else:
            paths.append(path)
    found: list[Entry] = []
    who = identities(paths, exercise)
    for path in paths:
        found += entries(path, who[path], ignored)
    candidates: dict[tuple[str, str], list[Entry]] = {}
    for entry in found:
        candidates.setdefault((entry.origin, entry.key), []).append(entry)
    chosen = []
    for several in candidates.values():
        several.sort(key=lambda entry: preference(entry, exercise))
        best = several[-1]
        if len(several) > 1:
            others = ", ".join(shown(entry, folder) for entry in several[:-1])
            best.flags.append(
                f"{len(several)} files: graded {decoded(best.path) if best.path else 'none'}, not {others}"
            )
        if best.path and late_after and modified(best.path) > late_after.timestamp():
            best.flags.append(f"late: the file is of {when(modified(best.path))}")
        chosen.append(best)
    if not chosen:
        raise CourseError(f"There is no submission in {folder}: it would hold ID.ipynb files, or a folder for each ID.")
    tell_apart(chosen)
    return sorted(chosen, key=lambda entry: entry.student)


def shown(entry: Entry, folder: Path) -> str:
    return decoded(str(entry.path.relative_to(folder))) if entry.path else f"an empty folder {entry.student}"


def tell_apart(chosen: list[Entry]) -> None:
    """No two learners have one name, also where a file system knows no capital letters."""
    groups: dict[str, list[Entry]] = {}
    for entry in chosen:
        groups.setdefault(unicodedata.normalize("NFC", entry.student).lower(), []).append(entry)
    taken = {name for name, group in groups.items() if len(group) == 1}
    for group in groups.values():
        if len(group) > 1:
            said = f"{len(group)} learners are called {group[0].student}: they are graded apart"
            for number, entry in enumerate(group, 1):
                name = entry.student if entry.origin == "plain" else f"{entry.student} ({entry.origin})"
                while name.lower() in taken:
                    name = f"{entry.student} ({entry.origin} {number})"
                    number += 1
                taken.add(name.lower())
                entry.student = name
                entry.flags.append(said)


def identities(paths: list[Path], exercise: str) -> dict[Path, dict]:
    """Whose each file or folder is. A name that a platform could have given counts as such only where nothing speaks
    against it: neither may a learner's choice of a name speak for another, nor may a date be taken for a number."""
    both, found = [], {}
    ids: dict[str, set[str]] = {}
    for path in paths:
        name = decoded(path)
        moodle, canvas = MOODLE.fullmatch(name), CANVAS.fullmatch(name)
        if canvas and looks_like_a_date(canvas):
            canvas = None
        if moodle and canvas:
            both.append(path)
        if canvas:
            ids.setdefault(canvas["id"], set()).add(canvas["name"])
        found[path] = (moodle, canvas)
    seen = {"moodle" if moodle else "canvas" for moodle, canvas in found.values() if bool(moodle) != bool(canvas)}
    whose = {}
    for path, (moodle, canvas) in found.items():
        flags = []
        if path in both:
            if len(seen) == 1:
                moodle, canvas = (moodle, None) if seen == {"moodle"} else (None, canvas)
            else:
                moodle = canvas = None
                flags.append("the file's name could be Moodle's or Canvas's: it speaks for nobody else")
        if canvas and len(ids[canvas["id"]]) > 1:  # on Canvas, a number is one person's
            flags.append(f"{len(ids[canvas['id']])} names have the number {canvas['id']}: none is taken for Canvas's")
            canvas = None
        if match := moodle or canvas:
            one = {"student": match["id"], "origin": "moodle" if moodle else "canvas", "name": match["name"]}
            if canvas and canvas["late"]:
                flags.append("late: so marked by Canvas")
            whose[path] = one | {"flags": flags, "key": match["id"]}
        else:
            whose[path] = plain_name(path, exercise) | {"origin": "plain", "name": ""}
            whose[path]["flags"] += flags
    return whose


def looks_like_a_date(canvas: re.Match) -> bool:
    """anna_2026_11_ex02: a year and a month, not a learner's number and an upload's."""
    return 1900 <= int(canvas["id"]) <= 2199 and int(canvas["number"]) <= 31


def plain_name(path: Path, exercise: str) -> dict:
    """The id in a name that learners or instructors gave: without the exercise and signs of a copy, cut only at
    separators."""
    name = decoded(path)
    stem = name.removesuffix(".txt").removesuffix(".ipynb")  # some browsers save x.ipynb.txt
    if stem == name and not path.is_dir():
        stem = name[: -len(path.suffix)] if path.suffix else name
    short = exercise.partition("_")[0]
    before = None
    student = stem.strip()
    while student != before:
        before = student
        student = COPIES.sub("", student).strip() or student
    part = re.compile(rf"(?:^|[ _-]+)(?:{re.escape(exercise)}|{re.escape(short)})(?=$|[ _-])", re.I)
    student = part.sub("", student).strip(" _-")
    flags = [] if student else ["the file name holds no student id"]
    student = student or stem
    return {"student": student, "flags": flags, "key": unicodedata.normalize("NFC", student).lower()}


def entries(path: Path, who: dict, ignored: list[str]) -> list[Entry]:
    """What a file or a folder of the submissions holds: usually one entry."""

    def entry(one: Path | None) -> Entry:
        return Entry(**who | {"flags": [*who["flags"]]}, path=one)

    if path.is_symlink() or not path.is_dir():
        return [entry(path)]
    notebooks, others = [], []
    for one in sorted(path.rglob("*")):
        inside = one.relative_to(path).parts
        if one.is_dir() and not one.is_symlink():
            continue
        if any(part.startswith((".", "__MACOSX")) for part in inside) or one.name.lower() in JUNK:
            ignored.append(decoded(str(one.relative_to(path.parent))))
        else:
            (notebooks if one.suffix.lower() == ".ipynb" else others).append(one)
    if notebooks:
        ignored += [decoded(str(one.relative_to(path.parent))) for one in others]
        return [entry(one) for one in notebooks]
    ignored += [decoded(str(one.relative_to(path.parent))) for one in others[1:]]
    return [entry(one) for one in others[:1] or [None]]


def preference(entry: Entry, exercise: str) -> tuple:
    if entry.path is None:
        return (False, False, False, 0, "")
    named = exercise.partition("_")[0] in entry.path.name
    real = entry.path.is_file() and not entry.path.is_symlink()
    return (real, entry.path.suffix.lower() == ".ipynb", named, modified(entry.path), os.fsencode(entry.path))


def modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def when(seconds: float) -> str:
    """A file's time in words; it may be none that a calendar knows."""
    try:
        return f"{datetime.datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return "a time that no calendar knows"


def look_into(path: Path | None) -> tuple[bytes, str]:
    """A submission's bytes, no more of them than can be a notebook, and why there are none."""
    from grader.submission import MAX_FILE

    if path is None:
        return b"", "The folder holds no file."
    try:
        if path.is_symlink():
            return b"", "The file is a link, which is not followed: hand in the file itself."
        if not path.is_file():
            return b"", "The file is no ordinary file."
        with open(path, "rb") as file:
            return file.read(MAX_FILE + 1), ""
    except OSError as error:
        return b"", f"The file cannot be read ({error.strerror or type(error).__name__})."


def content_of(path: Path | None) -> bytes:
    return look_into(path)[0]


# ---------------------------------------------------------------- grading


def common_flags(records: list[dict]) -> dict[str, int]:
    """Flags that most of a class of five or more have, and how many: the exercise has changed, not they."""
    counts = Counter(flag for record in records for flag in record["flags"])
    return {flag: number for flag, number in counts.items() if len(records) >= 5 and number > len(records) / 2}


def shared(records: list[dict]) -> list[str]:
    """Sentences on learners who handed in the same file, or entered the same student_id."""
    sentences = []
    for key, what in (("submission_hash", "handed in the same file"), ("entered_id", "entered the same student_id")):
        groups: dict[str, list[str]] = {}
        for record in records:
            if record["score"] and record.get(key):  # blank notebooks are equal
                groups.setdefault(record[key], []).append(record["student"])
        sentences += [f"{', '.join(group)} {what}" for group in groups.values() if len(group) > 1]
    return sentences


def finished(file: Path, entry: Entry, content: bytes, exercise: Exercise, stamp: str) -> bool:
    """Whether there is a record of just this submission, exercise, grader and protection."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        known = [record[key] for key in ("student", "submission_hash", "source_hash", "grader", "sandbox")]
        flags = record["flags"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    digest = hashlib.sha256(content).hexdigest()
    same = known == [entry.student, digest, exercise.source_hash, GRADER_VERSION, stamp]
    return same and set(entry.flags) <= set(flags)


def existing(out: Path) -> list[dict]:
    """The records in a folder, without what is none."""
    found = []
    for path in out.glob("*.json"):
        with contextlib.suppress(ValueError, OSError):
            record = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(record, dict) and "exercise" in record:
                found.append(record)
    return found


def write_record(file: Path, record: dict) -> None:
    files.write(file, json.dumps(record, indent=1, ensure_ascii=True) + "\n")


@functools.cache
def sandbox_of_this_process(modules: tuple[str, ...], unsafe: bool):
    from grader.sandbox import Sandbox

    sandbox = Sandbox(modules, unsafe=unsafe)
    import torch  # while the sandbox does the same

    torch.set_num_threads(1)
    return sandbox


def grade_entry(exercise: Exercise, entry: Entry, content: bytes, problem: str, unsafe: bool, limits) -> dict:
    """Runs in a grading process: the record of one learner. A fault of the grader's own is a record, too."""
    sandbox = sandbox_of_this_process(exercise.modules, unsafe)
    from grader.grade import grade

    own = entry.origin != "plain"
    try:
        record = grade(exercise, content, entry.student, sandbox, limits, own_id=own, problem=problem)
    except CourseError:
        raise
    except Exception as error:
        record = failed_record(exercise, entry, content, sandbox.stamp, f"the grader failed: {error!r}"[:300])
    record["flags"] = [*entry.flags, *record["flags"]]
    return record | about(entry)


def about(entry: Entry) -> dict:
    return {"file": decoded(entry.path) if entry.path else "", "origin": entry.origin, "name": entry.name}


def failed_record(exercise: Exercise, entry: Entry, content: bytes, stamp: str, reason: str) -> dict:
    cells = {c.id: {"score": 0, "max": c.points, "reason": f"Could not run: {reason}"} for c in exercise.graded}
    record = {"student": entry.student, "exercise": exercise.id, "status": "stopped", "score": 0, "max": exercise.max}
    record |= {"cells": cells, "flags": [reason], "sandbox": stamp, "grader": GRADER_VERSION}
    digest = hashlib.sha256(content).hexdigest()
    return record | {"source_hash": exercise.source_hash, "submission_hash": digest, "seconds": 0}


def grade_all(
    exercise: Exercise, waiting: list[Entry], jobs: int, unsafe: bool, limits
) -> Iterator[tuple[Entry, dict]]:
    """The records of all, as they are finished."""
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    from grader.sandbox import stamp

    def together(numbers: list[int], jobs: int) -> Iterator[tuple[int, dict]]:
        work = joblib.delayed(numbered)
        return joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=2 * jobs)(
            work(n, exercise, waiting[n], *look_into(waiting[n].path), unsafe, limits) for n in numbers
        )

    left = dict(enumerate(waiting))
    try:
        for number, record in together(list(left), jobs):
            yield left.pop(number), record
    except TerminatedWorkerError:  # a grading process died: each of the others gets one of its own
        for number, entry in left.items():
            try:
                [(_, record)] = together([number], max(2, jobs))
            except TerminatedWorkerError:
                reason = "the grading process itself was ended (out of memory?)"
                content = content_of(entry.path)
                record = failed_record(exercise, entry, content, stamp(unsafe), reason)
                record |= about(entry)
            yield entry, record


@contextlib.contextmanager
def engine(dask: str | None):
    """joblib's own processes, or the workers of the dask cluster at an address."""
    import joblib

    if not dask:
        with joblib.parallel_config("loky"):
            yield
        return
    try:
        from dask.distributed import Client
    except ImportError:
        raise CourseError("--dask needs the package distributed: pip install distributed.") from None
    try:
        client = Client(dask, timeout=10)
    except (OSError, ValueError) as error:
        raise CourseError(f"There is no dask scheduler at {dask}: start one, or correct the address.") from error
    with client, joblib.parallel_config("dask"):
        yield


def numbered(number: int, *arguments) -> tuple[int, dict]:
    return number, grade_entry(*arguments)


def grade_folder(
    exercise: Exercise,
    folder: Path,
    out: Path,
    *,
    jobs: int,
    unsafe: bool = False,
    late_after: datetime.datetime | None = None,
    again: bool = False,
    limits=None,
    notes: list[str] | None = None,
) -> list[dict]:
    """Grade what is new or changed in `folder`; all records of its learners.

    `notes` gets sentences on what lies in the folders besides submissions and their records.
    """
    from tqdm import tqdm

    from grader import sandbox

    if not unsafe and (reason := sandbox.probe()):
        raise sandbox.SandboxError(reason)
    stamp = sandbox.stamp(unsafe)
    notes = [] if notes is None else notes
    prepare(out, folder)
    others = {record["exercise"] for record in existing(out)} - {exercise.id}
    if others:
        raise CourseError(f"{out} holds records of {', '.join(sorted(others))}: name another folder after --out.")
    ignored: list[str] = []
    everyone = collect(folder, exercise.id, late_after, ignored)
    if ignored:
        notes.append(f"{len(ignored)} files are no submissions: {', '.join(ignored[:50])}{' …' * (len(ignored) > 50)}")
    notes += moved_on(out, everyone)
    waiting = [
        entry
        for entry in everyone
        if again or not finished(out / entry.record, entry, content_of(entry.path), exercise, stamp)
    ]
    done = len(everyone) - len(waiting)
    with tqdm(total=len(everyone), initial=done, desc=exercise.id, unit="submission") as bar:
        try:
            for entry, record in grade_all(exercise, waiting, jobs, unsafe, limits or sandbox.Limits()):
                write_record(out / entry.record, record)
                bar.update()
        except KeyboardInterrupt:  # which may come between a record and its being counted: look
            done = sum(finished(out / e.record, e, content_of(e.path), exercise, stamp) for e in everyone)
            raise CourseError(
                f"Interrupted: {done} of {len(everyone)} records are written; the same command goes on from here."
            ) from None
        except OSError as error:
            if error.filename is None or not str(error.filename).startswith(str(out)):
                raise
            raise CourseError(
                f"{out} cannot be written ({error.strerror}): make room, then give the same command."
            ) from error
    return [json.loads((out / entry.record).read_text(encoding="utf-8")) for entry in everyone]


def prepare(out: Path, submissions: Path | None = None) -> None:
    """Make the folder for what is written, or say in a sentence why it cannot be."""
    inside = submissions is not None and out.resolve().is_relative_to(submissions.resolve())
    if inside:
        raise CourseError(f"{out} lies inside the submissions: name a folder beside them after --out.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        files.write(out / ".writable", b"")
        (out / ".writable").unlink()
    except (FileExistsError, NotADirectoryError):
        raise CourseError(f"{out} is a file: name a folder.") from None
    except OSError as error:
        raise CourseError(f"{out} cannot be written ({error.strerror}): name another folder, or make room.") from None


def moved_on(out: Path, everyone: list[Entry]) -> list[str]:
    """Sentences on records whose file is no longer there. One that is handed in under another name now leaves the
    folder of records, so that it does not count as two learners."""
    current = {entry.record for entry in everyone}
    hashes: dict[str, str] = {}
    sentences = []
    for path in sorted(out.glob("*.json")):
        if path.name in current:
            continue
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            student, digest = record["student"], record["submission_hash"]
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if not hashes:
            hashes = {hashlib.sha256(content_of(entry.path)).hexdigest(): entry.student for entry in everyone}
        if digest in hashes:
            (out / RENAMED).mkdir(exist_ok=True)
            os.replace(path, out / RENAMED / path.name)
            sentences.append(
                f"{student} is called {hashes[digest]} now (the same file); the old record is in {RENAMED}/"
            )
        else:
            sentences.append(f"{student} has a record, but there is no file of that name any more")
    return sentences
