"""The page on performance: every number from the records, figures with words, sentences that the numbers bear."""

import json
import re

import pytest

from course_utils import CourseError
from course_utils.commands import bench_until, costs_curves, performance

TEXT = performance.PAGE.read_text(encoding="utf-8")
WORDS = {"machine", "date", "torch"}
# Digits that are names and no measurements.
NAMES = r"`[^`]*`|\]\([^)]*\)|(?:chapter|exercise|appendix) \d\d|b?float\d\d|T4"


def test_no_number_of_the_page_is_written_by_hand():
    prose = re.sub(NAMES, "", re.sub(r"\{[a-z][\w:]*\}", "", TEXT))
    assert re.findall(r"[^\n]{0,30}\d[^\n]{0,10}", prose) == []


def test_all_that_the_page_asks_for_is_recorded():
    page = performance.page()
    assert re.findall(r"\{[a-z][\w:]*\}", page) == []
    asked = set(re.findall(r"\{([a-z][\w:]*)\}", TEXT))
    assert {f"figure:{name}" for name in performance.FIGURES} | {"table:until", "table:record"} <= asked


def test_the_page_follows_the_record(monkeypatch, tmp_path):
    """With every clock ten times as slow, whatever is a time or a speed reads otherwise."""
    before = performance.numbers()
    slow = [
        one | {key: 10 * one[key] for key in ("seconds", "wall_seconds") if one.get(key)} for one in performance.costs()
    ]
    (tmp_path / "costs.json").write_text(json.dumps(slow), encoding="utf-8")
    monkeypatch.setattr(performance, "COSTS", tmp_path / "costs.json")
    after = performance.numbers()
    for key in ("peak32", "dcgan_step_ms", "kernel_seconds", "small_each", "pass_s"):
        assert after[key] != before[key]
    for key in ("vae_ratio", "kernel_exponent", "kernel_mb", "t4_tflops"):
        assert after[key] == before[key]


def test_what_is_not_known_is_named():
    with pytest.raises(CourseError, match=r"\{no_such_number\}"):
        performance.page("It takes {no_such_number} s.")


def test_figures_are_drawn_and_have_words(tmp_path):
    for path in performance.draw(tmp_path / "new"):
        assert path.read_text(encoding="utf-8").rstrip().endswith("</svg>")
    for figure in performance.FIGURES.values():
        alt = figure()[1]
        assert len(alt) > 80
        assert not set("[]\n") & set(alt)


def test_the_whole_of_every_curve_and_race_is_recorded():
    there = {(one["curve"], one["series"], one["x"]) for one in performance.costs()}
    wanted = {(curve, *point) for curve, some in costs_curves.POINTS.items() for point in some}
    assert {one for one in wanted - there if "dask" not in one[1]} == set(), "python -m course_utils costs"
    for name, race in bench_until.RACES.items():
        runs = [(one["side"], one["seed"]) for one in bench_until.records() if one["race"] == name]
        seeds = [{seed for other, seed in runs if other == side} for side in race.sides]
        assert seeds[0], f"no run of {name}"
        assert seeds.count(seeds[0]) == len(seeds), f"the sides of {name} have not run with the same seeds"


def test_the_sentences_hold():
    """What the page says in words, in the numbers that it says it of."""
    found = {key: float(value.replace(",", "")) for key, value in performance.numbers().items() if key not in WORDS}
    assert 0.9 < found["images_exponent"] < 1.1
    assert found["codes_few_time"] < 1.3
    assert found["narrow_time"] < found["narrow_flops"] / 2, "narrow: arithmetic is not the limit"
    assert found["wide_time"] > 0.8 * found["wide_flops"], "wide: it is"
    assert found["maps_few_time"] / found["maps_few_flops"] < found["maps_many_time"] / found["maps_many_flops"]
    assert found["frechet_exponent"] < 1.3 < 1.7 < min(found["kernel_exponent"], found["neighbours_exponent"])
    assert max(found["kernel_mb"], found["neighbours_mb"]) < 200
    assert found["kernel_share"] < 50
    assert found["first_share"] < found["dense_share"]
    assert found["back_share"] < found["dense_share"]
    for name in ("vae", "dcgan"):
        assert found[f"{name}_t4_ms"] < found[f"{name}_launch_ms"] < found[f"{name}_step_ms"]
    assert found["vae_sooner"] > 1
    assert found["gan_sooner"] > 1
    assert found["dcgan_best_end"] < found["dcgan_course_end"] < found["dcgan_listing_end"]
    assert found["dcgan_listing_end"] > 0.8 * found["dcgan_start"], "the listing has gone nowhere"
    assert found["ex02_each"] > 10 * found["small_each"]


def test_the_exponent_and_the_line_of_known_curves():
    x, y = performance.np.array([1.0, 10.0, 100.0]), performance.np.array([3.0, 300.0, 30_000.0])
    assert performance.exponent(x, y) == pytest.approx(2)
    assert performance.line(x, 7 + 2 * x) == pytest.approx((7, 2))
