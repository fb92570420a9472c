"""The first cell of every chapter, on something that looks like Colab, and offline."""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import jupytext
import pytest

from course_utils import schedule

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = min((ROOT / "notebooks").glob("[0-9][0-9]_*.py"))  # the cell is the same in all of them: test_notebooks.py


@pytest.fixture(scope="module")
def cell():
    return next(cell.source for cell in jupytext.read(SCRIPT).cells if "bootstrap" in cell.metadata.get("tags", []))


@pytest.fixture
def colab(tmp_path):
    """A folder with google.colab in it, as Colab has it."""
    package = tmp_path / "colab" / "google" / "colab"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "drive.py").write_text("def mount(path):\n    pass\n")
    return package.parent.parent


@pytest.fixture
def refuse_to_run(monkeypatch):
    def refuse(command, **_):
        raise AssertionError(f"the cell ran {command}")

    monkeypatch.setattr(subprocess, "run", refuse)


def test_elsewhere_the_cell_does_nothing(cell, refuse_to_run, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "course_utils" else find_spec(name))
    exec(cell, {})


def test_on_colab_it_installs_nothing_twice(cell, refuse_to_run, monkeypatch, colab):
    forget_google(monkeypatch)
    monkeypatch.syspath_prepend(colab)
    exec(cell, {})


def test_on_colab_it_asks_for_the_course_and_for_nothing_it_depends_on(cell, monkeypatch, colab):
    commands = []
    forget_google(monkeypatch)
    monkeypatch.syspath_prepend(colab)
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "course_utils" else find_spec(name))
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append((command, check)))
    exec(cell, {})
    [(command, check)] = commands
    assert check, "a failed installation must not pass unnoticed"
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert "--no-deps" in command, "Colab's torch stays as it is"
    assert command[-1].startswith("git+https://")


def forget_google(monkeypatch):
    for name in [name for name in sys.modules if name == "google" or name.startswith("google.")]:
        monkeypatch.delitem(sys.modules, name)


def test_checkpoints_go_to_drive_when_it_is_mounted(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_CHECKPOINTS")
    monkeypatch.setattr(schedule, "DRIVE", tmp_path / "MyDrive")
    assert tmp_path not in schedule.checkpoint_folder().parents
    (tmp_path / "MyDrive").mkdir()
    assert schedule.checkpoint_folder() == tmp_path / "MyDrive" / "course_checkpoints"
    monkeypatch.setenv("COURSE_CHECKPOINTS", str(tmp_path / "mine"))
    assert schedule.checkpoint_folder() == tmp_path / "mine"


@pytest.fixture
def machine(tmp_path, colab):
    """A fresh Python with everything that this one has, except the course; google.colab is there."""
    home = tmp_path / "machine"
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip())
    theirs = tmp_path / "installed"
    theirs.mkdir()
    for entry in Path(importlib.util.find_spec("torch").origin).parent.parent.iterdir():
        if "course_utils" not in entry.name and entry.suffix != ".pth":
            try:
                (theirs / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
            except OSError:
                pytest.skip("links cannot be made here")
    (own / "everything.pth").write_text(f"{theirs}\n{colab}\n")
    return python, own


def run(python: Path, code: str, folder: Path, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_", "COURSE_"))}
    done = subprocess.run(
        [python, "-c", code], cwd=folder, env=clean | environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
@pytest.mark.skipif(not importlib.util.find_spec("setuptools"), reason="setuptools, the build backend, is missing")
@pytest.mark.skipif(not importlib.util.find_spec("pip"), reason="pip is not installed")
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is not a clone")
def test_a_fresh_colab_fetches_the_course_and_nothing_else(cell, machine, tmp_path):
    python, own = machine
    clone, elsewhere = tmp_path / "clone", tmp_path / "content"
    elsewhere.mkdir()
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    subprocess.run(["git", "-C", clone, "checkout", "-q", "-B", "main"], check=True)
    assert run(python, "import importlib.util as u; print(u.find_spec('course_utils'))", elsewhere) == "None"
    before = {path.name for path in own.iterdir()}

    address = cell.split('"git+')[1].split('"')[0]
    run(
        python,
        cell.replace(address, f"{clone.as_uri()}@main") + "\nimport course_utils",
        elsewhere,
        PIP_NO_INDEX="1",
        PIP_NO_BUILD_ISOLATION="0",  # pip's spelling of "build without isolation", that is with what is here
        PIP_DISABLE_PIP_VERSION_CHECK="1",
    )

    new = {path.name.split("-")[0] for path in own.iterdir() if path.name not in before}
    assert new == {"course_utils"}
    files = subprocess.run(["git", "ls-files", "course_utils"], cwd=clone, capture_output=True, text=True, check=True)
    missing = [name for name in files.stdout.split() if not (own / name).is_file()]
    assert missing == []
    seen = run(python, "import course_utils.schedule as s, torch; print(s.__file__, torch.__file__)", elsewhere)
    assert seen == f"{own / 'course_utils' / 'schedule.py'} {tmp_path / 'installed' / 'torch' / '__init__.py'}"
