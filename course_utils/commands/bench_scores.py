"""The course's scores against torchmetrics and against the shortest code that computes them, 10,000 samples each.

    python -m course_utils bench frechet kernel neighbours

Every computation runs in a process of its own, so that its peak of memory is its own, too.
"""

import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from course_utils.taught import evaluation
from course_utils.taught.kernel import kernel_distance


def features(n: int, d: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, n, d, generator=generator)
    return real, 0.9 * fake + 0.1


class Identity(torch.nn.Module):
    num_features = 64

    def forward(self, x):
        return x


def torchmetrics_frechet(real, fake):
    from torchmetrics.image.fid import FrechetInceptionDistance

    return _torchmetrics(FrechetInceptionDistance(feature=Identity(), input_img_size=(64,), normalize=True), real, fake)


def torchmetrics_kernel(real, fake):
    from torchmetrics.image.kid import KernelInceptionDistance

    metric = KernelInceptionDistance(feature=Identity(), subsets=1, subset_size=len(real), normalize=True)
    return _torchmetrics(metric, real, fake)


def _torchmetrics(metric, real, fake):
    metric.set_dtype(torch.float64)
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    value = metric.compute()
    return (value[0] if isinstance(value, tuple) else value).item()


def naive_frechet(real, fake):
    """With the matrix square root, as the formula is written."""
    from scipy.linalg import sqrtm

    a, b = torch.cov(real.double().T), torch.cov(fake.double().T)
    root = sqrtm((a @ b).numpy()).real
    return ((real.double().mean(0) - fake.double().mean(0)).square().sum() + (a + b).trace() - 2 * root.trace()).item()


def naive_kernel(real, fake):
    """All pairs at once."""
    kernel = lambda x, y: (x @ y.T / x.shape[1] + 1) ** 3  # noqa: E731
    real, fake = real.double(), fake.double()
    apart = lambda x: (kernel(x, x).sum() - kernel(x, x).trace()) / (len(x) * (len(x) - 1))  # noqa: E731
    return (apart(real) + apart(fake) - 2 * kernel(real, fake).mean()).item()


def naive_neighbours(real, fake, k=5):
    """Precision plus recall, with three whole matrices of distances."""
    real, fake = real.double(), fake.double()
    between, among_real, among_fake = torch.cdist(fake, real), torch.cdist(real, real), torch.cdist(fake, fake)
    inside = between < among_real.sort(dim=1).values[:, k]
    recalled = between < among_fake.sort(dim=1).values[:, k, None]
    return (inside.any(dim=1).double().mean() + recalled.any(dim=0).double().mean()).item()


SIDES = {
    "frechet": {
        "course": evaluation.frechet_distance,
        "torchmetrics": torchmetrics_frechet,
        "naive": naive_frechet,
    },
    "kernel": {
        "course": kernel_distance,
        "torchmetrics": torchmetrics_kernel,
        "naive": naive_kernel,
    },
    "neighbours": {  # torchmetrics has none
        "course": lambda real, fake: sum(evaluation.neighbour_scores(real, fake)[:2]),
        "naive": naive_neighbours,
    },
}


def measure(name: str, side: str, threads: int, rounds: int, n: int) -> dict:
    """Median seconds of processor time, peak of memory in MB, and the value: in this process."""
    torch.set_num_threads(threads)
    real, fake = features(n)
    with contextlib.suppress(OSError):  # not where there is no /proc
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here, without that of the imports
    seconds = []
    for _ in range(rounds):
        begun = time.process_time()
        value = SIDES[name][side](real, fake)
        seconds.append(time.process_time() - begun)
    return {"seconds": statistics.median(seconds), "peak_mb": peak_memory(), "value": value}


def peak_memory() -> int | None:
    """The most memory this process has held, in MB, with torch itself; None where nobody says so (Windows)."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage counts there what the process held that started this one
        return round(int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1e3)
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))


def contest(name: str, threads: int, rounds: int = 3, n: int = 10_000) -> list[dict]:
    """The course's score `name` against each of the others; one record for each, in the benchmark's form."""
    found = {}
    for side in SIDES[name]:
        call = [name, side, "--threads", str(threads), "--rounds", str(rounds), "-n", str(n)]
        done = subprocess.run(
            [sys.executable, "-m", "course_utils.commands.bench_scores", *call],
            check=True,
            capture_output=True,
            text=True,
        )
        found[side] = json.loads(done.stdout)
    ours = found.pop("course")
    return [
        {
            "name": name,
            "baseline": side,
            "threads": threads,
            "ratio": round(other["seconds"] / max(ours["seconds"], 1e-3), 2),
            "course_images_per_s": round(n / max(ours["seconds"], 1e-3)),
            "baseline_images_per_s": round(n / max(other["seconds"], 1e-3)),
            "rounds": rounds,
            "course_test_loss": ours["value"],  # here the score itself: both must find the same
            "baseline_test_loss": other["value"],
            "course_seconds": round(ours["seconds"], 3),
            "course_peak_mb": ours["peak_mb"],
            "baseline_peak_mb": other["peak_mb"],
        }
        for side, other in found.items()
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.commands.bench_scores",
        description="One computation, measured in this process, as JSON.",
    )
    parser.add_argument("name", choices=SIDES)
    parser.add_argument("side", choices=["course", "torchmetrics", "naive"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-n", type=int, default=10_000, help="samples on either side (default 10,000)")
    args = parser.parse_args(argv)
    if args.side not in SIDES[args.name]:
        parser.error(f"there is no {args.side} for {args.name}")
    print(json.dumps(measure(args.name, args.side, args.threads, args.rounds, args.n)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
