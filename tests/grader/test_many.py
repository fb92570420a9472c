# ruff: noqa: E501 - a cell with its metadata is one line
"""A class of thousands: two dask workers, a scheduler that is killed on the way, and the same command again."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("grading needs Linux, macOS or WSL", allow_module_level=True)

from grader import sandbox, source
from grader.selftest import Draft, reference

ROOT = Path(__file__).parents[2]
SUBMISSIONS = int(os.environ.get("COURSE_SUBMISSIONS", "3000"))
NO_SANDBOX = sandbox.probe()
SMALL = """# %% nbgrader={"grade": false, "grade_id": "answer", "locked": false, "schema_version": 3, "solution": true}
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "answer-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import check

check(double(3) == 6, "Twice three is six.")
"""


@pytest.fixture
def cluster():
    """A scheduler and two workers; `begin()` starts them again after a death."""
    pytest.importorskip("distributed", reason="dask is not installed: pip install distributed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    running: list[subprocess.Popen] = []

    def begin() -> str:
        port = address.rpartition(":")[2]
        for words in (
            ["scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"],
            ["worker", address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60"],
        ):
            command = [sys.executable, "-m", "dask", *words]
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            running.append(subprocess.Popen(command, env=environment, start_new_session=True, **silent))
        return address

    yield begin, running
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def grade_on(address: str, exercise: Path, folder: Path, out: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "grader", "grade", str(exercise), str(folder), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen(
        [*command, "--dask", address, "-j", "4"],
        env=environment | {"TQDM_DISABLE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.thorough
@pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX or "there is one")
def test_a_class_of_thousands_survives_the_death_of_its_scheduler(cluster, tmp_path):
    begin, running = cluster
    path = tmp_path / "solutions" / "ex97_small.py"
    path.parent.mkdir()
    path.write_text(SMALL)
    exercise = source.load(path)
    right, wrong = (
        Draft(exercise, answers).dumps() for answers in (reference(exercise), {"answer": "def double(x): return x"})
    )
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number in range(SUBMISSIONS):
        (folder / f"s{number:05d}.ipynb").write_bytes(wrong if number % 3 == 0 else right)
    begun = time.monotonic()
    first = grade_on(begin(), path, folder, out)
    while len(list(out.glob("*.json"))) < SUBMISSIONS // 4 and first.poll() is None:
        time.sleep(0.5)
    for process in running:  # the scheduler, and its workers with it
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    try:
        first.communicate(timeout=120)
    except subprocess.TimeoutExpired:  # it waits for a scheduler that may come back: Ctrl-C
        os.killpg(first.pid, signal.SIGINT)
        try:
            first.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(first.pid, signal.SIGKILL)
            first.communicate()
    kept = {one.name: one.stat().st_mtime_ns for one in out.glob("*.json")}
    assert SUBMISSIONS // 4 <= len(kept) < SUBMISSIONS
    running.clear()
    second = grade_on(begin(), path, folder, out)
    said, error = second.communicate(timeout=3600)
    assert second.returncode == 0, error[-2000:]
    assert f"{SUBMISSIONS} submissions: {SUBMISSIONS} graded" in said
    records = [json.loads(one.read_text()) for one in out.glob("*.json")]
    assert sum(record["score"] for record in records) == SUBMISSIONS - (SUBMISSIONS + 2) // 3
    again = {one.name for one in out.glob("*.json") if kept.get(one.name) == one.stat().st_mtime_ns}
    assert again == set(kept)  # what was finished is not graded twice
    seconds = (time.monotonic() - begun) / SUBMISSIONS
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{seconds:.2f} s a submission on two workers, at most {memory:.1f} GB in one process")
    assert memory < 4
