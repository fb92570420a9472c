"""Small changes to a reference solution, each of which a test should notice.

A mutant is named after the cell and the change: "kl-code: mu ** 2 → mu * 2". Its name stays when other lines change.
"""

import ast
import copy
from collections.abc import Iterator

from grader.exercise import Exercise

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
NAMES = {"mean": "sum", "sum": "mean", "zeros": "ones", "ones": "zeros", "max": "min", "min": "max"}
NAMES |= {"zeros_like": "ones_like", "ones_like": "zeros_like", "train": "eval", "eval": "train"}


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that may stand in the place of `node`."""

    def other(**fields) -> ast.AST:
        changed = copy.deepcopy(node)
        for name, value in fields.items():
            setattr(changed, name, value)
        return changed

    match node:
        case ast.Compare(ops=[kind]) if type(kind) in COMPARISONS:
            yield other(ops=[COMPARISONS[type(kind)]()])
        case ast.BinOp(op=kind) | ast.BoolOp(op=kind) if type(kind) in OPERATORS:
            yield other(op=OPERATORS[type(kind)]())
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield other(value=not value)
        case ast.Constant(value=int(value)):
            yield other(value=value + 1)
        case ast.Constant(value=float(value)):
            yield other(value=value * 2 if value else 1.0)
        case ast.Attribute(attr=name) if name in NAMES:
            yield other(attr=NAMES[name])
        case ast.Expr(value=ast.Call()):  # a call for its effect is left out
            yield ast.Pass()
        case ast.Call(func=ast.Attribute(value=of), args=[], keywords=[]) if not isinstance(of, ast.Name):
            yield of
        case ast.Call(func=ast.Attribute(attr="detach" | "abs" | "clone" | "exp" | "log" | "sqrt", value=of), args=[]):
            yield of
        case ast.Call(args=[argument], keywords=[]) if not isinstance(argument, ast.Constant):
            yield argument


def mutants(exercise: Exercise) -> Iterator[tuple[str, str, str]]:
    """The name, the task and the changed source of every mutant of the reference."""
    for task in exercise.of_kind("task"):
        if task.id == "student-id":
            continue
        tree = ast.parse(task.source)
        seen: dict[str, int] = {}
        for parent, field, place, node in nodes(tree):
            for changed in changes(node):
                name = f"{task.id}: {ast.unparse(node)} → {ast.unparse(changed)}"
                seen[name] = seen.get(name, 0) + 1
                name += f" ({seen[name]})" if seen[name] > 1 else ""
                set_child(parent, field, place, changed)
                source = ast.unparse(ast.fix_missing_locations(tree))
                set_child(parent, field, place, node)
                yield name, task.id, source


def nodes(tree: ast.AST) -> list[tuple[ast.AST, str, int | None, ast.AST]]:
    """Every node with its place in its parent; annotations and docstrings are no code."""
    found = []
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if field in ("annotation", "returns"):
                continue
            children = enumerate(value) if isinstance(value, list) else [(None, value)]
            found += [(parent, field, place, child) for place, child in children if isinstance(child, ast.AST)]
    return found


def set_child(parent: ast.AST, field: str, place: int | None, child: ast.AST) -> None:
    if place is None:
        setattr(parent, field, child)
    else:
        getattr(parent, field)[place] = child
