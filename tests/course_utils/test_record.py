"""The sixty-second record: the clock, the recipes, the record of each run."""

import json
import statistics
import time

import pytest
import torch

from course_utils.__main__ import main
from course_utils.commands import record
from course_utils.data import load_images


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Records and pictures go to a folder of the test's own."""
    monkeypatch.setattr(record, "RECORDS", tmp_path / "record.json")
    monkeypatch.setattr(record.schedule, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    return tmp_path


@pytest.mark.parametrize("family", record.FAMILIES)
def test_every_recipe_trains_draws_and_is_scored(family, place):
    digits = load_images("mnist")
    digits = digits._replace(test=digits.test[:200], test_labels=digits.test_labels[:200])
    found = record.race(family, digits, seed=3, seconds=0.2)
    assert found["steps"] >= 1
    assert found["wall_seconds"] > 0
    scores = {"test_mse"} if family == "autoencoder" else {"inception_score", "frechet"}
    assert scores < found.keys()
    assert ("label_accuracy" in found) == (family in ("cdcgan", "flow"))
    assert ("test_nats" in found) == (family == "pixelcnn")
    assert ("test_loss" in found) == (family == "vae")
    assert (place / "build" / "record" / f"{family}-embedded-3.png").stat().st_size > 500


def test_the_clock_ends_a_race_and_drives_the_rates():
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.5)
    seen = []

    def update(x):
        while time.process_time() - begun < 0.001 * len(seen):  # busy for a moment
            pass
        seen.append(optimizer.param_groups[0]["lr"])

    digits = load_images("mnist")
    begun = time.process_time()
    time.sleep(0.1)  # what others do meanwhile is not counted
    steps = record.Race(model, update, [optimizer], 2, fade="hold and fall").run(digits, 0.3, seed=0)
    assert time.process_time() - begun >= 0.3 * torch.get_num_threads()
    assert steps == len(seen) > 2
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == 0.5
    assert seen[-1] < 0.2


@pytest.mark.parametrize("fade", record.FADES.values())
def test_rates_end_at_nothing_and_never_exceed_the_given_one(fade):
    rates = [fade(k / 1000) for k in range(1001)]
    assert max(rates) == 1
    assert min(rates) >= 0
    assert rates[-1] < 1e-9


def test_the_average_forgets_its_beginning_and_counts_batches_as_they_are():
    network = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1))
    drawn = record.averaged(network, 0.9)
    with torch.no_grad():
        drawn.update_parameters(network)  # the first one is copied
        for _ in range(60):
            network[0].weight.fill_(5.0)
            network[1].num_batches_tracked += 1
            drawn.update_parameters(network)
    assert drawn.module[0].weight.item() == pytest.approx(5.0, abs=0.05)
    assert drawn.module[1].num_batches_tracked.item() == 60


def test_a_recorded_run_is_not_repeated(place, monkeypatch, capsys):
    calls = []

    def race(family, digits, seed, seconds):
        calls.append((family, seed))
        return {"steps": 7, "wall_seconds": 60.0, "inception_score": 2.0 + seed, "frechet": 30.0}

    monkeypatch.setattr(record, "race", race)
    monkeypatch.setattr(record, "reference_rows", lambda digits: {"noise": {"inception_score": 1.0, "frechet": 9.0}})
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    for _ in range(2):
        assert main(["record", "dcgan", "gan", "--seeds", "0", "1"]) == 0
    assert calls == [("dcgan", 0), ("gan", 0), ("dcgan", 1), ("gan", 1)]
    assert len(json.loads(record.RECORDS.read_text(encoding="utf-8"))) == 4
    assert main(["record", "--report"]) == 0
    shown = capsys.readouterr().out
    assert "IS 2.50 (2 to 3)" in shown
    assert "seeds: 2" in shown
    assert main(["record", "dcgan", "--seeds", "5", "--seconds", "2"]) == 0  # no record: another length
    assert len(json.loads(record.RECORDS.read_text(encoding="utf-8"))) == 4


def test_the_readme_quotes_the_record():
    runs = [run for run in record.records() if run["data"] == "mnist"]
    readme = (record.schedule.ROOT / "README.md").read_text(encoding="utf-8").split("### A minute for each family")[1]
    rows = {cells[1].strip(): cells[2:] for cells in (line.split("|") for line in readme.splitlines()) if cells[2:]}
    forms = {"inception_score": "{:.2f}", "frechet": "{:.1f}", "test_mse": "{:.5f}", "test_loss": "{:.1f}"}
    forms |= {"test_nats": "{:.2f}", "label_accuracy": "{:.1%}"}
    for family, (name, _) in record.FAMILIES.items():
        some = [run for run in runs if run["family"] == family]
        assert len({(run["machine"], run["threads"]) for run in some}) == 1, "quote one machine"
        quoted = "|".join(rows[name]).replace(" %", "%")
        for key, form in forms.items():
            if key in some[0]:
                assert form.format(statistics.median(run[key] for run in some)) in quoted, (family, key)


def test_a_row_of_each_family_is_drawn(place):
    for k, family in enumerate(("vae", "gan")):
        record.save_image(torch.full((40, 1, 28, 28), 0.5 + k / 2), record.sheet(f"{family}-toy-0"), nrow=20, padding=1)
    record.draw_families("toy", 0)
    drawn = record.plt.imread(record.sheet("families-toy"))
    assert drawn.shape[:2] == (60, 581)
    assert (drawn[15, 15, :3] < drawn[45, 15, :3]).all()


@pytest.mark.parametrize("words", [["rnn"], ["--seconds", "0"], ["--threads", "0"]])
def test_a_mistake_is_said(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["record", *words])
    assert stopped.value.code == 2
    assert "error" in capsys.readouterr().err
