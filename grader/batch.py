"""Grades a folder: who handed in what, which of it still has to be graded, and one record for each.

The engine is joblib: processes of this machine by default, a dask cluster where one is named. The records are written
here, one by one as they come, so that an interrupted run loses only what it was just working on.
"""

import contextlib
import datetime
import functools
import hashlib
import json
import re
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course_utils import CourseError, files
from grader import GRADER_VERSION
from grader.exercise import Exercise

MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file_?.*", re.S)
CANVAS = re.compile(r"(?P<name>[^\W\d_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_.+", re.S)
COPY = re.compile(r" *(\(\d+\)|-Copy\d*|_copy|- Copy)$", re.I)


@dataclass
class Entry:
    """What one learner handed in."""

    student: str
    path: Path | None
    origin: str = "plain"  # or moodle, canvas
    name: str = ""  # as the platform wrote it
    flags: list[str] = field(default_factory=list)

    @property
    def record(self) -> str:
        """The record's file name; a student id may hold anything that a file name can."""
        name = urllib.parse.quote(self.student, safe=" @+()")
        if len(name) > 150:  # a long name in another script: file systems allow 255 bytes
            name = f"{name[:120]}-{hashlib.sha256(self.student.encode()).hexdigest()[:16]}"
        return name + ".json"


def collect(folder: Path, exercise: str, late_after: datetime.datetime | None = None) -> list[Entry]:
    """One entry for each learner with something in `folder`.

    ID.ipynb, ID_ex02_vae.ipynb, ID/anything.ipynb, and what Moodle and Canvas name downloads. Where a learner has
    several notebooks, one that is named after the exercise goes first, then the newest.
    """
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}: name the one with the submissions.")
    candidates: dict[str, list[Entry]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__")) or path.suffix.lower() == ".csv":
            continue
        for entry in entries(path, exercise):
            candidates.setdefault(entry.student.casefold(), []).append(entry)
    chosen = []
    for several in candidates.values():
        several.sort(key=lambda entry: preference(entry, exercise))
        best = several[-1]
        if len(several) > 1:
            best.flags.append(f"{len(several)} files: graded {best.path.name if best.path else 'none'}")
        if best.path and late_after and modified(best.path) > late_after.timestamp():
            when = datetime.datetime.fromtimestamp(modified(best.path))
            best.flags.append(f"late: the file is of {when:%Y-%m-%d %H:%M}")
        chosen.append(best)
    if not chosen:
        raise CourseError(f"There is no submission in {folder}: it would hold ID.ipynb files, or a folder for each ID.")
    return sorted(chosen, key=lambda entry: entry.student)


def entries(path: Path, exercise: str) -> list[Entry]:
    """What a file or a folder of the submissions holds: usually one entry."""
    stem = path.name if path.is_dir() else path.stem.removesuffix(".ipynb")  # some browsers save x.ipynb.txt
    stem = stem.encode(errors="replace").decode()
    if found := MOODLE.fullmatch(path.name) or CANVAS.fullmatch(path.name):
        origin = "moodle" if "assignsubmission" in path.name else "canvas"
        who = {"student": found["id"], "origin": origin, "name": found["name"]}
        flags = ["late: so marked by Canvas"] if origin == "canvas" and found["late"] else []
    else:
        short = exercise.partition("_")[0]
        without = re.sub(rf"[ _-]*({re.escape(exercise)}|{short}\b)[ _-]*", "", COPY.sub("", stem), flags=re.I)
        who = {"student": without or stem}
        flags = [] if without else ["the file name holds no student id"]
    if not path.is_dir() or path.is_symlink():
        return [Entry(**who, path=path, flags=flags)]
    inside = [one for one in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in one.parts]
    others = [one for one in path.rglob("*") if one.is_file() and not one.name.startswith(".")]
    return [Entry(**who, path=one, flags=[*flags]) for one in inside or others[:1] or [None]]


def preference(entry: Entry, exercise: str) -> tuple:
    if entry.path is None:
        return (False, False, 0, "")
    named = exercise.partition("_")[0] in entry.path.name
    return (entry.path.suffix == ".ipynb", named, modified(entry.path), str(entry.path))


def modified(path: Path) -> float:
    return path.lstat().st_mtime


def content_of(path: Path | None) -> bytes:
    """A submission's bytes, no more of them than can be a notebook."""
    from grader.submission import MAX_FILE

    if path is None or path.is_symlink() or not path.is_file():
        return b""
    with open(path, "rb") as file:
        return file.read(MAX_FILE + 1)


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


def grade_entry(exercise: Exercise, entry: Entry, content: bytes, unsafe: bool, limits) -> dict:
    """Runs in a grading process: the record of one learner. A fault of the grader's own is a record, too."""
    sandbox = sandbox_of_this_process(exercise.modules, unsafe)
    from grader.grade import grade

    try:
        record = grade(exercise, content, entry.student, sandbox, limits, own_id=entry.origin != "plain")
    except CourseError:
        raise
    except Exception as error:
        record = failed_record(exercise, entry, content, sandbox.stamp, f"the grader failed: {error!r}"[:300])
    record["flags"] = [*entry.flags, *record["flags"]]
    return record | about(entry)


def about(entry: Entry) -> dict:
    where = "" if entry.path is None else entry.path.name.encode(errors="replace").decode()
    return {"file": where, "origin": entry.origin, "name": entry.name}


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

    def together(numbers: list[int], jobs: int) -> Iterator[tuple[int, dict]]:
        work = joblib.delayed(numbered)
        return joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=2 * jobs)(
            work(n, exercise, waiting[n], content_of(waiting[n].path), unsafe, limits) for n in numbers
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
                record = failed_record(exercise, entry, content, "none" if unsafe else "bubblewrap", reason)
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
) -> list[dict]:
    """Grade what is new or changed in `folder`; all records of its learners."""
    from tqdm import tqdm

    from grader.sandbox import Limits, SandboxError, probe

    if not unsafe and (reason := probe()):
        raise SandboxError(reason)
    stamp = "none" if unsafe else "bubblewrap"
    out.mkdir(parents=True, exist_ok=True)
    others = {record["exercise"] for record in existing(out)} - {exercise.id}
    if others:
        raise CourseError(f"{out} holds records of {', '.join(sorted(others))}: name another folder after --out.")
    everyone = collect(folder, exercise.id, late_after)
    waiting = [
        entry
        for entry in everyone
        if again or not finished(out / entry.record, entry, content_of(entry.path), exercise, stamp)
    ]
    done = len(everyone) - len(waiting)
    with tqdm(total=len(everyone), initial=done, desc=exercise.id, unit="submission") as bar:
        try:
            for entry, record in grade_all(exercise, waiting, jobs, unsafe, limits or Limits()):
                write_record(out / entry.record, record)
                bar.update()
        except KeyboardInterrupt:  # which may come between a record and its being counted: look
            done = sum(finished(out / e.record, e, content_of(e.path), exercise, stamp) for e in everyone)
            raise CourseError(
                f"Interrupted: {done} of {len(everyone)} records are written; the same command goes on from here."
            ) from None
    return [json.loads((out / entry.record).read_text(encoding="utf-8")) for entry in everyone]
