"""The sixty-second record: what each family of the course reaches in one minute on two cores.

    python -m course_utils record                            # every family, seeds 0 to 4, on COURSE_DATA
    python -m course_utils record dcgan flow --seeds 0       # some of it; a run that is recorded is not repeated
    python -m course_utils record --report                   # the table of what is recorded

The rules, so that others can break the record:

1. The clock runs from the first batch to the last step: pictures lie in memory, networks are made. It is wall time on
   two threads (`--threads`), and stops after 60 s (`--seconds`) whatever happens; so a faster machine takes more steps.
2. Whatever stands in a recipe may be tuned; nothing may be known of the test pictures. One recipe for all seeds.
3. Scores: 10,000 drawn pictures against the 10,000 test pictures (the embedded digits have fewer of them, and so of
   both), on the course's classifier; beside them training pictures and noise. Not comparable with Inception-v3's.
4. All seeds count: the table shows the median and the whole range.

Each run is written to record.json when it ends, with its machine, threads, steps and scores; a sheet of its pictures
goes to build/record/.
"""

import argparse
import datetime
import json
import platform
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torchvision.utils import save_image
from tqdm.auto import tqdm

from course_utils import files, pretrained, results, schedule
from course_utils.data import Images, batches, load_images
from course_utils.game import MLPGAN, InSixteenBits, sample_gan
from course_utils.taught.autoencoder import Autoencoder
from course_utils.taught.conditional import Given
from course_utils.taught.dcgan import dcgan_init, slope_penalty
from course_utils.taught.diffusion import FlowNet, flow_loss, guided, to_path, to_pixels
from course_utils.taught.evaluation import score
from course_utils.taught.gan import gan_update
from course_utils.taught.vae import VAE, negative_elbo

RECORDS = Path(__file__).parents[1] / "record.json"


class Race:
    """What a recipe hands to the clock, and what is left when it has run down."""

    def __init__(self, model, update, optimizers, batch_size, *, labels=False, fade="rise and fall"):
        self.model, self.update, self.optimizers = model, update, optimizers
        self.batch_size, self.labels, self.fade = batch_size, labels, FADES[fade]
        self.rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]

    def run(self, digits: Images, seconds: float, seed: int) -> int:
        """Train for so many seconds; the number of steps."""
        labels = digits.train_labels if self.labels else None
        stream = batches(digits.train, self.batch_size, labels=labels, steps=10**9, seed=seed, quiet=True)
        begun, done, steps = time.perf_counter(), 0.0, 0
        with tqdm(total=seconds, unit="s", bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} s{postfix}") as bar:
            while done < 1:
                for optimizer, rate in zip(self.optimizers, self.rates, strict=True):
                    optimizer.param_groups[0]["lr"] = rate * self.fade(done)
                batch = next(stream)
                self.update(*batch) if self.labels else self.update(batch)
                steps += 1
                now = (time.perf_counter() - begun) / seconds
                bar.update(min(1.0, now) * seconds - done * seconds)
                done = min(1.0, now)
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


def descent(model, optimizer, loss_of: Callable, batch_size: int, **options) -> Race:
    """A race in which one loss falls."""

    def update(*batch):
        loss = loss_of(*batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return Race(model, update, [optimizer], batch_size, **options)


# ---------------------------------------------------------------- the recipes


def autoencoder() -> Race:
    model = Autoencoder()
    return descent(model, adam(model, 4e-3), lambda x: F.mse_loss(model(x), x), 128)


def vae() -> Race:
    model = VAE()

    def loss(x):
        logits, mu, logvar = model(x)
        return negative_elbo(logits, x, mu, logvar)

    return descent(model, adam(model, 4e-3), loss, 256)


def game(networks, rates, *, batch_size=32, most=0.995, gamma=0.0, labels=False) -> Race:
    """A race of two players; what is drawn from is the running average of the generator."""
    generator, discriminator = InSixteenBits(networks.generator), InSixteenBits(networks.discriminator)
    drawn = averaged(networks.generator, most)
    adam_g, adam_d = (
        adam(player, rate, betas=(0.5, 0.99))
        for player, rate in zip((networks.generator, networks.discriminator), rates, strict=True)
    )
    taken = 0

    def update(x, y=None):
        nonlocal taken
        x, z = 2 * x - 1, torch.randn(len(x), networks.latent_dim, device=x.device)
        artist, judge, slope = generator, discriminator, networks.discriminator
        if labels:
            artist, judge, slope = (Given(one, y) for one in (networks.generator, networks.discriminator, slope))
        due = gamma and taken % 8 == 7
        gan_update(artist, judge, adam_g, adam_d, x, z, 8 * gamma / 2 * slope_penalty(slope, x) if due else 0.0)
        drawn.update_parameters(networks.generator)
        taken += 1

    model = SimpleNamespace(generator=drawn.module, latent_dim=networks.latent_dim)
    return Race(model, update, [adam_g, adam_d], batch_size, labels=labels, fade="hold and fall")


def gan() -> Race:
    return game(MLPGAN().to(schedule.device()), (2e-3, 1e-3), batch_size=64, most=0.998)


def dcgan() -> Race:
    networks = pretrained.small_dcgan().to(schedule.device())
    networks.apply(dcgan_init)
    return game(networks, (2e-3, 2e-3), gamma=0.5)


def cdcgan() -> Race:
    return game(pretrained.ConditionalGAN().to(schedule.device()), (2e-3, 2e-3), gamma=0.5, labels=True)


def flow() -> Race:
    model = FlowNet().to(schedule.device())
    drawn = averaged(model, 0.998)
    optimizer = adam(model, 4e-3)
    race = descent(model, optimizer, lambda x, y: flow_loss(model, to_path(x), y), 32, labels=True)
    descend = race.update

    def update(x, y):
        descend(x, y)
        drawn.update_parameters(model)

    race.update, race.model = update, drawn.module
    return race


# ---------------------------------------------------------------- what is measured of each


def draw_gan(model, n):
    return sample_gan(model.generator, torch.randn(n, model.latent_dim, device=schedule.device()))


def draw_conditional(model, n):
    z, y = torch.randn(n, model.latent_dim, device=schedule.device()), torch.arange(n, device=schedule.device()) % 10
    with schedule.evaluating(model.generator):
        parts = zip(z.split(1000), y.split(1000), strict=True)
        return torch.cat([(model.generator(*part) + 1) / 2 for part in parts])


def draw_flow(model, n, steps=8, guidance=2.0):
    """Euler's method; the guided velocity asks the network twice, so that 8 steps are 16 calls."""
    pictures = []
    with schedule.evaluating(model):
        for y in (torch.arange(n, device=schedule.device()) % 10).split(1000):
            velocity, x = guided(model, y, guidance), torch.randn(len(y), 1, 28, 28, device=y.device)
            for t, s in pairwise(torch.linspace(1, 0, steps + 1).tolist()):
                x = x + (s - t) * velocity(x, t)
            pictures.append(to_pixels(x))
    return torch.cat(pictures)


@torch.no_grad()
def test_mse(model, digits):
    return {"test_mse": F.mse_loss(model(digits.test), digits.test).item()}


@torch.no_grad()
def test_loss(model, digits):
    logits, mu, logvar = model(digits.test)
    return {"test_loss": negative_elbo(logits, digits.test, mu, logvar).item()}


def obedience(pictures, digits):
    """Share of the pictures, asked for as 0, 1, …, 9, 0, …, that the classifier reads as asked."""
    classifier = pretrained.load(f"classifier-{digits.source}")
    with torch.no_grad():
        answers = torch.cat([classifier(part).argmax(dim=1) for part in pictures.split(1000)])
    return {
        "label_accuracy": (answers == torch.arange(len(answers), device=answers.device) % 10).double().mean().item()
    }


FAMILIES = {  # name: (chapter and what it is, recipe, how it draws, what else is measured)
    "autoencoder": ("01, autoencoder 784–128–64", autoencoder, None, test_mse),
    "vae": ("02, VAE 784–400–20", vae, lambda model, n: model.sample(n), test_loss),
    "gan": ("03, GAN of dense networks", gan, draw_gan, None),
    "dcgan": ("05, DCGAN", dcgan, draw_gan, None),
    "cdcgan": ("08, DCGAN that is told the label", cdcgan, draw_conditional, None),
    "flow": ("11, flow matching, told the label, 16 calls", flow, draw_flow, None),
}
TOLD = ("cdcgan", "flow")


def reference_rows(digits: Images) -> dict[str, dict[str, float]]:
    """Training pictures and noise, scored like a model."""
    classifier, n = pretrained.load(f"classifier-{digits.source}"), len(digits.test)
    chosen = torch.randperm(len(digits.train), generator=torch.Generator().manual_seed(0))[:n]
    rows = {"training pictures": digits.train[chosen.to(digits.train.device)], "noise": torch.rand_like(digits.test)}
    return {name: score(pictures, digits.test, classifier)._asdict() for name, pictures in rows.items()}


def race(family: str, digits: Images, seed: int, seconds: float) -> dict:
    """One run: train by the clock, draw, score, keep a sheet of pictures."""
    _, recipe, draw, also = FAMILIES[family]
    schedule.seed_everything(seed)
    contest = recipe()
    steps = contest.run(digits, seconds, seed)
    torch.manual_seed(seed)
    found = {"steps": steps}
    if also:
        with schedule.evaluating(contest.model):
            found |= also(contest.model, digits)
    if draw:
        pictures = draw(contest.model, len(digits.test))
        found |= score(pictures, digits.test, pretrained.load(f"classifier-{digits.source}"))._asdict()
        if family in TOLD:
            found |= obedience(pictures, digits)
    else:
        with schedule.evaluating(contest.model):
            pictures = contest.model(digits.test[:100])
    sheet = (schedule.ROOT if (schedule.ROOT / "notebooks").is_dir() else Path()) / "build" / "record"
    sheet.mkdir(parents=True, exist_ok=True)
    save_image(pictures[:100], sheet / f"{family}-{digits.source}-{seed}.png", nrow=20, padding=1)
    return found


def records() -> list[dict]:
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else []


KEYS = {  # how each figure is written
    "test_mse": "MSE {:.5f}",
    "test_loss": "loss {:.1f}",
    "inception_score": "IS {:.2f}",
    "frechet": "Fréchet {:.1f}",
    "label_accuracy": "as asked {:.3f}",
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
    print(report(records() if args.seconds == 60 else new))
    return 0
