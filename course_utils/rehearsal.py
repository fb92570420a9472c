"""A rehearsal: the full schedule with its training cut short. After it, claims are only told."""

import ast

from IPython import get_ipython

from course_utils import schedule

begun = False  # whether a training of this process was cut short


def begin() -> None:
    """Called by `train`: from now on a failed `assert` of the notebook's cells is printed and passed over."""
    global begun
    if schedule.schedule() == "rehearsal" and not begun:
        begun = True
        if shell := get_ipython():
            shell.ast_transformers.append(_Excuse())


def excuses(claim: str) -> bool:
    """Whether a failed claim is to be passed over; says so."""
    if begun:
        print(f"– in a rehearsal not so: {claim}")
    return begun


class _Excuse(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.Try:
        told = ast.parse(f"print({f'– in a rehearsal not so: {ast.unparse(node.test)}'!r})").body
        caught = ast.ExceptHandler(type=ast.Name("AssertionError", ast.Load()), name=None, body=told)
        whole = ast.Try(body=[node], handlers=[caught], orelse=[], finalbody=[])
        return ast.fix_missing_locations(ast.copy_location(whole, node))
