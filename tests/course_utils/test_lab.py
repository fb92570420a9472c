"""Opening JupyterLab: where it opens, what it finds in its settings, what saving leaves alone."""

import fnmatch
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from course_utils import CourseError
from course_utils.commands import lab


def test_where_it_opens():
    assert lab.page("00") == "notebooks/00_start_here.ipynb"
    assert lab.page("ex01").startswith("exercises/ex01_")
    assert lab.page("exercises") == "exercises"
    assert lab.page(".") == "."


@pytest.mark.parametrize("where", ["77", "no_such_folder", "..", "/"])
def test_a_place_that_is_not_there_is_named(where, capsys):
    with pytest.raises(CourseError, match="name a chapter"):
        lab.main([where])


def test_each_chapter_is_listed_once_and_every_module_is():
    hidden = lab.SETTINGS["jupyter_server_config.json"]["ContentsManager"]["hide_globs"]

    def listed(folder):
        names = [path.name for path in (lab.ROOT / folder).iterdir() if path.is_file()]
        return [name for name in names if not any(fnmatch.fnmatch(name, glob) for glob in hidden)]

    for folder in ("notebooks", "solutions"):
        assert listed(folder)
        assert not [name for name in listed(folder) if name.endswith(".py")]
    assert {path.name for path in (lab.ROOT / "course_utils").glob("*.py")} <= set(listed("course_utils"))


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


def test_jupyterlab_gets_these_settings_on_top_of_its_own(home, monkeypatch):
    """Asked of JupyterLab itself, in a process of its own."""
    code = """
import json, os, sys
from jupyterlab.labapp import LabApp

def launch(options):
    app = LabApp.initialize_server(argv=[*options, "--no-browser", "--port=0", "--allow-root"])
    from jupyterlab_server.config import get_page_config
    from jupyterlab_server.settings_utils import _get_overrides
    lab = next(iter(app.extension_manager.extension_apps["jupyterlab"]))
    json.dump({
        "extensions": [name for name, one in app.extension_manager.extensions.items() if one.enabled],
        "overrides": _get_overrides(lab.app_settings_dir)[0],
        "page": get_page_config([], lab.app_settings_dir)["disabledExtensions"],
        "hidden": app.contents_manager.hide_globs, "root": app.root_dir, "url": app.default_url,
    }, sys.stdout, default=list)

LabApp.launch_instance = launch
from course_utils.commands import lab
lab.main(["exercises"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=lab.ROOT, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert "jupyterlab" in found["extensions"]
    assert not [name for name in found["extensions"] if "jupytext" in name or "nbgrader" in name]
    assert found["overrides"]["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
    assert found["overrides"]["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]["markdown"]
    assert found["overrides"]["@jupyterlab/notebook-extension:tracker"]["codeCellConfig"]["lineWrap"] is True
    assert "jupyterlab-jupytext" in found["page"]
    assert "[0-9][0-9]_*.py" in found["hidden"]
    assert os.path.samefile(found["root"], lab.ROOT)
    assert found["url"] == "/lab/tree/exercises"


def test_the_chapters_are_trusted(home):
    lab.trust()
    chapter = nbformat.read(next((lab.ROOT / "notebooks").glob("02_*.ipynb")), as_version=4)
    assert NotebookNotary().check_signature(chapter)
    chapter.cells[0].source += " changed"
    assert not NotebookNotary().check_signature(chapter)


@pytest.mark.parametrize("stored", [{"name": "python", "version": "3.11.7"}, None])
def test_saving_keeps_what_a_chapter_says_of_python(tmp_path, stored):
    notebook = nbformat.v4.new_notebook(metadata={"source_hash": "1"} | ({"language_info": stored} if stored else {}))
    nbformat.write(notebook, tmp_path / "a.ipynb")
    edited = {"language_info": {"name": "python", "version": "3.13.1"}, "source_hash": "1"}
    model = {"type": "notebook", "content": {"metadata": edited}}
    lab.keep_language_info(model, "/a.ipynb", SimpleNamespace(root_dir=str(tmp_path)))
    assert model["content"]["metadata"] == dict(notebook.metadata)


@pytest.mark.parametrize("model", [{"type": "file", "content": "x"}, {"type": "notebook", "content": None}])
def test_saving_anything_else_is_left_alone(tmp_path, model):
    lab.keep_language_info(dict(model), "a.ipynb", SimpleNamespace(root_dir=str(tmp_path)))
