"""Setting up: .ci/make-venv.sh with stand-ins for Python, pip and uv, and the lists of what is installed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from course_utils.commands import lab

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# ---------------------------------------------------------------- make-venv.sh

# A Python that only keeps a log. GOOD=0: it is too old. `-m venv` copies it; WHOLE=0: the environment lacks
# modules; PIP=0: pip fails.
FAKE_PYTHON = r"""#!/bin/sh
case "$1 $2" in
"-c import os"*) echo "3.12.0 /usr" ;;
"-c "*) [ "${GOOD:-1}" = 1 ] ;;
"--version ") echo "Python 3.12.0" ;;
"-m venv") echo "venv" >> "$LOG"; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
"-m pip") shift 2; echo "pip $*" >> "$LOG"; [ "${PIP:-1}" = 1 ] ;;
"- ") cat >/dev/null; [ "${WHOLE:-1}" = 1 ] ;;
*) echo "unexpected: $*" >> "$LOG"; exit 9 ;;
esac
"""

# UV=0: `uv pip install` fails; UV_VENV=0: `uv venv` does.
FAKE_UV = r"""#!/bin/sh
echo "uv $*" >> "$LOG"
case "$1" in
venv) [ "${UV_VENV:-1}" = 1 ] || exit 2; mkdir -p .venv/bin; cp "$BIN/python3" .venv/bin/python ;;
pip) [ "${UV:-1}" = 1 ] ;;
esac
"""


class Clone:
    """A fresh clone in a folder whose name has a blank, and a PATH that holds nothing but stand-ins."""

    def __init__(self, folder: Path):
        self.root = folder / "a course"
        self.bin = folder / "bin"
        self.log = folder / "log"
        (self.root / ".ci").mkdir(parents=True)
        self.bin.mkdir()
        for name in (".ci/make-venv.sh", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.root / name)
        for tool in ("sh", "cat", "cksum", "rm", "mkdir", "cp", "dirname", "sed"):
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.command("python3", FAKE_PYTHON)

    def command(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def set_up(self, **variables) -> subprocess.CompletedProcess:
        """Run the script; `ran` then lists what it called."""
        self.log.write_text("")
        variables = {"PATH": str(self.bin), "BIN": str(self.bin), "LOG": str(self.log)} | variables
        command = ["sh", str(self.root / ".ci" / "make-venv.sh")]
        return subprocess.run(command, env=variables, cwd="/", capture_output=True, text=True)

    @property
    def ran(self) -> list[str]:
        """The commands in order, each by its first words."""
        return [" ".join(re.findall(r"^(?:uv )?\w+(?: install)?", line)) for line in self.log.read_text().splitlines()]

    @property
    def complete(self) -> bool:
        return (self.root / ".venv" / ".complete").exists()


@pytest.fixture
def clone(tmp_path) -> Clone:
    if sys.platform == "win32":
        pytest.skip("make and its script are for Linux, macOS and WSL; Windows goes through environment.yml")
    return Clone(tmp_path)


def test_a_fresh_clone_is_set_up(clone):
    done = clone.set_up()
    assert done.returncode == 0, done.stderr
    assert clone.complete
    assert clone.ran == ["venv", "pip install"]
    arguments = clone.log.read_text()
    assert "--constraint constraints.txt" in arguments
    assert "--editable .[dev]" in arguments
    assert "6 GB" in done.stdout  # the reader is told before the download
    assert "TORCH=cpu" in done.stdout
    assert done.stdout.endswith("Done.\n")


def test_the_second_call_does_nothing(clone):
    clone.set_up()
    done = clone.set_up()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert clone.ran == []


def test_no_python_that_is_new_enough(clone):
    done = clone.set_up(GOOD="0")
    assert done.returncode == 1
    assert done.stdout == ""
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("No Python 3.11 or newer was found")
    assert "make lab PYTHON=" in sentence
    assert not (clone.root / ".venv").exists()


def test_no_python_at_all(clone):
    (clone.bin / "python3").unlink()
    done = clone.set_up()
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_newer_python_beside_an_old_one_is_found(clone):
    clone.command("python3", "#!/bin/sh\nexit 1\n")
    clone.command("python3.12", FAKE_PYTHON)
    assert clone.set_up().returncode == 0
    assert clone.complete


def test_the_python_that_was_asked_for(clone):
    mine = clone.command("my python", FAKE_PYTHON)
    clone.command("python3", "#!/bin/sh\nexit 1\n")
    assert clone.set_up(PYTHON=str(mine)).returncode == 0
    assert clone.complete


def test_no_other_python_than_the_one_asked_for(clone):
    done = clone.set_up(PYTHON="/no/such/python")
    assert done.returncode == 1
    assert "/no/such/python" in done.stderr
    assert clone.ran == []


@pytest.mark.parametrize("fault", ["no mark", "empty mark", "another list", "modules gone", "no python"])
def test_what_is_not_whole_is_made_anew(fault, clone):
    clone.set_up()
    (clone.root / ".venv" / "old").touch()
    more = {}
    if fault == "no mark":  # as after an interrupted installation
        (clone.root / ".venv" / ".complete").unlink()
    elif fault == "empty mark":
        (clone.root / ".venv" / ".complete").write_text("")
    elif fault == "another list":
        with (clone.root / "constraints.txt").open("a") as file:
            file.write("another==1.0\n")
    elif fault == "modules gone":
        more = {"WHOLE": "0"}
    elif fault == "no python":  # as after an upgrade of the system's Python
        (clone.root / ".venv" / "bin" / "python").unlink()
    done = clone.set_up(**more)
    assert done.returncode == 0
    assert "making it anew" in done.stdout
    assert clone.ran == ["venv", "pip install"]
    assert not (clone.root / ".venv" / "old").exists()
    assert clone.complete


def test_pip_fails(clone):
    done = clone.set_up(PIP="0")
    assert done.returncode != 0
    assert "Done" not in done.stdout
    assert not clone.complete
    assert clone.set_up().returncode == 0  # the next try starts from the beginning
    assert clone.ran == ["venv", "pip install"]
    assert clone.complete


def test_uv_is_used_where_it_is_installed(clone):
    clone.command("uv", FAKE_UV)
    done = clone.set_up()
    assert done.returncode == 0, done.stderr
    assert clone.ran == ["uv venv", "uv pip install"]
    assert "--constraint constraints.txt --editable .[dev]" in clone.log.read_text()
    assert clone.complete


@pytest.mark.parametrize("failing", ["UV", "UV_VENV"])
def test_pip_does_it_where_uv_fails(failing, clone):
    clone.command("uv", FAKE_UV)
    done = clone.set_up(**{failing: "0"})
    assert done.returncode == 0, done.stderr
    assert clone.ran[-2:] == ["venv", "pip install"]
    assert clone.complete


def test_uv_and_pip_fail(clone):
    clone.command("uv", FAKE_UV)
    assert clone.set_up(UV="0", PIP="0").returncode != 0
    assert not clone.complete


# ---------------------------------------------------------------- which Python, which PyTorch


def test_an_environment_of_the_python_that_is_asked_for_stays(clone):
    clone.set_up()
    mine = clone.command("python3.12", FAKE_PYTHON)
    done = clone.set_up(PYTHON=str(mine))
    assert (done.returncode, done.stdout, clone.ran) == (0, "", [])


def test_an_environment_of_another_python_is_made_anew(clone):
    clone.set_up()
    other = clone.command("python3.13", FAKE_PYTHON.replace("3.12.0 /usr", "3.13.0 /opt"))
    done = clone.set_up(PYTHON=str(other))
    assert done.returncode == 0
    assert "was made with another Python (3.12.0 /usr): making it anew" in done.stdout
    assert clone.ran == ["venv", "pip install"]
    assert clone.set_up(PYTHON=str(other)).stdout == ""


def test_a_python_that_is_not_there_costs_nobody_an_environment(clone):
    clone.set_up()
    assert clone.set_up(PYTHON="/no/such/python").returncode == 1
    assert clone.complete


INDEX = "--index-url https://download.pytorch.org/whl/cpu"


@pytest.mark.parametrize("asked", [{}, {"TORCH": ""}, {"TORCH": "default"}])
@pytest.mark.parametrize("uv", [True, False])
def test_torch_comes_from_pypi_unless_it_is_asked_otherwise(clone, asked, uv):
    if uv:
        clone.command("uv", FAKE_UV)
    assert clone.set_up(**asked).returncode == 0
    assert not re.search(r"torch-backend|--index-url| torch ", clone.log.read_text())


def test_the_small_torch_with_uv(clone):
    clone.command("uv", FAKE_UV)
    done = clone.set_up(TORCH="cpu")
    assert done.returncode == 0, done.stderr
    assert "1.2 GB" in done.stdout
    assert "6 GB" not in done.stdout
    [line] = [line for line in clone.log.read_text().splitlines() if "pip install" in line]
    assert "--torch-backend=cpu --constraint constraints.txt --editable .[dev]" in line


@pytest.mark.parametrize("uv", [True, False], ids=["uv fails", "no uv"])
def test_the_small_torch_with_pip(clone, uv):
    if uv:
        clone.command("uv", FAKE_UV)
    assert clone.set_up(TORCH="cpu", UV="0").returncode == 0
    first, second = [line for line in clone.log.read_text().splitlines() if line.startswith("pip install")]
    # torch and torchvision of one release and one build: both at once, at the tested versions, from there alone.
    assert first.endswith(f"--constraint constraints.txt --no-deps {INDEX} torch torchvision")
    assert second.endswith("--constraint constraints.txt --editable .[dev]")
    assert "index" not in second
    assert clone.complete


def test_the_small_torch_is_not_there(clone):
    fails = FAKE_PYTHON.replace(
        '"pip $*" >> "$LOG"; ', '"pip $*" >> "$LOG"; case "$*" in *index-url*) exit 1 ;; esac; '
    )
    clone.command("python3", fails)
    done = clone.set_up(TORCH="cpu")
    assert done.returncode != 0
    assert not clone.complete
    assert len(clone.ran) == 2, "the large one must not be mixed in"


def test_the_choice_is_kept_until_another_is_made(clone):
    clone.set_up(TORCH="cpu")
    assert clone.set_up().stdout == ""  # make test after make lab TORCH=cpu
    assert clone.set_up(TORCH="cpu").stdout == ""
    with (clone.root / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    assert "1.2 GB" in clone.set_up().stdout
    assert INDEX in clone.log.read_text()
    done = clone.set_up(TORCH="default")
    assert "has the other PyTorch (it was made with TORCH=cpu): making it anew" in done.stdout
    assert "--index-url" not in clone.log.read_text()


def test_no_other_torch_than_these(clone):
    done = clone.set_up(TORCH="cu126")
    assert done.returncode == 1
    assert (
        done.stderr == "TORCH=cu126 is not known: it is cpu (small, for machines without an NVIDIA GPU) or default.\n"
    )
    assert clone.ran == []


# ---------------------------------------------------------------- what is whole, what a checkout changes


def test_the_check_of_an_environment_knows_a_whole_one(tmp_path):
    """The Python part of the script, run for real: this very environment passes, one that lacks something does not."""
    check = re.search(r"<<'PY'\n(.*?)\nPY\n", (ROOT / ".ci" / "make-venv.sh").read_text(encoding="utf-8"), re.DOTALL)[1]

    def run(code, folder=ROOT):
        return subprocess.run([sys.executable, "-"], input=code, text=True, cwd=folder, capture_output=True).returncode

    if not (Path(sys.prefix) / "bin" / "jupyter-lab").exists():
        pytest.skip("the tests do not run in an environment that the script made")
    assert run(check) == 0
    assert run(check.replace("torchvision", "torchvision no_such_module")) == 1
    assert run(check.replace('"ruff")', '"ruff", "no-such-tool")')) == 1
    # A clone that was moved or copied with its .venv: what is installed there is still the old clone.
    shutil.copytree(ROOT / "course_utils", tmp_path / "course_utils")
    assert run(check, tmp_path) == 1


@pytest.mark.skipif(not shutil.which("git") or not (ROOT / ".git").exists(), reason="this is not a clone")
def test_a_checkout_by_git_for_windows_works_in_wsl(tmp_path):
    """Git for Windows turns line ends; sh, make and the notebooks' hashes want them as they are."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "-c", "core.autocrlf=true", "clone", "-q", ROOT, clone], check=True)
    listed = subprocess.run(["git", "ls-files", "--eol"], cwd=clone, capture_output=True, text=True, check=True).stdout
    assert [line for line in listed.splitlines() if "w/crlf" in line or "w/mixed" in line] == []
    if sys.platform != "win32":
        done = subprocess.run(["sh", ".ci/make-venv.sh"], cwd=clone, capture_output=True, text=True, env={
            **os.environ, "PYTHON": "/no/such/python"})  # fmt: skip
        assert done.stderr.startswith("No Python 3.11 or newer was found")  # and not "set: Illegal option -"


# ---------------------------------------------------------------- floors


def test_floors_take_two_kinds_of_versions():
    if sys.platform == "win32":
        pytest.skip("a script for bash")
    done = subprocess.run([ROOT / ".ci" / "floors", "middle"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: .ci/floors [lowest|newest]")


def test_a_floor_has_a_reason():
    """What learners meet has a lower bound, which .ci/floors tries; a tool of those who change the course has none."""
    assert all(requirement.specifier for requirement in requirements("lab"))
    [dev] = [PROJECT["optional-dependencies"]["dev"]]
    tools = [Requirement(line) for line in dev if "course-utils" not in line]
    assert [tool.name for tool in tools if any(s.operator == ">=" for s in tool.specifier)] in ([], ["nbval"])


# ---------------------------------------------------------------- the lists


def requirements(*extras: str) -> list[Requirement]:
    """Everything that pyproject.toml asks for, with these extras."""
    lines = PROJECT["dependencies"] + [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return [r for r in map(Requirement, lines) if r.name != "course-utils"]


@pytest.fixture(scope="module")
def pinned() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    for pin in pins:
        assert [spec.operator for spec in pin.specifier] == ["=="], f"{pin} does not name one version"
    assert len({pin.name.lower() for pin in pins}) == len(pins)
    return {pin.name.lower().replace("_", "-"): Version(next(iter(pin.specifier)).version) for pin in pins}


def test_the_tested_versions_are_allowed_ones(pinned):
    wanted = requirements("lab", "dev")
    assert len(wanted) > 10
    for requirement in wanted:
        assert requirement.name.lower() in pinned, f"constraints.txt does not pin {requirement.name}"
        version = pinned[requirement.name.lower()]
        assert version in requirement.specifier, f"{requirement.name} is pinned to {version}"


def test_colab_keeps_what_it_has():
    for requirement in requirements():
        operators = {spec.operator for spec in requirement.specifier}
        assert operators == {">="}, f"{requirement} could replace what Colab has"


@pytest.fixture(scope="module")
def conda() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_conda_takes_everything_else_from_the_project(conda):
    assert conda["channels"] == ["conda-forge", "nodefaults"]  # the pytorch channel has been closed
    [pip] = [entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)]
    assert sorted(pip) == ["-c constraints.txt", "-e .[dev]"]  # no second list of versions
    names = [re.match(r"[\w-]+", entry)[0] for entry in conda["dependencies"] if isinstance(entry, str)]
    assert sorted(names) == ["pip", "python"]


def test_conda_takes_the_same_pythons(conda):
    rattler = pytest.importorskip("rattler", reason="py-rattler reads conda's version specifiers")
    specs = {}
    for entry in conda["dependencies"]:
        if isinstance(entry, str):
            spec = rattler.MatchSpec(entry)  # raises where conda could not read it
            specs[re.match(r"[\w-]+", entry)[0]] = spec
    python, allowed = rattler.VersionSpec(str(specs["python"].version)), SpecifierSet(PROJECT["requires-python"])
    for version in ("2.7.18", *(f"3.{minor}.{patch}" for minor in range(8, 20) for patch in (0, 9))):
        assert python.matches(rattler.Version(version)) == (version in allowed)


def test_the_script_asks_for_the_same_python():
    [spec] = SpecifierSet(PROJECT["requires-python"])
    assert spec.operator == ">="
    script = (ROOT / ".ci" / "make-venv.sh").read_text(encoding="utf-8")
    assert f"({spec.version.replace('.', ', ')})" in script
    assert f"No Python {spec.version} or newer" in script


def test_make_shows_what_it_can_do():
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    environment = {**os.environ, "MAKEFLAGS": ""}
    done = subprocess.run(["make", "help"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    for target in ("lab", "test", "run"):
        assert re.search(rf"^{target}\t", done.stdout, re.MULTILINE), f"make help does not list {target}"


def documented_labs() -> list[str]:
    """The ways of starting JupyterLab that the READMEs and chapter 00 name."""
    pages = [ROOT / "README.md", ROOT / "exercises" / "README.md", ROOT / "notebooks" / "00_start_here.py"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    return sorted({command for command in re.findall(r"`(make lab(?: \w+=(?:\"[^\"]*\"|[\w/]+))*)`", text)})


@pytest.mark.parametrize("command", documented_labs())
def test_jupyterlab_takes_every_documented_call(command):
    if not shutil.which("make") or not Path(sys.executable).with_name("jupyter").exists():
        pytest.skip("make or jupyter is not installed")
    words = shlex.split(command.replace("make", "make -n", 1))
    environment = {**os.environ, "MAKEFLAGS": ""}  # this test may itself be run by make
    shown = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    [line] = [line for line in shown.stdout.splitlines() if "course_utils lab" in line]
    [_, *options] = shlex.split(line)
    config = subprocess.run([sys.executable, *options, "--show-config"], cwd=ROOT, capture_output=True, text=True)
    assert config.returncode == 0, config.stderr
    assert re.search(rf"root_dir = '{re.escape(str(ROOT))}'", config.stdout), config.stdout
    asked = re.search(r"FOLDER=(\w+)", command)
    where = lab.page(asked[1] if asked else "00")
    assert f"default_url = '/lab/tree/{where}'" in config.stdout
