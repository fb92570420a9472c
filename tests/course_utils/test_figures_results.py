"""Figures have alternative text; results are recorded whole and held against their bands."""

import base64
import io
import json
import math
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from course_utils import CourseError, figures, results
from course_utils.explorer import latent_explorer
from course_utils.results import Band, OutsideBand, Results, band

settings.register_profile("course", deadline=None, max_examples=50)  # a busy machine is no failure
settings.load_profile("course")

NASTY = 'Points <b>above</b> the "line" & nothing\'s else'


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setenv("COURSE_SCHEDULE", "short")
    monkeypatch.delenv("COURSE_RESULTS", raising=False)
    monkeypatch.delenv("COURSE_SEED", raising=False)
    backend = plt.get_backend()
    plt.switch_backend("agg")  # no window, on any machine
    yield
    plt.close("all")
    plt.switch_backend(backend)


@pytest.fixture
def shell(monkeypatch):
    """A real IPython shell, as a notebook has one: without it `display` only prints."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # the shell puts its own there
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    yield shell
    InteractiveShell.clear_instance()


class Tags(HTMLParser):
    """Collects [(tag, attributes), …] of a page, as a browser reads them."""

    def __init__(self, page: str):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def shown(function, *args, **more) -> list[dict]:
    """The outputs of a cell that calls `function`, as {MIME type: content}."""
    with capture_output() as captured:
        function(*args, **more)
    return [output.data for output in captured.outputs]


def image_of(output: dict) -> tuple[Image.Image, str]:
    """The picture of an output and its alternative text."""
    [(tag, attributes)] = Tags(output["text/html"]).found
    assert tag == "img"
    kind, data = attributes["src"].split(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data))), attributes["alt"]


# ---------------------------------------------------------------- figures


def test_digits_keep_every_grey(shell):
    fig, ax = plt.subplots()
    ax.imshow(torch.linspace(0, 1, 256).view(16, 16))
    ax.set_axis_off()
    before = io.BytesIO()
    fig.savefig(before, format="png", bbox_inches="tight")
    [output] = shown(figures.show, fig, "every grey, from black to white")
    picture, _ = image_of(output)
    assert picture.mode == "L"
    assert picture.convert("RGB").tobytes() == Image.open(before).convert("RGB").tobytes()


def test_a_plot_is_smaller_by_its_palette(shell):
    [output] = shown(figures.plot_history, {"loss": [3.0, 2.0, 1.5]}, "a falling line")
    picture, _ = image_of(output)
    assert picture.mode == "P"
    white, blue = (255, 255, 255), (0, 114, 178)  # the paper and the first line, as they were
    assert {white, blue} <= {colour for _, colour in picture.convert("RGB").getcolors()}


def test_a_photograph_keeps_its_colours(shell):
    torch.manual_seed(0)
    [output] = shown(figures.show_images, torch.rand(4, 3, 64, 64), "four patches of coloured noise", size=3.0)
    assert image_of(output)[0].mode == "RGB"


@pytest.mark.parametrize("alt", ["", "  ", "\n"])
def test_alternative_text_is_required(alt):
    fig, _ = plt.subplots()
    with pytest.raises(ValueError, match="alternative text"):
        figures.show(fig, alt)
    with pytest.raises(ValueError, match="alternative text"):
        figures.show_images(torch.rand(2, 784), alt)
    with pytest.raises(ValueError, match="alternative text"):
        figures.plot_history({"loss": [1.0, 2.0]}, alt)


def test_a_figure_is_shown_with_its_text_and_closed(shell):
    fig, _ = plt.subplots(figsize=(4, 2))
    [output] = shown(figures.show, fig, NASTY)
    picture, alt = image_of(output)
    assert alt == NASTY  # escaped in the page, whole for the reader
    assert "<b>" not in output["text/html"]
    assert NASTY in output["text/plain"]
    assert picture.width > picture.height > 50
    assert not plt.fignum_exists(fig.number)


def test_a_live_figure_replaces_itself(shell):
    with capture_output() as captured:
        place = figures.live_picture()
        figures.plot_history({"loss": [3.0, 2.0]}, "first", into=place)
        figures.show_images(torch.rand(2, 784), "second", into=place)
    empty, *pictures = captured.outputs
    assert not empty.update
    assert all(output.update for output in pictures)  # they take no places of their own
    assert {output.transient["display_id"] for output in captured.outputs} == {place.display_id}
    assert [image_of(output.data)[1] for output in pictures] == ["first", "second"]


def test_rows_of_images(shell):
    rows = {"true": torch.rand(6, 784), "decoded": torch.rand(6, 1, 28, 28), "colour": torch.rand(6, 3, 28, 28)}
    for images in (rows, rows["true"], rows["colour"]):
        [output] = shown(figures.show_images, images, "digits", columns=6)
        picture, _ = image_of(output)
        # One row is six images wide and one high; a title takes a little more.
        assert (picture.width > 4 * picture.height) == (images is not rows)


@pytest.mark.parametrize(
    ("shape", "columns", "expected"),
    [
        ((6, 1, 28, 28), 3, (2 * 29 + 1, 3 * 29 + 1)),
        ((6, 784), 3, (2 * 29 + 1, 3 * 29 + 1)),
        ((5, 784), 3, (2 * 29 + 1, 3 * 29 + 1)),  # the last place stays empty
        ((6, 3, 8, 10), 6, (9 + 1, 6 * 11 + 1, 3)),
    ],
)
def test_tiles(shape, columns, expected):
    images = torch.rand(shape, requires_grad=True)
    picture = figures.tile(images, columns)
    assert picture.shape == expected
    assert not picture.requires_grad
    # Image number 4 (counted from 0) stands where it should, between frames one pixel wide.
    height, width = (28, 28) if len(shape) == 2 else shape[2:]
    row, column = divmod(4, columns)
    part = picture[row * (height + 1) + 1 :, column * (width + 1) + 1 :][:height, :width]
    true = images[4].view(-1, height, width).permute(1, 2, 0).squeeze(2)
    assert torch.equal(part, true)


def test_tiles_stay_within_black_and_white():
    picture = figures.tile(torch.randn(4, 784) * 10)
    assert picture.min() >= 0
    assert picture.max() <= 1


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ((torch.rand(9, 1, 28, 28) * 255).byte(), r"not uint8: .* x.float\(\) / 255"),
        (torch.rand(9, 1, 28, 28) * 255, "x / 255"),
        (torch.rand(9, 1, 28, 28) * 2 - 1, r"\(x \+ 1\) / 2"),
        (torch.rand(3, 28, 28), r"x\[:, None\], or, if this is one picture, .* x\[None\]"),
        (torch.rand(4, 28, 28), r"x\[:, None\]"),
        (torch.rand(9, 28, 28, 3), r"x.permute\(0, 3, 1, 2\)"),
        (torch.rand(9, 4, 28, 28), r"x\[:, :3\]"),
        (torch.rand(28, 28), r"x\[None, None\]"),
        (torch.rand(9, 1, 28, 28) / 0, "NaN or infinity"),
        (torch.rand(9, 1, 28, 28).numpy(), "torch.as_tensor"),
        (torch.rand(0, 1, 28, 28), "one picture or more"),
    ],
)
def test_pictures_that_cannot_be_shown_as_they_are(images, words):
    for call in (figures.tile, lambda x: figures.show_images({"a row": x}, "digits")):
        with pytest.raises(CourseError, match=words):
            call(images)


def test_other_kinds_of_numbers_are_shown_as_they_are():
    images = torch.rand(9, 1, 28, 28).half()
    for kind in (torch.float16, torch.float64):
        assert torch.equal(figures.tile(images.to(kind)), figures.tile(images.float()))
    assert figures.tile(images > 0.5)[1:29, 1:29].unique().tolist() == [0, 1]
    assert figures.tile(images.flatten(1).unflatten(0, (3, 3)).transpose(0, 1).flatten(0, 1)).shape == (30, 9 * 29 + 1)


@pytest.mark.parametrize(
    ("decoded", "words"),
    [((torch.rand(3, 3, 8, 8) * 255).byte(), "not uint8"), (torch.rand(3, 3, 8, 8) * 255, "/ 255")],
)
def test_the_explorer_asks_the_same_of_its_pictures(decoded, words):
    with pytest.raises(CourseError, match=words):
        latent_explorer(decoded, (0.0, 1.0), "digits")


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), st.integers(1, 40))
def test_running_mean(values, window):
    smoothed = figures.smooth(values, window)
    window = min(window, len(values))
    assert len(smoothed) == len(values) - window + 1
    for i, mean in enumerate(smoothed):
        assert mean == pytest.approx(sum(values[i : i + window]) / window, abs=1e-6)


# ---------------------------------------------------------------- the explorer


def sheet_of(page: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^)\"']+)", page)[1])))


def test_explorer_holds_every_image_in_its_place():
    decoded = torch.rand(5, 5, 28, 28)
    page = latent_explorer(decoded, (-2.0, 2.0), "a plane of digits").data
    sheet = sheet_of(page)
    assert sheet.size == (5 * 28, 5 * 28)
    pixels = torch.tensor(np.array(sheet))
    # z₁ counts to the right and z₂ upwards, as in a scatter plot: image (3, 1) is in column 3, one row above the last.
    assert torch.allclose(pixels[3 * 28 : 4 * 28, 3 * 28 : 4 * 28] / 255, decoded[3, 1], atol=1 / 255)
    box = Tags(page).found[0][1]
    assert [float(box[name]) for name in ("data-side", "data-low", "data-step")] == [5, -2, 1]  # five from -2 to 2


def test_explorer_is_an_ordinary_picture_until_its_script_runs():
    page = latent_explorer(torch.rand(3, 3, 8, 8), (0.0, 1.0), NASTY).data
    tags = Tags(page).found
    [image] = [attributes for tag, attributes in tags if tag == "img"]
    assert image["alt"] == NASTY
    assert image["src"].startswith("data:image/png;base64,")
    assert not [tag for tag, _ in tags if tag in ("input", "button", "output")]  # the script makes what needs it
    assert "run this cell" in re.sub(r"<script>.*</script>", "", page, flags=re.S)
    assert not re.search(r"https?:|//\w|@import", re.sub(r"base64,[^\"]+", "", page))
    assert not [a for _, a in tags if "href" in a]
    assert not re.search(r"@[A-Z]+@", page)  # every field is filled in


def test_explorer_says_where_the_sliders_stand_and_what_is_there():
    labels = [[f"{i}{j} <&\"'" for j in range(3)] for i in range(3)]
    page = latent_explorer(torch.rand(3, 3, 8, 8), (0.0, 1.0), "nine tiny images", labels).data
    assert json.loads(Tags(page).found[0][1]["data-labels"]) == labels
    for wanted in ("aria-valuetext", '"role", "status"', "verdict.textContent = said"):
        assert wanted in page
    heights = re.findall(r"width:150px;height:(\d+)px", page)
    assert heights
    assert min(map(int, heights)) >= 24  # a thumb must be able to hit it


def test_explorer_text_is_not_taken_for_a_field():
    page = latent_explorer(torch.rand(3, 3, 8, 8), (0.0, 1.0), "the @SIDE@ of @SHEET@", [["@LOW@"] * 3] * 3).data
    assert 'alt="the @SIDE@ of @SHEET@"' in page
    assert json.loads(Tags(page).found[0][1]["data-labels"])[0][0] == "@LOW@"


def test_explorer_wants_a_label_for_every_image():
    with pytest.raises(ValueError, match="labels"):
        latent_explorer(torch.rand(3, 3, 8, 8), (0.0, 1.0), "nine tiny images", [["a"] * 3] * 2)


@pytest.mark.parametrize("shape", [(3, 4, 8, 8), (1, 1, 8, 8), (3, 3, 8, 6)])
def test_explorer_wants_squares(shape):
    with pytest.raises(ValueError, match="square"):
        latent_explorer(torch.rand(shape), (0.0, 1.0), "digits")


# ---------------------------------------------------------------- bands

numbers = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)
shares = st.floats(0, 1)


@given(st.lists(numbers, min_size=1, max_size=9))
def test_a_band_contains_its_values_with_room(values):
    known = band(values)
    assert known.values == values
    assert all(known.low <= value <= known.high for value in values)
    assert known.high - known.low >= 0.0199 * min(map(abs, values))


@given(st.lists(numbers.map(abs).filter(bool), min_size=1, max_size=9), st.floats(0.1, 10))
def test_what_is_positive_has_a_positive_band_that_scales(values, factor):
    known, scaled = band(values), band([factor * value for value in values])
    assert 0 < known.low < known.high or known.low == 0.0  # a spread so wide that the exponential rounds to 0
    assert scaled.low == pytest.approx(factor * known.low, rel=1e-6)
    assert scaled.high == pytest.approx(factor * known.high, rel=1e-6)
    mirrored = band([-value for value in values])
    assert (mirrored.low, mirrored.high) == pytest.approx((-known.high, -known.low))


@given(st.lists(shares, min_size=1, max_size=9))
def test_a_share_stays_between_0_and_1(values):
    known = band(values, "label_accuracy")
    assert 0 <= known.low <= min(values) <= max(values) <= known.high <= 1


@pytest.mark.parametrize("values", [[100.0, 110.0, 121.0], [0.7, 0.8, 0.9], [-3.0, 0.5, 4.0]])
def test_more_runs_of_the_same_spread_make_it_narrower(values):
    few, many = band(values), band(values * 4)
    assert few.low < many.low < min(values)
    assert max(values) < many.high < few.high


def test_a_further_run_falls_inside():
    """999 in 1,000 by its design, for numbers that scatter as assumed; here for 12 runs each."""
    generator = np.random.default_rng(0)
    drawn = np.exp(1 + 0.2 * generator.standard_normal((4000, 13)))
    inside = [row[12] in band(row[:12].tolist()) for row in drawn]
    assert 0.996 < np.mean(inside) <= 1


def test_known_bands():
    # Student's quantile for 11 degrees of freedom, 4.437, times the spread of 12 numbers and one more.
    logs = np.array([0.9, 1.1] * 6)
    room = 4.437 * logs.std(ddof=1) * np.sqrt(1 + 1 / 12)
    assert band(np.exp(logs).tolist())[:2] == pytest.approx((np.exp(1 - room), np.exp(1 + room)), rel=1e-3)
    assert band([50.0, 50.0])[:2] == pytest.approx((50 / np.exp(0.01), 50 * np.exp(0.01)))
    assert float("nan") not in band([1.0, 2.0])
    assert 60.0 not in band([50.0, 50.1, 49.9, 50.0])
    assert Band(0, 1, [0.2, 0.6]).mean == pytest.approx(0.4)


# ---------------------------------------------------------------- results


@pytest.fixture
def recorded(monkeypatch, tmp_path):
    """An expected.json of our own: chapter 02 gave a test loss of 105 to 107 on the short schedule."""
    entry = {"numbers": {"test_loss": [105.0, 106.0, 107.0]}, "date": "2026-01-01", "machine": "a laptop"}
    file = tmp_path / "expected.json"
    file.write_text(json.dumps({"02": {"short/mnist": entry}}))
    monkeypatch.setattr(results, "EXPECTED", file)
    results._expected_file.cache_clear()
    yield
    results._expected_file.cache_clear()


def test_inside_the_band(recorded, shell):
    run = Results("02", "mnist")
    run.add(test_loss=torch.tensor(106.4))
    [output] = shown(run.check)
    row = re.search(r"<tr><td>test_loss</td>.*?</tr>", output["text/html"])[0]
    assert "106.4" in row
    assert "99.29 to 113.2" in row
    assert "within" in row


@pytest.mark.parametrize("value", [99, 114, float("nan"), float("inf")])
def test_outside_the_band(value, recorded, shell):
    run = Results("02", "mnist")
    run.add(test_loss=value, other=1.0)
    with pytest.raises(OutsideBand) as caught, capture_output() as captured:
        run.check()
    assert f"test_loss = {value:.4g} (expected 99.29 to 113.2)" in str(caught.value)
    assert "other" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "outside" in captured.outputs[0].data["text/html"]  # the table is shown all the same
    # A notebook's assert and a reader's eye: it is an assertion, and it is shown as one line.
    assert isinstance(caught.value, AssertionError)
    assert caught.value._render_traceback_() == [f"OutsideBand: {caught.value}"]


def test_every_number_outside_is_named(recorded, shell, monkeypatch):
    monkeypatch.setattr(Results, "expected", lambda self, key: band([1.0, 2.0]))
    run = Results("02", "mnist")
    run.add(a=1e9, b=1.5, c=-50)
    with pytest.raises(OutsideBand) as caught, capture_output():
        run.check()
    assert re.findall(r"(\w) = ", str(caught.value)) == ["a", "c"]


@pytest.mark.parametrize(
    ("chapter", "source", "key"), [("02", "mnist", "x"), ("02", "embedded", "test_loss"), ("03", "mnist", "test_loss")]
)
def test_unknown_numbers_pass(chapter, source, key, recorded, shell):
    run = Results(chapter, source)
    run.add(**{key: 1e9})
    [output] = shown(run.check)
    assert "no band recorded" in output["text/html"]
    assert run.expected(key) is None


def test_the_other_schedule_has_bands_of_its_own(recorded, monkeypatch):
    assert Results("02", "mnist").expected("test_loss") == band([105.0, 106.0, 107.0])
    monkeypatch.setenv("COURSE_SCHEDULE", "full")
    assert Results("02", "mnist").expected("test_loss") is None


def test_what_is_written(monkeypatch, tmp_path, capsys):
    folder = tmp_path / "new" / "results"
    monkeypatch.setenv("COURSE_RESULTS", str(folder))
    monkeypatch.setenv("COURSE_SEED", "7")
    run = Results("02", "embedded")
    assert capsys.readouterr().out == "Chapter 02: short schedule on cpu, data embedded, seed 7.\n"
    run.add(test_loss=torch.tensor(106.5))
    run.add(elbo=-100, iw_bound_10=-99.5)
    record = json.loads((folder / "02.json").read_text())
    assert record.pop("seconds") >= 0
    assert record.pop("versions").keys() >= {"python", "torch", "torchvision"}
    assert record == {
        "chapter": "02",
        "schedule": "short",
        "device": "cpu",
        "data": "embedded",
        "seed": 7,
        "numbers": {"test_loss": 106.5, "elbo": -100.0, "iw_bound_10": -99.5},
    }
    assert os.listdir(folder) == ["02.json"]


def test_what_is_no_number_is_null_in_the_file(monkeypatch, tmp_path):
    """JSON has no NaN: other programs stop at it."""
    monkeypatch.setenv("COURSE_RESULTS", str(tmp_path))
    Results("02", "embedded").add(a=float("nan"), b=float("inf"), c=torch.tensor(-math.inf), d=1.5)
    numbers = json.loads((tmp_path / "02.json").read_text(), parse_constant=pytest.fail)["numbers"]
    assert numbers == {"a": None, "b": None, "c": None, "d": 1.5}


def test_nothing_is_written_unasked(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run = Results("02", "embedded")
    run.add(test_loss=1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_result_file_is_replaced_whole_or_not_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_RESULTS", str(tmp_path))
    run = Results("02", "embedded")
    run.add(test_loss=1.0)
    before = (tmp_path / "02.json").read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CourseError, match=r"No space left on device.*COURSE_RESULTS"):
        run.add(test_loss=2.0)
    assert (tmp_path / "02.json").read_text() == before
    assert os.listdir(tmp_path) == ["02.json"]


def test_a_result_folder_that_cannot_be(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("here first")
    monkeypatch.setenv("COURSE_RESULTS", str(tmp_path / "file"))
    with pytest.raises(CourseError, match="COURSE_RESULTS") as caught:
        Results("02", "embedded").add(test_loss=1.0)
    assert "\n" not in str(caught.value)


def test_the_recorded_bands_are_well_formed():
    """Of course_utils/expected.json, where it exists: each entry has values, a date and a machine."""
    if not Path(results.EXPECTED).exists():
        pytest.skip("no bands have been recorded yet")
    for chapter, entries in json.loads(results.EXPECTED.read_text()).items():
        assert re.fullmatch(r"\d\d", chapter)
        for run, entry in entries.items():
            assert re.fullmatch(r"(short|full)/(mnist|fashion_mnist|cifar10|embedded)", run)
            assert entry["date"]
            assert entry["machine"]
            for key, values in entry["numbers"].items():
                assert len(values) >= 3, f"{chapter} {run} {key}: a band needs three seeds"
                assert all(isinstance(value, int | float) for value in values)
