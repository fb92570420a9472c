"""Saves and loads training state so that a killed run loses little and breaks nothing."""

import io
from pathlib import Path

import numpy as np
import torch

from course_utils import CourseError, files


class CheckpointError(CourseError):
    """A checkpoint cannot be written or read."""


def save(path: Path, state: dict) -> None:
    """Write `state` (tensors, numbers, strings, lists and dicts of them) to `path`, all or nothing.

    NumPy's numbers become Python's, its arrays tensors. What could not be loaded again is a CheckpointError.
    """
    state = _plain(state)
    if (whole := _packed(state)) is None:
        remedy = "COURSE_CHECKPOINTS: keep tensors, numbers, strings, lists and dicts of them"
        raise CheckpointError(f"{_odd(state)} could not be loaded again from {remedy}.")
    try:
        files.write(path, whole)
    except OSError as error:
        remedy = "free some space or set COURSE_CHECKPOINTS"
        raise CheckpointError(f"The checkpoint {path} cannot be written ({error}): {remedy}.") from error


def load(path: Path) -> dict:
    """Read a checkpoint onto the CPU, or raise CheckpointError. `weights_only=True`: a doctored file runs no code."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint {path}.") from error
    except Exception as error:  # torch reports damage as any of half a dozen types
        why = "is damaged or holds more than plain data: delete it and train again"
        raise CheckpointError(f"The checkpoint {path} {why}.") from error


def _plain(value):
    """NumPy's numbers and arrays as Python's and torch's, however deep."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return torch.as_tensor(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items()}
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


def _packed(value) -> memoryview | None:
    """What `torch.save` writes, or None where that could not be loaded again."""
    try:
        torch.save(value, whole := io.BytesIO())
        whole.seek(0)
        torch.load(whole, map_location="cpu", weights_only=True)
    except Exception:  # torch gives any of half a dozen types
        return None
    return whole.getbuffer()


def _odd(value, where: str = "state") -> str:
    """The name and the kind of the innermost part of a value that cannot be loaded again."""
    inner = value if isinstance(value, dict) else dict(enumerate(value)) if type(value) in (list, tuple) else {}
    odd = next((key for key, part in inner.items() if _packed(part) is None), None)
    return f"{where}, a {type(value).__name__}," if odd is None else _odd(inner[odd], f"{where}[{odd!r}]")
