"""The house: where things are, and which way the imports run. Each rule is tried on a planted fault, too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "course_utils"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("course_utils", "grader")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
LEARNERS = [name for name in MODULES if name.startswith("course_utils") and ".commands" not in name]
LEARNERS.remove("course_utils.__main__")
CODE_LINES = 2200  # of course_utils without its commands, with the code that chapters 00 to 12 teach
FIRST_LINES = 1550  # of what the notebooks of chapters 00 to 06 import, and what that imports; 1,499 in November 2026
LONG = set()  # what has more than 200 code lines, with a reason


def imported(name: str, text: str) -> set[str]:
    """The modules of the house, and the first names of all others, that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= whole if whole <= MODULES.keys() else whole | {node.module}
    house = {one for one in found if one in MODULES}
    return house | {one.split(".")[0] for one in found if one.split(".")[0] not in ("course_utils", "grader")}


GRAPH = {name: imported(name, path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def wrong_arrows(name: str, targets: set[str]):
    """Imports that run upwards."""
    for target in targets:
        if name.startswith("course_utils") and target.startswith("grader"):
            yield f"{name} imports {target}"
        if name in LEARNERS and (".commands" in target or target == "course_utils.__main__"):
            yield f"{name} imports {target}"
        if name in LEARNERS and target in ("argparse", "nbgrader", "jupytext"):
            yield f"{name} imports {target}"
        allowed = ("course_utils", "course_utils.checks", "course_utils.commission", "course_utils.files")
        if name.startswith("grader") and target.startswith("course_utils") and target not in allowed:
            yield f"{name} imports {target}"


def chapter_of(name: str) -> str:
    return MODULES[name].read_text(encoding="utf-8").split('"""')[1].removeprefix("Chapter ")[:2]


def wrong_lessons(name: str, targets: set[str], chapter: str):
    """A taught module stands on torch, `schedule`, `require`, toy data, and the modules of earlier chapters."""
    below = {"course_utils", "course_utils.schedule", "course_utils.require", "course_utils.data.toydata"}
    below |= {"course_utils.data", "course_utils.taught"}
    for target in targets - below:
        if target.startswith("course_utils.taught."):
            if chapter_of(target) > chapter:
                yield f"{name} imports {target}, of a later chapter"
        elif target.startswith("course_utils") or target not in {"torch", "sklearn", *sys.stdlib_module_names}:
            yield f"{name} imports {target}"


def circles(graph: dict[str, set[str]]):
    """Chains of imports that come back to where they began."""
    done, path = set(), []

    def visit(name):
        if name in path:
            yield [*path[path.index(name) :], name]
        elif name not in done:
            path.append(name)
            for target in sorted(graph.get(name, ())):
                yield from visit(target)
            path.pop()
            done.add(name)

    for name in graph:
        yield from visit(name)


def code_lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))


def test_imports_run_one_way():
    assert [fault for name, targets in GRAPH.items() for fault in wrong_arrows(name, targets)] == []


def test_taught_modules_stand_on_earlier_ones():
    taught = [name for name in MODULES if name.startswith("course_utils.taught.")]
    assert taught
    assert [f for name in taught for f in wrong_lessons(name, GRAPH[name], chapter_of(name))] == []


def test_no_import_runs_in_a_circle():
    house = {name: {one for one in targets if one in MODULES and one != name} for name, targets in GRAPH.items()}
    house["course_utils"] = set()  # what a package's first lines hold is there before its modules are
    assert list(circles(house)) == []


def test_what_a_chapter_imports_can_be_read_in_one_sitting():
    lines = {name: code_lines(MODULES[name].read_text(encoding="utf-8")) for name in LEARNERS}
    assert sum(lines.values()) <= CODE_LINES, dict(sorted(lines.items(), key=lambda item: -item[1]))
    assert [name for name, count in lines.items() if count > 200 and name not in LONG] == []


def test_what_the_first_half_imports_can_be_read_in_one_sitting():
    """Followed from the notebooks' own imports; the networks of later chapters, of shipped weights, are theirs."""
    scripts = [path for path in (ROOT / "notebooks").glob("0[0-6]_*.py")]
    assert len(scripts) == 7
    todo = set().union(*(imported(path.stem, path.read_text(encoding="utf-8")) for path in scripts))
    reached = set()
    while todo := (todo & MODULES.keys()) - reached:
        reached |= todo
        todo = set().union(*(GRAPH[name] for name in todo))
    assert {"course_utils.training", "course_utils.fingerprint"} <= reached
    later = {name for name in reached if name.startswith("course_utils.taught.") and chapter_of(name) > "06"}
    lines = {name: code_lines(MODULES[name].read_text(encoding="utf-8")) for name in reached - later}
    assert sum(lines.values()) <= FIRST_LINES, dict(sorted(lines.items(), key=lambda item: -item[1]))


def test_what_a_chapter_imports_brings_no_tools_of_the_trade():
    """Neither the module itself nor what it imports needs the grader's or the maintainers' packages."""
    code = f"import importlib, sys\nfor name in {LEARNERS}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"nbgrader", "jupytext", "grader"} & set(done.stdout.split())


def test_chapters_import_what_learners_read():
    for folder in ("notebooks", "solutions"):
        for script in (ROOT / folder).glob("*.py"):
            targets = imported(script.stem, script.read_text(encoding="utf-8"))
            assert not [one for one in targets if ".commands" in one or one.startswith("grader")], script.name


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("course_utils.data.images", "from grader import exercise"),
        ("course_utils.training", "from course_utils.commands import chapters"),
        ("course_utils.results", "def f():\n    import argparse"),
        ("course_utils.figures", "import jupytext"),
        ("grader.report", "from course_utils.training import train"),
    ],
)
def test_a_wrong_arrow_is_noticed(name, line):
    assert list(wrong_arrows(name, imported(name, line)))


@pytest.mark.parametrize(
    "line",
    ["from course_utils.taught.dcgan import DCGAN", "from course_utils.training import train", "import pandas"],
)
def test_a_wrong_lesson_is_noticed(line):
    assert list(wrong_lessons("course_utils.taught.gan", imported("x", line), "03"))


def test_a_circle_is_noticed():
    assert list(circles({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == [["a", "b", "c", "a"]]
    assert list(circles({"a": {"b", "c"}, "b": {"c"}})) == []
