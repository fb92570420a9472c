"""Checkpoints and the training loop: a run that was killed ends with the very weights of one that was not."""

import contextlib
import io
import itertools
import math
import multiprocessing
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from course_utils import CourseError, checkpoint
from course_utils.checkpoint import CheckpointError
from course_utils.training import Diary, train

# A real process for each kill. "forkserver" imports torch once for all; Windows has only "spawn".
processes = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
if sys.platform != "win32":
    processes.set_forkserver_preload(["course_utils.training"])
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has no SIGKILL; there SIGTERM cannot be caught either

ROOT = Path(__file__).resolve().parents[2]
STEPS, BATCH = 40, 8


class Experiment(NamedTuple):
    images: torch.Tensor
    update: Callable
    state: dict
    calls: list  # the batches that `update` saw
    at: dict  # what happens at which call


def stop():
    raise KeyboardInterrupt


def die():
    os.kill(os.getpid(), KILL)


def experiment(lr: float = 0.05, width: int = 4) -> Experiment:
    """A small model with everything that a checkpoint must hold: noise, momenta, a schedule, running means.

    `at` may hold a function for a call of `update`: at[5] = die kills the process inside call number 5.
    """
    torch.manual_seed(3)
    images = torch.rand(50, 6)
    model = torch.nn.Sequential(torch.nn.Linear(6, width), torch.nn.BatchNorm1d(width), torch.nn.Linear(width, 6))
    optimizer = torch.optim.Adam(model.parameters(), lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 7, gamma=0.8)
    calls, at = [], {}

    def update(x):
        calls.append(x)
        noise = torch.randn_like(x)  # as in a VAE: the state of the random numbers matters
        loss = (model(x + 0.1 * noise) - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        at.pop(len(calls), int)()
        optimizer.step()
        scheduler.step()
        return {"loss": loss, "noise": noise.mean()}

    state = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    return Experiment(images, update, state, calls, at)


def run(these: Experiment, **settings) -> dict[str, list[float]]:
    settings = {"steps": STEPS, "batch_size": BATCH, "seed": 5, "name": "run"} | settings
    return train(settings.pop("update", these.update), these.images, state=these.state, **settings)


def outcome(these: Experiment, history: dict) -> dict:
    """All that must be equal in the end."""
    return {
        "state": {key: thing.state_dict() for key, thing in these.state.items()},
        "history": history,
        "random": torch.get_rng_state(),
    }


def assert_equal(a, b, where="outcome"):
    """Equal bit for bit, however deeply nested."""
    if torch.is_tensor(a):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_equal(a[key], b[key], f"{where}[{key!r}]")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_equal(x, y, f"{where}[{i}]")
    else:
        assert a == b, where


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("COURSE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setenv("COURSE_SCHEDULE", "short")
    return tmp_path / "checkpoints"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    # With another number of threads sums are taken in another order, and the last bits differ.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def uninterrupted(one_thread) -> dict:
    these = experiment()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DEVICE", "cpu")
        patch.setenv("COURSE_SCHEDULE", "short")
        return outcome(these, run(these, name=None))


def interrupt(at_step: int, checkpoint_every: int = 3, **settings) -> None:
    """A run that the reader stops during `at_step`."""
    these = experiment()
    these.at[at_step] = stop
    with pytest.raises(KeyboardInterrupt):
        run(these, checkpoint_every=checkpoint_every, **settings)


# ---------------------------------------------------------------- one checkpoint


def test_what_is_saved_is_loaded(tmp_path):
    state = {"step": 3, "name": "x", "list": [1.5, None, True], "weights": {"w": torch.randn(3, 4)}}
    checkpoint.save(tmp_path / "new" / "a.pt", state)
    assert_equal(checkpoint.load(tmp_path / "new" / "a.pt"), state)
    assert os.listdir(tmp_path / "new") == ["a.pt"]


class Unpicklable:
    def __reduce__(self):
        raise RuntimeError("half way")


@pytest.fixture
def old(tmp_path) -> Path:
    """A good checkpoint, which a failing save must not touch."""
    path = tmp_path / "a.pt"
    checkpoint.save(path, {"step": 1})
    return path


def assert_untouched(old: Path):
    assert checkpoint.load(old) == {"step": 1}
    assert os.listdir(old.parent) == [old.name]


def test_an_error_in_the_middle_of_saving_leaves_the_old_file(old):
    with pytest.raises(CheckpointError, match="COURSE_CHECKPOINTS"):
        checkpoint.save(old, {"big": torch.zeros(100_000), "bad": Unpicklable()})
    assert_untouched(old)


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_at_the_end_of_saving_leaves_the_old_file(function, error, old, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(CheckpointError if isinstance(error, OSError) else KeyboardInterrupt):
        checkpoint.save(old, {"step": 2})
    monkeypatch.undo()
    assert_untouched(old)


def save_with_little_room(path, pipe):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        checkpoint.save(path, {"big": torch.zeros(100_000)})
        pipe.send("no error")
    except CheckpointError as error:
        pipe.send(str(error))


def test_no_more_room(old):
    pytest.importorskip("resource", reason="limits on the size of files are a POSIX matter")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=save_with_little_room, args=(old, theirs))
    process.start()
    theirs.close()
    message = ours.recv()
    process.join()
    assert message.startswith(f"The checkpoint {old} cannot be written")
    assert "\n" not in message
    assert_untouched(old)


def test_leftovers_of_killed_processes_go(old):
    ancient, young = old.with_name(".a.pt-ancient"), old.with_name(".a.pt-young")
    for path in (ancient, young, old.with_name(".b.pt-ancient")):
        path.write_bytes(b"half a checkpoint")
    two_hours_ago = time.time() - 7200
    os.utime(ancient, (two_hours_ago, two_hours_ago))
    checkpoint.save(old, {"step": 2})
    assert sorted(os.listdir(old.parent)) == [".a.pt-young", ".b.pt-ancient", "a.pt"]


DAMAGE = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "HTML": lambda data: b"<html>not found</html>",
    "altered": lambda data: data[:200] + bytes(100) + data[300:],
    "a list": lambda data: saved([1, 2]),
    "a tensor": lambda data: saved(torch.zeros(3)),
    "no identity": lambda data: saved({"step": 1}),
}


def saved(thing) -> bytes:
    file = io.BytesIO()
    torch.save(thing, file)
    return file.getvalue()


@pytest.mark.parametrize("damage", ["empty", "truncated", "HTML", "altered"])
def test_a_damaged_checkpoint_is_named(damage, old):
    old.write_bytes(DAMAGE[damage](old.read_bytes()))
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(old)
    assert "\n" not in str(caught.value)
    assert str(old) in str(caught.value)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        checkpoint.load(tmp_path / "a.pt")


class Attack:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("pack", [saved, lambda thing: pickle.dumps(thing, 2)], ids=["torch.save", "pickle"])
def test_a_doctored_checkpoint_runs_no_code(pack, folder, tmp_path):
    marker = str(tmp_path / "attacked")
    folder.mkdir()
    (folder / "run.pt").write_bytes(pack({"identity": "x", "state": Attack(marker)}))
    with pytest.raises(CheckpointError, match="more than plain data"):
        checkpoint.load(folder / "run.pt")
    these = experiment()
    run(these)
    assert len(these.calls) == STEPS
    assert not os.path.exists(marker)
    pickle.loads(pickle.dumps(Attack(marker)))  # read carelessly, the same object does run code
    assert os.path.exists(marker)


# ---------------------------------------------------------------- resuming


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_set_aside(damage, folder, uninterrupted, capsys):
    interrupt(at_step=20)
    path = folder / "run.pt"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    bad = path.read_bytes()
    these = experiment()
    assert_equal(outcome(these, run(these)), uninterrupted)
    assert len(these.calls) == STEPS
    assert (folder / "run.old.pt").read_bytes() == bad
    assert re.search(r"run.pt (is damaged|belongs to .*) \(now kept as run.old.pt\)", capsys.readouterr().out)


@pytest.mark.parametrize(("at_step", "every", "left"), [(1, 3, 40), (3, 3, 40), (4, 3, 37), (20, 1, 21), (40, 39, 1)])
def test_a_stopped_run_goes_on(at_step, every, left, folder, uninterrupted, capsys):
    interrupt(at_step, every)
    these = experiment()
    if left < STEPS:
        torch.manual_seed(99)  # another cell may have drawn numbers meanwhile
    assert_equal(outcome(these, run(these)), uninterrupted)
    assert len(these.calls) == left
    assert ("Resuming run after step" in capsys.readouterr().out) == (left < 40)
    assert list(folder.glob("*")) == []  # the short schedule clears up after itself
    these = experiment()
    run(these)
    assert len(these.calls) == STEPS  # … so that running the cell again trains again


def test_running_the_cell_again_with_the_same_objects_goes_on(uninterrupted):
    # As in a notebook: stop the training cell, run that cell alone again. The weights have moved on meanwhile.
    these = experiment()
    these.at[26] = stop
    with pytest.raises(KeyboardInterrupt):
        run(these, checkpoint_every=10)
    assert_equal(outcome(these, run(these)), uninterrupted)
    assert len(these.calls) == 26 + 20


def test_the_full_schedule_keeps_the_result(monkeypatch, folder, uninterrupted):
    monkeypatch.setenv("COURSE_SCHEDULE", "full")
    these = experiment()
    run(these, checkpoint_every=7)
    again = experiment()
    history = run(again)
    assert again.calls == []
    assert_equal(outcome(again, history), uninterrupted)
    assert os.listdir(folder) == ["run.pt"]


def test_without_a_name_nothing_is_written(folder):
    run(experiment(), name=None, checkpoint_every=1)
    assert not folder.exists()


factor = 0.5


def scaled(these: Experiment) -> Callable:
    """Another update, which uses a number from outside."""

    def update(x):
        return these.update(x * factor)

    return update


OTHER = {
    "steps": lambda: (experiment(), {"steps": STEPS + 1}),
    "batch size": lambda: (experiment(), {"batch_size": BATCH + 1}),
    "seed": lambda: (experiment(), {"seed": 6}),
    "learning rate": lambda: (experiment(lr=0.051), {}),
    "model": lambda: (experiment(width=5), {}),
    "code": lambda: ((these := experiment()), {"update": scaled(these)}),
}


@pytest.mark.parametrize("what", OTHER)
def test_other_settings_start_afresh(what, folder, capsys):
    interrupt(at_step=20)
    before = (folder / "run.pt").read_bytes()
    these, settings = OTHER[what]()
    run(these, **settings)
    assert len(these.calls) == settings.get("steps", STEPS)
    assert (folder / "run.old.pt").read_bytes() == before
    assert "belongs to other settings (now kept as run.old.pt)" in capsys.readouterr().out


def test_other_data_start_afresh(folder):
    interrupt(at_step=20)
    these = experiment()
    these = these._replace(images=these.images + 0.01)
    run(these)
    assert len(these.calls) == STEPS


def test_a_number_that_the_update_uses_is_a_setting(monkeypatch, folder):
    def last_checkpoint_of_ten_steps():
        these = experiment()
        these.at[11] = stop
        with pytest.raises(KeyboardInterrupt):
            run(these, update=scaled(these), checkpoint_every=4)
        return checkpoint.load(folder / "run.pt")["step"]

    assert last_checkpoint_of_ten_steps() == 8
    assert last_checkpoint_of_ten_steps() == 16  # 8 + 10, and 16 is the last multiple of 4
    monkeypatch.setattr(sys.modules[__name__], "factor", 0.6)
    assert last_checkpoint_of_ten_steps() == 8


def test_what_is_no_setting_does_not_start_afresh():
    interrupt(at_step=20)
    these = experiment()
    run(these, checkpoint_every=1, watch=print, watch_every=5)
    assert len(these.calls) == STEPS - 18


def test_the_line_says_what_was_not_compared(capsys):
    interrupt(at_step=20)
    run(experiment())
    assert "delete run.pt; not compared: at, calls)" in capsys.readouterr().out


def test_the_line_says_what_is_other_than_before(capsys):
    interrupt(at_step=20)
    run(experiment(lr=0.051), seed=6)
    said = capsys.readouterr().out
    assert "training starts afresh. Other than before: seed, optimizer.defaults.lr" in said


@pytest.mark.parametrize("at_step", [9, 12, 20])
def test_a_rate_that_falls_now_and_then_is_no_other_setting(at_step, uninterrupted):
    """The schedule moves the rate after steps 7 and 14. Nothing of it may look like a change, in whatever kernel."""
    these = experiment()
    these.at[at_step] = stop
    with pytest.raises(KeyboardInterrupt):
        run(these, checkpoint_every=6)
    these.at[at_step + 1] = stop  # the same objects, whose numbers have moved on, …
    with pytest.raises(KeyboardInterrupt):
        run(these, checkpoint_every=1)
    fresh = experiment()  # … and new ones
    assert_equal(outcome(fresh, run(fresh)), uninterrupted)
    assert len(fresh.calls) < STEPS


# ---------------------------------------------------------------- what is saved can be loaded


@pytest.mark.parametrize(
    ("value", "comes_back"),
    [
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([1.0, 2.0]), torch.tensor([1.0, 2.0], dtype=torch.float64)),
        ([(np.int32(1), np.float64(2)), {"a": np.array([3])}], [(1, 2.0), {"a": torch.tensor([3])}]),
    ],
)
def test_numpy_in_a_diary_is_saved_so_that_it_can_be_loaded(value, comes_back, capsys):
    def attempt(stop_at):
        these, diary = experiment(), Diary()
        these.state["diary"] = diary
        these.at[stop_at] = stop
        run(these, watch=lambda step: diary.setdefault(f"at {step}", value), watch_every=5, checkpoint_every=10)
        return diary

    with pytest.raises(KeyboardInterrupt):
        attempt(20)
    diary = attempt(STEPS + 1)
    assert "Resuming run after step 10" in capsys.readouterr().out
    assert_equal(diary["at 5"], comes_back)
    assert type(diary["at 5"]) is type(comes_back)


def test_a_learning_rate_of_numpy_is_saved_so_that_it_can_be_loaded(uninterrupted):
    these = experiment(lr=np.float64(0.05))
    these.at[20] = stop
    with pytest.raises(KeyboardInterrupt):
        run(these, checkpoint_every=3)
    these = experiment(lr=np.float64(0.05))
    run(these)
    assert len(these.calls) == STEPS - 18


class Pair(NamedTuple):
    left: float
    right: float


@pytest.mark.parametrize("value", [Pair(1.0, 2.0), Path("x"), SimpleNamespace(a=1), lambda: 1, Unpicklable()])
def test_what_could_not_be_loaded_stops_at_the_first_save_by_name(value, folder):
    these, diary = experiment(), Diary(fine=[1.0])
    these.state["diary"] = diary
    with pytest.raises(CheckpointError) as caught:
        run(these, watch=lambda step: diary.setdefault(step, [0, value]), watch_every=5, checkpoint_every=10)
    assert len(these.calls) == 10
    assert "state['state']['diary'][0][1], a " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(folder.glob("*")) == []


@pytest.mark.parametrize("thing", [torch.zeros(3), 1.5, {"a": 1}, None, torch.nn.Parameter(torch.zeros(2))])
def test_what_has_no_state_stops_at_once(thing):
    these = experiment()
    these.state["codes"] = thing
    with pytest.raises(CourseError, match=r"state\['codes'\] is .* into a Diary\.$"):
        run(these)
    assert these.calls == []


def test_other_generators_go_on_where_they_were(folder):
    """An update may draw from NumPy's and Python's global generators."""

    images, cut = torch.rand(20, 2), []

    def attempt():
        drawn = []

        def update(x):
            if len(drawn) == 6 and cut:
                raise cut.pop()
            drawn.append((random.random(), np.random.rand()))  # noqa: NPY002
            return {"a": drawn[-1][0], "b": drawn[-1][1]}

        return train(update, images, steps=12, batch_size=5, seed=0, name="run", checkpoint_every=4)

    random.seed(1), np.random.seed(1)  # noqa: NPY002
    whole = attempt()
    random.seed(1), np.random.seed(1)  # noqa: NPY002
    cut.append(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        attempt()
    random.seed(2), np.random.seed(2)  # noqa: NPY002
    assert attempt() == whole


# ---------------------------------------------------------------- NaN


@pytest.mark.parametrize(("first", "steps", "stops_at"), [(3, 100, 20), (21, 100, 40), (95, 99, 99), (2, 5, 5)])
def test_a_nan_stops_the_training(first, steps, stops_at):
    calls = []

    def update(x):
        calls.append(1)
        return {"fine": torch.tensor(1.0), "KL": torch.tensor(math.nan if len(calls) >= first else 1.0)}

    with pytest.raises(CourseError, match=f"'KL' is NaN, not a number, since step {first}, .* learning rate") as caught:
        train(update, torch.rand(9, 2), steps=steps, batch_size=3)
    assert len(calls) == stops_at
    assert "\n" not in str(caught.value)


def test_nan_is_never_saved(folder):
    def update(x):
        return {"loss": math.nan}

    with pytest.raises(CourseError, match="since step 1"):
        train(update, torch.rand(9, 2), steps=9, batch_size=3, name="run", checkpoint_every=2)
    assert list(folder.glob("*")) == []


def test_a_number_that_is_missing_now_and_then_stops_nothing():
    numbers = iter([1.0, math.nan] * 50 + [1.0])
    assert len(train(lambda x: {"a": next(numbers)}, torch.rand(9, 2), steps=19, batch_size=3)["a"]) == 19


def test_an_infinite_number_stops_nothing():
    assert train(lambda x: {"a": math.inf}, torch.rand(9, 2), steps=30, batch_size=3) == {"a": [math.inf] * 30}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_data_that_hold_nan_are_refused(bad):
    with pytest.raises(CourseError, match="training data hold NaN or infinity"):
        train(lambda x: {}, torch.tensor([1.0, bad, 2.0]), steps=2, batch_size=1)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.rand(9, 1, 8, 8), ""),
        (torch.rand(9, 2), ""),
        (torch.rand(9, 1, 8, 8) * 2 - 1, "(x + 1) / 2"),
        (torch.rand(9, 1, 8, 8) * 255, "x / 255"),
        ((torch.rand(9, 1, 8, 8) * 255).byte(), "x.float() / 255"),
        (torch.rand(9, 8, 8), "x[:, None]"),
    ],
)
def test_pictures_of_another_kind_are_trained_on_with_a_note(images, words, capsys):
    train(lambda x: {}, images, steps=2, batch_size=3)
    said = capsys.readouterr().out
    assert words in said
    assert ("Note: Pictures" in said) == bool(words)


# ---------------------------------------------------------------- the loop


@pytest.mark.parametrize(
    ("environment", "inside"),
    [({}, 1), ({"OMP_NUM_THREADS": "3"}, 3), ({"COURSE_SCHEDULE": "full"}, 3)],
    ids=["by default", "as wished", "full schedule"],
)
@pytest.mark.parametrize("fails", [False, True])
def test_small_networks_train_on_one_thread(environment, inside, fails, monkeypatch, folder):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    seen, before = [], torch.get_num_threads()

    def update(x):
        seen.append(torch.get_num_threads())
        return {"loss": math.nan if fails else 1.0}

    torch.set_num_threads(3)
    try:
        with contextlib.suppress(CourseError):
            train(update, torch.rand(9, 2), steps=2, batch_size=3)
        assert seen == [inside] * 2
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_history_is_what_the_updates_returned():
    losses = iter(torch.arange(1.0, 100))
    history = train(lambda x: {"a": next(losses), "b": 2}, torch.rand(9, 2), steps=5, batch_size=3)
    assert history == {"a": [1, 2, 3, 4, 5], "b": [2] * 5}
    assert all(type(value) is float for values in history.values() for value in values)


@pytest.mark.parametrize(
    ("every", "steps", "expected"),
    [(3, 10, [0, 3, 6, 9, 10]), (5, 10, [0, 5, 10]), (20, 10, [0, 10]), (0, 10, []), (1, 2, [0, 1, 2])],
)
def test_watch_is_called(every, steps, expected):
    updates, watched = [], []

    def watch(step):
        assert len(updates) == step  # after that many updates
        watched.append(step)

    def update(x):
        updates.append(x)
        return {}

    train(update, torch.rand(9, 2), steps=steps, batch_size=3, watch=watch, watch_every=every)
    assert watched == expected


def test_watch_goes_on_where_the_run_does():
    watched = []
    interrupt(at_step=20, watch=watched.append, watch_every=5)
    run(experiment(), watch=watched.append, watch_every=5)
    assert watched == [0, 5, 10, 15, 20, 25, 30, 35, 40]


@pytest.mark.parametrize("schedule", ["short", "full"])
def test_a_diary_survives_with_the_checkpoint(schedule, monkeypatch):
    """What `watch` wrote before the run was stopped is there afterwards, also if nothing is left to train."""
    monkeypatch.setenv("COURSE_SCHEDULE", schedule)

    def with_diary():
        these, diary = experiment(), Diary()
        these.state["diary"] = diary
        return these, lambda step: diary.__setitem__(step, torch.full((2,), float(step))), diary

    these, watch, _ = with_diary()
    these.at[20] = stop
    with pytest.raises(KeyboardInterrupt):
        run(these, watch=watch, watch_every=5, checkpoint_every=10)
    for _ in range(2 if schedule == "full" else 1):  # on the full schedule the second run finds all steps done
        these, watch, diary = with_diary()
        run(these, watch=watch, watch_every=5, checkpoint_every=10)
        assert list(diary) == [0, 5, 10, 15, 20, 25, 30, 35, 40]
        assert all(torch.equal(value, torch.full((2,), float(step))) for step, value in diary.items())


def seen(**settings) -> list[float]:
    """The images, each only its own number, in the order in which updates see them."""
    order = []
    train(lambda x: order.extend(x.tolist()) or {}, torch.arange(20.0), steps=8, batch_size=5, **settings)
    return order


def test_the_seed_orders_the_batches(monkeypatch):
    assert sorted(seen()[:20]) == sorted(seen()[20:]) == list(range(20))
    assert seen() == seen(seed=0)
    assert seen(seed=1) != seen(seed=0)
    monkeypatch.setenv("COURSE_SEED", "1")
    assert seen() == seen(seed=1)
    assert seen(seed=0) != seen()


def test_labels_come_with_their_images():
    images = torch.arange(20.0)
    pairs = []
    train(lambda x, y: pairs.append((x, y)) or {}, images, steps=6, batch_size=5, labels=images.long() * 3)
    assert len(pairs) == 6
    assert all(torch.equal(3 * x.long(), y) for x, y in pairs)


# ---------------------------------------------------------------- real processes, really killed


def work(folder: str, out: str, every: int, die_at: int | None = None, die_in: str | None = None):
    """What the processes below do: the experiment, from wherever a checkpoint left it.

    It is killed inside `update` at call `die_at`, or during the third checkpoint: in the middle of writing it
    (`die_in="write"`), before it is forced to disk, before it is renamed or just after.
    """
    torch.set_num_threads(1)
    os.environ |= {"COURSE_CHECKPOINTS": folder, "COURSE_DEVICE": "cpu", "COURSE_SCHEDULE": "short"}
    os.environ.pop("COURSE_SEED", None)
    os.fsync = lambda _: None  # slow on a busy disk, and only a power cut could tell the difference
    if die_in:
        times = itertools.count(1)

        def killed_in(function, before):
            def instead(*args):
                if next(times) == 3:
                    before(*args)
                    os.kill(os.getpid(), KILL)
                return function(*args)

            return instead

        if die_in == "write":
            os.fdopen = killed_in(os.fdopen, lambda handle, mode: os.write(handle, b"half"))
        elif die_in == "fsync":
            os.fsync = killed_in(os.fsync, lambda _: None)
        elif die_in == "before replace":
            os.replace = killed_in(os.replace, lambda *_: None)
        elif die_in == "after replace":
            os.replace = killed_in(os.replace, os.replace)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        these = experiment()
        these.at[die_at] = die
        history = run(these, checkpoint_every=every)
    torch.save({**outcome(these, history), "calls": len(these.calls)}, out)


def start(*args, **more):
    process = processes.Process(target=work, args=args, kwargs=more)
    process.start()
    return process


def finish(folder: Path, every: int) -> dict:
    out = f"{folder}.out"
    process = start(str(folder), out, every)
    process.join()
    assert process.exitcode == 0
    return torch.load(out, weights_only=True)


def assert_killed(process):
    process.join()
    assert process.exitcode not in (0, 1)  # 1 is an exception
    if sys.platform != "win32":
        assert process.exitcode == -signal.SIGKILL


@pytest.mark.thorough
def test_killed_at_random_steps(tmp_path, uninterrupted):
    """12 runs with 1 to 3 kills each, at steps that are always the same ones but follow no pattern."""
    rng = random.Random(20)
    kills = 0
    for number in range(12):
        folder, every, done = tmp_path / str(number), rng.randint(1, 9), 0
        for _ in range(1 + number % 3):
            die_at = rng.randint(1, STEPS - done)
            assert_killed(start(str(folder), "not written", every, die_at=die_at))
            kills += 1
            # The last checkpoint was written after the last multiple of `every` that was reached before.
            done = max(done, (done + die_at - 1) // every * every)
        result = finish(folder, every)
        assert result.pop("calls") == STEPS - done  # it did go on from there
        assert_equal(result, uninterrupted)
    assert kills == 24


@pytest.mark.parametrize("die_in", ["write", "fsync", "before replace", "after replace"])
def test_killed_while_a_checkpoint_is_written(die_in, tmp_path, uninterrupted):
    assert_killed(start(str(tmp_path / "run"), "not written", 2, die_in=die_in))
    assert len(list((tmp_path / "run").glob(".run.pt-*"))) == (die_in != "after replace")  # it was in the middle of it
    result = finish(tmp_path / "run", 2)
    assert result.pop("calls") == STEPS - (6 if die_in == "after replace" else 4)
    assert_equal(result, uninterrupted)


@pytest.mark.thorough
def test_killed_from_outside_at_random_times(tmp_path, uninterrupted):
    """6 runs, each killed at any moment, most often while it writes: it does so after every step."""
    rng = random.Random(21)
    for number in range(6):
        folder = tmp_path / str(number)
        process = start(str(folder), "not written", 1)
        while process.is_alive() and not (folder / "run.pt").exists():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.join()
        result = finish(folder, 1)
        assert 0 < result.pop("calls") <= STEPS
        assert_equal(result, uninterrupted)


BAR = """
import time, torch
from course_utils.data import batches
from course_utils.training import train

images = torch.zeros(20, 1, 2, 2)

def slow(x):
    time.sleep(0.2)
    return {"loss": x.sum()}

history = train(slow, images, steps=5, batch_size=10, watch=lambda step: print(f"seen {step}"), watch_every=2)
print("=====")
for x in batches(images, 10, steps=3):
    pass
print("=====")
for x in batches(images, 10, steps=9):
    time.sleep(0.5)
"""


def test_a_long_loop_shows_that_it_lives_and_nothing_looks_like_an_error():
    environment = {key: value for key, value in os.environ.items() if key != "TQDM_DISABLE"}
    done = subprocess.run([sys.executable, "-c", BAR], env=environment, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")  # Jupyter shows stderr in red
    trained, short, long = done.stdout.split("=====")
    assert "training:" in trained
    lines = [line.split("\r")[-1] for line in trained.splitlines()]
    assert [line for line in lines if line.startswith("seen")] == ["seen 0", "seen 2", "seen 4", "seen 5"]
    assert lines[-1].startswith("5 steps in")
    assert short.strip() == "", "a short loop needs no bar"
    assert "/9 [" in long
