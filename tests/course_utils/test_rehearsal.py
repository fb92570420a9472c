"""The rehearsal of the full schedule: its settings, its excuses, and that it excuses nothing else."""

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from course_utils import rehearsal, schedule
from course_utils.data import DataError, load_images
from course_utils.results import ClaimFailed, Results, holds
from course_utils.training import train


@pytest.fixture(autouse=True)
def rehearse(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_SCHEDULE", "rehearsal")
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setenv("COURSE_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr(rehearsal, "begun", False)


def test_the_full_column_with_few_steps():
    settings = schedule.choose(
        steps=(2_000, 60_000), width=(16, 64), other_steps=((), (20_000, 3_000)), samples=(5, 50)
    )
    assert settings.steps == 30
    assert settings.other_steps == (10, 3)
    assert (settings.width, settings.samples) == (64, 50)


def trained(steps=2):
    return train(lambda x: {"loss": x.mean()}, torch.rand(20, 1, 4, 4), steps=steps, batch_size=4)


def test_a_claim_is_excused_only_after_training(capsys):
    with pytest.raises(ClaimFailed):
        holds("two is one", 2 == 1)
    trained()
    holds("the loss is small", 3 < 1, 3.0)
    assert "in a rehearsal not so: the loss is small (3)" in capsys.readouterr().out


def test_an_assert_of_a_cell_is_excused_only_after_training(monkeypatch, capsys):
    shell = InteractiveShell()
    monkeypatch.setattr(rehearsal, "get_ipython", lambda: shell)
    shell.user_ns["trained"] = trained
    assert isinstance(shell.run_cell("assert 1 == 2").error_in_exec, AssertionError)
    assert shell.run_cell("trained()").success
    result = shell.run_cell("assert 1 == 2, 'told'\nafter = 5")
    assert result.success
    assert shell.user_ns["after"] == 5, "the rest of the cell runs"
    assert "in a rehearsal not so: 1 == 2" in capsys.readouterr().out
    assert isinstance(shell.run_cell("assert undefined").error_in_exec, NameError), "a crash is a crash"


@pytest.mark.parametrize("plan", ["short", "full"])
def test_other_schedules_excuse_nothing(plan, monkeypatch):
    monkeypatch.setenv("COURSE_SCHEDULE", plan)
    trained()
    with pytest.raises(ClaimFailed):
        holds("two is one", 2 == 1)


def test_numbers_have_no_bands_in_a_rehearsal(capsys):
    run = Results("02", "mnist")
    run.add(test_loss=1e9)
    run.check()
    assert run.expected("test_loss") is None


@pytest.mark.parametrize(("name", "shape"), [("fashion_mnist", (1, 28, 28)), ("cifar10", (3, 32, 32))])
def test_data_that_cannot_be_had_are_noise_of_their_shape(name, shape, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "embedded")
    images = load_images(name)
    assert images.train.shape[1:] == shape
    assert images.source == name
    monkeypatch.setenv("COURSE_SCHEDULE", "full")
    with pytest.raises(DataError):
        load_images(name)


def test_a_rehearsal_that_was_cut_off_resumes(capsys, monkeypatch):
    weight = torch.nn.Linear(1, 1)
    calls = []

    def update(x):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return {"loss": x.mean()}

    def run():
        options = {"steps": 8, "batch_size": 4, "name": "cut", "state": {"model": weight}, "checkpoint_every": 2}
        return train(update, torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(0)), **options)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(run()["loss"]) == 8
    assert "Resuming cut after step 4" in capsys.readouterr().out
