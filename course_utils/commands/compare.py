"""The closing table of the course: every family that has weights, its scores, its likelihood, and what it costs.

    python -m course_utils compare              measure what is new, add it to compare.json, print the table
    python -m course_utils compare --print      only print

Scores are those of weights.json, one for each seed that a network was trained with; so are likelihoods, or they are
chapter 02's in expected.json. Seconds are of the processor, one thread: those of training are the time of a few steps
times their number. A row is measured again only when its weights have changed.
"""

import argparse
import datetime
import json
import platform
import time

import torch

from course_utils import files, results, schedule
from course_utils.commands.weights import RECIPES
from course_utils.data import load_images
from course_utils.pretrained import NETWORKS, WEIGHTS, draw, load, records, reference
from course_utils.taught.evaluation import all_scores

RECORD = WEIGHTS.parent / "compare.json"
SCORES = ("inception_score", "frechet", "precision", "recall")
FAMILIES = {  # first part of a weights' name: (family and chapter, what it can do that others cannot)
    "autoencoder": ("autoencoder with a Gaussian of its codes (01)", "reconstruct"),
    "vae": ("VAE (02)", "give every picture a code, and a bound"),
    "gan": ("GAN, dense (03)", "draw at one stroke"),
    "dcgan": ("DCGAN (05)", "draw sharply at one stroke"),
    "cdcgan": ("conditional DCGAN (08)", "draw the digit that is asked for"),
    "flow": ("flow matching, told the label (11)", "trade steps for quality"),
    "pixelcnn": ("PixelCNN (12)", "say exactly how likely; complete a beginning"),
}
BOUNDS = {"vae": ("02", "iw_bound_500")}  # chapter and key of a bound in nats, where the weights' record has none


def seconds_to_train(name: str, digits) -> float:
    """Processor seconds of the recipe, from two short runs."""
    build, settings = RECIPES[name]
    took = []
    for steps in (10, 40):
        model = NETWORKS[name.rpartition("-")[0]]().to(schedule.device())
        begun = time.process_time()
        build(model, digits, name=f"compare-{name}", seed=0, **{**settings, "steps": steps})
        took.append(time.process_time() - begun)
    return (took[1] - took[0]) / 30 * settings["steps"]


def network_row(name: str, digits) -> dict:
    kind, record = name.rpartition("-")[0], records()[name]
    family, gift = FAMILIES.get(kind, (kind, ""))
    model, measured = load(name), record["measured"]
    begun = time.process_time()
    pictures = draw(model, 1000)
    seconds = time.process_time() - begun
    if not set(SCORES) <= measured.keys():
        scores = all_scores(pictures, reference(digits), load(f"classifier-{digits.source}"))
        measured = measured | {key: [scores[key]] for key in SCORES}
    bound = results.expected(*BOUNDS[kind], source=digits.source) if kind in BOUNDS else None
    return {
        "name": family,
        "can": gift,
        "sha256": record["sha256"],
        "seeds": len(measured["frechet"]),
        "nats": measured.get("test_nats") or ([-value for value in bound.values] if bound else None),
        "bound": bound is not None,
        **{key: measured[key] for key in SCORES},
        "train_seconds": seconds_to_train(name, digits),
        "draw_seconds": seconds,
        "weights": sum(p.numel() for p in model.parameters()),
    }


def control_rows(digits) -> list[dict]:
    """Real pictures, real ones in black and white, noise: what gives the other rows their meaning."""
    schedule.seed_everything(0)
    some = digits.train[torch.randperm(len(digits.train))[: len(reference(digits))].to(digits.train.device)]
    controls = {"real digits": some, "real, black and white": torch.bernoulli(some), "noise": torch.rand_like(some)}
    classifier, rows = load(f"classifier-{digits.source}"), []
    for name, pictures in controls.items():
        scores = all_scores(pictures, reference(digits), classifier)
        rows.append({"name": name, "can": "", "sha256": "", "seeds": 1, **{key: [scores[key]] for key in SCORES}})
    return rows


def recorded() -> dict:
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def measure() -> None:
    digits = load_images("mnist")
    old = recorded().get(digits.source, {})
    known = {row["sha256"]: row for row in old.get("rows", []) if row["sha256"]}
    controls = [row for row in old.get("rows", []) if not row["sha256"]]
    kinds = NETWORKS.keys() - {"classifier"}
    names = [n for n in records() if n.rpartition("-")[0] in kinds and n.endswith(f"-{digits.source}")]
    order = list(FAMILIES)
    names.sort(key=lambda n: order.index(k) if (k := n.rpartition("-")[0]) in order else len(order))
    rows = controls or control_rows(digits)
    for name in names:
        row = known.get(records()[name]["sha256"]) or network_row(name, digits)
        rows.append(row)
        entry = {
            "date": datetime.date.today().isoformat(),
            "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} thread",
            "versions": results.versions(),
            "pictures": len(reference(digits)),
            "rows": rows,
        }
        files.write(RECORD, json.dumps({**recorded(), digits.source: entry}, indent=1) + "\n")


def table(source: str) -> str:
    lines = [f"{source:46s}  nats     inception  Fréchet  prec.  recall  train s  draw s"]
    for row in recorded()[source]["rows"]:
        mean = {key: sum(row[key]) / len(row[key]) for key in SCORES}
        nats = f"{'≤' if row['bound'] else ' '}{sum(row['nats']) / len(row['nats']):6.1f}" if row.get("nats") else ""
        cost = f"{row['train_seconds']:7.0f} {row['draw_seconds']:7.2f}" if "draw_seconds" in row else ""
        scores = f"{mean['inception_score']:8.2f} {mean['frechet']:9.1f} {mean['precision']:7.2f} {mean['recall']:7.2f}"
        lines.append(f"{row['name']:46s} {nats:8s} {scores} {cost}  {row['can']}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils compare", description=__doc__.split("\n\n")[0])
    parser.add_argument("--print", action="store_true", help="only print what is recorded")
    if not parser.parse_args(argv).print:
        measure()
    print("\n\n".join(map(table, recorded())))
    return 0
