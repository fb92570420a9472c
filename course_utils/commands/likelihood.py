"""The published protocol for a likelihood on binary MNIST (Burda et al., 2016), as far as there is time.

As in the paper: one layer of 50 codes, 200-200 tanh units on both sides, every batch made black and white afresh from
the grey values, the bound with k draws, Adam with ε = 1e-4, and on the test set an estimate with 5000 draws for each
picture. The paper kept 400 training pictures for validation; here all are used.

python -m course_utils likelihood train --k 5 --epochs 3280         as published; most of a day on one core
python -m course_utils likelihood train --k 5 --minutes 30          shortened; says how many passes it plans
python -m course_utils likelihood train --k 5 --epochs 600 --resume goes on after an interruption
python -m course_utils likelihood report                            what was reached, beside what was published
"""

import argparse
import datetime
import json
import math
import sys
import time

import torch
from torch import nn

from course_utils import CourseError, checkpoint, files, results, schedule
from course_utils.data import Images, batches, load_images
from course_utils.likelihood import PUBLISHED, PUBLISHED_EPOCHS, RECORDS, learning_rate, records
from course_utils.schedule import seed_everything
from course_utils.taught.likelihood import log_weights
from course_utils.taught.vae import log_mean_exp
from course_utils.training import Diary, train

PUBLISHED_BATCH = 20
FEW = 100  # draws for every test picture, where only some of them get all 5000


def report() -> str:
    """A table of everything recorded, one line a run."""
    lines = ["  k   passes         data       reached         published"]
    for entry in sorted(records(), key=lambda entry: (entry["data"], entry["k"], entry["epochs"])):
        published = PUBLISHED.get(entry["k"]) if entry["data"] == "mnist" else None
        lines.append(
            f"{entry['k']:3d}  {entry['epochs']:5d} of {entry['published_epochs']}  {entry['data']:9s}"
            f"{entry['nll']:8.2f} ± {entry['standard_error']:.2f}      "
            f"{f'{published:.2f}' if published else '–':>6s}"
        )
    return "\n".join(lines if len(lines) > 1 else ["Nothing has been recorded yet."])


class IWAE(nn.Module):
    """The network of the paper. `train_mean` (784,), the mean grey values, sets the output bias to their log odds."""

    def __init__(self, train_mean: torch.Tensor, latent_dim: int = 50, hidden_dim: int = 200):
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(784, hidden_dim), nn.Tanh(), nn.Linear(hidden_dim, hidden_dim), nn.Tanh()
        )
        self.to_mu = nn.Linear(hidden_dim, latent_dim)
        self.to_logvar = nn.Linear(hidden_dim, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, hidden_dim), nn.Tanh(),
            nn.Linear(hidden_dim, hidden_dim), nn.Tanh(),
            nn.Linear(hidden_dim, 784),
        )  # fmt: skip
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.decoder[-1].bias.copy_(train_mean.flatten().clamp(0.001, 0.999).logit())

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.hidden(x)
        return self.to_mu(h), self.to_logvar(h)  # each (n, latent_dim)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.decoder(z)  # logits of the pixels, (..., 784)


@torch.no_grad()
def estimate(model: nn.Module, x: torch.Tensor, samples: int = 5000) -> tuple[torch.Tensor, torch.Tensor]:
    """For each picture: log p(x) by importance sampling with `samples` draws, and the ELBO. In chunks, float64 sums."""
    log_p, elbo = [], []
    for part in x.split(20):
        total = torch.full((len(part),), -math.inf, dtype=torch.float64, device=x.device)
        plain = torch.zeros_like(total)
        for count in [250] * (samples // 250) + [samples % 250] * (samples % 250 > 0):
            weights = log_weights(model, part, count).double()
            total = torch.logaddexp(total, weights.logsumexp(dim=1))
            plain += weights.sum(dim=1)
        log_p.append(total - math.log(samples))
        elbo.append(plain / samples)
    return torch.cat(log_p), torch.cat(elbo)


def fit(digits: Images, k: int, epochs: int, batch_size: int, first_rate: float) -> tuple[IWAE, float]:
    """Train with the k-draw bound, each batch made black and white afresh: the model, and the seconds it took."""
    model = IWAE(digits.train.mean(dim=0)).to(digits.train.device)
    per_pass = len(digits.train) // batch_size
    steps, published = epochs * per_pass, epochs == PUBLISHED_EPOCHS
    optimizer = torch.optim.Adam(model.parameters(), 1.0, betas=(0.9, 0.999), eps=1e-4, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: learning_rate(s, steps, published, first_rate))
    diary = Diary(seconds=0.0, bound=0.0, count=0)
    clock = [time.perf_counter()]

    def update(grey):
        bound = log_mean_exp(log_weights(model, torch.bernoulli(grey), k)).mean()
        optimizer.zero_grad()
        (-PUBLISHED_BATCH * bound).backward()  # the paper's gradient is a sum over 20 pictures: ε counts against that
        optimizer.step()
        scheduler.step()
        diary["bound"] = diary["bound"] + bound.detach()
        diary["count"] += 1
        return {}

    def watch(step):
        now = time.perf_counter()
        diary["seconds"] += now - clock[0] if step else 0.0
        clock[0] = now
        if step and (step // per_pass) % max(1, epochs // 20) == 0:
            mean = float(diary["bound"]) / diary["count"]
            print(
                f"pass {step // per_pass} of {epochs}: training bound {mean:.2f}, {diary['seconds']:.0f} s", flush=True
            )
            diary.update(bound=0.0, count=0)

    train(
        update,
        digits.train,
        steps=steps,
        batch_size=batch_size,
        watch=watch,
        watch_every=per_pass,
        name=f"iwae_k{k}",
        state={"model": model, "optimizer": optimizer, "scheduler": scheduler, "diary": diary},
        checkpoint_every=max(500, steps // 100),
    )
    return model, diary["seconds"]


def epochs_in(digits: Images, k: int, batch_size: int, minutes: float) -> int:
    """How many passes fit into `minutes`, from the time of a few updates of a model that is thrown away."""
    model = IWAE(digits.train.mean(dim=0)).to(digits.train.device)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4, fused=True)
    begun = 0.0
    for step, grey in enumerate(batches(digits.train, batch_size, steps=35)):
        begun = time.perf_counter() if step == 5 else begun
        optimizer.zero_grad()
        (-log_mean_exp(log_weights(model, torch.bernoulli(grey), k)).mean()).backward()
        optimizer.step()
    seconds_per_pass = (time.perf_counter() - begun) / 30 * (len(digits.train) // batch_size)
    return max(1, int(60 * minutes / seconds_per_pass))


def add_record(record: dict) -> None:
    files.write(RECORDS, json.dumps([*records(), record], indent=1) + "\n")


def run(args: argparse.Namespace) -> dict:
    """Train, and estimate the likelihood of the test set: what to record.

    With --test-images N, every test picture gets 100 draws, and N pictures chosen at random get all 5000. What these
    gain by it on average is added to the mean of all. That costs a fraction of 5000 draws for each, and next to no
    accuracy: pictures differ by dozens of nats, the gains only by tenths.
    """
    seed = seed_everything()
    digits = load_images("mnist")
    batch_size = args.batch_size or (PUBLISHED_BATCH if args.epochs == PUBLISHED_EPOCHS else 100)
    if args.resume and not args.epochs:
        raise CourseError("--resume needs --epochs, the number of passes that the interrupted run had planned.")
    epochs = args.epochs or epochs_in(digits, args.k, batch_size, args.minutes)
    if not args.resume:
        (schedule.checkpoint_folder() / f"iwae_k{args.k}.pt").unlink(missing_ok=True)
    command = f"python -m course_utils likelihood train --k {args.k} --epochs {epochs} --batch-size {batch_size}"
    command += f" --first-rate {args.first_rate:g} --test-images {args.test_images}"
    print(f"{epochs} passes in batches of {batch_size}. After an interruption: {command} --resume", flush=True)

    seed_everything()  # so that the run does not depend on whether its time was measured before
    model, train_seconds = fit(digits, args.k, epochs, batch_size, args.first_rate)
    finished = schedule.checkpoint_folder() / f"iwae_k{args.k}_finished.pt"
    checkpoint.save(finished, {"model": model.state_dict(), "command": command})
    begun = time.perf_counter()
    torch.manual_seed(seed)
    x = torch.bernoulli(digits.test)
    few, elbo = estimate(model, x, min(FEW, args.samples))
    chosen = torch.randperm(len(x))[: args.test_images].to(x.device)
    gain = estimate(model, x[chosen], args.samples)[0] - few[chosen]  # with every picture chosen, `few` cancels below
    log_p, variance = few.mean() + gain.mean(), few.var() / len(few) + gain.var() / len(gain)
    return {
        "k": args.k,
        "epochs": epochs,
        "published_epochs": PUBLISHED_EPOCHS,
        "batch_size": batch_size,
        "first_rate": args.first_rate,
        "data": digits.source,
        "test_images": len(x),
        "samples": args.samples,
        "images_with_all_samples": len(chosen),
        "nll": round(-log_p.item(), 3),
        "standard_error": round(variance.sqrt().item(), 3),
        "negative_elbo": round(-elbo.mean().item(), 3),
        "bits_per_pixel": round(-log_p.item() / math.log(2) / 784, 4),
        "published_nll": PUBLISHED.get(args.k),
        "train_seconds": round(train_seconds),
        "estimate_seconds": round(time.perf_counter() - begun),
        "device": schedule.device().type,
        "threads": torch.get_num_threads(),
        "seed": seed,
        "date": datetime.date.today().isoformat(),
        "versions": results.versions(),
        "command": command,
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils likelihood", description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("report", help="what was reached, beside what was published")
    training = commands.add_parser("train", help="train, estimate on the test set, and record")
    training.add_argument("--k", type=int, choices=PUBLISHED, required=True, help="draws in the training bound")
    length = training.add_mutually_exclusive_group(required=True)
    length.add_argument(
        "--epochs", type=int, help=f"passes over the data; {PUBLISHED_EPOCHS} is the published schedule"
    )
    length.add_argument("--minutes", type=float, help="as many passes as fit into so many minutes of training")
    training.add_argument("--resume", action="store_true", help="go on from the checkpoint of an interrupted run")
    training.add_argument(
        "--batch-size", type=int, help=f"default: {PUBLISHED_BATCH} as published, 100 in shorter runs"
    )
    training.add_argument("--first-rate", type=float, default=1e-3, help="the first of the eight learning rates")
    training.add_argument("--test-images", type=int, default=10_000, help="how many get all the draws; see `run`")
    training.add_argument("--samples", type=int, default=5000, help="draws of the estimate, for each test image")
    args = parser.parse_args(argv)
    try:
        if args.command == "train":
            add_record(run(args))
        print(report())
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
