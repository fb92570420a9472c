"""Reads solutions/exNN_name.py: the notebook of a source, what learners get of it, and checks on the source.

Learners' notebooks are made by nbgrader's own steps, called without its database; they are the same byte for byte
whenever the source is. A cell's id is its grade_id: that outlives an editor that throws cell metadata away.
"""

import ast
import builtins
import hashlib
import logging
import re
from pathlib import Path

import jupytext
import nbformat

from grader import exercise
from grader.exercise import Cell, Exercise, ExerciseError

MARKS = ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "MARK SCHEME")


def solution(path: Path):
    """An exercise's source as a notebook, checked: the twin that stands beside the source."""
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.nbformat_minor = 5
    notebook.metadata = nbformat.from_dict(
        {
            "jupytext": {"formats": "ipynb,py:percent"},
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        }
    )
    for number, cell in enumerate(notebook.cells):
        cell.metadata.pop("lines_to_next_cell", None)
        cell.metadata.pop("lines_to_end_of_cell_marker", None)
        cell.id = cell.metadata.get("nbgrader", {}).get("grade_id", f"cell-{number:03d}")
    for fault in faults(notebook):
        raise ExerciseError(f"{path.name}: {fault}.")
    return notebook


def faults(notebook):
    """What is wrong with an exercise's source, in words; nothing where nothing is."""
    ids = [cell.id for cell in notebook.cells]
    imported = set()  # names that set-up cells import
    given, tested = set(), set()  # names that tests find: set-up cells and answers bind them; and those that tests bind
    for cell in notebook.cells:
        marks, kind, where = cell.metadata.get("nbgrader"), exercise.kind_of(cell), f"cell {cell.id!r}"
        if ids.count(cell.id) > 1:
            yield f"the grade_id {cell.id!r} occurs twice"
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id) or len(cell.id) > 64:
            yield f"the grade_id {cell.id!r} is not kebab-case with at most 64 characters"
        if marks is None:
            continue
        missing = {"grade", "grade_id", "locked", "schema_version", "solution"} - set(marks)
        if missing or marks["schema_version"] != 3:
            yield f"{where}: its nbgrader metadata lack {', '.join(sorted(missing)) or 'schema_version 3'}"
        if marks.get("grade") and not (isinstance(marks.get("points"), (int, float)) and marks["points"] > 0):
            yield f"{where} is graded and needs points above 0"
        if marks.get("grade") and marks.get("solution") and cell.cell_type == "code":
            yield f"{where} is both a task and a test: use two cells"
        if kind in ("setup", "test") and not marks.get("locked"):
            yield f"{where} must be locked"
        if kind in ("setup", "test", "task"):
            try:
                tree = ast.parse(cell.source)
            except SyntaxError as error:
                yield f"{where}, line {error.lineno}: {error.msg}"
                continue
        if kind == "setup":
            imported |= imports(tree)
        bound = exercise.names_in(cell.source)[0] if kind in ("setup", "test", "task") else set()
        if kind == "test" and (used := sorted(free_names(tree) & tested - given)):
            # A learner has run that test, and a grader has not: the name would be looked for in the student's process.
            yield f"{where} uses {', '.join(used)} of another test: define it in the cell itself"
        given, tested = (given, tested | bound) if kind == "test" else (given | bound, tested)
        tasks_above = [one.id for one in notebook.cells[: ids.index(cell.id)] if exercise.kind_of(one) == "task"]
        if lacking := [name for name in cell.metadata.get("given", ()) if name not in tasks_above]:
            yield f"{where}: given names {', '.join(map(str, lacking))}, which is no task above it"
        if kind == "test" and (used := sorted(free_names(tree) & imported)):
            # Its meaning would then come from the student's process, where it may have been replaced.
            yield f"{where} uses {', '.join(used)} from a set-up cell: import it in the cell itself"


def imports(tree: ast.AST) -> set[str]:
    """The names that import statements bind."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {(name.asname or name.name).partition(".")[0] for node in nodes for name in node.names}


def free_names(tree: ast.AST) -> set[str]:
    """The names that code uses without binding them anywhere: roughly, what it takes from outside."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | imports(tree)
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}
    return used - bound - set(dir(builtins))


def released(path: Path):
    """The notebook that learners get: no solutions, no hidden tests, no mark schemes, no outputs."""
    from nbgrader import preprocessors  # two seconds, so only where it is needed

    notebook = solution(path)
    notebook.metadata.pop("jupytext")
    placeholder = {cell.id: cell.source for cell in notebook.cells if cell.id == "student-id"}
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    steps = (
        "LockCells ClearSolutions ClearOutput CheckCellMetadata ComputeChecksums "
        "ClearHiddenTests ClearMarkScheme ComputeChecksums CheckCellMetadata"
    )
    resources = {}
    for step in steps.split():
        try:
            notebook, resources = getattr(preprocessors, step)().preprocess(notebook, resources)
        except (RuntimeError, ValueError) as error:
            raise ExerciseError(f"{path.name}: {str(error).strip().splitlines()[0]}") from error
        if step == "ClearSolutions":  # the learner's id is no task: the cell keeps its example
            for cell in notebook.cells:
                cell.source = placeholder.get(cell.id, cell.source)
    for cell in notebook.cells:
        if exercise.kind_of(cell) == "test":  # folded, in JupyterLab and on Colab: it is there to be run
            cell.metadata["jupyter"] = {**cell.metadata.get("jupyter", {}), "source_hidden": True}
            cell.metadata["cellView"] = "form"
        if any(mark in cell.source for mark in MARKS):
            raise ExerciseError(f"{path.name}: cell {cell.id!r} would be released with a mark of {' or '.join(MARKS)}.")
    return notebook


def load(path: Path) -> Exercise:
    """Read and check an exercise's source."""
    text = path.read_text(encoding="utf-8")
    ours, theirs = solution(path), released(path)
    cells = tuple(
        Cell(
            id=cell.id,
            kind=exercise.kind_of(cell),
            type=cell.cell_type,
            source=cell.source,
            released=public.source,
            points=cell.metadata.get("nbgrader", {}).get("points", 0),
            given=tuple(cell.metadata.get("given", ())),
        )
        for cell, public in zip(ours.cells, theirs.cells, strict=True)
    )
    return Exercise(id=path.stem, cells=cells, source_hash=hashlib.sha256(text.encode()).hexdigest()[:16])
