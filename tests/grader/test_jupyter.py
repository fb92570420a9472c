# ruff: noqa: E501 - cells as people write them
"""What passes under Restart and Run All passes in the grader: cells are run as Jupyter runs them."""

import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("grading needs Linux, macOS or WSL", allow_module_level=True)

from grader import sandbox, source
from grader.grade import grade
from grader.sandbox import Limits, Sandbox
from grader.selftest import Draft, reference

ROOT = Path(__file__).parents[2]
TINY = source.load(Path(__file__).parent / "solutions" / "ex99_tiny.py")
SOURCES = sorted((ROOT / "solutions").glob("ex[0-9][0-9]_*.py"))
NO_SANDBOX = sandbox.probe()

# Cells that people write. Each must run without an error, and leave what the next one uses.
CONSTRUCTS = {
    "a module written by a cell": [
        "%%writefile my_helper.py\nvalue = 2",
        "import my_helper\nassert my_helper.value == 2",
    ],
    "await": ["import asyncio\nasync def two():\n    await asyncio.sleep(0)\n    return 2\nassert await two() == 2"],
    "a task of the running loop": ["task = asyncio.create_task(asyncio.sleep(0, 7))", "assert await task == 7"],
    "annotations from the future": [
        "from __future__ import annotations",
        "def f(x: Unknown) -> Unknown:\n    return x",
    ],
    "a script": ["open('script.py', 'w').write('exponent = 2')\n%run script.py", "assert exponent == 2"],
    "an environment variable": ["%env FOO=2", "import os\nassert os.environ['FOO'] == '2'"],
    "a file made by bash": ["%%bash\necho 2 > exponent.txt", "assert int(open('exponent.txt').read()) == 2"],
    "output of a command": [
        "lines = !echo 2",
        "assert lines == ['2']",
        "!echo {lines[0]} > copy.txt\n!test -s copy.txt",
    ],
    "captured output": ["%%capture log\nprint('2')", "assert log.stdout == '2\\n'"],
    "what was before": ["6 * 7", "assert _ == 42", "assert In[1] is not None and 42 in Out.values()"],
    "the shell itself": [
        "from IPython import get_ipython\nget_ipython().run_line_magic('pwd', '')",
        "assert get_ipython().__class__.__name__ == 'ZMQInteractiveShell'",
        "from IPython.display import display, Markdown\ndisplay(Markdown('**x**'))\ndisplay(3)",
    ],
    "timing": [
        "%time t = 1",
        "%%time\ndef timed():\n    return 3",
        "assert t == 1 and timed() == 3",
        "%timeit -n1 -r1 1",
    ],
    "extensions": ["%load_ext autoreload\n%autoreload 2", "%store -r nothing", "%config Completer.use_jedi = False"],
    "help": ["print?", "len??", "%who", "%lsmagic"],
    "pages": ["%%html\n<b>x</b>", "%%latex\n$x$", "%%javascript\n1"],
    "packages": ["%pip install nothing_of_this_name", "!pip --version"],
    "folders": ["%mkdir there\n%cd there\n%cd ..", "%ls"],
    "a pickled class": [
        "import pickle\nclass Box:\n    value = 1",
        "assert pickle.loads(pickle.dumps(Box())).value == 1",
    ],
    "source of a function": [
        "def shown():\n    return 5\nimport inspect\nassert 'return 5' in inspect.getsource(shown)"
    ],
    "a process of one's own": [
        "import subprocess, sys\nassert subprocess.run([sys.executable, '-c', '']).returncode == 0"
    ],
    "threads": ["import threading\nt1 = threading.Thread(target=print)\nt1.start()\nt1.join()"],
    "a pseudo-terminal": ["import pty, os\n_pair = pty.openpty()"],
}
SLOW = {"a figure": ["%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"]}


def with_cells(exercise, groups, **answers: str) -> bytes:
    """The reference with own cells above its last task; each raises an alarm in an answer if one of them fails."""
    draft = Draft(exercise, reference(exercise) | {name.replace("_", "-"): code for name, code in answers.items()})
    tasks = [cell.id for cell in exercise.of_kind("task") if cell.id != "student-id"]
    place = draft.cells.index(draft.cell(tasks[0]))
    for number, group in enumerate(groups):
        for cell in [*group, f"done_{number} = True"]:
            draft.insert(place, cell)
            place += 1
    return draft.dumps()


@pytest.fixture(scope="module")
def safe():
    if NO_SANDBOX:
        pytest.skip(NO_SANDBOX)
    running = Sandbox(TINY.modules)
    yield running
    running.close()


@pytest.mark.thorough
def test_every_construct_runs_as_it_does_in_jupyter(safe):
    """All of them in one notebook; a cell that fails would be named in a flag, because a check is lost on purpose."""
    groups = [*CONSTRUCTS.values(), *SLOW.values()]
    record = grade(TINY, with_cells(TINY, groups, partial_code="def means(): return []"), "s1", safe)
    assert [flag for flag in record["flags"] if "failed" in flag] == []
    assert record["status"] == "graded"
    assert record["score"] == 6


@pytest.mark.thorough
@pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX or "there is one")
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_construct_costs_the_reference_of_an_exercise_anything(path):
    exercise = source.load(path)
    running = Sandbox(exercise.modules)
    try:
        content = with_cells(exercise, [*CONSTRUCTS.values(), *SLOW.values()])
        record = grade(exercise, content, "s1", running)
    finally:
        running.close()
    lost = [name for name, cell in record["cells"].items() if cell["score"] is not None and cell["score"] < cell["max"]]
    assert (lost, record["status"]) == ([], "graded")


@pytest.mark.parametrize(
    ("cells", "answers"),
    [
        (["import torch\ntorch.set_default_dtype(torch.float64)"], {}),
        (["from collections import namedtuple\nPair = namedtuple('Pair', 'a b')"],
         {"partial_code": "def means():\n    return Pair('arithmetic', 'geometric')"}),
        ([], {"partial_code": "import numpy as np\ndef means():\n    return np.array(['arithmetic', 'geometric'])"}),
        ([], {"energy_code": "def energy(x):\n    return ((x**2).mean(1)[None].T @ torch.ones(1, 1)).T.reshape(-1)"}),
        ([], {"energy_code": "def energy(x):\n    return (x @ x.T).diagonal() / x.shape[1]"}),
        (["WAIT = __import__('time').sleep(0.01)"], {"energy_code": "@torch.no_grad()\ndef energy(x):\n    return (x**2).mean(1)"}),
    ],
)  # fmt: skip
def test_right_answers_in_another_style(safe, cells, answers):
    record = grade(TINY, with_cells(TINY, [cells], **answers), "s1", safe)
    assert (record["score"], record["flags"]) == (8, [])


def test_own_cells_run_where_they_stand(safe):
    """A cell at the end cannot change what a test above it used; a name of a test above is there, as in Jupyter."""
    draft = Draft(TINY, reference(TINY))
    draft.insert(len(draft.cells), "def means(): return []\nclass Layer: pass")
    draft.insert(draft.cells.index(draft.cell("layer-code")), "factor_is = close")  # imported by the check above
    draft.answer("partial-code", "def means():\n    factor_is\n    return ['arithmetic', 'geometric']")
    record = grade(TINY, draft.dumps(), "s1", safe)
    assert (record["score"], record["status"]) == (8, "graded")


def test_the_first_own_cell_that_failed_is_named_with_its_error(safe):
    draft = Draft(TINY, reference(TINY))
    place = draft.cells.index(draft.cell("energy-code"))
    draft.insert(place, "import no_such_package\ndef square(x):\n    return x * x")
    draft.insert(place + 1, "square(3)")
    draft.answer("energy-code", "def energy(x):\n    return square(x).mean(1)")
    record = grade(TINY, draft.dumps(), "s1", safe)
    reason = record["cells"]["energy-empty"]["reason"]
    assert "name 'square' is not defined" in reason
    assert "`import no_such_package`: ModuleNotFoundError: No module named 'no_such_package'" in reason


def test_a_long_experiment_is_interrupted_and_what_it_defined_stays(safe):
    draft = Draft(TINY, reference(TINY))
    place = draft.cells.index(draft.cell("energy-code"))
    draft.insert(place, "def square(x):\n    return x * x\nimport time\ntime.sleep(100)")
    draft.insert(place + 1, "def average(x):\n    return x.mean(1)")
    draft.answer("energy-code", "def energy(x):\n    return average(square(x))")
    record = grade(TINY, draft.dumps(), "s1", safe, Limits(call=4, cell=4, total=6))
    assert (record["score"], record["status"]) == (8, "stopped")
    assert any("in your cell" in flag and "was interrupted" in flag for flag in record["flags"])


def test_hidden_inputs_leave_neither_by_a_place_nor_by_a_later_check(safe):
    """The name of a cell, its line, or the message of an error in the next visible check could carry them."""
    spy = (
        "seen = []\n"
        "def energy(x):\n"
        "    if x.shape == (3, 7):\n"
        "        seen.append(x)\n"
        "        exec(compile('\\n' * 4711 + 'raise ValueError', 'cell x-is-4242, line 4242', 'exec'))\n"
        "    if x.shape == (1, 5):\n"
        "        raise ValueError('seen 4242' if seen else 'nothing')\n"
        "    return (x**2).mean(1)\n"
    )
    draft = Draft(TINY, reference(TINY))
    draft.answer("energy-code", spy)
    record = grade(TINY, draft.dumps(), "s1", safe)
    assert "42" not in str(record["cells"]["energy-by-hand"])
    assert "4711" not in str(record["cells"])
    reason = record["cells"]["energy-empty"]["reason"]
    assert "seen" not in reason
    assert "ValueError: nothing" in reason  # from a process that has seen no hidden input


def test_a_check_that_computes_for_ever_inside_a_library_is_ended(safe):
    """A C call cannot be interrupted by Python; a process can be ended by the kernel."""
    import dataclasses
    import time

    cells = {cell.id: cell for cell in TINY.cells}
    code = "import torch\nx = torch.ones(energy(None), 3000)\nfor _ in range(10**6):\n    torch.linalg.svd(x)"
    small = dataclasses.replace(
        TINY, cells=(cells["energy-code"], dataclasses.replace(cells["energy-empty"], source=code, released=code))
    )
    content = Draft(small, {"energy-code": "def energy(x): return 3000"}).dumps()
    begun = time.process_time()
    record = grade(small, content, "s1", safe, Limits(call=1, cell=1, total=30))
    assert record["cells"]["energy-empty"]["reason"].startswith("Could not run: the check took longer")
    assert time.process_time() - begun < 20


def test_losses_that_come_from_another_task_are_named(safe):
    """And where a check says so, the course's own helper stands in for the lost one."""
    import dataclasses

    cells = list(TINY.cells)
    place = next(n for n, cell in enumerate(cells) if cell.id == "means-named")
    code = "from course_utils.checks import check\ncheck(float(energy(x3())) == 9.0, 'Nine.')"
    task = next(n for n, cell in enumerate(cells) if cell.id == "partial-code")
    cells[task] = dataclasses.replace(cells[task], source="def x3():\n    return 3 * __import__('torch').ones(1, 2)")
    for given in ((), ("energy-code",)):
        cells[place] = dataclasses.replace(cells[place], source=code, released=code, given=given)
        exercise = dataclasses.replace(TINY, cells=tuple(cells))
        content = Draft(exercise, reference(exercise) | {"energy-code": "def energy(x):\n    return x.mean(1)"}).dumps()
        record = grade(exercise, content, "s1", safe)
        cell = record["cells"]["means-named"]
        if given:
            assert cell["score"] == cell["max"]
            assert "The course's own energy-code stood in the place of yours" in cell["reason"]
        else:
            assert cell["score"] == 0
            assert "It depends on energy-by-hand" in cell["reason"]


def test_what_a_setup_cell_defines_is_ours_for_tests_that_ask(safe):
    import dataclasses

    code = "from course_utils.checks import check, ours\ncheck(ours('WIDTH') == 4, 'Four.')"
    cells = tuple(
        dataclasses.replace(cell, source=code, released=code) if cell.id == "means-named" else cell
        for cell in TINY.cells
    )
    exercise = dataclasses.replace(TINY, cells=cells)
    draft = Draft(exercise, reference(exercise))
    draft.insert(draft.cells.index(draft.cell("partial-code")), "WIDTH = 5")
    record = grade(exercise, draft.dumps(), "s1", safe)
    assert record["cells"]["means-named"]["score"] == 2


# ---------------------------------------------------------------- the sandbox itself


@pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX or "there is one")
def test_every_protection_was_tried_and_holds(safe):
    assert safe.stamp == "bubblewrap"
    assert set(sandbox.VITAL) < set(sandbox.PROTECTIONS)


def test_a_broken_protection_is_named_in_the_record_or_refused(safe, monkeypatch):
    monkeypatch.setattr(safe, "_broken", ("devices that cannot be changed",))
    assert safe.stamp == "bubblewrap, without: devices that cannot be changed"
    monkeypatch.setattr(safe, "_broken", ("no network",))
    with pytest.raises(sandbox.SandboxError, match="no network cannot be promised"):
        _ = safe.stamp


@pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX or "there is one")
def test_an_attempt_that_succeeds_is_noticed(monkeypatch):
    """The probe would see a hole: here one is promised away that is there."""
    monkeypatch.setitem(sandbox.PROTECTIONS, "read-only programs", "reaches(open, '/tmp/x', 'w')")
    running = Sandbox()
    try:
        assert running.stamp == "bubblewrap, without: read-only programs"
    finally:
        running.close()


def test_memory_is_a_sum_that_small_processes_do_not_lower(monkeypatch):
    from grader import student

    mb = 2**20
    sizes = {str(n): {"VmSize": mb, "RssAnon": mb} for n in range(2, 32)}
    sizes |= {str(n): {"VmSize": 900 * mb, "RssAnon": 850 * mb} for n in range(40, 46)}
    monkeypatch.setattr(student.os, "listdir", lambda _: ["1", *sizes])
    monkeypatch.setattr(student, "status_of", sizes.get)
    monkeypatch.setattr(student, "fair_share", lambda name: student.held(sizes[name]))
    assert "more than 4.0 GB" in student.excess(4 * 2**30, True, 300 * mb)
    monkeypatch.setattr(student, "fair_share", lambda name: None)  # it may not be read: then everything counts
    assert "more than 4.0 GB" in student.excess(4 * 2**30, True, 300 * mb)


def test_a_busy_machine_takes_no_time_away():
    from grader.border import Clock

    clock = Clock(Limits(call=1, cell=2, total=3))
    begun = clock.end
    waits = iter([0.5, 0.5, 30.0, 60.0, 90.0])
    clock.attend(lambda: next(waits))
    assert clock.put_off() == 0.5
    assert clock.put_off() == 0.0
    clock.put_off()
    assert clock.put_off() == 0.0  # nobody holds up a class for ever
    assert clock.end == begun + 30.0
