"""Every COURSE_* variable: its default, its values, and one sentence for anything else."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import CourseError, schedule
from course_utils.schedule import seed_everything

settings.register_profile("course", deadline=None, max_examples=50)  # a busy machine is no failure
settings.load_profile("course")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("COURSE_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(schedule, "user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(schedule, "DRIVE", tmp_path / "MyDrive")  # not mounted


@pytest.fixture
def machine(monkeypatch):
    """machine("cuda", "mps"): what torch finds beside the CPU."""

    def found(*devices):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in devices)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in devices)

    return found


def assert_sentence(error: pytest.ExceptionInfo, *words: str):
    message = str(error.value)
    assert "\n" not in message
    assert message.endswith(".")
    for word in words:
        assert word in message


# ---------------------------------------------------------------- device and schedule


@pytest.mark.parametrize(
    ("devices", "expected"),
    [((), "cpu"), (("cuda",), "cuda"), (("mps",), "mps"), (("cuda", "mps"), "cuda")],
)
def test_the_fastest_device_is_the_default(devices, expected, machine, monkeypatch):
    machine(*devices)
    assert schedule.device() == torch.device(expected)
    assert schedule.schedule() == ("full" if expected == "cuda" else "short")
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert schedule.device() == torch.device("cpu")
    assert schedule.schedule() == "short"


@pytest.mark.parametrize("value", ["MPS", " mps "])
def test_case_and_blanks_do_not_matter(value, machine, monkeypatch):
    machine("cuda", "mps")
    monkeypatch.setenv("COURSE_DEVICE", value)
    assert schedule.device() == torch.device("mps")


def test_empty_means_not_set(machine, monkeypatch):
    machine("cuda")
    for name in ("DEVICE", "SCHEDULE", "DATA", "CHECKPOINTS", "RESULTS", "SEED"):
        monkeypatch.setenv(f"COURSE_{name}", "")
    assert schedule.device().type == "cuda"
    assert schedule.schedule() == "full"
    assert schedule.data_folder().parts[-2:] == ("course_utils", "data")
    assert not schedule.data_folder_was_named()
    assert schedule.checkpoint_folder().parts[-2:] == ("course_utils", "checkpoints")
    assert schedule.results_folder() is None
    assert schedule.seed() == 0


def test_a_device_that_is_not_there(machine, monkeypatch):
    machine("mps")
    monkeypatch.setenv("COURSE_DEVICE", "cuda")
    with pytest.raises(CourseError) as error:
        schedule.device()
    assert_sentence(error, "COURSE_DEVICE=cuda", "mps")


@pytest.mark.parametrize("value", ["short", "full"])
def test_schedule_is_as_asked(value, machine, monkeypatch):
    monkeypatch.setenv("COURSE_SCHEDULE", value)
    for devices in ((), ("cuda",)):
        machine(*devices)
        assert schedule.schedule() == value


@pytest.mark.parametrize(
    ("name", "value", "call"),
    [
        ("COURSE_DEVICE", "gpu", schedule.device),
        ("COURSE_DEVICE", "cuda:1", schedule.device),
        ("COURSE_SCHEDULE", "fast", schedule.schedule),
        ("COURSE_SEED", "one", schedule.seed),
        ("COURSE_SEED", "-1", schedule.seed),
        ("COURSE_SEED", "1.5", schedule.seed),
        ("COURSE_SEED", "²", schedule.seed),  # a digit, but no number
        ("COURSE_SEED", str(2**32), seed_everything),
        ("COURSE_DATA", "~nobody-of-this-name/data", schedule.data_folder),
        ("COURSE_CHECKPOINTS", "~nobody-of-this-name/data", schedule.checkpoint_folder),
        ("COURSE_RESULTS", "~nobody-of-this-name/data", schedule.results_folder),
    ],
)
def test_a_bad_value_is_named(name, value, call, monkeypatch):
    if value.startswith("~") and sys.platform == "win32":
        pytest.skip("Windows makes up homes of unknown users")
    monkeypatch.setenv(name, value)
    with pytest.raises(CourseError) as error:
        call()
    assert_sentence(error, name, value)


def test_choose_takes_the_column_of_the_schedule(monkeypatch):
    table = {"steps": (2000, 20_000), "layers": ([1, 2], [3]), "lr": (1e-3, 2e-4)}
    monkeypatch.setenv("COURSE_SCHEDULE", "short")
    assert schedule.choose(**table) == SimpleNamespace(steps=2000, layers=[1, 2], lr=1e-3)
    monkeypatch.setenv("COURSE_SCHEDULE", "full")
    assert schedule.choose(**table) == SimpleNamespace(steps=20_000, layers=[3], lr=2e-4)


# ---------------------------------------------------------------- folders


def test_data_folder(monkeypatch, tmp_path):
    assert schedule.data_folder() == tmp_path / "cache" / "course_utils" / "data"
    assert not schedule.data_folder_was_named()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "mine"))
    assert schedule.data_folder() == tmp_path / "mine"
    assert schedule.data_folder_was_named()


@pytest.mark.parametrize("value", ["embedded", "Embedded", " EMBEDDED "])
def test_embedded_data_have_no_folder(value, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", value)
    assert schedule.data_folder() is None


FOLDERS = {
    "COURSE_DATA": schedule.data_folder,
    "COURSE_CHECKPOINTS": schedule.checkpoint_folder,
    "COURSE_RESULTS": schedule.results_folder,
}


@pytest.mark.parametrize(("name", "call"), FOLDERS.items())
def test_the_home_folder_may_be_written_short(name, call, monkeypatch):
    monkeypatch.setenv(name, "~/course")
    assert call() == Path.home() / "course"


@pytest.mark.parametrize("start", [".", "notebooks"])
def test_a_relative_folder_counts_from_the_repository(start, monkeypatch, tmp_path):
    """A kernel runs in notebooks/, a command where it was typed: both must mean the same folder."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(schedule, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path / start)
    for name, call in FOLDERS.items():
        monkeypatch.setenv(name, os.path.join("..", "shared"))
        assert call().resolve() == (tmp_path / ".." / "shared").resolve()
        monkeypatch.setenv(name, str(tmp_path / "absolute"))
        assert call() == tmp_path / "absolute"


def test_without_a_repository_it_counts_from_here(monkeypatch, tmp_path):
    monkeypatch.setattr(schedule, "ROOT", tmp_path / "site-packages")
    monkeypatch.setenv("COURSE_RESULTS", "results")
    assert schedule.results_folder() == Path("results")


def test_the_repository_is_this_one():
    assert (schedule.ROOT / "pyproject.toml").is_file()


def test_results_folder(monkeypatch, tmp_path):
    assert schedule.results_folder() is None
    monkeypatch.setenv("COURSE_RESULTS", str(tmp_path))
    assert schedule.results_folder() == tmp_path


def test_checkpoints_go_to_drive_when_it_is_mounted(monkeypatch, tmp_path):
    assert schedule.checkpoint_folder() == tmp_path / "cache" / "course_utils" / "checkpoints"
    (tmp_path / "MyDrive").mkdir()
    assert schedule.checkpoint_folder() == tmp_path / "MyDrive" / "course_checkpoints"
    monkeypatch.setenv("COURSE_CHECKPOINTS", str(tmp_path / "mine"))
    assert schedule.checkpoint_folder() == tmp_path / "mine"


def test_asking_for_folders_makes_none(tmp_path):
    schedule.data_folder(), schedule.checkpoint_folder()
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- bfloat16


@pytest.mark.parametrize("pays", [True, False])
def test_autocast_where_it_pays(pays, monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: pays, raising=False)
    assert schedule.bfloat16_pays() == pays
    x, layer = torch.randn(5, 7), torch.nn.Linear(7, 3)
    with schedule.autocast():
        y = layer(x)
    if pays:
        assert y.dtype == torch.bfloat16
        assert torch.allclose(y.float(), layer(x), atol=0.05)
    else:
        assert y.dtype == torch.float32
        assert torch.equal(y, layer(x))


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_pays_on_cuda_where_the_chip_has_it(native, machine, monkeypatch):
    machine("cuda")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    assert schedule.bfloat16_pays() == native


def test_bfloat16_stays_off_elsewhere(machine):
    machine("mps")
    assert not schedule.bfloat16_pays()


# ---------------------------------------------------------------- seeds


# ---------------------------------------------------------------- looking at networks


def test_evaluating_leaves_everything_as_it_was():
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Dropout())
    net[0].eval()  # frozen, as its owner wanted it
    x = torch.randn(5, 3, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with schedule.evaluating(net):
            assert not any(part.training for part in net.modules())
            assert (x @ x.T).dtype == torch.float32
            assert not net(x).requires_grad
        assert (x @ x.T).dtype == torch.bfloat16
    with pytest.raises(ZeroDivisionError), schedule.evaluating(net):
        1 / 0  # noqa: B018
    assert [part.training for part in net.modules()] == [True, False, True]
    assert torch.is_grad_enabled()


@given(st.integers(0, 2**32 - 1))
def test_every_seed_repeats_every_generator(seed):
    import random

    import numpy as np

    def draws():
        return random.random(), np.random.rand(), torch.rand(2).tolist()  # noqa: NPY002

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_SEED", str(seed))
        assert seed_everything() == seed
        first = draws()
        assert draws() != first
        assert seed_everything(seed) == seed
        assert draws() == first
        seed_everything((seed + 1) % 2**32)
        assert draws() != first


# ---------------------------------------------------------------- threads


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other thread libraries")
@pytest.mark.parametrize(
    ("given", "used"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")],
    ids=["by default", "as wished", "by policy"],
)
def test_waiting_threads_soon_sleep_in_a_fresh_process_and_in_those_that_it_starts(given, used):
    """Asked of the thread library itself, which says what it uses when it is loaded."""
    unset = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    ask = "import subprocess, sys, course_utils; assert 'torch' not in sys.modules; "
    ask += "subprocess.run([sys.executable, '-c', 'import torch'], check=True)"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        env={**unset, **given, "OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr) == [used]
