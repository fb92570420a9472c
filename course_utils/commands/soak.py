"""Every assert of a chapter over many seeds: which fails how often, and which number leaves its band.

    python -m course_utils soak 02 --seeds 0-11 --source embedded
    python -m course_utils soak 02 03 --seeds 0-5 --source mnist --record     # and take the numbers as its bands

Each run is kept under build/soak: what was interrupted goes on where it stopped, and only a chapter whose code has
changed runs again.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from course_utils import CourseError, files, results
from course_utils.commands import chapters

FOLDER = chapters.ROOT / "build" / "soak"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def seeds_in(text: str) -> list[int]:
    """The seeds of "0-11", "3" or "0,4,7"."""
    seeds = []
    for part in text.split(","):
        if not (found := re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())):
            raise argparse.ArgumentTypeError(f"{text!r} is no list of seeds such as 0-11 or 0,4,7")
        seeds += range(int(found[1]), int(found[2] or found[1]) + 1)
    return seeds


def failures(notebook) -> list[str]:
    """What failed, cell by cell, in a line each: the claim, or the line of code; bands are judged by the numbers."""
    found = []
    for cell in notebook.cells:
        if "raises-exception" in cell.metadata.get("tags", []):
            continue
        for output in cell.get("outputs", []):
            if output.output_type == "error" and output.ename != "OutsideBand":
                trace = COLOUR.sub("", "\n".join(output.traceback))
                line = re.findall(r"^-+> *\d+ (.*)$", trace, re.M)
                what = output.evalue.strip().splitlines()[0] if output.evalue.strip() else ""
                what = what if output.ename == "ClaimFailed" or not line else f"{line[-1].strip()}  {what}"
                found.append(f"{output.ename}: {what}")
    return found


def run(script: Path, seed: int, source: str) -> dict:
    """One run of a chapter: its result file, with `code` (hash) and `failures`; kept, and read again where it fits."""
    place = FOLDER / f"{script.stem[:2]}-{source}-{seed}.json"
    code = chapters.source_hash(chapters.read(script))
    if place.exists() and (kept := json.loads(place.read_text(encoding="utf-8")))["code"] == code:
        return kept
    with tempfile.TemporaryDirectory() as folder:
        environment = {"COURSE_SEED": str(seed), "COURSE_RESULTS": folder}
        if source == "embedded":
            environment["COURSE_DATA"] = "embedded"
        notebook = chapters.execute(script, environment, go_on=True)
        written = Path(folder) / f"{script.stem[:2]}.json"
        empty = {"seconds": 0.0, "numbers": {}, "data": source, "schedule": "short"}
        record = json.loads(written.read_text(encoding="utf-8")) if written.exists() else empty
    if record["data"] != source:
        raise CourseError(
            f"The chapter took {record['data']}, not {source}: set COURSE_DATA to a folder that holds it."
        )
    record |= {"seed": seed, "code": code, "failures": failures(notebook)}
    files.write(place, json.dumps(record, indent=1))
    return record


def outside(chapter: str, record: dict) -> list[str]:
    """The numbers of a run that leave their recorded bands."""
    setting = {"schedule": record["schedule"], "source": record["data"]}
    bands = {key: results.expected(chapter, key, **setting) for key in record["numbers"]}
    return [key for key, value in record["numbers"].items() if bands[key] and value not in bands[key]]


def soak(names: list[str], seeds: list[int], source: str, *, record: bool = False) -> int:
    """Run, print a line a run and a table a chapter; the number of assertions that failed."""
    total = 0
    for script in chapters.scripts(names):
        chapter, runs = script.stem[:2], []
        for seed in tqdm(seeds, desc=script.stem, leave=False, ncols=90):
            one = run(script, seed, source)
            runs.append(one)
            left = outside(chapter, one)
            said = "; ".join([*one["failures"], *(f"{key} outside its band" for key in left)]) or "all held"
            tqdm.write(f"{script.stem}, {source}, seed {seed}: {one['seconds']:.0f} s, {said}", file=sys.stdout)
        failed = Counter(failure for one in runs for failure in set(one["failures"]))
        left = Counter(key for one in runs for key in outside(chapter, one))
        total += sum(failed.values())
        print(f"{script.stem}, {source}: {len(runs)} seeds")
        for what, often in [*failed.most_common(), *((f"{key} outside its band", k) for key, k in left.most_common())]:
            print(f"  {often:3d} of {len(runs)}  {what}")
        if record and not failed and all(one["numbers"] for one in runs):
            chapters.record(chapter, runs)
            print("  recorded as its bands")
    return total


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="+", metavar="NN")
    parser.add_argument("--seeds", type=seeds_in, default=seeds_in("0-11"), metavar="0-11")
    default = "embedded" if os.environ.get("COURSE_DATA", "embedded") == "embedded" else "mnist"
    parser.add_argument("--source", choices=("embedded", "mnist"), default=default, help="data (default: %(default)s)")
    parser.add_argument("--record", action="store_true", help="where all held, record the numbers as the bands")
    args = parser.parse_args(argv)
    try:
        return 1 if soak(args.chapters, args.seeds, args.source, record=args.record) else 0
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
