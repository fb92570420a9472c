"""The training loop: batch, update, progress bar, history, checkpoint. What an update does, the chapter says."""

import contextlib
import hashlib
import inspect
import time
from collections.abc import Callable
from types import SimpleNamespace

import torch
from tqdm import tqdm

from course_utils import checkpoint, rehearsal, schedule
from course_utils.data import batches

CHECKPOINT_EVERY = 500  # steps


class Diary(dict):
    """A dictionary of numbers and tensors that goes into a checkpoint: put it in `state`, write to it in `watch`."""

    def state_dict(self) -> dict:
        return dict(self)

    def load_state_dict(self, saved: dict) -> None:
        self.update(saved)


def train(
    update: Callable[..., dict[str, torch.Tensor]],
    images: torch.Tensor,
    *,
    steps: int,
    batch_size: int,
    labels: torch.Tensor | None = None,
    seed: int | None = None,
    watch: Callable[[int], None] | None = None,
    watch_every: int = 0,
    name: str | None = None,
    state: dict[str, object] | None = None,
    checkpoint_every: int = CHECKPOINT_EVERY,
) -> dict[str, list[float]]:
    """Call `update(x)` (or `update(x, y)` where `labels` are given) on `steps` shuffled mini-batches.

    `update` changes the weights and returns the losses to remember, {"loss": scalar tensor, …}; the history
    of each, one float a step, comes back. `watch(step)` is called before the first step, after every
    `watch_every` steps and after the last: the place for a picture.

    With a `name`, everything in `state` (models, optimizers, schedulers: whatever has a `state_dict`) is
    saved every `checkpoint_every` steps. A run that was cut off goes on from there and ends, on a CPU, with
    the very weights of a run that was not. A checkpoint of other settings or another update is set aside.
    """
    rehearsal.begin()
    seed = schedule.seed() if seed is None else seed
    state = state or {}
    history: dict[str, list] = {}
    path = schedule.checkpoint_folder() / f"{name}.pt" if name else None
    identity = _identity(update, images, state, steps=steps, batch_size=batch_size, seed=seed)
    start = _resume(path, identity, state, history) if path else 0

    watch = watch if watch_every else None
    if watch and start == 0:
        watch(0)
    begun = time.perf_counter()
    stream = batches(images, batch_size, labels=labels, steps=steps, start=start, seed=seed)
    # A bar of its own line; it disappears at the end. TQDM_DISABLE=1 hides it.
    bar = tqdm(stream, desc=name or "training", initial=start, total=steps, leave=False, ncols=90, mininterval=0.3)
    for step, batch in enumerate(bar, start=start + 1):
        losses = update(batch) if labels is None else update(*batch)
        for key, value in losses.items():
            history.setdefault(key, []).append(value.detach() if torch.is_tensor(value) else value)
        if step % 20 == 0:
            bar.set_postfix({key: f"{float(values[-1]):.4g}" for key, values in history.items()}, refresh=False)
        if watch and (step % watch_every == 0 or step == steps):
            watch(step)
        if path and step % checkpoint_every == 0 and step < steps:
            _save(path, identity, state, history, step)
    history = {key: [float(value) for value in values] for key, values in history.items()}
    if path and schedule.schedule() != "short" and start < steps:
        _save(path, identity, state, history, steps)  # hours of work: running the cell again loads the result
    elif path and schedule.schedule() == "short":
        path.unlink(missing_ok=True)  # a minute's work: running the cell again trains again
    final = ", ".join(f"{key} {values[-1]:.4g}" for key, values in history.items() if values)
    print(f"{steps - start:,} steps in {time.perf_counter() - begun:.0f} s; at the end: {final}")
    return history


def _identity(update: Callable, images: torch.Tensor, state: dict, **settings) -> str:
    """Fingerprint of what a run is: its code, its settings, its data and the shape of its state.

    A checkpoint with another fingerprint belongs to another experiment and must not be continued.
    """
    used = inspect.getclosurevars(update) if inspect.isfunction(update) else None
    plain = (int, float, str, bool, tuple, SimpleNamespace)
    names = {**used.globals, **used.nonlocals} if used else {}
    values = {name: repr(value) for name, value in sorted(names.items()) if isinstance(value, plain)}
    parts = [settings, {name: value for name, value in values.items() if " at 0x" not in value}]  # no addresses
    with contextlib.suppress(OSError, TypeError):  # typed at a prompt: there is no source to compare
        parts.append(inspect.getsource(update))
    parts += [tuple(images.shape), float(images[:100].cpu().double().sum())]
    for key, thing in sorted(state.items()):
        parts.append((key, type(thing).__name__))
        if isinstance(thing, torch.nn.Module):
            parts.append([repr(thing), [(n, tuple(p.shape)) for n, p in thing.state_dict().items()]])
        elif isinstance(thing, torch.optim.Optimizer):
            for group in thing.param_groups:  # a scheduler moves "lr", so take the one it started from
                fixed = {k: v for k, v in group.items() if k not in ("params", "lr", "initial_lr")}
                parts.append([fixed, group.get("initial_lr", group["lr"])])
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _save(path, identity: str, state: dict, history: dict, step: int) -> None:
    checkpoint.save(
        path,
        {
            "identity": identity,
            "step": step,
            "history": {key: [float(value) for value in values] for key, values in history.items()},
            "state": {key: thing.state_dict() for key, thing in state.items()},
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        },
    )


def _resume(path, identity: str, state: dict, history: dict) -> int:
    """Load the checkpoint at `path` into `state` and `history`; the number of steps already done, or 0."""
    if not path.exists():
        return 0
    try:
        saved = checkpoint.load(path)
        why = None if saved.get("identity") == identity else "belongs to other settings"
    except (checkpoint.CheckpointError, AttributeError):
        why = "is damaged"
    if why:
        aside = path.with_suffix(".old.pt")
        path.replace(aside)
        print(f"{path.name} {why} (now kept as {aside.name}): training starts afresh.")
        return 0
    for key, thing in state.items():
        thing.load_state_dict(saved["state"][key])
    history.update(saved["history"])
    torch.set_rng_state(saved["random"])
    if saved["random_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(saved["random_cuda"])
    print(f"Resuming {path.stem} after step {saved['step']:,} (to start afresh, delete {path.name}).")
    return saved["step"]
