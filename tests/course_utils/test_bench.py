"""The benchmark: its records have the promised fields, its numbers can be believed, mistakes cost one line."""

import functools
import json

import pytest
import torch

from course_utils import CourseError
from course_utils.commands import bench, bench_scores
from course_utils.data import Images

FIELDS = {
    "name",
    "threads",
    "ratio",
    "course_images_per_s",
    "baseline_images_per_s",
    "rounds",
    "course_test_loss",
    "baseline_test_loss",
}


@pytest.fixture
def images():
    torch.manual_seed(0)
    labels = torch.zeros(512, dtype=torch.int64)
    return Images(torch.rand(512, 1, 28, 28), labels, torch.rand(64, 1, 28, 28), labels[:64], "noise")


@pytest.fixture
def command(images, monkeypatch):
    monkeypatch.setattr(bench, "load_images", lambda: images)
    return bench.main


@pytest.mark.parametrize("name", bench.CONTESTS)
def test_a_contest_measures_both_loops(images, name):
    record = bench.contest(name, images, threads=1, rounds=2)
    assert record.keys() == FIELDS
    assert (record["name"], record["threads"], record["rounds"]) == (name, 1, 2)
    for key in FIELDS - {"name"}:
        assert record[key] > 0
    # The ratio is the median over the passes, so with two passes it lies near that of the medians, not upside down.
    medians = record["course_images_per_s"] / record["baseline_images_per_s"]
    assert 0.5 < record["ratio"] / medians < 2


def test_both_loops_train_the_same_network_on_every_image(images, monkeypatch):
    """What is compared must be comparable: equal initial weights, equal numbers of passes over equal images."""
    seen, weights = {}, []

    def spy(make):
        def made(model):
            weights.append(torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone())
            loop = make(model)
            side = len(weights)
            model.register_forward_pre_hook(
                lambda module, args: (
                    seen.__setitem__(side, seen.get(side, 0) + len(args[0])) if module.training else None
                )
            )
            return loop

        return made

    model, listing, course, loss = bench.CONTESTS["ae"]
    monkeypatch.setitem(bench.CONTESTS, "ae", (model, spy(listing), spy(course), loss))
    bench.contest("ae", images, threads=1, rounds=2)
    assert torch.equal(*weights)
    assert seen == {1: 2 * 512, 2: 2 * 512}


def test_the_callers_thread_count_survives(images, monkeypatch):
    before = torch.get_num_threads()
    bench.contest("ae", images, threads=before + 1, rounds=1)
    assert torch.get_num_threads() == before

    def breaks(model):
        raise RuntimeError("in the middle of a pass")
        yield

    model, listing, _, loss = bench.CONTESTS["ae"]
    monkeypatch.setitem(
        bench.CONTESTS, "ae", (model, listing, lambda model: lambda images, passes: breaks(model), loss)
    )
    with pytest.raises(RuntimeError, match="middle of a pass"):
        bench.contest("ae", images, threads=before + 1, rounds=1)
    assert torch.get_num_threads() == before


def test_the_command_writes_what_it_prints(command, tmp_path, capsys):
    file = tmp_path / "new" / "bench.json"
    assert command(["ae", "--rounds", "1", "--threads", "1", "2", "--json", str(file)]) == 0
    records = json.loads(file.read_text())
    assert [(r["name"], r["threads"]) for r in records] == [("ae", 1), ("ae", 2)]
    printed = capsys.readouterr().out
    for record in records:
        assert record.keys() == FIELDS
        assert f"{record['ratio']:.2f}x" in printed


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["cnn"], "no contest named cnn: choose from ae, vae"),
        (["ae", "--rounds", "0"], "at least 1"),
        (["ae", "--threads", "0"], "at least 1"),
        (["ae", "--rounds", "many"], "invalid int value: 'many'"),
        (["vae", "--until", "--budget", "0"], "must be positive"),
        (["ae", "vae", "--until"], "no race of ae: choose from vae, gan, dcgan"),
    ],
)
def test_a_wrong_argument_is_named(command, arguments, complaint, capsys):
    with pytest.raises(SystemExit) as stop:
        command(arguments)
    assert stop.value.code == 2
    assert complaint in capsys.readouterr().err


def test_missing_data_give_one_line(monkeypatch, capsys):
    def gone():
        raise CourseError("The data are gone.")

    monkeypatch.setattr(bench, "load_images", gone)
    assert bench.main(["ae"]) == 1
    assert capsys.readouterr().err == "The data are gone.\n"


def test_help_works(capsys):
    with pytest.raises(SystemExit) as stop:
        bench.main(["--help"])
    assert stop.value.code == 0
    assert "--rounds" in capsys.readouterr().out


# ---------------------------------------------------------------- the scores


@pytest.mark.parametrize("name", bench_scores.SIDES)
def test_every_side_finds_the_same_score(name):
    real, fake = bench_scores.features(400)
    values = {side: score(real, fake) for side, score in bench_scores.SIDES[name].items()}
    assert values == pytest.approx(dict.fromkeys(values, values["course"]), rel=1e-6)
    assert values["course"] != 0


@pytest.mark.parametrize("name", bench_scores.SIDES)
def test_a_contest_of_scores_has_the_promised_fields(name):
    records = bench_scores.contest(name, threads=1, rounds=1, n=300)
    assert [record["baseline"] for record in records] == [side for side in bench_scores.SIDES[name] if side != "course"]
    for record in records:
        assert record.keys() > FIELDS
        assert all(record[key] > 0 for key in FIELDS - {"name"})


@pytest.mark.thorough
def test_ten_thousand_against_ten_thousand_fit_in_two_gigabytes():
    """In parts: one whole matrix of distances alone would take 0.8 GB, and there are three."""
    (record,) = bench_scores.contest("neighbours", threads=1, rounds=1)
    assert record["course_peak_mb"] is None or record["course_peak_mb"] < 2000
    assert record["ratio"] > 0.5, "slower than the plain computation by more than half"


def test_the_command_prints_scores_and_loops(command, capsys, tmp_path, monkeypatch):
    small = functools.partial(bench_scores.contest, n=300)
    monkeypatch.setattr(bench_scores, "contest", small)
    file = tmp_path / "bench.json"
    assert command(["ae", "frechet", "--rounds", "1", "--threads", "1", "--json", str(file)]) == 0
    assert [record["name"] for record in json.loads(file.read_text())] == ["ae", "frechet", "frechet"]
    assert "torchmetrics" in capsys.readouterr().out
