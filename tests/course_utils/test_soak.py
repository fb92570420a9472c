"""Soak: seeds, failures, resuming, recording; on a chapter of a few lines."""

import json

import pytest

from course_utils import results
from course_utils.commands import chapters, soak

CHAPTER = """# %% [markdown]
# # 02 · Small

# %%
from course_utils import schedule
from course_utils.results import Results, holds
run = Results("02", "embedded")

# %%
run.add(loss=10 + 0.1 * schedule.seed())
holds("the seed is below two", schedule.seed() < 2, schedule.seed())

# %%
assert schedule.seed() != 1, "one is unlucky"

# %%
run.check()
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    script = tmp_path / "02_small.py"
    script.write_text(CHAPTER)
    monkeypatch.setattr(chapters, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(soak, "FOLDER", tmp_path / "soak")
    monkeypatch.setattr(results, "EXPECTED", tmp_path / "expected.json")
    monkeypatch.setenv("COURSE_DATA", "embedded")
    results._expected_file.cache_clear()
    yield tmp_path
    results._expected_file.cache_clear()  # or the tests after these would look into our file


@pytest.mark.parametrize(("text", "seeds"), [("0-3", [0, 1, 2, 3]), ("5", [5]), ("0,4,7-8", [0, 4, 7, 8])])
def test_seeds(text, seeds):
    assert soak.seeds_in(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-3"])
def test_no_seeds(text, capsys):
    with pytest.raises(SystemExit):
        soak.main(["02", "--seeds", text])


def test_what_fails_is_counted_and_a_second_call_goes_on(book, capfd, monkeypatch):
    assert soak.main(["02", "--seeds", "0-2", "--source", "embedded"]) == 1
    said = capfd.readouterr().out
    assert "seed 0" in said
    assert "1 of 3  ClaimFailed: This does not hold here: the seed is below two (2)" in said
    assert 'assert schedule.seed() != 1, "one is unlucky"  one is unlucky' in said
    assert len(list((book / "soak").glob("*.json"))) == 3

    monkeypatch.setattr(chapters, "execute", lambda *_, **__: pytest.fail("it ran again"))
    assert soak.main(["02", "--seeds", "0-2", "--source", "embedded"]) == 1


def test_changed_code_runs_again(book, capfd):
    assert soak.main(["02", "--seeds", "1", "--source", "embedded"]) == 1
    script = book / "02_small.py"
    script.write_text(CHAPTER.replace("!= 1", "!= 9"))
    assert soak.main(["02", "--seeds", "0-1", "--source", "embedded", "--record"]) == 0
    recorded = json.loads(results.EXPECTED.read_text())["02"]["short/embedded"]
    assert recorded["numbers"] == {"loss": [10.0, 10.1]}
    assert recorded["seeds"] == [0, 1]


def test_a_failing_chapter_is_not_recorded(book, capfd):
    assert soak.main(["02", "--seeds", "0-1", "--source", "embedded", "--record"]) == 1
    assert not results.EXPECTED.exists()
