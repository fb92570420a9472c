"""The bench of chapter 07: every remedy on the ring, the grid and stacked digits, eight games each, into modes.json.

    python -m course_utils modes                       all of it; what was interrupted goes on where it stopped
    python -m course_utils modes --data ring --methods plain packed --dry

Games are played side by side: each has its own first weights, noise and batches. Finished rows lie under build/modes.
"""

import argparse
import datetime
import functools
import json
import platform
import time
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from course_utils import files, pretrained, results, schedule
from course_utils.data import load_images, toydata
from course_utils.taught import modes, stable
from course_utils.taught.stable import ManyLinear, Pack, Spread, each, many_mlps, new_games, squared_slope

RECORD = results.EXPECTED.with_name("modes.json")
FOLDER = schedule.ROOT / "build" / "modes"
GAMES, LATENT, SLOPE, COMPONENTS, SURE = 8, 16, 0.2, 40, 0.8
SAMPLES = {"ring": 2500, "grid": 2500, "stacked": 1000}
STEPS = {"ring": 2000, "grid": 10_000, "stacked": 3000}
WIDTH = {"ring": 64, "grid": 128, "stacked": 128}  # of the networks
FADES = {"grid", "stacked"}  # where the rates fall to nothing in the second half
BATCH = 64  # of each game
TRUTH = "the data themselves"
MODES = {"ring": 8, "grid": 25, "stacked": 1000}


def judge(dim, width):
    return many_mlps(GAMES, [dim, width, width, 1], SLOPE)


def spread(dim, width):
    return nn.Sequential(*judge(dim, width)[:-1], Spread(), ManyLinear(GAMES, width + 1, 1))


def packed(dim, width):
    return nn.Sequential(Pack(), *judge(2 * dim, width))


def bounded(bound):
    return lambda dim, width: stable.spectral(judge(dim, width), bound)


def priced_d(judge, real, fake):
    return stable.plain_d(judge, real, fake) + 0.05 * each(squared_slope(judge, real))


def paired_d(judge, real, fake):
    price = each(squared_slope(judge, real)) + each(squared_slope(judge, fake))
    return each(F.softplus(judge(fake) - judge(real))) + 0.05 * price


def paired_g(judge, real, fake):
    return each(F.softplus(judge(real) - judge(fake)))


def penalised_d(judge, real, fake):
    return stable.wasserstein_d(judge, real, fake) + 0.1 * stable.gradient_penalty(judge, real, fake)


@torch.no_grad()
def clip(judge, bound=0.1):
    for weight in judge.parameters():
        weight.clamp_(-bound, bound)


def matching_g(judge, real, fake):
    features = judge[:-1]
    return (features(fake).mean(dim=1) - features(real).detach().mean(dim=1)).square().sum()


class Replay:
    """The plain loss, with half of each batch of fakes taken from a memory of earlier ones."""

    def __init__(self, size=2000):
        self.size, self.memory = size, None

    def __call__(self, judge, real, fake):
        n = fake.shape[1] // 2
        old = fake if self.memory is None else self.memory
        mixed = torch.cat([fake[:, :n], old[:, torch.randint(old.shape[1], (n,))]], dim=1)
        new = fake[:, :n].clone()  # without a graph, or the memory would grow with every step
        self.memory = new if self.memory is None else torch.cat([self.memory, new], dim=1)[:, -self.size :]
        return stable.plain_d(judge, real, mixed)


METHODS = {
    "plain": {},
    "plain, a fifth of the rate": {"rate": 2e-4},
    "plain, two steps of D": {"d_steps": 2},
    "slope price (R1)": {"d_loss": priced_d},
    "pairs, two prices": {"d_loss": paired_d, "g_loss": paired_g},
    "spectral norm, bound 1": {"make": bounded(1.0)},
    "spectral norm, bound 2": {"make": bounded(2.0)},
    "spectral norm, bound 5": {"make": bounded(5.0)},
    "clipping": {"d_loss": stable.wasserstein_d, "g_loss": stable.wasserstein_g, "after": clip, "d_steps": 2},
    "gradient penalty": {"d_loss": penalised_d, "g_loss": stable.wasserstein_g, "d_steps": 2},
    "batch spread": {"make": spread},
    "packing": {"make": packed},
    "looking two steps ahead": {"ahead": functools.partial(stable.look_ahead, steps=2)},
    "feature matching": {"g_loss": matching_g},
    "replay": {"d_loss": Replay},
}


# ---------------------------------------------------------------- the data, and how its modes are counted


class Data(NamedTuple):
    points: torch.Tensor  # (n, d): what is trained on
    width: int  # of the networks
    count: object  # samples (n, d) -> modes captured, share of good samples


@functools.cache
def data_set(name: str) -> Data:
    if name != "stacked":
        mixture = getattr(toydata, name)(100_000)
        scale = 1.0 if name == "ring" else mixture.samples.std()
        return Data(
            mixture.samples / scale, WIDTH[name], lambda x: modes.count_modes(x * scale, mixture.centres, mixture.std)
        )
    digits = load_images("mnist")
    classifier, flat = pretrained.load(f"classifier-{digits.source}"), digits.train.flatten(1).cpu()
    mean = flat.mean(dim=0)
    basis = torch.linalg.eigh(torch.cov(flat[:20_000].T)).eigenvectors[:, -COMPONENTS:]  # (784, 40)
    codes = (flat - mean) @ basis
    scale = codes.std()
    index = torch.randint(len(codes), (100_000, 3), generator=torch.Generator().manual_seed(0))

    def count(x):
        """Modes that a sample shows in which the classifier is sure, by SURE, of all three digits; and their share."""
        pictures = (x.view(-1, 3, COMPONENTS) * scale @ basis.T + mean).clamp(0, 1).view(-1, 3, 28, 28)
        pictures = pictures.to(digits.train.device)
        with schedule.evaluating(classifier):
            parts = pictures.flatten(0, 1).unsqueeze(1).split(1000)
            sure, digit = torch.cat([F.softmax(classifier(part), dim=1) for part in parts]).max(dim=1)
        good = sure.view(-1, 3).amin(dim=1) > SURE
        named = digit.view(-1, 3) @ torch.tensor([100, 10, 1], device=digit.device)
        return len(named[good].unique()), good.float().mean().item()

    return Data((codes / scale)[index].flatten(1), WIDTH[name], count)


# ---------------------------------------------------------------- one row


def play(method: str, name: str, seed: int = 0) -> dict:
    """Eight games of `method` on the data `name`: modes and shares of each, CPU seconds of the training."""
    schedule.seed_everything(seed)
    data, options = data_set(name), dict(METHODS[method])
    dim, sizes = data.points.shape[1], [data.width, data.width]
    generator = many_mlps(GAMES, [LATENT, *sizes, dim])
    judges = options.pop("make", judge)(dim, data.width)
    if options.get("d_loss") is Replay:
        options["d_loss"] = Replay()
    rate = options.pop("rate", 1e-3)
    now = torch.tensor(rate)  # a tensor, that both optimizers look up at every step
    update = new_games(generator, judges, **options, rate=now)
    batch, begun = GAMES * BATCH * options.get("d_steps", 1), time.process_time()
    for step in range(STEPS[name]):
        if name in FADES:
            now.fill_(rate * min(1.0, 2 * (1 - step / STEPS[name])))
        update(data.points[torch.randint(len(data.points), (batch,))])
    seconds = time.process_time() - begun
    with torch.no_grad():
        counts = [data.count(x) for x in generator(torch.randn(GAMES, SAMPLES[name], LATENT))]
    return _row(method, name, counts, seconds)


def truth(name: str) -> dict:
    """What samples of the data themselves come to."""
    points, n = data_set(name).points, SAMPLES[name]
    counts = [data_set(name).count(points[k * n : (k + 1) * n]) for k in range(GAMES)]
    return _row(TRUTH, name, counts, 0.0)


def _row(method, name, counts, seconds) -> dict:
    captured, shares = zip(*counts, strict=True)
    shares = [round(share, 4) for share in shares]
    return {"method": method, "data": name, "modes": captured, "share": shares, "seconds": round(seconds, 1)}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils modes", description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", nargs="+", choices=MODES, default=list(MODES), help="which data")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="which methods")
    parser.add_argument("--seed", type=int, default=0, help="what all random numbers start from")
    parser.add_argument("--dry", action="store_true", help="print, and record nothing")
    args = parser.parse_args(argv)
    wanted = [(name, method) for name in args.data for method in (TRUTH, *args.methods)]
    for name, method in tqdm(wanted, desc="modes"):
        place = FOLDER / f"{name}-{method}-{args.seed}.json"
        if args.dry or not place.exists():
            row = truth(name) if method == TRUTH else play(method, name, args.seed)
            if not args.dry:
                files.write(place, json.dumps(row))
        tqdm.write(_line(row if args.dry else json.loads(place.read_text(encoding="utf-8"))))
        if not args.dry:
            files.write(RECORD, json.dumps(_record(args.seed), indent=1) + "\n")
    return 0


def _line(row: dict) -> str:
    good = sum(row["share"]) / len(row["share"])
    return f"{row['data']:8} {row['method']:26} {row['modes']} {good:.2f} {row['seconds']:.1f} s"


def _record(seed: int) -> dict:
    """All rows that there are, in the order of MODES and METHODS."""
    places = [FOLDER / f"{name}-{method}-{seed}.json" for name in MODES for method in (TRUTH, *METHODS)]
    rows = [json.loads(place.read_text(encoding="utf-8")) for place in places if place.exists()]
    about = {"date": datetime.date.today().isoformat(), "machine": platform.machine()}
    about |= {"threads": torch.get_num_threads(), "versions": results.versions(), "games": GAMES, "samples": SAMPLES}
    return about | {"steps": STEPS, "batch": BATCH, "latent_dim": LATENT, "seed": seed, "of": MODES, "rows": rows}
