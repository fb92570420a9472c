"""Images as one tensor on the device, and `batches`, the loop that every chapter reads.

MNIST takes 188 MB as float32 and fits on every device: no DataLoader, no worker processes; shuffling is one index.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from tqdm import tqdm

from course_utils import schedule
from course_utils.data import download
from course_utils.data.download import DataError
from course_utils.data.offline import embedded_digits


class Images(NamedTuple):
    """A data set. Images are float32 in [0, 1], shape (n, channels, height, width); labels int64, (n,)."""

    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor
    source: str  # mnist, fashion_mnist, cifar10 or embedded


def load_images(name: str = "mnist") -> Images:
    """Load `mnist`, `fashion_mnist` or `cifar10` (downloading it once) onto the device.

    Without a network, MNIST is replaced by the embedded digits, and one line says so. A COURSE_DATA folder that you
    named yourself is never replaced: if it does not hold the data and cannot get it, a DataError says why.
    """
    if name not in download.SOURCES:
        raise DataError(f"There is no data set {name!r}: choose one of {', '.join(download.SOURCES)}.")
    folder, why = schedule.data_folder(), ""
    try:
        if folder is None and name != "mnist":
            raise DataError(f"{name} is not embedded: unset COURSE_DATA and connect to the network once.")
        folder = folder and download.ensure(name, folder)
    except DataError as error:
        if name != "mnist" and schedule.schedule() == "rehearsal":
            return _random(name)
        if name != "mnist" or schedule.data_folder_was_named():
            raise
        folder, why = None, f" ({str(error).rstrip('.')})"
    if folder is None:
        why = f"not MNIST but the embedded digits, scikit-learn's real scans enlarged{why}"
        return _told(embedded_digits(), "embedded", why)
    # torchvision would prefer files in its layout of years ago, where they exist; nothing has checked those.
    true = download.SOURCES[name].dataset
    checked = type(true.__name__, (true,), {"_check_legacy_exist": lambda self: False})
    parts = []
    for train in (True, False):
        dataset = checked(folder, train=train)
        pixels = torch.as_tensor(dataset.data)
        pixels = pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)  # to (n, c, h, w)
        parts += [pixels.float() / 255, torch.as_tensor(dataset.targets)]
    return _told(parts, name, name)


def _random(name: str) -> Images:
    shape = (3, 32, 32) if name == "cifar10" else (1, 28, 28)
    parts = [part for n in (2000, 500) for part in (torch.rand(n, *shape), torch.randint(10, (n,)))]
    return _told(parts, name, f"noise in the shape of {name}, for a rehearsal")


def _told(parts: Iterable[torch.Tensor], source: str, words: str) -> Images:
    """The data set on the device; one line says what it is."""
    images = Images(*(part.to(schedule.device()).contiguous() for part in parts), source)
    print(f"Data: {words}, {len(images.train):,} training and {len(images.test):,} test images.")
    return images


def progress(steps: Iterable, **options) -> tqdm:
    """A bar that disappears at the end. On stdout: Jupyter shows stderr in red, as if something had gone wrong."""
    return tqdm(steps, leave=False, ncols=90, mininterval=0.3, file=sys.stdout, **options)


def batches(
    images: torch.Tensor, batch_size: int, *, labels: torch.Tensor | None = None, steps: int | None = None,
    start: int = 0, seed: int = 0, quiet: bool = False,
) -> Iterator[torch.Tensor] | Iterator[tuple[torch.Tensor, torch.Tensor]]:  # fmt: skip
    """Yield shuffled mini-batches (batch_size, …), or pairs with their labels where `labels` are given.

    By default one pass over the images; with `steps`, exactly that many batches, reshuffled at every pass. All batches
    have the same size: the few images left over at the end of a pass wait for the next one. The order depends on `seed`
    and the batch's number alone, so a run resumed at `start` sees what it would have. A loop that takes more than three
    seconds shows how far it is, unless `quiet`; TQDM_DISABLE=1 hides that.
    """
    per_pass = len(images) // batch_size if batch_size > 0 else 0
    if per_pass == 0:
        raise ValueError(f"batch_size={batch_size} does not fit {len(images)} images: take 1 to {len(images)}.")
    order, shuffled_for = None, None
    numbers = range(start, per_pass if steps is None else steps)
    for step in numbers if quiet else progress(numbers, delay=3):
        epoch, position = divmod(step, per_pass)
        if shuffled_for != epoch:
            generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
            order, shuffled_for = torch.randperm(len(images), generator=generator).to(images.device), epoch
        index = order[position * batch_size : (position + 1) * batch_size]
        yield images[index] if labels is None else (images[index], labels[index])
