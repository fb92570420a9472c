"""Chapter 00 says in a sentence what an installation lacks."""

import importlib.metadata
from pathlib import Path

import jupytext
import pytest

SCRIPT = next((Path(__file__).resolve().parents[2] / "notebooks").glob("00_*.py"))


@pytest.fixture
def what_is_wrong():
    cells = jupytext.read(SCRIPT).cells
    names = {}
    exec(next(cell.source for cell in cells if "def what_is_wrong" in cell.source), names)
    return names


def test_a_whole_installation_lacks_nothing(what_is_wrong):
    assert list(what_is_wrong["what_is_wrong"]()) == []


def test_a_missing_package_is_named(what_is_wrong, capsys):
    def version(name):
        if name == "torchmetrics":
            raise importlib.metadata.PackageNotFoundError(name)
        return importlib.metadata.version(name)

    what_is_wrong["version"] = version
    [sentence] = what_is_wrong["what_is_wrong"]()
    assert "torchmetrics is missing" in sentence
    assert "%pip install" in sentence
    assert "safetensors" in capsys.readouterr().out, "the others are still listed"


def test_an_old_package_is_named(what_is_wrong):
    what_is_wrong["version"] = lambda name: "0.0.1" if name == "torch" else importlib.metadata.version(name)
    [sentence] = what_is_wrong["what_is_wrong"]()
    assert sentence.startswith("torch 0.0.1 is too old")


def test_a_course_that_is_not_installed_is_named(what_is_wrong):
    def metadata(name):
        raise importlib.metadata.PackageNotFoundError(name)

    what_is_wrong["metadata"] = metadata
    [sentence] = what_is_wrong["what_is_wrong"]()
    assert "course_utils is not installed" in sentence
