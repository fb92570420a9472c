"""Commands of the grader; each has --help."""

import argparse
import datetime
import os
import sys
from pathlib import Path

from course_utils import CourseError


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m grader", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    release = commands.add_parser("release", help="write exercises/ from solutions/")
    release.add_argument("--check", action="store_true", help="change nothing; exit 1 if something would change")

    selftest = commands.add_parser("selftest", help="grade reference, blank, right and wrong answers, attacks")
    selftest.add_argument("exercises", nargs="*", metavar="ID", help="ex02, a source file, attacks (default: all)")
    selftest.add_argument("--mutants", action="store_true", help="try small changes to the references instead")
    selftest.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    selftest.add_argument("--unsafe", action="store_true", help="without the sandbox")
    selftest.add_argument("-v", "--verbose", action="store_true", help="show the reason for every point lost")

    grade = commands.add_parser("grade", help="grade a folder of notebooks; one record for each learner")
    grade.add_argument("exercise", metavar="ID", help="ex02, or a source file")
    grade.add_argument(
        "submissions", type=Path, metavar="SUBMISSIONS_DIR", help="ID.ipynb files, or a folder for each ID"
    )
    grade.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the records")
    grade.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="grading processes")
    grade.add_argument("--late-after", type=when, metavar="TIME", help="flag files changed after 2026-11-30T23:59")
    grade.add_argument("--again", action="store_true", help="grade everything anew, also what has its record")
    grade.add_argument("--cell-seconds", type=float, default=60, metavar="S", help="time limit of a cell (default 60)")
    grade.add_argument("--dask", metavar="ADDRESS", help="grade on a dask cluster: tcp://host:8786")
    grade.add_argument("--unsafe", action="store_true", help="without the sandbox; the records say so")

    report = commands.add_parser("report", help="gradebook, essays to mark, feedback pages")
    report.add_argument("records", type=Path, metavar="DIR", help="what `grade … --out` wrote")
    report.add_argument("--csv", type=Path, metavar="FILE", help="write the gradebook")
    report.add_argument("--html", type=Path, metavar="DIR", help="write a feedback page for each learner")
    report.add_argument("--layout", choices=("plain", "moodle", "canvas"), default="plain", help="of the gradebook")

    bundle = commands.add_parser("bundle", help="the zip that learners may have")
    bundle.add_argument("out", type=Path, metavar="OUT.zip")

    args = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):  # a name may hold letters that this terminal does not know
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return globals()[f"do_{args.command}"](args)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1


def do_release(args) -> int:
    from grader import release
    from grader.exercise import EXERCISES, SOLUTIONS

    changed = release.release(SOLUTIONS, EXERCISES, check=args.check)
    for path in changed:
        print(f"{path.parent.name}/{path.name}{' is not what its source says' if args.check else ''}")
    if args.check and changed:
        print("Write them anew: python -m grader release", file=sys.stderr)
    return 1 if args.check and changed else 0


def when(text: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-30T23:59") from None


def do_grade(args) -> int:
    from grader import batch, exercise, report, source
    from grader.border import readable
    from grader.sandbox import Limits

    if args.jobs < 1 or args.cell_seconds <= 0:
        raise CourseError("-j and --cell-seconds must be positive.")
    s, notes = args.cell_seconds, []
    with batch.engine(args.dask):
        found = batch.grade_folder(
            source.load(exercise.find(args.exercise)),
            args.submissions,
            args.out,
            jobs=args.jobs,
            unsafe=args.unsafe,
            late_after=args.late_after,
            again=args.again,
            limits=Limits(call=s / 2, cell=s, total=5 * s),
            notes=notes,
        )
    counts = {status: [r for r in found if r["status"] == status] for status in ("graded", "stopped", "unreadable")}
    print(f"{len(found)} submissions: " + ", ".join(f"{len(some)} {status}" for status, some in counts.items()))
    if lacking := sorted({r["sandbox"] for r in found if "without" in r["sandbox"]}):
        print(f"  The sandbox here: {'; '.join(lacking)}")
    for sentence in notes:
        print(f"  {readable(sentence, 5000)}")
    common = batch.common_flags(found)
    for flag, number in common.items():
        print(f"  {number} of them: {flag} - was another version handed out?")
    for sentence in batch.shared(found):
        print(f"  {readable(sentence, 5000)}")
    for record in found:
        if own := [flag if len(flag) < 200 else flag[:200] + " …" for flag in record["flags"] if flag not in common]:
            print(f"  {readable(record['student'])}: {readable('; '.join(own), 5000)}")
    strangers: list[str] = []
    waiting = report.write_manual(args.out, strangers)
    for sentence in strangers:
        print(f"  {readable(sentence)}")
    if waiting:
        print(f"{waiting} written answers wait for marks in {args.out / report.MANUAL}")
    return 0


def do_report(args) -> int:
    from grader import report

    notes: list[str] = []
    number, waiting = report.report(args.records, args.csv, args.html, args.layout, notes)
    for sentence in notes:
        print(sentence)
    for path in filter(None, (args.csv, args.html)):
        print(f"{number} learners: {path}")
    if waiting:
        print(f"{waiting} written answers wait for marks in {args.records / report.MANUAL}")
    return 0


def do_bundle(args) -> int:
    from grader.bundle import bundle

    print(f"{args.out}: {len(bundle(args.out))} files")
    return 0


def do_selftest(args) -> int:
    from grader.selftest import selftest

    options = {"jobs": max(1, args.jobs), "unsafe": args.unsafe, "mutants": args.mutants, "verbose": args.verbose}
    return 0 if selftest(args.exercises, **options) else 1


if __name__ == "__main__":
    sys.exit(main())
