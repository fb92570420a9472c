"""What the course costs as the work grows: training, scores and grading, and how near its arithmetic is to the peak.

    python -m course_utils costs                       # every curve, into costs.json: a quarter of an hour on one core
    python -m course_utils costs metrics grading       # some of them; a point that is recorded is not measured again
    python -m course_utils costs --figures FOLDER      # draw what is recorded, one figure a curve (performance.py)

Curves: `roofline` (layers of the chapters' sizes and whole training loops beside the best matrix product), `training`
(against images, codes and width), `metrics` (scores against samples, each in a process of its own), `grading` (a class
against its size). Seconds are CPU seconds of all threads, of a median of three; grading has those of all its processes
and the time of day. Data are noise: what is measured does not depend on them.
"""

import argparse
import datetime
import json
import platform
import sys
from pathlib import Path

import torch
from tqdm import tqdm

from course_utils import CourseError, files, results
from course_utils.commands import costs_curves, performance
from course_utils.commands.costs_curves import POINTS


def measure(curve: str, threads: int) -> None:
    """Measure the points of a curve that are not recorded yet; one that cannot be measured here is named."""
    capability = torch.backends.cpu.get_cpu_capability() + " AMX" * torch.cpu._is_amx_tile_supported()
    machine = {"threads": threads, "machine": f"{platform.system()} {platform.machine()}, {capability}"}
    for series, x in tqdm(POINTS[curve], desc=curve, ncols=90):
        one = {"curve": curve, "series": series, "x": x, **machine}
        if any(one.items() <= old.items() for old in performance.costs()):
            continue
        torch.manual_seed(0)
        try:
            found = getattr(costs_curves, curve)(series, x)
        except CourseError as error:
            tqdm.write(f"{curve}, {series}, {x}: not measured ({error})", file=sys.stdout)
            continue
        one |= {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in found.items()}
        one |= {"date": datetime.date.today().isoformat(), "versions": results.versions()}
        whole = json.dumps([*performance.costs(), one])
        files.write(performance.COSTS, whole.replace('{"curve"', '\n {"curve"') + "\n")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils costs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("curves", nargs="*", metavar="CURVE", help=f"of {', '.join(POINTS)} (default: all)")
    parser.add_argument("--threads", type=int, default=1, help="of torch, for the first two curves (default 1)")
    parser.add_argument("--figures", type=Path, metavar="FOLDER", help="measure nothing; draw what is recorded")
    args = parser.parse_args(argv)
    if unknown := set(args.curves) - POINTS.keys():
        parser.error(f"there is no curve {', '.join(sorted(unknown))}: choose from {', '.join(POINTS)}")
    if args.threads < 1:
        parser.error("--threads must be at least 1")
    if args.figures:
        print("\n".join(str(path) for path in performance.draw(args.figures)))
        return 0
    before = torch.get_num_threads()
    torch.set_num_threads(args.threads)
    try:
        for curve in args.curves or POINTS:
            measure(curve, args.threads)
    finally:
        torch.set_num_threads(before)
    return 0
