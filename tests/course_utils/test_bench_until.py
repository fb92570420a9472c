"""Races to a score: what the clock counts, when a race ends, what is recorded, what the table says."""

import json
import time

import pytest
import torch

from course_utils.__main__ import main
from course_utils.commands import bench_until
from course_utils.commands.bench_loops import CONTESTS
from course_utils.commands.bench_until import Race
from course_utils.data import Images

NOISE = torch.rand(256, 1, 28, 28)


def busy(seconds: float) -> None:
    begun = time.process_time()
    while time.process_time() - begun < seconds:
        pass


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A race of a counter: each step takes a while, and the score is how many steps of 100 are left."""
    monkeypatch.setattr(bench_until, "RECORDS", tmp_path / "bench.json")
    monkeypatch.setattr(bench_until, "FIRST", 30)
    monkeypatch.setattr(bench_until, "MORE", 1.2)

    def loop(model):
        def steps(images, passes):
            for _ in range(passes):
                busy(0.001)
                model.bias.data += 1
                yield True

        return steps

    def score(model, real):
        busy(0.02)
        return 100 - model.bias.mean()

    def build():
        model = torch.nn.Linear(1, 1)
        torch.nn.init.zeros_(model.bias)
        return model

    def race(goal, passes):
        monkeypatch.setattr(bench_until, "RACES", {"toy": Race("Fréchet", (goal,), {"course": (build, loop, passes)})})
        monkeypatch.setitem(CONTESTS, "toy", (build, loop, loop, score))
        return lambda budget=1e9: bench_until.race("toy", "course", NOISE, NOISE, seed=0, budget=budget)

    return race


def test_a_race_ends_at_its_hardest_goal_and_is_looked_at_after_ever_more_steps(toy):
    looks = toy(goal=40, passes=1000)()
    assert [step for step, *_ in looks] == [30, 36, 43, 52, 62]
    assert [score for *_, score in looks] == [70, 64, 57, 48, 38]


def test_the_clock_stands_still_while_a_score_is_computed(toy):
    """Five looks take a hundred milliseconds together, 62 steps take 62."""
    looks = toy(goal=40, passes=1000)()
    assert [seconds for _, seconds, _ in looks] == sorted(seconds for _, seconds, _ in looks)
    assert 0.06 <= looks[-1][1] < 0.12


def test_a_race_ends_with_its_budget_or_its_schedule(toy):
    assert toy(goal=-1000, passes=10**6)(budget=0.05)[-1][1] == pytest.approx(0.05, abs=0.02)
    assert toy(goal=-1000, passes=40)()[-1][0] == 40
    assert toy(goal=-1000, passes=20)()[0][0] == 20, "shorter than the first look"


def test_a_recorded_run_is_not_repeated_and_the_table_reads_the_record(toy, monkeypatch, capsys):
    toy(goal=60, passes=1000)
    images = Images(NOISE, torch.zeros(256), NOISE, torch.zeros(256), "noise")
    monkeypatch.setattr(bench_until, "load_images", lambda: images)
    words = ["bench", "toy", "--until", "--budget", "5", "--seeds"]
    assert main([*words, "0"]) == 0
    monkeypatch.setattr(bench_until, "race", lambda *_, **__: [[30, 7.5, 50.0]])
    assert main([*words, "0", "1"]) == 0
    runs = json.loads(bench_until.RECORDS.read_text(encoding="utf-8"))
    assert [one["seed"] for one in runs] == [0, 1]
    assert runs[0]["looks"] != runs[1]["looks"] == [[30, 7.5, 50.0]]
    assert {"machine", "threads", "date", "versions", "budget", "data"} < runs[0].keys()
    capsys.readouterr()
    assert main(["bench", "--report"]) == 0
    said = capsys.readouterr().out
    assert "7.5" in said
    assert "≤ 60" in said


def test_a_cell_is_the_median_and_says_in_vain_where_it_is():
    def run(*looks):
        return {"looks": [[0, *look] for look in looks]}

    quick, slow, never = run((1.0, 90.0), (2.0, 50.0)), run((5.0, 55.0)), run((40.2, 300.0))
    assert bench_until.cell([quick, slow, run((3.0, 10.0))], 60) == "3.0 (2.0–5.0)"
    assert bench_until.cell([quick, slow, never], 60) == "5.0 (2.0–never)"
    assert bench_until.cell([never, never, quick], 60) == "not in 2 s"
    assert bench_until.cell([never], 60) == "not in 40 s"
    assert bench_until.cell([quick], 60) == "2.0"


def test_without_a_record_the_report_says_how_to_make_one(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench_until, "RECORDS", tmp_path / "none.json")
    assert main(["bench", "--report"]) == 0
    assert "bench --until" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "side"), [(name, side) for name, race in bench_until.RACES.items() for side in race.sides]
)
def test_a_look_changes_nothing(name, side, monkeypatch):
    """Of every side of every race: the score after as many steps is the same, however often it was looked at."""
    build, make, _ = bench_until.RACES[name].sides[side]
    goals = (*bench_until.RACES[name].goals[:-1], -1.0)
    race = bench_until.RACES[name]._replace(goals=goals, sides={side: (build, make, 2)})
    monkeypatch.setitem(bench_until.RACES, name, race)
    real = NOISE if name == "vae" else torch.rand(100, 64)
    ends = []
    for first in (2, 1000):
        monkeypatch.setattr(bench_until, "FIRST", first)
        ends.append(bench_until.race(name, side, NOISE, real, seed=1, budget=1e9)[-1])
    assert ends[0][0] == ends[1][0]
    assert ends[0][2] == ends[1][2]


def test_the_listing_and_the_chapter_race_with_the_same_network():
    for race in bench_until.RACES.values():
        assert race.sides["listing"][0] is race.sides["course"][0]
