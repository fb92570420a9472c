"""Opens JupyterLab on the course: at chapter 00, with the settings a learner wants.

python -m course_utils lab                               # chapter 00
python -m course_utils lab 02                            # another chapter; ex02: an exercise
python -m course_utils lab exercises                     # a folder of the repository
python -m course_utils lab 00 --no-browser --port 8899   # what follows goes to JupyterLab

`make lab` is this command. `jupyter lab` alone also works; then JupyterLab has its own settings.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.sign import NotebookNotary

from course_utils import CourseError, files

ROOT = Path(__file__).resolve().parents[2]

# Files of settings that JupyterLab looks for in the folders of JUPYTER_CONFIG_PATH. Nothing is written into the
# environment or the home directory, and what a user has set there still comes first.
SETTINGS = {
    "labconfig/default_setting_overrides.json": {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
        # Long lines of code go on below instead of out of sight.
        "@jupyterlab/notebook-extension:tracker": {"codeCellConfig": {"lineNumbers": False, "lineWrap": True}},
    },
    "labconfig/page_config.json": {
        # nbgrader is installed for its format of exercises, jupytext for chapters as scripts: their panels would only
        # puzzle learners.
        "disabledExtensions": {"@jupyter/nbgrader": True, "jupyterlab-jupytext": True},
    },
    "jupyter_server_config.json": {
        "ServerApp": {
            "jpserver_extensions": {
                # It would write the script beside a chapter whenever the chapter is saved.
                "jupyterlab_jupytext": False,
                **{
                    f"nbgrader.server_extensions.{part}": False
                    for part in ("assignment_list", "course_list", "formgrader", "validate_assignment")
                },
            }
        },
        "ContentsManager": {
            "pre_save_hook": "course_utils.commands.lab.keep_language_info",
            # Each chapter and each exercise stands in the list of files once, as a notebook: its script is hidden. By
            # name, since a pattern applies in every folder, and the modules of course_utils/ are to be read.
            "hide_globs": [
                "[0-9][0-9]_*.py",
                "ex[0-9][0-9]_*.py",
                "*.egg-info",
                "__pycache__",
                "*.pyc",
                ".DS_Store",
                "*~",
            ],
        },
    },
}


def page(where: str) -> str:
    """The notebook or folder that `where` names, as a path from the repository's root."""
    for pattern, form in ((r"\d\d", "notebooks/{}_*.ipynb"), (r"ex\d\d", "exercises/{}_*.ipynb")):
        if re.fullmatch(pattern, where) and (found := sorted(ROOT.glob(form.format(where)))):
            return found[0].relative_to(ROOT).as_posix()
    path = (ROOT / where).resolve()
    if not path.exists() or not path.is_relative_to(ROOT):
        raise CourseError(
            f"There is no {where!r} here: name a chapter (02), an exercise (ex02) or a folder (exercises)."
        )
    return path.relative_to(ROOT).as_posix()


def trust() -> None:
    """Mark the chapters as trusted, as `jupyter trust` does: else their stored explorers could not move."""
    notary = NotebookNotary()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notary.sign(nbformat.read(path, as_version=4))


def keep_language_info(model, path, contents_manager, **_) -> None:
    """Called before JupyterLab saves: what the file says of Python stays, whichever version it was opened with.

    So a chapter that was only looked at and saved is, for git, unchanged.
    """
    stored = Path(contents_manager.root_dir) / path.strip("/")
    if model["type"] == "notebook" and model.get("content") and stored.exists():
        metadata = model["content"]["metadata"]
        metadata.pop("language_info", None)
        metadata.update({k: v for k, v in nbformat.read(stored, 4).metadata.items() if k == "language_info"})


def main(argv: list[str] | None = None) -> int:
    options = list(sys.argv[1:] if argv is None else argv)
    if options[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    where = page(options.pop(0) if options and not options[0].startswith("-") else "00")
    from jupyterlab.labapp import LabApp  # a second, so only where it is needed

    trust()
    with tempfile.TemporaryDirectory(prefix="course-jupyter-") as folder:
        for name, settings in SETTINGS.items():
            files.write(Path(folder) / name, json.dumps(settings))
        others = os.environ.get("JUPYTER_CONFIG_PATH")
        os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([folder, *([others] if others else [])])
        # The whole repository is the server's root, so that links between chapters and exercises lead somewhere.
        LabApp.launch_instance([f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url=/lab/tree/{where}", *options])
    return 0
