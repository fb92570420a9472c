"""The workflows: what they may do, and the proposal of a fork's address with stand-ins for GitHub and the course."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
READS_ONLY = {"contents": "read"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_little(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    events = workflow[True]  # YAML reads the word "on" so
    assert "pull_request_target" not in events, "it would hand a stranger's change the repository's rights"
    if path.name == "address.yml":
        assert workflow["permissions"] == {"contents": "write", "pull-requests": "write"}
        assert list(events) == ["push"], "pull requests run strangers' code"
    else:
        assert workflow["permissions"] == READS_ONLY
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def git(*words, cwd) -> str:
    return subprocess.run(["git", *words], cwd=cwd, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def fork(tmp_path):
    """A clone with one file for a course, its remote, and a `gh` that keeps a log."""
    if sys.platform == "win32" or not shutil.which("git"):
        pytest.skip("a script for sh, and git")
    remote, clone = tmp_path / "remote.git", tmp_path / "clone"
    git("init", "-q", "--bare", "-b", "main", remote, cwd=tmp_path)
    git("clone", "-q", remote, clone, cwd=tmp_path)
    (clone / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "propose-address", clone / ".ci")
    (clone / "address").write_text("https://github.com/OWNER/REPOSITORY\n")
    git("add", "-A", cwd=clone)
    git("-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "-qm", "first", cwd=clone)
    git("push", "-q", "origin", "HEAD:main", cwd=clone)
    for name, text in (("python", 'echo "$5" > address\n'), ("gh", 'echo "$*" >> "$LOG"\nexit "${GH:-0}"\n')):
        (tmp_path / name).write_text("#!/bin/sh\n" + text)
        (tmp_path / name).chmod(0o755)

    def propose(**variables):
        environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "LOG": str(tmp_path / "log")}
        environment |= {"PYTHON": str(tmp_path / "python"), "GITHUB_REPOSITORY": "me/my-fork"} | variables
        return subprocess.run(["sh", ".ci/propose-address"], cwd=clone, env=environment, capture_output=True, text=True)

    propose.log, propose.remote, propose.clone = tmp_path / "log", remote, clone
    return propose


def test_a_fork_is_proposed_its_own_address(fork):
    done = fork()
    assert done.returncode == 0, done.stderr
    assert git("show", "set-address:address", cwd=fork.remote) == "https://github.com/me/my-fork"
    assert git("show", "main:address", cwd=fork.remote).endswith("OWNER/REPOSITORY"), "it is a proposal"
    assert "pr create --head set-address" in fork.log.read_text()


def test_a_second_push_renews_the_proposal(fork):
    fork()
    git("switch", "-q", "-", cwd=fork.clone)
    done = fork(GH="1")  # it is open already
    assert done.returncode == 0, done.stderr
    assert "::notice::Open the pull request yourself: https://github.com/me/my-fork/compare/set-address" in done.stdout


def test_where_the_address_is_right_nothing_is_proposed(fork):
    (fork.clone / "address").write_text("https://github.com/me/my-fork\n")
    git("-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "-qam", "merged", cwd=fork.clone)
    done = fork()
    assert done.returncode == 0, done.stderr
    assert "already" in done.stdout
    assert not fork.log.exists()
    assert git("branch", "--list", "set-address", cwd=fork.remote) == ""


FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*-*.yml"))


def test_there_is_a_form_for_each_kind_of_report():
    assert {path.stem for path in FORMS} == {"wrong-statement", "number-outside-its-band", "grading-dispute"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_one_that_github_takes(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form.keys() >= {"name", "description", "body"}
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields) > 0
    for field in form["body"]:
        assert field["type"] in ("markdown", "input", "textarea", "dropdown")
        assert field["attributes"].get("value" if field["type"] == "markdown" else "label")
        assert field["type"] != "dropdown" or field["attributes"]["options"]


def test_commits_are_tried_with_what_make_test_lints():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    entries = [hook["entry"] for hook in hooks]
    linted = re.search(r"^test:.*\n\t@(.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    for words in re.findall(r"ruff ([\w -]+?)(?: \.|$)", linted):
        assert f"python -m ruff {words}" in entries
    assert any("pair_agrees" in entry for entry in entries)


def test_the_citation_is_one():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert citation.keys() >= {"cff-version", "message", "title", "authors"}
    assert citation["license"] == project["project"]["license"]
    assert citation["repository-code"] == project["tool"]["course"]["repository"]
    version = re.search(r'__version__ = "(.*)"', (ROOT / "course_utils/__init__.py").read_text(encoding="utf-8"))[1]
    assert citation["version"] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
