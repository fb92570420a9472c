"""The first cell of every chapter, on something that looks like Colab, and offline."""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
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
    monkeypatch.setattr(subprocess, "check_output", refuse)


@pytest.fixture
def lacking(monkeypatch):
    """A kernel without one of the modules that the cell looks for."""
    find_spec = importlib.util.find_spec

    def lack(module):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else find_spec(name))

    return lack


def test_elsewhere_the_cell_does_nothing(cell, refuse_to_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(cell, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["course_utils", "torch", "torchmetrics"])
def test_another_kernel_is_told_which_one_to_choose(cell, refuse_to_run, lacking, module):
    lacking(module)
    with pytest.raises(ImportError) as told:
        exec(cell, {})
    assert sys.executable in str(told.value)
    assert ".venv (conda: course)" in str(told.value)
    assert "make lab" in str(told.value)


def test_on_colab_it_installs_nothing_twice(cell, refuse_to_run, monkeypatch, colab):
    forget_google(monkeypatch)
    monkeypatch.syspath_prepend(colab)
    exec(cell, {})


def test_on_colab_a_failed_installation_does_not_pass_unnoticed(cell, monkeypatch, colab, lacking, tmp_path):
    forget_google(monkeypatch)
    monkeypatch.syspath_prepend(colab)
    monkeypatch.chdir(tmp_path)
    lacking("course_utils")
    monkeypatch.setattr(subprocess, "check_output", lambda command: b"torch==2.11.0+cu128\n")

    def fail(command, check=False):
        assert command[:4] == [sys.executable, "-m", "pip", "install"]
        assert command[-1].startswith("git+https://")
        assert (tmp_path / command[command.index("-c") + 1]).read_bytes() == b"torch==2.11.0+cu128\n"
        if check:
            raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(subprocess.CalledProcessError):
        exec(cell, {})


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


def fresh_python(home: Path, *paths: Path) -> tuple[Path, Path]:
    """An environment with nothing in it but what lies in `paths`: its Python and its own site-packages."""
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip())
    (own / "everything.pth").write_text("".join(f"{path}\n" for path in paths))
    return python, own


def links(folder: Path, wanted) -> Path:
    """A folder with a link to every entry of this Python's site-packages that is `wanted`."""
    folder.mkdir()
    for entry in Path(importlib.util.find_spec("torch").origin).parent.parent.iterdir():
        if wanted(entry.name) and entry.suffix != ".pth":
            try:
                (folder / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
            except OSError:
                pytest.skip("links cannot be made here")
    return folder


def wheel(name: str, folder: Path) -> None:
    """A wheel made of what is installed here under this name: a package index that needs no network."""
    of = distribution(name)
    folder.mkdir(exist_ok=True)
    kind = next(line.split()[1] for line in of.read_text("WHEEL").splitlines() if line.startswith("Tag:"))
    with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-{of.version}-{kind}.whl", "w") as archive:
        for file in of.files:
            made_here = file.name in ("INSTALLER", "REQUESTED") or "__pycache__" in file.parts or ".." in file.parts
            if not made_here:
                archive.write(file.locate(), str(file))


@pytest.fixture
def machine(tmp_path, colab):
    """A fresh Python with everything that this one has, except the course; google.colab is there."""
    theirs = links(tmp_path / "installed", lambda name: "course_utils" not in name)
    return fresh_python(tmp_path / "machine", theirs, colab)


@pytest.fixture
def clone(tmp_path):
    """The last commit of this repository, on a branch called main."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    subprocess.run(["git", "-C", clone, "checkout", "-q", "-B", "main"], check=True)
    return clone


def bootstrap(python: Path, cell: str, clone: Path, folder: Path, **environment: str) -> str:
    """Run the first cell in `folder`, with the clone for the address and without a network."""
    address = cell.split('"git+')[1].split('"')[0]
    return run(
        python,
        cell.replace(address, f"{clone.as_uri()}@main") + "\nimport course_utils",
        folder,
        PIP_NO_INDEX="1",
        PIP_NO_BUILD_ISOLATION="0",  # pip's spelling of "build without isolation", that is with what is here
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        **environment,
    )


def run(python: Path, code: str, folder: Path, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_", "COURSE_"))}
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [python, "-c", code], cwd=folder, env=clean | environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def needs_pip_and_git(test):
    for needed, there in (
        ("git", shutil.which("git")),
        ("pip", importlib.util.find_spec("pip")),
        ("setuptools, the build backend,", importlib.util.find_spec("setuptools")),
        ("a clone", (ROOT / ".git").exists()),
    ):
        test = pytest.mark.skipif(not there, reason=f"{needed} is missing")(test)
    return pytest.mark.thorough(test)


@needs_pip_and_git
def test_where_everything_is_there_the_cell_fetches_the_course_alone(cell, machine, clone, tmp_path):
    python, own = machine
    elsewhere = tmp_path / "content"
    assert run(python, "import importlib.util as u; print(u.find_spec('course_utils'))", elsewhere) == "None"
    before = {path.name for path in own.iterdir()}

    bootstrap(python, cell, clone, elsewhere)

    new = {path.name.split("-")[0] for path in own.iterdir() if path.name not in before}
    assert new == {"course_utils", "grader"}
    files = subprocess.run(["git", "ls-files", "course_utils"], cwd=clone, capture_output=True, text=True, check=True)
    missing = [name for name in files.stdout.split() if not (own / name).is_file()]
    assert missing == []
    seen = run(python, "import course_utils.schedule as s, torch; print(s.__file__, torch.__file__)", elsewhere)
    assert seen == f"{own / 'course_utils' / 'schedule.py'} {tmp_path / 'installed' / 'torch' / '__init__.py'}"


@needs_pip_and_git
def test_what_colab_lacks_is_fetched_and_what_it_has_is_not_touched(cell, colab, clone, tmp_path):
    """On Colab's own list of packages less three (entries without code: only pip looks at them)."""
    lacking = ("filelock", "platformdirs", "tqdm")
    lines = (Path(__file__).with_name("colab.txt")).read_text(encoding="utf-8").split("\n")
    listed = dict(line.split("==") for line in lines if "==" in line)
    kept = {name: version for name, version in listed.items() if name not in (*lacking, "pip", "setuptools")}
    assert len(kept) == len(listed) - 5 > 600
    assert "torchmetrics" not in kept  # which is why the cell does not stop at the course itself

    tools = links(tmp_path / "tools", lambda name: name.startswith(("pip", "setuptools", "_distutils_hack")))
    python, own = fresh_python(tmp_path / "machine", tools, colab)
    for name, version in kept.items():
        info = own / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text("")
    before = {path.name for path in own.iterdir()}
    for name in ("torchmetrics", "lightning-utilities", *lacking):
        wheel(name, tmp_path / "index")
    wheel("torchvision", tmp_path / "index")  # a newer one than Colab's, which must not be taken

    bootstrap(python, cell, clone, tmp_path / "content", PIP_FIND_LINKS=str(tmp_path / "index"))

    after = {path.name for path in own.iterdir()}
    assert before <= after
    new = {name.split("-")[0] for name in after - before if name.endswith(".dist-info")}
    assert new == {"course_utils", "torchmetrics", "lightning_utilities", *lacking}
