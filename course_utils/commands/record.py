"""The sixty-second record: what each family of the course reaches in one minute on two cores.

    python -m course_utils record                            # every family, seeds 0 to 4, on COURSE_DATA
    python -m course_utils record dcgan flow --seeds 0       # some of it; a run that is recorded is not repeated
    python -m course_utils record --report                   # the table of what is recorded

The rules, so that others can break the record:

1. The clock runs from the first batch to the last step: pictures lie in memory, networks are made. It counts the CPU
   seconds of the process, shared out over its threads (`--threads`, 2): alone and awake (rule 5) that is the time of
   day, and beside other work nothing is lost. It stops at 60 s (`--seconds`); a faster machine takes more steps.
2. Whatever stands in a recipe may be tuned; nothing may be known of the test pictures. One recipe for all seeds.
3. Scores: 10,000 drawn pictures against the 10,000 test pictures (the embedded digits have fewer of them, and so of
   both), on the course's classifier; beside them training pictures and noise. Not comparable with Inception-v3's.
4. All seeds count: the table shows the median and the whole range.
5. Threads may wait as they like. On Linux and alone, `GOMP_SPINCOUNT=100000` before the command keeps them awake:
   twice the steps of a DCGAN (CONTRIBUTING.md, Threads).

Each run is written to record.json when it ends, with its machine, threads, steps and scores; a sheet of its pictures
goes to build/record/, and a row of each family's to build/record/families-DATA.png.
"""

import argparse
import datetime
import itertools
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torchvision.utils import save_image
from tqdm.auto import tqdm

from course_utils import files, pretrained, results, schedule
from course_utils.commands.weights import own_numbers
from course_utils.data import Images, batches, load_images
from course_utils.game import MLPGAN, InSixteenBits
from course_utils.taught.autoencoder import Autoencoder
from course_utils.taught.autoregressive import PixelCNN
from course_utils.taught.conditional import Given
from course_utils.taught.dcgan import dcgan_init, slope_penalty
from course_utils.taught.diffusion import flow_loss, to_path
from course_utils.taught.evaluation import score
from course_utils.taught.gan import gan_update
from course_utils.taught.vae import VAE, negative_elbo

RECORDS = Path(__file__).parents[1] / "record.json"


class Race:
    """What a recipe hands to the clock. What is drawn from in the end is `model`, with the weights of `average`, the
    running average of `part`, where a recipe keeps one."""

    def __init__(self, model, update, optimizers, batch_size, *, labels=False, fade="rise and fall", average=None):
        self.model, self.update, self.optimizers = model, update, optimizers
        self.batch_size, self.labels, self.fade, self.average = batch_size, labels, FADES[fade], average
        self.rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]

    def run(self, digits: Images, seconds: float, seed: int) -> int:
        """Train for so many seconds of each thread; the number of steps."""
        labels = digits.train_labels if self.labels else None
        stream = batches(digits.train, self.batch_size, labels=labels, steps=10**9, seed=seed, quiet=True)
        begun, done, steps = time.process_time(), 0.0, 0
        with tqdm(total=seconds, unit="s", bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} s{postfix}") as bar:
            while done < 1:
                for optimizer, rate in zip(self.optimizers, self.rates, strict=True):
                    optimizer.param_groups[0]["lr"] = rate * self.fade(done)
                batch = next(stream)
                self.update(*batch) if self.labels else self.update(batch)
                steps += 1
                now = min(1.0, (time.process_time() - begun) / torch.get_num_threads() / seconds)
                bar.update((now - done) * seconds)
                done = now
        if self.average:
            part, average = self.average
            part.load_state_dict(average.module.state_dict())
        return steps


# Rates follow the clock, not a number of steps that is known beforehand: `done` runs from 0 to 1.
FADES = {
    "rise and fall": lambda done: min(1.0, 0.1 + done / 0.1) * min(1.0, 1.4 * (1 - done)),
    "hold and fall": lambda done: min(1.0, 2 * (1 - done)),
}


def averaged(network: nn.Module, most: float) -> AveragedModel:
    """A running average of the weights whose horizon grows with the steps, up to 1 / (1 - most) of them."""

    def blend(old, new, count):
        weight = min(most, (1 + float(count)) / (10 + float(count)))
        for mean, now in zip(old, new, strict=True):
            mean.lerp_(now, 1 - weight) if mean.is_floating_point() else mean.copy_(now)

    return AveragedModel(network, multi_avg_fn=blend, use_buffers=True)


def adam(network, rate, **options):
    return torch.optim.Adam(network.parameters(), rate, fused=True, **options)


def descent(model, rate, loss_of: Callable, batch_size: int, *, most: float | None = None, labels=False) -> Race:
    """A race in which one loss falls; with `most`, of the running average of the weights."""
    optimizer, average = adam(model, rate), averaged(model, most) if most else None

    def update(*batch):
        loss = loss_of(*batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if average:
            average.update_parameters(model)

    return Race(model, update, [optimizer], batch_size, labels=labels, average=(model, average) if average else None)


# ---------------------------------------------------------------- the recipes


def autoencoder() -> Race:
    model = Autoencoder().to(schedule.device())
    return descent(model, 4e-3, lambda x: F.mse_loss(model(x), x), 128)


def vae() -> Race:
    model = VAE().to(schedule.device())

    def loss(x):
        logits, mu, logvar = model(x)
        return negative_elbo(logits, x, mu, logvar)

    return descent(model, 4e-3, loss, 256)


def game(networks, rates, *, batch_size=32, most=0.995, gamma=0.0, labels=False) -> Race:
    """A race of two players; what is drawn from is the running average of the generator."""
    generator, discriminator = networks.generator, networks.discriminator
    average, steps = averaged(generator, most), itertools.count(1)
    optimizers = [
        adam(one, rate, betas=(0.5, 0.99)) for one, rate in zip((generator, discriminator), rates, strict=True)
    ]

    def update(x, y=None):
        x, z = 2 * x - 1, torch.randn(len(x), networks.latent_dim, device=x.device)
        players = [Given(one, y) if labels else one for one in (generator, discriminator)]
        due = gamma and next(steps) % 8 == 0
        penalty = 8 * gamma / 2 * slope_penalty(players[1], x) if due else 0.0
        gan_update(*map(InSixteenBits, players), *optimizers, x, z, penalty)
        average.update_parameters(generator)

    return Race(
        networks, update, optimizers, batch_size, labels=labels, fade="hold and fall", average=(generator, average)
    )


def gan() -> Race:
    return game(MLPGAN().to(schedule.device()), (2e-3, 1e-3), batch_size=64, most=0.998)


def dcgan() -> Race:
    networks = pretrained.small_dcgan().to(schedule.device())
    networks.apply(dcgan_init)
    return game(networks, (2e-3, 2e-3), gamma=0.5)


def cdcgan() -> Race:
    return game(pretrained.ConditionalGAN().to(schedule.device()), (2e-3, 2e-3), gamma=0.5, labels=True)


def flow() -> Race:
    model = pretrained.Flow(width=16, steps=8).to(schedule.device())
    return descent(model, 4e-3, lambda x, y: flow_loss(model, to_path(x), y), 32, most=0.998, labels=True)


def pixelcnn() -> Race:
    model = PixelCNN().to(schedule.device())
    return descent(model, 5e-3, lambda x: model.nats(torch.bernoulli(x)).mean(), 16)


FAMILIES = {  # name: (chapter and what it is, recipe)
    "autoencoder": ("01, autoencoder 784–128–64", autoencoder),
    "vae": ("02, VAE 784–400–20", vae),
    "gan": ("03, GAN of dense networks", gan),
    "dcgan": ("05, DCGAN", dcgan),
    "cdcgan": ("08, DCGAN that is told the label", cdcgan),
    "flow": ("11, flow matching, told the label, 16 calls", flow),
    "pixelcnn": ("12, PixelCNN", pixelcnn),
}


# ---------------------------------------------------------------- what is measured of each


def reference_rows(digits: Images) -> dict[str, dict[str, float]]:
    """Training pictures and noise, scored like a model."""
    classifier, n = pretrained.load(f"classifier-{digits.source}"), len(digits.test)
    chosen = torch.randperm(len(digits.train), generator=torch.Generator().manual_seed(0))[:n]
    rows = {"training pictures": digits.train[chosen.to(digits.train.device)], "noise": torch.rand_like(digits.test)}
    return {name: score(pictures, digits.test, classifier)._asdict() for name, pictures in rows.items()}


def sheet(name: str) -> Path:
    """Where a picture of the record lies."""
    place = (schedule.ROOT if (schedule.ROOT / "notebooks").is_dir() else Path()) / "build" / "record" / f"{name}.png"
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def draw_families(source: str, seed: int) -> None:
    """Below one another, the first row of the sheet of each family that has one."""
    there = [place for family in FAMILIES if (place := sheet(f"{family}-{source}-{seed}")).exists()]
    rows = [plt.imread(place)[:30] for place in there]  # pictures of 28 and the lines about them
    if rows:
        plt.imsave(sheet(f"families-{source}"), np.concatenate(rows))


def race(family: str, digits: Images, seed: int, seconds: float) -> dict:
    """One run: train by the clock, draw, score, keep a sheet of pictures."""
    schedule.seed_everything(seed)
    contest = FAMILIES[family][1]()
    model, begun = contest.model, time.perf_counter()
    found = {"steps": contest.run(digits, seconds, seed), "wall_seconds": time.perf_counter() - begun}
    with schedule.evaluating(model):
        if family == "autoencoder":
            pictures = model(digits.test)
        else:  # a thousand at a time
            counts = [len(part) for part in digits.test.split(1000)]
            pictures = torch.cat([pretrained.draw(model, n, seed=1000 * seed + k) for k, n in enumerate(counts)])
            found |= score(pictures, digits.test, pretrained.load(f"classifier-{digits.source}"))._asdict()
        found |= own_numbers(model, pictures, digits)
    save_image(pictures[:100], sheet(f"{family}-{digits.source}-{seed}"), nrow=20, padding=1)
    return found


def records() -> list[dict]:
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else []


KEYS = {  # how each figure is written
    "test_mse": "MSE {:.5f}",
    "test_loss": "loss {:.1f}",
    "inception_score": "IS {:.2f}",
    "frechet": "Fréchet {:.1f}",
    "label_accuracy": "as asked {:.3f}",
    "test_nats": "{:.2f} nats",
}


def report(runs: list[dict]) -> str:
    """A line for each family on each machine: the median of its runs, and their range."""
    lines, groups = [], {}
    for run in runs:
        same = tuple(run[key] for key in ("data", "machine", "threads", "seconds", "family"))
        groups.setdefault(same, []).append(run)
    head = None
    for (data, machine, threads, seconds, family), some in groups.items():
        if head != (head := (data, machine, threads, seconds)):
            lines.append(f"{data}, {seconds:g} s, {threads} threads, {machine}")
            for name, row in some[0]["reference"].items():
                lines.append(f"  {name:44s} " + ", ".join(KEYS[key].format(row[key]) for key in row))
        figures = []
        for key, text in KEYS.items():
            if values := [run[key] for run in some if key in run]:
                span = f" ({min(values):.5g} to {max(values):.5g})" if len(values) > 1 else ""
                figures.append(text.format(statistics.median(values)) + span)
        steps = statistics.median(run["steps"] for run in some)
        what = FAMILIES[family][0] if family in FAMILIES else family
        lines.append(f"  {what:44s} {', '.join(figures)}; {steps:,.0f} steps, seeds: {len(some)}")
    return "\n".join(lines or ["Nothing is recorded yet."])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils record", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)} (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)), help="default 0 1 2 3 4")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a race; others than 60 are not recorded")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="only print what is recorded")
    args = parser.parse_args(argv)
    if unknown := set(args.families) - FAMILIES.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(FAMILIES)}")
    if not args.seconds > 0 or args.threads < 1:
        parser.error("--seconds and --threads must be positive")
    if args.report:
        print(report(records()))
        return 0
    torch.set_num_threads(args.threads)
    digits = load_images("mnist")
    reference, new = reference_rows(digits), []
    for seed in args.seeds:
        for family in args.families or FAMILIES:
            run = {"family": family, "data": digits.source, "seed": seed, "seconds": args.seconds}
            run |= {"threads": args.threads, "machine": f"{platform.system()} {platform.machine()}"}
            run["machine"] += f", {schedule.device().type}"
            if any(run.items() <= old.items() for old in records()):
                continue
            run |= {name: round(one, 5) for name, one in race(family, digits, seed, args.seconds).items()}
            run |= {"reference": reference, "date": datetime.date.today().isoformat(), "versions": results.versions()}
            new.append(run)
            if args.seconds == 60:
                files.write(RECORDS, json.dumps([*records(), run], indent=1) + "\n")
    draw_families(digits.source, args.seeds[0])
    print(report(records() if args.seconds == 60 else new))
    return 0
