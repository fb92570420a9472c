"""Commands of the grader; each has --help."""

import argparse
import sys

from course_utils import CourseError


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils.grading", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    release = commands.add_parser("release", help="write exercises/ from solutions/")
    release.add_argument("--check", action="store_true", help="change nothing; exit 1 if something would change")

    selftest = commands.add_parser("selftest", help="grade reference, blank, right and wrong answers, attacks")
    selftest.add_argument("exercises", nargs="*", metavar="ID", help="ex02, or a source file (default: all)")
    selftest.add_argument("--unsafe", action="store_true", help="without the sandbox")
    selftest.add_argument("-v", "--verbose", action="store_true", help="show the reason for every point lost")

    args = parser.parse_args(argv)
    try:
        return globals()[f"do_{args.command}"](args)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1


def do_release(args) -> int:
    from course_utils.grading import release
    from course_utils.grading.exercise import EXERCISES, SOLUTIONS

    changed = release.release(SOLUTIONS, EXERCISES, check=args.check)
    for path in changed:
        print(f"{path.parent.name}/{path.name}{' is not what its source says' if args.check else ''}")
    if args.check and changed:
        print("Write them anew: python -m course_utils.grading release", file=sys.stderr)
    return 1 if args.check and changed else 0


def do_selftest(args) -> int:
    from course_utils.grading.selftest import selftest

    return 0 if selftest(args.exercises, unsafe=args.unsafe, verbose=args.verbose) else 1


if __name__ == "__main__":
    sys.exit(main())
