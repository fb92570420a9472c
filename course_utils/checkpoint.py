"""Saves and loads training state so that a killed run loses little and breaks nothing."""

import contextlib
import glob
import io
import time
from pathlib import Path

import torch

from course_utils import CourseError, files


class CheckpointError(CourseError):
    """A checkpoint cannot be written or read."""


def save(path: Path, state: dict) -> None:
    """Write `state` (tensors, numbers, strings, lists and dicts of them) to `path`, all or nothing.

    Raises:
        CheckpointError: the file cannot be written.
    """
    try:
        whole = io.BytesIO()
        torch.save(state, whole)
        files.write(path, whole.getbuffer())
        for left_over in path.parent.glob(f".{glob.escape(path.name)}-*"):  # of a process that was killed
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                if time.time() - left_over.stat().st_mtime > 3600:  # a younger one may be in use
                    left_over.unlink()
    except (OSError, RuntimeError) as error:  # torch's zip writer reports a full disk as a RuntimeError
        raise CheckpointError(
            f"The checkpoint {path} cannot be written ({error}): free some space or set COURSE_CHECKPOINTS."
        ) from error


def load(path: Path) -> dict:
    """Read a checkpoint onto the CPU. `weights_only=True`: a doctored file cannot run code.

    Raises:
        CheckpointError: there is no such file, or it is damaged or no checkpoint.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint {path}.") from error
    except Exception as error:  # torch reports damage as any of half a dozen types
        raise CheckpointError(
            f"The checkpoint {path} is damaged or holds more than plain data: delete it and train again."
        ) from error
