"""Chapter 10: seeds of pictures, the page as a function and in a process, two processes that are one."""

import ast
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import torch
from torch import nn

from course_utils.commands import app, uses
from course_utils.taught.serving import Drawer, arc, noise

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = ROOT / "notebooks" / "10_serving.py"


def test_a_code_depends_on_its_seed_alone():
    together = noise(range(5, 12), 20)
    assert together.shape == (7, 20)
    assert together.dtype == torch.float32
    assert torch.equal(noise([9], 20)[0], together[4])
    assert torch.equal(noise([11, 5], 20), together[[6, 0]])
    torch.manual_seed(1)
    assert torch.equal(noise([9], 20)[0], together[4])
    assert len({tuple(row.tolist()) for row in noise(range(1000), 3)}) == 1000


def test_drawing_codes_uses_up_no_random_numbers():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    noise(range(3), 8)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_drawer_brings_pixels_to_the_range_of_pictures():
    drawer = Drawer(nn.Sequential(nn.Linear(4, 1), nn.Hardtanh()))
    assert drawer(100 * torch.randn(50, 4)).aminmax() == (0, 1)


def test_a_walk_keeps_its_ends_and_its_length():
    ends = nn.functional.normalize(torch.randn(2, 30), dim=1) * 5
    path = arc(*ends, 9)
    torch.testing.assert_close(path[[0, -1]], ends)
    torch.testing.assert_close(path.norm(dim=1), torch.full((9,), 5.0))


# ---------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def studio():
    return app.Studio("embedded")


def test_the_page_answers_without_a_port(studio):
    status, kind, page = app.answer(studio, "/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert b"embedded" in page
    for target in ("/draw", "/draw?seed=7&n=24", "/between?from=1&to=4", "/digit?label=3&n=2", "/draw?seed=1000000000"):
        status, kind, content = app.answer(studio, target)
        assert (status, kind, content[:4]) == (200, "image/png", b"\x89PNG"), target
        assert app.answer(studio, target)[2] == content


@pytest.mark.parametrize(
    "target",
    [
        "/draw?n=0", "/draw?n=101", "/draw?n=", "/draw?n=1.5", "/draw?n=²", "/draw?seed=-1", "/draw?seed=1e3",
        "/draw?seed=" + "9" * 5000, "/between?from=2&to=2", "/digit?label=10", "/digit?n=13",
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_in_a_sentence(studio, target):
    status, kind, sentence = app.answer(studio, target)
    assert (status, kind) == (400, "text/plain; charset=utf-8")
    assert re.fullmatch(r"[a-z].{20,90}\.", sentence.decode())


@pytest.mark.parametrize("target", ["/x", "/draw/", "/__init__", "/dim", "/classifier", "//draw", "/../draw"])
def test_there_are_no_other_places(studio, target):
    assert app.answer(studio, target)[0] == 404


def test_the_command_serves_this_computer_only():
    command = [sys.executable, "-m", "course_utils", "app", "--port", "0", "--data", "embedded"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            address = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
            with urllib.request.urlopen(f"{address[0]}/draw?n=3", timeout=60) as reply:
                assert reply.read()[:4] == b"\x89PNG"
            request = urllib.request.Request(f"{address[0]}/", headers={"Host": f"elsewhere.example:{address[1]}"})
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(request, timeout=60)
            again = [*command[:4], "--port", address[1], "--data", "embedded"]
            taken = subprocess.run(again, capture_output=True, text=True, cwd=ROOT, timeout=120)
            assert taken.returncode == 1
            assert re.fullmatch(rf"Port {address[1]} cannot be opened .*--port.*\.\n", taken.stderr)
        finally:
            process.terminate()


# ---------------------------------------------------------------- the chapter's script, and its record


def chapter_tree() -> ast.Module:
    text = CHAPTER.read_text(encoding="utf-8")
    return ast.parse(text)


def two_process_script() -> str:
    """The script that the chapter puts together: `script = …` and every `script += …`."""
    texts = [
        node.value.value
        for node in chapter_tree().body
        if isinstance(node, (ast.Assign, ast.AugAssign))
        and isinstance(node.value, ast.Constant)
        and "script" in ast.unparse(node).split("=")[0]
    ]
    return "".join(texts)


def torchrun(folder: Path, *modes: str):
    (folder / "together.py").write_text(two_process_script(), encoding="utf-8")
    options = "--nproc-per-node", "2", "--master-addr", "127.0.0.1", "--master-port", str(20_000 + os.getpid() % 20_000)
    command = [sys.executable, "-m", "torch.distributed.run", *options, "together.py", *modes]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300)
    found = [json.loads(line.split(" ", 1)[1]) for line in done.stdout.splitlines() if line.startswith("RESULT")]
    gaps = {mode: (torch.tensor(two) - torch.tensor(one)).abs().max().item() for mode, two, one in found}
    return done, gaps


def test_two_processes_are_one_with_the_doubled_batch(tmp_path):
    done, gaps = torchrun(tmp_path, "no norm", "synchronised batch norm", "batch norm", "the same noise")
    assert done.returncode == 0, done.stderr
    assert gaps["no norm"] < 1e-10
    assert gaps["synchronised batch norm"] < 1e-10
    assert gaps["batch norm"] > 1e-3
    assert gaps["the same noise"] > 1e-3


@pytest.mark.thorough
def test_when_one_process_dies_the_other_does_not_wait_for_ever(tmp_path):
    done, gaps = torchrun(tmp_path, "one dies")
    assert done.returncode != 0
    assert gaps == {}
    assert re.search(r"rank\s*: 1", done.stderr)


def test_the_chapter_shows_what_the_record_was_made_with():
    """Functions that chapter and `commands/uses.py` both have are the same code."""

    def functions(tree):
        found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for node in found.values():
            if ast.get_docstring(node):
                node.body = node.body[1:]
        return {name: ast.dump(node) for name, node in found.items()}

    recorded, shown = functions(ast.parse(Path(uses.__file__).read_text(encoding="utf-8"))), functions(chapter_tree())
    both = recorded.keys() & shown.keys()
    assert {"auc", "oddness", "learn", "moved", "from_codes", "believed"} <= both
    assert [name for name in both if recorded[name] != shown[name]] == []


def test_the_record_is_complete():
    record = json.loads(uses.RECORD.read_text(encoding="utf-8"))
    assert "mnist" in record
    for source in record:
        assert {"date", "machine", "versions", "seeds", "seconds", "odd", "labels"} <= record[source].keys()
        assert set(record[source]["odd"]) == set("0123456789")
        assert set(record[source]["labels"]) == {str(n) for n in uses.LABELS}
        assert all(len(runs) == len(record[source]["seeds"]) >= 5 for runs in record[source]["labels"].values())


def test_the_area_under_the_curve_counts_pairs():
    assert uses.auc(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])) == 1
    assert uses.auc(torch.tensor([1.0, 2.0]), torch.tensor([0.0])) == 0
    assert uses.auc(torch.tensor([1.0, 2.0]), torch.tensor([1.0])) == 0.25
