"""The training loop: batch, update, progress bar, history, checkpoint. What an update does, the chapter says."""

import math
import random
import time
from collections.abc import Callable

import numpy as np
import torch

from course_utils import CourseError, checkpoint, fingerprint, rehearsal, require, schedule
from course_utils.data import batches
from course_utils.data.images import progress

# The generators that an update may draw from: how their state is read, and set.
GENERATORS = {
    "torch": (torch.get_rng_state, torch.set_rng_state),
    "numpy": (np.random.get_state, np.random.set_state),  # the global one
    "python": (random.getstate, random.setstate),
}
if torch.cuda.is_available():
    GENERATORS["cuda"] = torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all


class Diary(dict):
    """A dictionary of numbers and tensors that goes into a checkpoint: put it in `state`, write to it in `watch`."""

    state_dict, load_state_dict = dict.copy, dict.update


@schedule.training_threads()
def train(
    update: Callable[..., dict[str, torch.Tensor]], images: torch.Tensor, *, steps: int, batch_size: int,
    labels: torch.Tensor | None = None, seed: int | None = None, name: str | None = None,
    state: dict[str, object] | None = None, checkpoint_every: int = 500,
    watch: Callable[[int], None] | None = None, watch_every: int = 0,
) -> dict[str, list[float]]:  # fmt: skip
    """Call `update(x)` (or `update(x, y)` where `labels` are given) on `steps` shuffled mini-batches.

    `update` changes the weights and returns the losses to remember, {"loss": scalar tensor, …}; the history of each,
    one float a step, comes back. `watch(step)` is called before the first step, after every `watch_every` steps and
    after the last: the place for a picture. A loss that is NaN ends the training.

    With a `name`, everything in `state` (models, optimizers, schedulers: whatever has a `state_dict`) is saved every
    `checkpoint_every` steps. A run that was cut off goes on from there and ends, on a CPU, with the very weights of a
    run that was not. A checkpoint of other settings, other data, another update or of anything else that the update
    uses, is set aside.
    """
    rehearsal.begin()
    require.training_data(images)
    state, seed = state or {}, schedule.seed() if seed is None else seed
    for key, thing in state.items():
        if not (hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")):
            remedy = "give networks, optimizers and schedules as they are, and put tensors and numbers into a Diary"
            raise CourseError(f"state[{key!r}] is {type(thing).__name__}, which has no state_dict to save: {remedy}.")
    history: dict[str, list] = {}
    path = schedule.checkpoint_folder() / f"{name}.pt" if name else None
    settings, digests = {"steps": steps, "batch_size": batch_size, "seed": seed, "images": images, "labels": labels}, {}
    run, start = fingerprint.parts(update, state, settings, digests) if path else {}, 0
    if path and path.exists():
        run, start = _resume(path, run, state, history)

    def save(step):
        now = fingerprint.parts(update, state, settings, digests)
        for part in [part for part, text in run.items() if now.get(part) != text]:
            del run[part]  # what changes during the run is no setting
        _save(path, run, state, history, step)

    watch = watch if watch_every else None
    if watch and start == 0:
        watch(0)
    begun = time.perf_counter()
    stream = batches(images, batch_size, labels=labels, steps=steps, start=start, seed=seed, quiet=True)
    bar = progress(stream, desc=name or "training", initial=start, total=steps)
    for step, batch in enumerate(bar, start=start + 1):
        losses = update(batch) if labels is None else update(*batch)
        for key, value in losses.items():
            history.setdefault(key, []).append(value.detach() if torch.is_tensor(value) else value)
        if step % 20 == 0:  # each look makes a GPU wait
            bar.set_postfix({key: f"{value:.4g}" for key, value in _last(history).items()}, refresh=False)
        if watch and (step % watch_every == 0 or step == steps):
            bar.clear()  # what `watch` prints begins a line
            watch(step)
        if path and step % checkpoint_every == 0 and step < steps:
            save(step)
    final = ", ".join(f"{key} {value:.4g}" for key, value in _last(history).items())
    if path and schedule.schedule() == "short":
        path.unlink(missing_ok=True)  # a minute's work: running the cell again trains again
    elif path and start < steps:
        save(steps)  # hours of work: running the cell again loads the result
    print(f"{steps - start:,} steps in {time.perf_counter() - begun:.0f} s; at the end: {final}")
    return _numbers(history)


def _numbers(history: dict[str, list]) -> dict[str, list[float]]:
    return {key: [float(value) for value in values] for key, values in history.items()}


def _last(history: dict[str, list]) -> dict[str, float]:
    """The last of each number in the history; none is NaN, or so would be the weights and everything that follows."""
    last = {key: float(values[-1]) for key, values in history.items()}
    if broken := next((key for key, value in last.items() if math.isnan(value)), None):
        step = list(map(math.isnan, _numbers(history)[broken])).index(True) + 1
        remedy = (
            "look for too large a learning rate, or log, sqrt or a division at 0; make networks and optimizers anew"
        )
        raise CourseError(f"{broken!r} is NaN, not a number, since step {step:,}, so the training stops: {remedy}.")
    return last


def _save(path, run: dict, state: dict, history: dict, step: int) -> None:
    _last(history)  # from NaN there is no going on
    whole = {"run": run, "step": step, "history": _numbers(history)}
    whole["random"] = {key: read() for key, (read, _) in GENERATORS.items()}
    checkpoint.save(path, whole | {"state": {key: thing.state_dict() for key, thing in state.items()}})


def _resume(path, run: dict, state: dict, history: dict) -> tuple[dict, int]:
    """Load the checkpoint at `path` into `state` and `history`; what the run is made of, and the steps already done."""
    try:
        saved = dict(checkpoint.load(path))
        other = [part for part, text in saved["run"].items() if run.get(part) != text]
        why = "belongs to other settings" if other else None
    except (checkpoint.CheckpointError, AttributeError, LookupError, TypeError, ValueError):
        why, other = "is damaged", []
    if why:
        aside = path.with_suffix(".old.pt")
        path.replace(aside)
        print(f"{path.name} {why} (now kept as {aside.name}): training starts afresh.", end="")
        print(f" Other than before: {', '.join(other[:3])}." if other else "")
        return run, 0
    for key, thing in state.items():
        thing.load_state_dict(saved["state"][key])
    history.update(saved["history"])
    for key in GENERATORS.keys() & saved["random"].keys():
        GENERATORS[key][1](saved["random"][key])
    unsure = {part for part, text in run.items() if text == fingerprint.UNKNOWN or part not in saved["run"]}
    unsure = sorted({part.split(".")[1] for part in unsure if part.startswith("update.")})
    hint = f"; not compared: {', '.join(unsure)}" if unsure else ""
    print(f"Resuming {path.stem} after step {saved['step']:,} (to start afresh, delete {path.name}{hint}).")
    return saved["run"], saved["step"]
