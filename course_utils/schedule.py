"""Device, schedule, seed and folders: the one place that reads the COURSE_* environment variables.

README.md has a table of them. A folder such as `results` counts from the top of the repository or, where only
`course_utils` is installed, from where the kernel was started.
"""

import contextlib
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from platformdirs import user_cache_path

from course_utils import CourseError

ROOT = Path(__file__).resolve().parents[1]  # of the repository, if there are chapters
DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts Google Drive


def _read(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = os.environ.get(name, "").strip().lower() or default
    if value not in allowed:
        raise CourseError(f"{name}={value!r} is not one of {', '.join(allowed)}: correct or unset it.")
    return value


def _folder(name: str) -> Path | None:
    value = os.environ.get(name, "").strip()
    try:
        return (ROOT if (ROOT / "notebooks").is_dir() else Path()) / Path(value).expanduser() if value else None
    except RuntimeError as error:
        raise CourseError(f"{name}={value!r} names the home of an unknown user: correct or unset it.") from error


def device() -> torch.device:
    """The device named by COURSE_DEVICE, or the fastest that torch finds (cuda, mps, cpu)."""
    found = ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    name = _read("COURSE_DEVICE", ("cuda", "mps", "cpu"), found[0])
    if name not in found:
        raise CourseError(f"COURSE_DEVICE={name}, but torch finds no such device: unset it to use {found[0]}.")
    return torch.device(name)


def schedule() -> str:
    """`short` (two CPU cores), `full` (the published settings, for a CUDA GPU), or `rehearsal` (full, in few steps)."""
    return _read("COURSE_SCHEDULE", ("short", "full", "rehearsal"), "full" if device().type == "cuda" else "short")


def choose(**settings: tuple) -> SimpleNamespace:
    """Turn a table such as `steps=(2000, 20_000), rate=(1e-3, 1e-4)`, short and full, into the present settings.

    In a rehearsal every full value whose name speaks of steps, passes or epochs is divided by 2,000.
    """

    def cut(value):
        return type(value)(map(cut, value)) if isinstance(value, tuple) else max(3, value // 2000)

    chosen = {name: pair[schedule() != "short"] for name, pair in settings.items()}
    if schedule() == "rehearsal":
        chosen |= {name: cut(value) for name, value in chosen.items() if re.search("steps|passes|epochs", name)}
    return SimpleNamespace(**chosen)


def seed() -> int:
    """COURSE_SEED, the number that every random draw of a chapter starts from (default 0)."""
    value = os.environ.get("COURSE_SEED", "").strip() or "0"
    if not value.isdecimal() or int(value) >= 2**32:  # NumPy's generators take no larger seed
        raise CourseError(f"COURSE_SEED={value!r} is not a whole number from 0 to {2**32 - 1}: correct or unset it.")
    return int(value)


def seed_everything(number: int | None = None) -> int:
    """Seed Python, NumPy and torch (every device) with `number`, by default COURSE_SEED; return it.

    A CPU then gives the same result, bit for bit; other machines and devices take sums in another order.
    """
    number = seed() if number is None else number
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - whatever still uses NumPy's global generator is covered, too
    torch.manual_seed(number)
    return number


@contextlib.contextmanager
def training_threads() -> Iterator[None]:
    """One thread in here, while the small networks of the short schedule train on a CPU; OMP_NUM_THREADS overrules it.

    Beside any other work a second thread costs such a training nearly everything, and alone it gains a third at most
    (CONTRIBUTING.md has figures); and sums are taken in the same order on two cores and on sixteen.
    """
    before = torch.get_num_threads()
    small = schedule() == "short" and device().type == "cpu" and "OMP_NUM_THREADS" not in os.environ
    torch.set_num_threads(1 if small else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def bfloat16_pays() -> bool:
    """Whether 16-bit arithmetic is faster here: on CUDA from Ampere on, on a CPU with AMX tiles (others convert)."""
    if device().type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device().type == "cpu" and getattr(torch.cpu, "_is_amx_tile_supported", bool)()


def autocast() -> torch.autocast:
    """Context for a forward pass: matrix products in bfloat16 where that pays, plain float32 elsewhere."""
    return torch.autocast(device().type, dtype=torch.bfloat16, enabled=bfloat16_pays())


@contextlib.contextmanager
def evaluating(*networks: torch.nn.Module) -> Iterator[None]:
    """Context for looking at networks: eval mode, no gradients, float32; afterwards every part is as it was."""
    modes = [(part, part.training) for network in networks for part in network.modules()]
    try:
        for network in networks:
            network.eval()
        with torch.no_grad(), torch.autocast("cpu", enabled=False), torch.autocast(device().type, enabled=False):
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def data_folder() -> Path | None:
    """Folder that holds the data sets in torchvision's layout; None means the embedded digits."""
    if os.environ.get("COURSE_DATA", "").strip().lower() == "embedded":
        return None
    return _folder("COURSE_DATA") or user_cache_path("course_utils") / "data"


def data_folder_was_named() -> bool:
    """Whether the reader set COURSE_DATA; what was asked for is not silently replaced."""
    return bool(os.environ.get("COURSE_DATA", "").strip())


def checkpoint_folder() -> Path:
    """Folder for checkpoints; on Colab with Drive mounted it is on Drive, which outlives the session."""
    default = DRIVE / "course_checkpoints" if DRIVE.is_dir() else user_cache_path("course_utils") / "checkpoints"
    return _folder("COURSE_CHECKPOINTS") or default


def results_folder() -> Path | None:
    """Folder for each chapter's `NN.json`, or None when COURSE_RESULTS is not set."""
    return _folder("COURSE_RESULTS")
