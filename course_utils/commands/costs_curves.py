"""The points of `costs`, and a function for each curve that measures one of them: called with its series and its x."""

import contextlib
import ctypes
import importlib.util
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from course_utils import CourseError, files
from course_utils.commands.bench_loops import CONTESTS, course_vae_loss
from course_utils.data import batches
from course_utils.game import gan_game
from course_utils.schedule import ROOT
from course_utils.taught.dcgan import DCGAN, dcgan_init
from course_utils.taught.vae import VAE

LAYERS = {  # chapter and layer: (its network, the shape of its input)
    "02 dense 784–400": (lambda: nn.Linear(784, 400), (256, 784)),
    "02 dense 400–20": (lambda: nn.Linear(400, 20), (256, 400)),
    "03 dense 784–512": (lambda: nn.Linear(784, 512), (64, 784)),
    "05 convolution 1–16": (lambda: nn.Conv2d(1, 16, 4, 2, 1, bias=False), (32, 1, 28, 28)),
    "05 convolution 16–32": (lambda: nn.Conv2d(16, 32, 4, 2, 1, bias=False), (32, 16, 14, 14)),
    "05 transposed 32–16": (lambda: nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False), (32, 32, 7, 7)),
    "06 convolution 16–32": (lambda: nn.Conv2d(16, 32, 3, padding=1), (1000, 16, 14, 14)),
}
TYPES = ("float32", "bfloat16")  # of layers; products are measured in float64, too
POINTS = {
    "roofline": [
        *((f"product, {kind}", n) for kind in ("float64", *TYPES) for n in (256, 512, 1024, 2048)),
        ("copy", 2**27),
        *((f"layer, {kind}", layer) for kind in TYPES for layer in LAYERS),
        *((side, name) for name in CONTESTS for side in ("listing", "course")),
    ],
    "training": [
        *(("VAE, images", n) for n in (2_560, 10_240, 30_720, 61_440)),
        *(("VAE, codes", n) for n in (2, 8, 32, 128, 512)),
        *(("VAE, width", n) for n in (50, 100, 200, 400, 800, 1600, 3200)),
        *(("DCGAN, width", n) for n in (4, 8, 16, 32, 64)),
    ],
    "metrics": [
        *(("frechet", n) for n in (10_000, 20_000, 40_000, 100_000)),
        *(("kernel", n) for n in (10_000, 20_000, 40_000)),  # 100,000 would take minutes: the page extrapolates
        *(("neighbours", n) for n in (10_000, 20_000)),
    ],
    "grading": [
        *(("small, -j 1", n) for n in (30, 300)),
        ("small, -j 2", 300),
        ("small, dask", 100),
        *(("ex02, -j 1", n) for n in (1, 4)),
    ],
}


def cpu_seconds(work: Callable[[], object], least: float = 0.2) -> float:
    """CPU seconds of one call: the median of three measurements, each of as many calls as take `least` together."""
    work()  # what happens only the first time
    calls, took = 1, []
    while len(took) < 3:
        begun = time.process_time()
        for _ in range(calls):
            work()
        used = time.process_time() - begun
        if used < least and not took:
            calls = max(2 * calls, round(calls * least / max(used, 1e-3)))
        else:
            took.append(used / calls)
    return statistics.median(took)


class Operations(TorchDispatchMode):
    """Counts what torch is asked to compute; a new view of old numbers is not computed."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        returned = function._schema.returns
        self.count += not any(one.alias_info and not one.alias_info.is_write for one in returned)
        return function(*args, **(kwargs or {}))


def arithmetic(work: Callable[[], object]) -> dict:
    """Of one call: floating point operations of its products and convolutions, and operations of torch."""
    with FlopCounterMode(display=False) as flops, Operations() as operations:
        work()
    return {"flops": flops.get_total_flops(), "operations": operations.count}


# ---------------------------------------------------------------- the curves


def roofline(series: str, x: int | str) -> dict:
    if series == "copy":
        source, target = torch.rand(x), torch.empty(x)
        return {"bytes": 8 * x, "seconds": cpu_seconds(lambda: target.copy_(source))}
    if series in ("listing", "course"):
        build, *loops, _ = CONTESTS[x]
        run = loops[series == "course"](build())(torch.rand(2_560, 1, 28, 28), 10**6)

        def one_pass() -> int:
            return 1 + sum(not over for over in iter(run.__next__, True))

        steps = one_pass()
        return arithmetic(one_pass) | {"images": 2_560, "steps": steps, "seconds": cpu_seconds(one_pass, 1.0)}
    kind = getattr(torch, series.partition(", ")[2])
    if series.startswith("product"):
        a, b = torch.rand(2, x, x).to(kind)
        return {"flops": 2 * x**3, "bytes": 3 * x * x * kind.itemsize, "seconds": cpu_seconds(lambda: a @ b)}
    layer, shape = LAYERS[x][0]().to(kind), LAYERS[x][1]
    given = torch.rand(shape).to(kind)
    with torch.no_grad():
        numbers = given.numel() + layer(given).numel() + sum(one.numel() for one in layer.parameters())
        found = arithmetic(lambda: layer(given)) | {"bytes": numbers * kind.itemsize}
        return found | {"seconds": cpu_seconds(lambda: layer(given))}


def training(series: str, x: int) -> dict:
    network, axis = series.split(", ")
    if network == "DCGAN":
        game, batch = DCGAN(28, 1, width=x, latent_dim=64).apply(dcgan_init), torch.rand(64, 1, 28, 28)
        update, _ = gan_game(game, rates=(1e-3, 1e-3), steps=10**6)
    else:
        model = VAE(**{"codes": {"latent_dim": x}, "width": {"hidden_dim": x}, "images": {}}[axis])
        optimizer, batch = torch.optim.Adam(model.parameters(), 1e-3, fused=True), torch.rand(256, 1, 28, 28)

        def update(x):
            loss = course_vae_loss(model, x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    found = arithmetic(lambda: update(batch)) | {"images": len(batch)}
    if axis != "images":
        return found | {"seconds": cpu_seconds(lambda: update(batch), 0.5)}
    images = torch.rand(x, 1, 28, 28)

    def one_pass():
        for part in batches(images, 256, quiet=True):
            update(part)

    return found | {"images": x, "seconds": cpu_seconds(one_pass)}


def metrics(series: str, x: int) -> dict:
    words = [sys.executable, "-m", "course_utils.commands.bench_scores", series, "course", "--rounds", "1"]
    done = subprocess.run([*words, "-n", str(x)], check=True, capture_output=True, text=True, env=environment())
    return json.loads(done.stdout)


def environment() -> dict:
    """One thread each, and the course importable from wherever this one was started."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}


def cell(code: str, **about) -> str:
    return f"# %% nbgrader={json.dumps(about | {'schema_version': 3})}\n{code}\n\n\n"


ANSWER = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
TEST = 'from course_utils.checks import check\n\ncheck(double(3) == 6, "Twice three is six.")'
SMALL = cell(ANSWER, grade_id="answer", grade=False, locked=False, solution=True)
SMALL += cell(TEST, grade_id="answer-test", grade=True, locked=True, solution=False, points=1)


def grading(series: str, x: int) -> dict:
    """A class of `x` right answers, each with a line of its own: to an exercise of one check, or to exercise 02."""
    import jupytext
    import nbformat

    kind, how = series.split(", ")
    others = children()
    before = used_by_ended(others)
    with tempfile.TemporaryDirectory() as name, cluster() if how == "dask" else contextlib.nullcontext() as address:
        exercise, hand_in, out = (Path(name) / part for part in ("solutions/ex97_small.py", "in", "out"))
        if kind == "small":
            files.write(exercise, SMALL)
        elif (exercise := next((ROOT / "solutions").glob(f"{kind}_*.py"), None)) is None:
            raise CourseError(f"exercise {kind} is not here to be graded")
        notebook = jupytext.read(exercise)
        answer = next(one for one in notebook.cells if one.metadata.get("nbgrader", {}).get("solution"))
        right = answer.source
        hand_in.mkdir()
        for number in range(x):
            answer.source = f"{right}\n# {number}"
            nbformat.write(notebook, hand_in / f"s{number:05d}.ipynb")
        words = [sys.executable, "-m", "grader", "grade", str(exercise), str(hand_in), "--out", str(out)]
        words += ["--dask", address, "-j", "4"] if address else how.split()
        begun = time.perf_counter()
        done = subprocess.run(words, capture_output=True, text=True, env=environment())
        wall = time.perf_counter() - begun
        records = [json.loads(one.read_text(encoding="utf-8")) for one in out.glob("s*.json")]
    if done.returncode or [one["status"] for one in records] != ["graded"] * x:
        raise CourseError(done.stderr.strip()[-300:] or f"of {x} answers, not all were graded")
    return {"wall_seconds": wall, "seconds": used_by_ended(others) - before}


def children() -> set[int]:
    """The processes whose parent this one is; on Linux from now on also those whose own parent ends before them."""
    if sys.platform != "linux":
        return set()
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


def used_by_ended(others: set[int]) -> float:
    """CPU seconds of all processes that this one has started, and of those that they have, once all have ended."""
    import resource

    while left := children() - others:
        for one in left:
            os.waitpid(one, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """The address of a dask scheduler with two workers of one thread, for as long as it is needed."""
    if importlib.util.find_spec("distributed") is None:
        raise CourseError("dask is not installed: pip install distributed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    address, dask = f"tcp://127.0.0.1:{port}", [sys.executable, "-m", "dask"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    workers = ["worker", address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
    running = [subprocess.Popen([*dask, *words], env=environment(), **silent) for words in (scheduler, workers)]
    try:
        yield address
    finally:
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
