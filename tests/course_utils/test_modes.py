"""The bench of chapter 07: its data, its rates, its record."""

import json

import pytest
import torch

from course_utils.__main__ import main
from course_utils.commands import modes


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_the_data_keep_their_modes_whatever_they_are_divided_by(name):
    data = modes.data_set(name)
    captured, share = data.count(data.points[:2500])
    assert captured == modes.MODES[name]
    assert share == pytest.approx(0.989, abs=0.01)
    moved, _ = data.count(data.points[:2500] + 0.5)
    assert moved < captured
    if name == "grid":
        assert data.points.std() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("name", "fades"), [("ring", False), ("grid", True)])
def test_rates_fall_to_nothing_where_they_should(name, fades, monkeypatch):
    rates = []

    def new_games(generator, judges, *, rate, **options):
        return lambda x: rates.append(rate.item())

    monkeypatch.setattr(modes, "new_games", new_games)
    monkeypatch.setitem(modes.STEPS, name, 10)
    row = modes.play("plain, a fifth of the rate", name)
    assert len(row["modes"]) == len(row["share"]) == modes.GAMES
    expected = [2e-4 * (min(1, 2 * (1 - k / 10)) if fades else 1) for k in range(10)]
    assert rates == pytest.approx(expected)


def test_the_optimizers_follow_a_rate_that_is_changed():
    schedule = torch.tensor(1e-3)
    generator, judges = modes.many_mlps(2, [2, 4, 2]), modes.many_mlps(2, [2, 4, 1])
    update = modes.new_games(generator, judges, rate=schedule)
    update(torch.randn(16, 2))
    schedule.zero_()
    before = [weight.detach().clone() for weight in (*generator.parameters(), *judges.parameters())]
    update(torch.randn(16, 2))
    after = [*generator.parameters(), *judges.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_row_is_recorded_and_not_played_again(tmp_path, monkeypatch, capsys):
    played = []

    def play(method, name, seed):
        played.append((method, name))
        return {"method": method, "data": name, "modes": [8] * 8, "share": [0.5] * 8, "seconds": 1.0}

    monkeypatch.setattr(modes, "FOLDER", tmp_path / "rows")
    monkeypatch.setattr(modes, "RECORD", tmp_path / "modes.json")
    monkeypatch.setattr(modes, "play", play)
    for _ in range(2):
        assert main(["modes", "--data", "ring", "--methods", "plain", "packing"]) == 0
    assert played == [("plain", "ring"), ("packing", "ring")]
    rows = json.loads(modes.RECORD.read_text(encoding="utf-8"))["rows"]
    assert [row["method"] for row in rows] == [modes.TRUTH, "plain", "packing"]
    assert "0.50 1.0 s" in capsys.readouterr().out


def test_the_record_is_whole_and_shows_what_the_chapter_says():
    record = json.loads(modes.RECORD.read_text(encoding="utf-8"))
    rows = {(row["data"], row["method"]): row for row in record["rows"]}
    assert rows.keys() == {(name, method) for name in modes.MODES for method in (modes.TRUTH, *modes.METHODS)}
    assert (record["steps"], record["of"]) == (modes.STEPS, modes.MODES)
    assert sum(row["seconds"] for row in rows.values()) < 40 * 60
    kept = {key: sum(one == modes.MODES[key[0]] for one in row["modes"]) for key, row in rows.items()}
    assert kept["ring", "plain"] <= 2
    remedies = [method for method in modes.METHODS if not method.startswith("plain")]
    safe = [method for method in remedies if kept["ring", method] >= 7]
    assert len(safe) >= 3
    assert all(rows["ring", method]["seconds"] < 20 for method in safe)
    assert any(kept["grid", method] >= 6 for method in remedies)
