"""The course's training loop against the DataLoader loop that the source listings of this field use.

    python -m course_utils bench ae vae gan dcgan --json build/bench.json
    python -m course_utils bench dcgan --until 400 --rounds 12  # processor seconds to a test loss (a GAN's: Fréchet)
    python -m course_utils bench frechet kernel neighbours    # the scores: see bench_scores.py

Both loops train the same network on the same images for the same number of passes. They take turns, pass by
pass, in one process, so that a machine that slows down slows both; speed is images per second of processor
time (all threads added up), and the ratio is the median over the passes. Images per second say little about a game,
which may go nowhere quickly: `--until` tells after how many processor seconds each side first reached a test loss.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms.functional import to_pil_image
from tqdm import tqdm

from course_utils import CourseError, pretrained, schedule
from course_utils.commands import bench_scores
from course_utils.data import Images, batches, load_images
from course_utils.game import MLPGAN, gan_game
from course_utils.schedule import seed_everything
from course_utils.taught import evaluation, vae
from course_utils.taught.autoencoder import Autoencoder
from course_utils.taught.dcgan import DCGAN, dcgan_init
from course_utils.taught.vae import VAE

Loop = Callable[[torch.Tensor, int], Iterator[torch.nn.Module]]  # (images, passes) → the model after each pass


class PilImages(Dataset):
    """Images as torchvision's data sets hand them out: one PIL image at a time, transformed."""

    def __init__(self, images: torch.Tensor):
        self.pixels = images.mul(255).round().byte().cpu()

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, index):
        return transforms.functional.to_tensor(to_pil_image(self.pixels[index], mode="L")), 0


def listing(model: torch.nn.Module, loss_of: Callable, batch_size: int) -> Loop:
    """The loop of the listings: DataLoader over PIL images, Adam at 1e-3, a fixed learning rate."""

    def loop(images, passes):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        loader = DataLoader(PilImages(images), batch_size=batch_size, shuffle=True)
        for _ in range(passes):
            for x, _ in loader:
                loss = loss_of(model, x)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            yield model

    return loop


def course(model: torch.nn.Module, loss_of: Callable, batch_size: int, lr: float) -> Loop:
    """The loop of the chapters: one tensor of images, fused Adam, a learning rate that rises and falls."""

    def loop(images, passes):
        steps = passes * (len(images) // batch_size)
        optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
        for step, x in enumerate(batches(images, batch_size, steps=steps), start=1):
            loss = loss_of(model, x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            if step % (steps // passes) == 0:
                yield model

    return loop


def listing_gan(model: torch.nn.Module, batch_size: int) -> Loop:
    """The GAN loop of the listings: DataLoader over PIL images, sigmoid and BCELoss, Adam at 2e-4."""
    generator, discriminator, adam = model.generator, model.discriminator, {"lr": 2e-4, "betas": (0.5, 0.999)}

    def loop(images, passes):
        optimizer_g = torch.optim.Adam(generator.parameters(), **adam)
        optimizer_d = torch.optim.Adam(discriminator.parameters(), **adam)
        loader = DataLoader(PilImages(images), batch_size=batch_size, shuffle=True)
        for _ in range(passes):
            for x, _ in loader:
                ones, zeros = torch.ones(len(x)), torch.zeros(len(x))
                optimizer_d.zero_grad()
                real = F.binary_cross_entropy(torch.sigmoid(discriminator(2 * x - 1)), ones)
                fake = generator(torch.randn(len(x), model.latent_dim))
                made = F.binary_cross_entropy(torch.sigmoid(discriminator(fake.detach())), zeros)
                (real + made).backward()
                optimizer_d.step()
                optimizer_g.zero_grad()
                fake = generator(torch.randn(len(x), model.latent_dim))
                F.binary_cross_entropy(torch.sigmoid(discriminator(fake)), ones).backward()
                optimizer_g.step()
            yield model

    return loop


def course_gan(model: torch.nn.Module, batch_size: int, lrs: tuple[float, float]) -> Loop:
    """The GAN loop of the chapters: losses from logits, fakes used twice, D frozen while G learns, rates that fade."""

    def loop(images, passes):
        steps = passes * (len(images) // batch_size)
        update, _ = gan_game(model, rates=lrs, steps=steps)
        for step, x in enumerate(batches(images, batch_size, steps=steps), start=1):
            update(x)
            if step % (steps // passes) == 0:
                yield model

    return loop


def mse(model, x):
    return F.mse_loss(model(x), x)


def listing_vae_loss(model, x):  # sigmoid, then BCELoss, both summed over the batch, as the listings have it
    logits, mu, logvar = model(x)
    bce = F.binary_cross_entropy(torch.sigmoid(logits), x.flatten(1), reduction="sum")
    return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def course_vae_loss(model, x):
    logits, mu, logvar = model(x)
    return vae.negative_elbo(logits, x, mu, logvar)


def frechet(model, x):
    """Fréchet distance of as many samples as there are test images, on the features of the MNIST classifier."""
    samples = torch.cat([model.generator(torch.randn(len(chunk), model.latent_dim)) for chunk in x.split(500)])
    classifier = pretrained.load("classifier-mnist").cpu()
    return torch.tensor(evaluation.score((samples + 1) / 2, x, classifier).frechet)


# name: (model, the listings' loop, the course's loop, the test loss by which both are judged)
CONTESTS = {
    "ae": (Autoencoder, lambda m: listing(m, mse, 64), lambda m: course(m, mse, 128, 6e-3), mse),
    "vae": (
        VAE,
        lambda m: listing(m, listing_vae_loss, 128),
        lambda m: course(m, course_vae_loss, 256, 6e-3),
        course_vae_loss,
    ),
    "gan": (MLPGAN, lambda m: listing_gan(m, 64), lambda m: course_gan(m, 128, (2e-3, 1e-3)), frechet),
    "dcgan": (
        lambda: DCGAN(28, 1, width=16, latent_dim=64),
        lambda m: listing_gan(m.apply(dcgan_init), 128),
        lambda m: course_gan(m.apply(dcgan_init), 64, (3e-3, 3e-3)),
        frechet,
    ),
}


def judged(model: torch.nn.Module, test_loss: Callable, images: torch.Tensor) -> float:
    """The test loss; the game goes on with the random numbers, and in the mode, that it had."""
    with schedule.evaluating(model), torch.random.fork_rng():
        seed_everything(0)
        return test_loss(model, images).item()


def contest(name: str, images: Images, threads: int, rounds: int, until: float | None = None) -> dict:
    """Run both loops of `name` for `rounds` passes, in turns; one record of the benchmark's JSON.

    With `until`, both are judged after every pass, and the record has the processor seconds of training after which
    each had a test loss of at most that, or None.
    """
    model, *loops, test_loss = CONTESTS[name]
    runs = []
    for make in loops:
        seed_everything(0)
        runs.append(make(model())(images.train, rounds))
    speeds: list[list[float]] = [[], []]
    trained: list = [None, None]
    reached: list[float | None] = [None, None]
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for _ in tqdm(range(rounds), desc=f"{name}, {threads} thread(s)", leave=False, ncols=90):
            for side, run in enumerate(runs):
                begun = time.process_time()
                trained[side] = next(run)
                used = max(time.process_time() - begun, 1e-3)  # the clock may not have ticked (Windows: every 16 ms)
                speeds[side].append(len(images.train) / used)
                waiting = until is not None and reached[side] is None
                if waiting and judged(trained[side], test_loss, images.test) <= until:
                    reached[side] = round(sum(len(images.train) / speed for speed in speeds[side]), 2)
    finally:
        torch.set_num_threads(threads_before)
    tests = [judged(one, test_loss, images.test) for one in trained]
    baseline, ours = speeds
    goal = {"until": until, "course_seconds_until": reached[1], "baseline_seconds_until": reached[0]}
    return {
        "name": name,
        "threads": threads,
        "ratio": round(statistics.median(c / b for c, b in zip(ours, baseline, strict=True)), 2),
        "course_images_per_s": round(statistics.median(ours)),
        "baseline_images_per_s": round(statistics.median(baseline)),
        "rounds": rounds,
        "course_test_loss": round(tests[1], 5),
        "baseline_test_loss": round(tests[0], 5),
        **(goal if until is not None else {}),
    }


def run_loops(names: list[str], threads: list[int], rounds: int, until: float | None) -> list[dict]:
    images = load_images()
    images = images._replace(train=images.train.cpu(), test=images.test.cpu())
    print("name  threads  ratio   images per CPU second        test loss after the same passes")
    print("                       course     listing          course     listing")
    records = []
    for name in names:
        for count in threads:
            r = contest(name, images, count, rounds, until)
            records.append(r)
            speeds = f"{r['course_images_per_s']:8,}    {r['baseline_images_per_s']:8,}"
            tests = f"{r['course_test_loss']:10.5g}  {r['baseline_test_loss']:10.5g}"
            print(f"{name:5} {count:6}  {r['ratio']:5.2f}x  {speeds}      {tests}", flush=True)
            if until is not None:
                took = [r[f"{side}_seconds_until"] for side in ("course", "baseline")]
                took = ["not reached" if seconds is None else f"{seconds:g} CPU s" for seconds in took]
                print(f"      test loss of {until:g}: course {took[0]}, listing {took[1]}", flush=True)
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
    parser.add_argument("--until", type=float, metavar="LOSS", help="also tell when each reached this test loss")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the records to FILE")
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(CONTESTS) - set(bench_scores.SIDES):
        known = ", ".join([*CONTESTS, *bench_scores.SIDES])
        parser.error(f"no contest named {', '.join(sorted(unknown))}: choose from {known}")
    if args.rounds < 1 or any(n < 1 for n in args.threads or []):
        parser.error("--rounds and --threads must be at least 1")
    threads = args.threads or sorted({1, torch.get_num_threads()})
    records = []
    try:
        if loops := [name for name in args.names or CONTESTS if name in CONTESTS]:
            records += run_loops(loops, threads, args.rounds, args.until)
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
