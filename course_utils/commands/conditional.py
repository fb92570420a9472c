"""Chapter 08's table: ways to tell the two networks of a GAN a label, same budget, over several seeds.

    python -m course_utils conditional --steps 300 --seeds 0 1
    python -m course_utils conditional --steps 300 --seeds 3 --rows "label planes"
    python -m course_utils conditional --steps 2400 --seeds 0 1 2 --rows "no label" "a head for each label"

A budget other than 300 steps is kept under a name of its own, beside the table. Each run is written to
`course_utils/conditional.json` when it ends; runs that are there already are not done again.
"""

import argparse
import datetime
import json
import platform
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course_utils import files, pretrained, results, schedule
from course_utils.data import Images, batches, load_images
from course_utils.game import fading_adam
from course_utils.taught.conditional import ConditionalDiscriminator, ConditionalGenerator, Given, scores_within
from course_utils.taught.dcgan import slope_penalty
from course_utils.taught.evaluation import features_and_probabilities, frechet_distance, inception_score
from course_utils.taught.gan import discriminator_loss, generator_loss

RECORDS = Path(results.__file__).with_name("conditional.json")
STEPS = 300  # of the whole table

# name: how G is told, how D is told, the labels of the fakes
ROWS = {
    "no label": ("not", "not", "batch"),
    "only G is told": ("one-hot", "not", "batch"),
    "a head for each label": ("one-hot", "heads", "batch"),
    "the same, fresh labels": ("one-hot", "heads", "fresh"),
    "label planes": ("one-hot", "planes", "batch"),
    "projection": ("one-hot", "projection", "batch"),
    "projection, large start": ("one-hot", "projection, large start", "batch"),
    "auxiliary classifier": ("one-hot", "auxiliary", "batch"),
    "auxiliary, fakes too": ("one-hot", "auxiliary, fakes too", "batch"),
    "embedding in G": ("embedding", "heads", "batch"),
    "embedding times z": ("times", "heads", "batch"),
    "batch norm in G": ("batch norm", "heads", "batch"),
}


class Generator(ConditionalGenerator):
    def __init__(self, way: str):
        super().__init__(num_classes={"one-hot": 10, "embedding": 64}.get(way, 0))
        self.way = way
        if way in ("embedding", "times"):
            self.label = nn.Embedding(10, 64)
        if way == "batch norm":
            widths = [layer.num_features for layer in self.layers if isinstance(layer, nn.BatchNorm2d)]
            self.gains = nn.ModuleList(nn.Embedding(10, width) for width in widths)
            self.shifts = nn.ModuleList(nn.Embedding(10, width) for width in widths)
            for gain, shift in zip(self.gains, self.shifts, strict=True):
                nn.init.ones_(gain.weight)
                nn.init.zeros_(shift.weight)

    def forward(self, z, y):
        if self.way == "one-hot":
            return super().forward(z, y)
        h = z * self.label(y) if self.way == "times" else z
        h = torch.cat([z, self.label(y)], dim=1) if self.way == "embedding" else h
        of_class = zip(self.gains, self.shifts, strict=True) if self.way == "batch norm" else iter(())
        for layer in self.layers:
            h = layer(h)
            if self.way == "batch norm" and isinstance(layer, nn.BatchNorm2d):
                gain, shift = (one(y)[:, :, None, None] for one in next(of_class))
                h = gain * h + shift
        return h


class Discriminator(ConditionalDiscriminator):
    def __init__(self, way: str):
        super().__init__()
        self.way, wide = way, self.heads.in_features
        if way != "heads":
            self.heads = nn.Linear(wide, 1)
        if way == "planes":
            self.body[0] = nn.Conv2d(1 + 10, self.body[0].out_channels, 4, stride=2, padding=1, bias=False)
        if way.startswith("projection"):
            self.each_class = nn.Embedding(10, wide)  # which starts from N(0, 1)
        if way == "projection":
            nn.init.zeros_(self.each_class.weight)
        if way.startswith("auxiliary"):
            self.names = nn.Linear(wide, 10)

    def forward(self, x, y):
        if self.way == "heads":
            return super().forward(x, y)
        if self.way == "planes":
            x = torch.cat([x, F.one_hot(y, 10).float()[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)
        h = self.body(x)
        if self.way.startswith("projection"):
            return self.heads(h).squeeze(1) + (self.each_class(y) * h).sum(dim=1)
        return self.heads(h).squeeze(1)

    def naming(self, x, y):
        """The loss of naming the pictures `x`, which are to be called `y`; 0 for a judge who is not asked for names."""
        return F.cross_entropy(self.names(self.body(x)), y) if self.way.startswith("auxiliary") else 0.0


def play(row: str, digits: Images, *, steps: int, seed: int) -> tuple[nn.Module, float]:
    """Chapter 08's game with the networks of `row`: the averaged generator, and the seconds of computing."""
    way_g, way_d, whose = ROWS[row]
    schedule.seed_everything(seed)
    generator, discriminator = Generator(way_g).to(schedule.device()), Discriminator(way_d).to(schedule.device())
    averaged = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.99), use_buffers=True)
    (adam_g, fade_g), (adam_d, fade_d) = (fading_adam(one, 2e-3, steps) for one in (generator, discriminator))
    begun = time.process_time()
    stream = batches(digits.train, 32, labels=digits.train_labels, steps=steps, seed=seed, quiet=True)
    for step, (x, y) in enumerate(stream, start=1):
        x, z = 2 * x - 1, torch.randn(len(x), generator.latent_dim, device=x.device)
        asked = y if whose == "batch" else digits.train_labels[torch.randint(len(digits.train), (len(x),))]
        fakes = generator(z, asked)
        d_loss = discriminator_loss(discriminator(x, y), discriminator(fakes.detach(), asked))
        d_loss = d_loss + discriminator.naming(x, y)
        if way_d == "auxiliary, fakes too":
            d_loss = d_loss + discriminator.naming(fakes.detach(), asked)
        if step % 8 == 0:
            d_loss = d_loss + 8 * 0.5 / 2 * slope_penalty(Given(discriminator, y), x)
        adam_d.zero_grad()
        d_loss.backward()
        adam_d.step()
        discriminator.requires_grad_(False)
        g_loss = generator_loss(discriminator(fakes, asked)) + discriminator.naming(fakes, asked)
        adam_g.zero_grad()
        g_loss.backward()
        adam_g.step()
        discriminator.requires_grad_(True)
        fade_g.step()
        fade_d.step()
        averaged.update_parameters(generator)
    return averaged.module, time.process_time() - begun


def measure(generator: nn.Module, digits: Images, n: int = 5000) -> dict[str, float]:
    """Accuracy of the label asked for, inception score, Fréchet distance, and the mean recall within a class."""
    asked = (torch.arange(n) % 10).to(schedule.device())
    with torch.random.fork_rng(), schedule.evaluating(generator):
        torch.manual_seed(0)
        z = torch.randn(n, generator.latent_dim).to(schedule.device())
        pictures = torch.cat(
            [(generator(*part) + 1) / 2 for part in zip(z.split(1000), asked.split(1000), strict=True)]
        )
    classifier = pretrained.load(f"classifier-{digits.source}")
    real, _ = features_and_probabilities(classifier, digits.test)
    fake, probabilities = features_and_probabilities(classifier, pictures)
    named = probabilities.argmax(dim=1)
    within = scores_within(real, digits.test_labels, fake, named)
    accuracy = (named == asked).double().mean().item()
    return {
        "label_accuracy": accuracy,
        "inception_score": inception_score(probabilities),
        "frechet": frechet_distance(fake, real),
        **{f"{name}_within": value for name, value in within._asdict().items()},
    }


def records() -> dict:
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else {}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils conditional", description=__doc__.split("\n\n")[0])
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each run (default {STEPS})")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="one run of each row for each")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help="by default all")
    args = parser.parse_args(argv)
    digits = load_images("mnist")
    place = digits.source if args.steps == STEPS else f"{digits.source}, {args.steps} steps"
    for seed in args.seeds:
        for row in args.rows:
            entry = records().get(place, {})
            if not entry:
                entry = {"steps": args.steps, "batch_size": 32, "samples": 5000, "rows": {}}
            if str(seed) in entry["rows"].get(row, {}):
                continue
            generator, seconds = play(row, digits, steps=args.steps, seed=seed)
            numbers = measure(generator, digits) | {"seconds": seconds}
            print(f"{row:25s} seed {seed}", {key: round(value, 3) for key, value in numbers.items()}, flush=True)
            entry["rows"].setdefault(row, {})[str(seed)] = {key: round(value, 4) for key, value in numbers.items()}
            entry |= {"date": datetime.date.today().isoformat(), "versions": results.versions()}
            entry |= {"machine": f"{platform.system()} {platform.machine()}, {schedule.device().type}"}
            files.write(RECORDS, json.dumps(records() | {place: entry}, indent=1) + "\n")
    return 0
