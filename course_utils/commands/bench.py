"""The course's training loop against the DataLoader loop that the source listings of this field use.

    python -m course_utils bench ae vae gan dcgan --json build/bench.json
    python -m course_utils bench --until                      # CPU seconds to stated scores: see bench_until.py
    python -m course_utils bench frechet kernel neighbours    # the scores: see bench_scores.py
    python -m course_utils bench --report                     # what --until has recorded

Both loops train the same network on the same images for the same number of passes. They take turns, pass by
pass, in one process, so that a machine that slows down slows both; speed is images per second of processor
time (all threads added up), and the ratio is the median over the passes. Images per second say little about a game,
which may go nowhere quickly: `--until` tells after how many CPU seconds each side first reached a stated score.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch
from tqdm import tqdm

from course_utils import CourseError
from course_utils.commands import bench_scores, bench_until
from course_utils.commands.bench_loops import CONTESTS, judged
from course_utils.data import Images, load_images
from course_utils.schedule import seed_everything


def contest(name: str, images: Images, threads: int, rounds: int) -> dict:
    """Run both loops of `name` for `rounds` passes, in turns; one record of the benchmark's JSON."""
    build, *loops, test_loss = CONTESTS[name]
    models, runs = [], []
    for make in loops:
        seed_everything(0)
        models.append(build())
        runs.append(make(models[-1])(images.train, rounds))
    speeds: list[list[float]] = [[], []]
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for _ in tqdm(range(rounds), desc=f"{name}, {threads} thread(s)", leave=False, ncols=90):
            for side, run in enumerate(runs):
                begun = time.process_time()
                while not next(run):
                    pass
                used = max(time.process_time() - begun, 1e-3)  # the clock may not have ticked (Windows: every 16 ms)
                speeds[side].append(len(images.train) / used)
    finally:
        torch.set_num_threads(threads_before)
    tests = [judged(model, test_loss, images.test) for model in models]
    baseline, ours = speeds
    return {
        "name": name,
        "threads": threads,
        "ratio": round(statistics.median(c / b for c, b in zip(ours, baseline, strict=True)), 2),
        "course_images_per_s": round(statistics.median(ours)),
        "baseline_images_per_s": round(statistics.median(baseline)),
        "rounds": rounds,
        "course_test_loss": round(tests[1], 5),
        "baseline_test_loss": round(tests[0], 5),
    }


def images_on_cpu() -> Images:
    images = load_images()
    return images._replace(train=images.train.cpu(), test=images.test.cpu())


def run_loops(names: list[str], threads: list[int], rounds: int) -> list[dict]:
    images = images_on_cpu()
    print("name  threads  ratio   images per CPU second        test loss after the same passes")
    print("                       course     listing          course     listing")
    records = []
    for name in names:
        for count in threads:
            r = contest(name, images, count, rounds)
            records.append(r)
            speeds = f"{r['course_images_per_s']:8,}    {r['baseline_images_per_s']:8,}"
            tests = f"{r['course_test_loss']:10.5g}  {r['baseline_test_loss']:10.5g}"
            print(f"{name:5} {count:6}  {r['ratio']:5.2f}x  {speeds}      {tests}", flush=True)
    return records


def run_scores(names: list[str], threads: list[int], rounds: int) -> list[dict]:
    print("name        against       threads   ratio   CPU seconds   peak MB            score")
    print("                                                course    course  other      course      other")
    records = []
    for name in names:
        for count in threads:
            for r in bench_scores.contest(name, count, rounds):
                records.append(r)
                memory = f"{r['course_peak_mb'] or '–':>6} {r['baseline_peak_mb'] or '–':>6}"
                values = f"{r['course_test_loss']:10.6g} {r['baseline_test_loss']:10.6g}"
                line = f"{name:11} {r['baseline']:13} {count:5} {r['ratio']:8.2f}x {r['course_seconds']:9.2f}"
                print(f"{line}    {memory}  {values}", flush=True)
    return records


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils bench", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join([*CONTESTS, *bench_scores.SIDES])} (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="passes over the images, taken in turns (default 5)")
    parser.add_argument("--threads", type=int, nargs="+", help="thread counts to measure (default: 1 and all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the records to FILE")
    parser.add_argument("--until", action="store_true", help="race to stated scores instead, and record it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the races (default 0 1 2)")
    parser.add_argument("--budget", type=float, default=20, metavar="S", help="CPU seconds of a race (default 20)")
    parser.add_argument("--report", action="store_true", help="only print the races that are recorded")
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(CONTESTS) - set(bench_scores.SIDES):
        known = ", ".join([*CONTESTS, *bench_scores.SIDES])
        parser.error(f"no contest named {', '.join(sorted(unknown))}: choose from {known}")
    if args.rounds < 1 or any(n < 1 for n in args.threads or []):
        parser.error("--rounds and --threads must be at least 1")
    if not args.budget > 0:
        parser.error("--budget must be positive")
    if args.until and (slow := [name for name in args.names if name not in bench_until.RACES]):
        parser.error(f"there is no race of {', '.join(slow)}: choose from {', '.join(bench_until.RACES)}")
    if args.report:
        print(bench_until.report(bench_until.records()))
        return 0
    threads = args.threads or sorted({1, torch.get_num_threads()})
    records = []
    try:
        if args.until:
            names = args.names or list(bench_until.RACES)
            print(bench_until.report(bench_until.run(names, args.seeds, args.budget, (args.threads or [1])[0])))
            return 0
        if loops := [name for name in args.names or CONTESTS if name in CONTESTS]:
            records += run_loops(loops, threads, args.rounds)
        if scores := [name for name in args.names or bench_scores.SIDES if name in bench_scores.SIDES]:
            records += run_scores(scores, threads, args.rounds)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(records, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
