"""Settings for every test: offline data, throw-away folders, no progress bars; notebooks stop at a failed cell."""

import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

with contextlib.suppress(ImportError):
    import setuptools  # noqa: F401 - nbgrader needs it, and it can no longer be imported once `venv` has been


def pytest_addoption(parser):
    parser.addoption("--cuda", action="store_true", help="run the notebooks on CUDA, on the full schedule")


ROOT = Path(__file__).parent
WARM = ROOT / "tests" / "warm_kernels.py"


def prepare_kernels(config, folder: str) -> None:
    """A kernel specification for this Python, found first; on Linux its kernels are forked (tests/warm_kernels.py)."""
    spec, address = Path(folder) / "kernels" / "python3" / "kernel.json", os.path.join(folder, "socket")
    start = ["-m", "ipykernel_launcher"]
    if sys.platform == "linux":
        start = ["-I", str(WARM), "call", address]
        server = subprocess.Popen([sys.executable, str(WARM), "serve", address], stdin=subprocess.PIPE)
        config.add_cleanup(server.stdin.close)
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, *start, "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("JUPYTER_PATH")]))


def pytest_configure(config):
    # The notebooks' kernels inherit these; they must be set before any of them starts.
    os.environ.setdefault("COURSE_DATA", "embedded")
    os.environ["TQDM_DISABLE"] = "1"
    scratch = tempfile.TemporaryDirectory(prefix="course-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(scratch.cleanup)
    os.environ["COURSE_CHECKPOINTS"] = scratch.name
    if getattr(config.option, "numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # side by side, two threads each would wait for each other
    if not hasattr(config, "workerinput"):  # workers inherit what the first process has prepared
        prepare_kernels(config, scratch.name)
    if config.getoption("--cuda"):
        import torch

        if not torch.cuda.is_available():
            raise pytest.UsageError("--cuda was given, but torch finds no CUDA device on this machine.")
        os.environ.update(COURSE_DEVICE="cuda", COURSE_SCHEDULE="full")
        config.option.nbval_cell_timeout = 6 * 3600
    else:
        os.environ.update(COURSE_DEVICE="cpu", COURSE_SCHEDULE="short")


@functools.cache
def recorded_seconds() -> dict[str, float]:
    recorded = json.loads((ROOT / "course_utils" / "expected.json").read_text(encoding="utf-8"))
    return {chapter: min(min(entry["seconds"]) for entry in of.values()) for chapter, of in recorded.items()}


def expected_seconds(item) -> float:
    """How long the notebook of a cell takes; 0 for a test."""
    return recorded_seconds().get(item.path.name[:2], 30.0) if type(item).__name__ == "IPyNbCell" else 0.0


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: -expected_seconds(item))  # the longest work first, so that nobody waits at the end
    if config.getoption("--cuda"):  # the same notebooks, and nothing else
        chosen = [item for item in items if type(item).__name__ == "IPyNbCell"]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if type(item).__name__ == "IPyNbCell" and outcome.get_result().failed:
        item.parent.failed_cell = item.name


def pytest_runtest_setup(item):
    failed = getattr(item.parent, "failed_cell", None)
    if failed and type(item).__name__ == "IPyNbCell":
        pytest.skip(f"{failed} failed before it")
