"""CPU seconds until a stated score: the listings' loop, the chapters' loop with the same network, and the best recipe.

    python -m course_utils bench --until                          # all races, seeds 0 1 2, into bench.json
    python -m course_utils bench dcgan --until --seeds 3 4        # a run that is recorded is not repeated
    python -m course_utils bench --report                         # the table

A race is judged after 50 steps, after a quarter more, and so on, with the clock stopped, so that a time is true to a
quarter: the VAE by its loss on the test images, a GAN by the Fréchet distance of 2,000 samples to 2,000 test images on
the features of MNIST's classifier. The clock counts the CPU seconds of all threads. A race ends at its hardest goal, at
the end of its schedule, or with its budget.
"""

import datetime
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from course_utils import files, pretrained, results
from course_utils.commands.bench_loops import CONTESTS, Loop, course_gan, judged
from course_utils.data import load_images
from course_utils.schedule import seed_everything
from course_utils.taught.dcgan import dcgan_init
from course_utils.taught.evaluation import features_and_probabilities

RECORDS = Path(__file__).parents[1] / "bench.json"
FIRST, MORE = 50, 1.25  # steps before the first look, and how many times as many before the next


class Race(NamedTuple):
    score: str  # its name
    goals: tuple[float, ...]  # the hardest last
    sides: dict[str, tuple[Callable, Callable[[torch.nn.Module], Loop], int]]  # network, its loop, passes of a schedule


def of_contest(name: str, passes: int) -> dict:
    """Both loops of the benchmark, on one network; the listing's rate never changes, so that it may go on."""
    build, listing, course, _ = CONTESTS[name]
    return {"listing": (build, listing, 1000), "course": (build, course, passes)}


def best_gan(m):
    return course_gan(m, 64, (2e-3, 1e-3), averaging=0.99)  # a longer memory still holds the first weights


def best_dcgan(m):
    return course_gan(m.apply(dcgan_init), 32, (2e-3, 2e-3), averaging=0.995, gamma=0.5)


RACES = {
    "vae": Race("test loss", (120.0, 115.0, 110.0), of_contest("vae", 6)),
    "gan": Race(
        "Fréchet", (1000.0, 750.0, 500.0), of_contest("gan", 3) | {"best recipe": (CONTESTS["gan"][0], best_gan, 2)}
    ),
    "dcgan": Race(
        "Fréchet",
        (1000.0, 300.0, 150.0),
        of_contest("dcgan", 1) | {"best recipe": (pretrained.small_dcgan, best_dcgan, 1)},
    ),
}


def race(name: str, side: str, train: torch.Tensor, real: torch.Tensor, seed: int, budget: float) -> list[list[float]]:
    """One run: at every look the steps, the CPU seconds, and the score; `real` is what the score compares with."""
    (build, make, passes), test_loss = RACES[name].sides[side], CONTESTS[name][3]
    seed_everything(seed)
    model, looks, due, used = build(), [], FIRST, 0.0

    def look(step, used) -> float:
        looks.append([step, round(used, 2), round(judged(model, test_loss, real), 2)])
        return looks[-1][2]

    begun = time.process_time()
    for step, _ in enumerate(make(model)(train, passes), start=1):
        now = used + time.process_time() - begun
        if step >= due or now >= budget:
            if look(step, now) <= RACES[name].goals[-1] or now >= budget:
                return looks
            due, used, begun = round(MORE * step), now, time.process_time()
    look(step, used + time.process_time() - begun)  # the schedule is over
    return looks


def run(names: list[str], seeds: list[int], budget: float, threads: int) -> list[dict]:
    """Run what is not recorded yet; all records."""
    images = load_images()
    train, test = images.train.cpu(), images.test.cpu()
    some, classifier = pretrained.reference(images, 2000).cpu(), pretrained.load("classifier-mnist").cpu()
    features = features_and_probabilities(classifier, some)
    real = {"test loss": test, "Fréchet": features[0]}
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        runs = [(seed, name, side) for seed in seeds for name in names for side in RACES[name].sides]
        for seed, name, side in tqdm(runs, desc="races", ncols=90):
            one = {"race": name, "side": side, "seed": seed, "budget": budget, "data": images.source}
            one |= {"threads": threads, "machine": f"{platform.system()} {platform.machine()}"}
            if any(one.items() <= old.items() for old in records()):
                continue
            looks = race(name, side, train, real[RACES[name].score], seed, budget)
            one |= {"date": datetime.date.today().isoformat(), "versions": results.versions(), "looks": looks}
            files.write(RECORDS, json.dumps([*records(), one]).replace('{"race"', '\n {"race"') + "\n")
    finally:
        torch.set_num_threads(before)
    return records()


def records() -> list[dict]:
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else []


def seconds_until(one: dict, goal: float) -> float:
    """CPU seconds of a run until its score was first at most `goal`; infinity where it never was."""
    return next((seconds for _, seconds, score in one["looks"] if score <= goal), float("inf"))


def cell(runs: list[dict], goal: float) -> str:
    """The median over the seeds and its range, or for how long the runs tried in vain."""
    times = sorted(seconds_until(one, goal) for one in runs)
    if (middle := statistics.median_low(times)) == float("inf"):
        return f"not in {min(one['looks'][-1][1] for one in runs):.0f} s"
    last = "never" if times[-1] == float("inf") else f"{times[-1]:.1f}"
    return f"{middle:.1f}" + (f" ({times[0]:.1f}–{last})" if len(times) > 1 else "")


def rows(runs: list[dict]) -> list[tuple[str, list[str], list[list[str]]]]:
    """For each race on each machine: its heading, its columns, and a row for each side."""
    found = []
    groups: dict[tuple, list[dict]] = {}
    for one in runs:
        groups.setdefault((one["data"], one["machine"], one["threads"], one["race"]), []).append(one)
    for (data, machine, threads, name), some in groups.items():
        contest = RACES[name]
        head = f"{name}: CPU seconds until {contest.score} ({data}, {threads} thread{'s'[: threads - 1]}, {machine})"
        lines = []
        for side in contest.sides:
            if own := [one for one in some if one["side"] == side]:
                lines.append([side, *(cell(own, goal) for goal in contest.goals), str(len(own))])
        found.append((head, ["", *(f"≤ {goal:g}" for goal in contest.goals), "seeds"], lines))
    return found


def report(runs: list[dict]) -> str:
    """The table: a row for each side, a column for each goal."""
    lines = []
    for head, columns, table in rows(runs):
        lines += [head, *("".join(f"  {text:18}" for text in row).rstrip() for row in [columns, *table]), ""]
    return "\n".join(lines).rstrip() or "No race is recorded yet: python -m course_utils bench --until."
