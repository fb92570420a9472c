"""Gets a data set from its mirrors into a folder, through torchvision: a good file or a clear sentence.

It is fetched into a temporary folder, checked there, and only then moved: nothing half-written is ever left behind.
"""

import contextlib
import io
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import NamedTuple

import filelock
from torchvision import datasets
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor
from torchvision.datasets.utils import check_integrity

from course_utils import CourseError

TIMEOUT = 20  # seconds without a byte before the next mirror is tried


class DataError(CourseError):
    """The data cannot be had; the message says why and what to do."""


class Source(NamedTuple):
    """A data set: its torchvision class, the folder and files it makes, and where they come from."""

    dataset: type
    folder: str  # below the data folder, as torchvision lays it out
    files: dict[str, str | None]  # file name -> MD5 of the unpacked file (None where torchvision checks it)
    mirrors: tuple[str, ...]


MNIST, FASHION, CIFAR = datasets.MNIST, datasets.FashionMNIST, datasets.CIFAR10
MNIST_FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
CIFAR_FILES = dict([*CIFAR.train_list, *CIFAR.test_list, (CIFAR.meta["filename"], CIFAR.meta["md5"])])
GOOGLE = "https://storage.googleapis.com/cvdf-datasets/mnist/"
ZALANDO = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
SOURCES = {
    "mnist": Source(MNIST, "MNIST/raw", MNIST_FILES, (*MNIST.mirrors, GOOGLE)),
    "fashion_mnist": Source(FASHION, "FashionMNIST/raw", dict.fromkeys(MNIST_FILES), (*FASHION.mirrors, ZALANDO)),
    "cifar10": Source(CIFAR, "cifar-10-batches-py", CIFAR_FILES, (CIFAR.url,)),
}


def fault(source: Source, folder: Path) -> str | None:
    """What is wrong with the files of `source` below `folder` (missing, truncated, altered); None if good."""
    for name, md5 in source.files.items():
        path = folder / source.folder / name
        if not path.is_file():
            return f"{name} is missing"
        if not (check_integrity(path, md5) if md5 else _idx_is_whole(path)):
            return f"{name} is truncated or altered"
    return None


def _idx_is_whole(path: Path) -> bool:
    """Whether an IDX file is exactly as long as its header says."""
    try:
        read_sn3_pascalvincent_tensor(str(path))
        return True
    except (ValueError, AssertionError, LookupError, RuntimeError, TypeError):  # whatever the header led it to
        return False


def _lookalikes(source: Source, folder: Path) -> str:
    """What lies in or below `folder` packed, under names with dots, or elsewhere, and where it should be."""
    for path in (path for depth in ("*", "*/*", "*/*/*") for path in sorted(folder.glob(depth))):
        name = path.name.replace(".", "-").removesuffix("-gz")
        if name in source.files and path != folder / source.folder / name:
            action = "unpack" if path.suffix == ".gz" else "move"
            there = path.relative_to(folder).as_posix()
            return f"; there is {there}: {action} it to {source.folder}/{name}, and the others likewise"
    return ""


def ensure(name: str, folder: Path) -> Path:
    """Make sure that data set `name` lies whole below `folder`, downloading it where it does not; where it lies.

    That is `folder`, or a folder near it, where somebody named `MNIST/raw` itself or packed everything once more. Two
    processes may call this at once: the second waits for the first and finds the files there.
    """
    source, before, lock = SOURCES[name], "it cannot be read", folder / f".{name}.lock"
    try:
        before = fault(source, folder)
        for near in (folder, *folder.parents[:2], *folder.glob("*/"), *folder.glob("*/*/")):
            if near.is_dir() and fault(source, near) is None:
                return near
        before += _lookalikes(source, folder)
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(lock):
            try:
                if fault(source, folder) is None or not (reasons := _bring(name, folder)):
                    return folder
            finally:
                lock.unlink(missing_ok=True)
        why = f"could not be downloaded ({'; '.join(reasons)})"
        remedy = "connect to the network once, or set COURSE_DATA=embedded to work with the digits that come along"
    except OSError as error:
        why = f"cannot be written there ({error.strerror or error})"
        remedy = "set COURSE_DATA to a folder with room that you may write to"
    raise DataError(f"{name} is not whole in the data folder {folder} ({before}) and {why}: {remedy}.")


def _bring(name: str, folder: Path) -> list[str]:
    """Download `name` into a temporary folder, and move its files to their places; else what each mirror answered."""
    source, reasons = SOURCES[name], []
    for left_over in folder.glob(f".{name}-*"):  # of a process that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as temporary:
        for mirror in source.mirrors:
            if reason := _fetch(source, mirror, Path(temporary)):
                reasons.append(f"{mirror.split('/')[2]}: {reason}")
                continue
            (folder / source.folder).mkdir(parents=True, exist_ok=True)
            for file in source.files:
                os.replace(Path(temporary) / source.folder / file, folder / source.folder / file)
            return []
    return reasons


def _fetch(source: Source, mirror: str, folder: Path) -> str | None:
    """Download from one mirror; None when the files in `folder` are good, else what is wrong."""
    address = {"url": mirror} if issubclass(source.dataset, CIFAR) else {"mirrors": [mirror]}
    dataset = type(source.dataset.__name__, (source.dataset,), address)  # the same, with one mirror
    old_timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # its progress bar goes to stderr and stays
            dataset(folder, download=True)
        return fault(source, folder)
    except Exception as error:  # whatever a hostile or broken mirror sends, the next one may do better
        if getattr(error, "errno", None) in (28, 27, 122):  # no space, file too large, quota: no mirror can help
            raise
        return (str(error).strip() or "no sensible answer").splitlines()[-1].rstrip(".")
    finally:
        socket.setdefaulttimeout(old_timeout)
