#!/bin/sh
# Makes .venv with everything the course needs; returns at once when it is already whole.
# PYTHON=... picks the interpreter; TORCH=cpu takes PyTorch without CUDA (Linux: 1.2 GB instead of 6), TORCH=default
# with it; where neither is named, an environment that is there keeps what it has. uv is used where it is installed,
# pip otherwise.
set -eu
cd "$(dirname "$0")/.."

lists=$(cat pyproject.toml constraints.txt | cksum)
# The mark of a whole environment: these lists, and in the second line which PyTorch was taken.
made=$(sed -n 2p .venv/.complete 2>/dev/null || true)
made=${made:-default}
torch=${TORCH:-$made}
case $torch in
default | cpu) ;;
*) echo "TORCH=$torch is not known: it is cpu (small, for machines without an NVIDIA GPU) or default." >&2; exit 1 ;;
esac

whole() {
    [ "$(sed -n 1p .venv/.complete 2>/dev/null)" = "$lists" ] || return 1
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
# Which Python stands behind a command, an environment or a link: where it is installed, and its version.
behind() { "$1" -c 'import os, sys; print(sys.version.split()[0], os.path.realpath(sys.base_prefix))' 2>/dev/null; }

why="is incomplete, broken, out of date or was made for another folder"
if whole; then
    why=
    [ "$torch" = "$made" ] || why="has the other PyTorch (it was made with TORCH=$made)"
    [ -z "${PYTHON:-}" ] || [ "$(behind "$PYTHON")" = "$(behind .venv/bin/python)" ] ||
        why="was made with another Python ($(behind .venv/bin/python))"
    [ -n "$why" ] || exit 0
fi

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

[ ! -e .venv ] || echo "The folder .venv $why: making it anew."
case $torch in
cpu) size="about 1.2 GB on Linux" ;;
*) size="about 6 GB on Linux, most of it CUDA; without an NVIDIA GPU, TORCH=cpu takes 1.2" ;;
esac
echo "Setting up .venv with $("$python" --version) ($size; once, a few minutes)."
rm -rf .venv
quiet=--quiet
[ ! -t 2 ] || quiet= # in a terminal, uv shows how far it is
if command -v uv >/dev/null 2>&1 && uv venv --quiet --seed --python "$(command -v "$python")" .venv &&
   uv pip install $quiet --python .venv/bin/python $([ "$torch" = default ] || echo "--torch-backend=$torch") \
       --constraint constraints.txt --editable '.[dev]'; then
    :
else
    rm -rf .venv
    "$python" -m venv .venv
    install() {
        .venv/bin/python -m pip install --disable-pip-version-check --quiet --progress-bar on \
            --constraint constraints.txt "$@"
    }
    # PyTorch's own index has torch and torchvision without CUDA. Both come from there, in one command and alone; what
    # they need comes from PyPI afterwards, where they are no longer looked for.
    [ "$torch" = default ] ||
        install --no-deps --index-url "https://download.pytorch.org/whl/$torch" torch torchvision
    install --editable '.[dev]'
fi
printf '%s\n' "$lists" "$torch" > .venv/.complete
echo "Done."
