"""Settings for every test: offline data, throw-away folders, no progress bars; notebooks stop at a failed cell."""

import contextlib
import os
import tempfile

import pytest

with contextlib.suppress(ImportError):
    import setuptools  # noqa: F401 - nbgrader needs it, and it can no longer be imported once `venv` has been


def pytest_addoption(parser):
    parser.addoption("--cuda", action="store_true", help="run the notebooks on CUDA, on the full schedule")


def pytest_configure(config):
    # The notebooks' kernels inherit these; they must be set before any of them starts.
    os.environ.setdefault("COURSE_DATA", "embedded")
    os.environ["TQDM_DISABLE"] = "1"
    scratch = tempfile.TemporaryDirectory(prefix="course-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(scratch.cleanup)
    os.environ["COURSE_CHECKPOINTS"] = scratch.name
    if config.getoption("--cuda"):
        import torch

        if not torch.cuda.is_available():
            raise pytest.UsageError("--cuda was given, but torch finds no CUDA device on this machine.")
        os.environ.update(COURSE_DEVICE="cuda", COURSE_SCHEDULE="full")
        config.option.nbval_cell_timeout = 6 * 3600
    else:
        os.environ.update(COURSE_DEVICE="cpu", COURSE_SCHEDULE="short")


def pytest_collection_modifyitems(config, items):
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
