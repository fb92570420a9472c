#!/bin/sh
# Makes .venv with everything the course needs; returns at once when it is already whole.
# PYTHON=... picks the interpreter. uv is used where it is installed, pip otherwise.
set -eu
cd "$(dirname "$0")/.."

wanted=$(cat pyproject.toml constraints.txt | cksum)
whole() {
    [ "$(cat .venv/.complete 2>/dev/null)" = "$wanted" ] || return 1
    .venv/bin/python - >/dev/null 2>&1 <<'PY'
import importlib.util, pathlib, sys
sys.path = [folder for folder in sys.path if folder]  # only what is installed counts, not what lies in this folder
modules = "torch torchvision matplotlib sklearn jupyterlab ipykernel jupytext nbconvert pytest nbval ruff".split()
here = pathlib.Path.cwd() / "course_utils" / "__init__.py"
course = importlib.util.find_spec("course_utils")
gone = [m for m in modules if importlib.util.find_spec(m) is None]
tools = [t for t in ("jupyter", "jupyter-lab", "ruff") if not (pathlib.Path(sys.prefix) / "bin" / t).exists()]
sys.exit(bool(gone or tools or course is None or pathlib.Path(course.origin).resolve() != here.resolve()))
PY
}
if whole; then exit 0; fi

good_python() { "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
python=
if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3 python3.14 python3.13 python3.12 python3.11 python; fi
for candidate in "$@"; do
    if good_python "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "No Python 3.11 or newer was found (looked for ${PYTHON:-python3, python3.14 … python3.11}):" \
         "install one from python.org, or name it: make lab PYTHON=/path/to/python3" >&2
    exit 1
fi

[ ! -e .venv ] || echo "The folder .venv is incomplete, broken or out of date: making it anew."
echo "Setting up .venv with $("$python" --version) (about 5 GB on Linux, once; a few minutes)."
rm -rf .venv
if command -v uv >/dev/null 2>&1 && uv venv --quiet --seed --python "$(command -v "$python")" .venv &&
   uv pip install --quiet --python .venv/bin/python --constraint constraints.txt --editable '.[dev]'; then
    :
else
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/python -m pip install --disable-pip-version-check --quiet --progress-bar on \
        --constraint constraints.txt --editable '.[dev]'
fi
# nbgrader is installed for its format of exercises; in JupyterLab its panels would only puzzle learners.
mkdir -p .venv/etc/jupyter/labconfig .venv/etc/jupyter/jupyter_server_config.d
printf '%s\n' '{"disabledExtensions": {"@jupyter/nbgrader": true}}' > .venv/etc/jupyter/labconfig/page_config.json
off=
for part in assignment_list course_list formgrader validate_assignment; do
    off="$off${off:+, }\"nbgrader.server_extensions.$part\": false"
done
printf '%s\n' "{\"ServerApp\": {\"jpserver_extensions\": {$off}}}" > .venv/etc/jupyter/jupyter_server_config.d/zz-course.json
printf '%s' "$wanted" > .venv/.complete
echo "Done."
