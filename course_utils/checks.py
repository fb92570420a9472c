"""What the exercises' test cells use: it compares strictly, and says in words what is wrong.

A message names the misconception. No check ever prints the expected values: a look at them is not the lesson.
"""

import contextlib
import decimal
import math
import numbers
import sys
from collections.abc import Callable

import numpy as np
import torch

from course_utils import CourseError

KINDS = {"b": "truth values", "i": "whole numbers", "u": "whole numbers", "f": "floating point", "c": "complex"}


_held = [0]  # how many checks of the running cell have held


class CheckFailed(CourseError, AssertionError):
    """A check did not hold; its message says what to think about."""


def check(condition: bool | np.bool_ | torch.Tensor, message: str) -> None:
    """Raise CheckFailed with `message` unless `condition` holds, and TypeError unless it is one truth value.

    An empty list or a whole tensor of comparisons is a mistake in the test, or an answer of the wrong kind.
    """
    one_tensor = isinstance(condition, torch.Tensor) and condition.dtype == torch.bool and condition.dim() == 0
    if not (one_tensor or isinstance(condition, (bool, np.bool_))):
        raise TypeError(f"A check needs True or False, not {describe(condition)}.")
    if not condition:
        raise CheckFailed(message)
    _held[0] += 1


def close(actual, expected, message: str, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    """Raise CheckFailed with `message` unless |actual − expected| ≤ atol + rtol·|expected| everywhere.

    Shapes must agree without broadcasting; a number counts as shape (). Whole numbers, floating point numbers and truth
    values are different kinds, whatever their width; only an `expected` plain Python number leaves the kind open. NaN
    equals nothing: where both sides come from a learner, two failures are no agreement.
    """
    theirs, ours = _as_array(actual), _as_array(expected)
    if ours is None:
        raise TypeError(f"close compares numbers, tensors and arrays, and expected is {describe(expected)}.")
    if theirs is None:
        hint = ": is a `return` missing?" if actual is None else ""
        raise CheckFailed(f"{message} (Got {describe(actual)} where a number or a tensor is expected{hint})")
    if theirs.shape != ours.shape:
        got, wanted = (one.shape or "() (a single number)" for one in (theirs, ours))
        raise CheckFailed(f"{message} (Shape: got {got}, expected {wanted}.)")
    got, wanted = KINDS[theirs.dtype.kind], KINDS[ours.dtype.kind]
    if not isinstance(expected, (bool, int, float, complex)) and got != wanted:
        raise CheckFailed(f"{message} (Kind of numbers: got {got}, expected {wanted}.)")
    if np.isnan(theirs).any():
        raise CheckFailed(f"{message} (There is a NaN, 'not a number', in the result.)")
    if np.isinf(theirs).any() and not np.isinf(ours).any():
        raise CheckFailed(f"{message} (There is an infinite value in the result.)")
    # Differences in float64: neither the rounding of narrow types nor the wrap-around of integers may decide.
    wide = np.complex128 if "complex" in (got, wanted) else np.float64
    if not np.allclose(theirs.astype(wide), ours.astype(wide), rtol=rtol, atol=atol, equal_nan=False):
        raise CheckFailed(message)
    _held[0] += 1


def with_weights(network: torch.nn.Module, answer, message: str) -> torch.nn.Module:
    """`network`, which a test has built itself, with the weights that a learner has trained, ready to be measured.

    No number that a learner reports is believed where it can be measured: a task hands over its network, its
    `state_dict()`, or tensors and arrays by the same names; the test builds the exercise's own architecture and puts
    them in. Nothing of the learner's code is run when it is used. CheckFailed says what is wrong with them.
    """
    weights = dict(answer.state_dict()) if hasattr(answer, "state_dict") else answer
    if not isinstance(weights, dict):
        raise CheckFailed(f"{message} (Got {describe(answer)} where a network or its state_dict is expected.)")
    arrays = {str(name)[:80]: _as_array(value) for name, value in weights.items()}
    for name, array in arrays.items():
        if array is None or array.dtype.kind == "c" or not np.isfinite(array.astype(np.float64)).all():
            raise CheckFailed(f"{message} ({name} holds something else than finite numbers.)")
    try:
        network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
    except RuntimeError as error:  # whose first line says nothing
        raise CheckFailed(f"{message} ({' '.join(str(error).split()[6:])[:200]})") from error
    return network.eval()


def ours(name: str):
    """What a set-up cell or the solution of the exercise defines under `name`, whatever a learner has put in its place.

    In a notebook it is simply there, an answer as the learner has it; when it is graded, it is made from the exercise's
    source on the trusted side.
    """
    names = sys._getframe(1).f_globals
    return names["__ours__"](name) if "__ours__" in names else names[name]


def finite_difference(f: Callable, x, h: float = 1e-5):
    """Gradient of the scalar function `f` at `x`, a number or a tensor, by central differences, in float64."""
    if not isinstance(x, torch.Tensor):
        return (float(f(float(x) + h)) - float(f(float(x) - h))) / (2 * h)
    x = x.detach().double()
    steps = (h * torch.eye(x.numel(), dtype=torch.float64)).view(-1, *x.shape)
    gradient = [(float(f(x + step)) - float(f(x - step))) / (2 * h) for step in steps]
    return torch.tensor(gradient, dtype=torch.float64).view(x.shape)


class when_ready(contextlib.AbstractContextManager):
    """Runs the block under `with when_ready():`, or says that the task above it has to be answered first.

    An unanswered task shows as NotImplementedError, or as a NameError in the block itself. Every other error, and a
    NameError inside a function that the block calls, is a mistake and goes on as usual.
    """

    def __exit__(self, kind, error, trace) -> bool:
        in_the_block = trace is not None and trace.tb_next is None
        unanswered = isinstance(error, NotImplementedError) or (isinstance(error, NameError) and in_the_block)
        if unanswered:
            print("Answer the task above first.")
        return unanswered


def describe(value) -> str:
    """What a value is, in words that give no more away than its type and shape."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return f"a {'tensor' if isinstance(value, torch.Tensor) else 'NumPy array'} of shape {tuple(value.shape)}"
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _as_array(value) -> np.ndarray | None:
    """A number, tensor or array as a NumPy array; None for anything else."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().resolve_conj().resolve_neg()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        value = math.inf if value > 0 else -math.inf  # no array type holds it
    elif not isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
        value = _as_number(value)
    array = np.asarray(value)  # of None: an object
    return array if array.dtype.kind in KINDS else None


def _as_number(value) -> int | float | None:
    """A fraction, a decimal, a number of SymPy's as Python's own; None for what is no number."""
    home = type(value).__module__.partition(".")[0]
    if not isinstance(value, (numbers.Real, decimal.Decimal)) and home not in ("sympy", "mpmath"):
        return None
    try:
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    except (TypeError, ValueError, OverflowError, AttributeError):
        return None


def _tick(result) -> None:
    """Under a cell whose checks have all held, one line that says so."""
    count, _held[0] = _held[0], 0
    if count and result.success:
        print(f"✓ {count} check{'s hold' if count > 1 else ' holds'}.")


if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()):
    shell.events.register("post_run_cell", _tick)
