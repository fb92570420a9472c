"""What grows with the work: points are measured once, arithmetic is counted, mistakes cost one line."""

import json
import sys
import time

import pytest
import torch

from course_utils import CourseError
from course_utils.__main__ import main
from course_utils.commands import costs, costs_curves, performance
from course_utils.taught import evaluation


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(performance, "COSTS", tmp_path / "costs.json")
    return tmp_path / "costs.json"


def test_a_point_that_is_recorded_is_not_measured_again(place, monkeypatch, capsys):
    calls = []

    def toy(series, x):
        calls.append(x)
        if x == 2:
            raise CourseError("no such thing here")
        return {"seconds": 0.123456 * x}

    monkeypatch.setattr(costs_curves, "toy", toy, raising=False)
    monkeypatch.setitem(costs.POINTS, "toy", [("line", 1), ("line", 2), ("line", 3)])
    assert main(["costs", "toy"]) == 0
    assert "toy, line, 2: not measured (no such thing here)" in capsys.readouterr().out
    assert calls == [1, 2, 3]
    assert main(["costs", "toy"]) == 0
    assert calls == [1, 2, 3, 2]
    kept = json.loads(place.read_text(encoding="utf-8"))
    assert [(one["x"], one["seconds"]) for one in kept] == [(1, 0.1235), (3, 0.3704)]
    assert all({"machine", "threads", "date", "versions"} < one.keys() for one in kept)
    assert performance.points("toy", "line").keys() == {1, 3}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["speed"], "no curve speed: choose from roofline, training"), (["--threads", "0"], "least 1")],
)
def test_a_mistake_is_said(words, complaint, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["costs", *words])
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_without_a_record_a_figure_says_what_to_do(place, tmp_path, capsys):
    assert main(["costs", "--figures", str(tmp_path / "figures")]) == 1
    assert "python -m course_utils costs" in capsys.readouterr().err


def test_the_callers_threads_survive(place, monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setitem(costs.POINTS, "grading", [])
    assert main(["costs", "grading", "--threads", str(before + 1)]) == 0
    assert torch.get_num_threads() == before


def test_the_arithmetic_of_a_dense_layer_is_counted_and_views_are_not():
    layer, x = torch.nn.Linear(30, 20), torch.rand(10, 30)
    with torch.no_grad():
        found = costs_curves.arithmetic(lambda: layer(x).view(20, 10).T)
    assert found == {"flops": 2 * 10 * 30 * 20, "operations": 1}


def test_seconds_are_those_of_the_processor_and_of_one_call():
    def busy(seconds):
        begun = time.process_time()
        while time.process_time() - begun < seconds:
            pass
        time.sleep(0.01)  # is not counted

    one, three = (costs_curves.cpu_seconds(lambda s=s: busy(s), least=0.03) for s in (0.004, 0.012))
    assert 2 < three / one < 4


@pytest.mark.parametrize("series", ["VAE, images", "VAE, codes", "VAE, width", "DCGAN, width"])
def test_a_training_step_is_measured_and_more_width_is_more_arithmetic(series, monkeypatch):
    monkeypatch.setattr(costs_curves, "cpu_seconds", lambda work, least=0.2: work() or 1.0)
    less, more = (costs_curves.training(series, x) for x in ((512, 1024) if "images" in series else (4, 8)))
    if "images" in series:
        assert (less["images"], more["images"]) == (512, 1024)
    else:
        assert more["flops"] > less["flops"]
    assert less["operations"] == more["operations"]


@pytest.mark.parametrize("series", ["product, bfloat16", "copy", "layer, float32", "course", "listing"])
def test_the_points_of_the_roofline_are_measured(series, monkeypatch):
    monkeypatch.setattr(costs_curves, "cpu_seconds", lambda work, least=0.2: (work(), 1.0)[1])
    x = {"layer": "05 transposed 32–16", "course": "vae", "listing": "gan"}.get(series.partition(",")[0], 64)
    found = costs_curves.roofline(series, x)
    assert found["seconds"] == 1.0
    assert found.get("flops", 1) > 0
    if series == "course":
        assert found["steps"] == 10
        dense = 784 * 400 + 400 * 40 + 20 * 400 + 400 * 784
        assert 2.5 < found["flops"] / (2 * dense * 2_560) < 3  # forward once, backward twice but for the first layer


def test_parts_of_a_score_hold_a_million_pairs_and_no_row_is_lost():
    for n in (3, 5_000, 100_000):
        x = torch.arange(7_000)[:, None]
        parts = evaluation.in_parts(x, torch.empty(n, 0))
        assert max(len(part) for part in parts) * n <= 1_000_000 + n
        assert torch.equal(torch.cat(parts), x)


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say how much memory a process has held")
@pytest.mark.parametrize("series", ["kernel", "neighbours"])
def test_the_memory_of_a_score_is_flat(series):
    """Four times as many samples, sixteen times as many pairs: hardly more memory."""
    small, large = (costs_curves.metrics(series, n)["peak_mb"] for n in (2_500, 10_000))
    assert large < 1.3 * small


@pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux, macOS or WSL")
def test_a_class_is_graded_and_one_that_is_not_is_no_measurement(monkeypatch):
    sandbox = pytest.importorskip("grader.sandbox")
    if reason := sandbox.probe():
        pytest.skip(reason)
    found = costs_curves.grading("small, -j 1", 2)
    assert found["wall_seconds"] > 0
    assert found["seconds"] > 0
    monkeypatch.setattr(costs_curves, "SMALL", costs_curves.SMALL.replace("grade_id", "name"))
    with pytest.raises(CourseError):
        costs_curves.grading("small, -j 1", 1)


def test_without_dask_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(costs_curves.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="pip install distributed"):
        costs_curves.grading("small, dask", 2)
