"""One way to write a file: whole, or not at all."""

import glob
import os
import shutil
import tempfile
import time
from pathlib import Path


def write(path: Path, content: str | bytes) -> None:
    """Write `content` under another name beside `path`, force it to disk, then rename it, which is indivisible.

    Whoever reads `path`, at any moment, even after an OSError, finds the old file or the new one, never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.umask(mask := os.umask(0))
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sweep(path.parent, path.name)


def sweep(folder: Path, name: str) -> None:
    """Remove what processes that were killed have left half done beside `name`; a younger file may be in use."""
    for left_over in folder.glob(f".{glob.escape(name)}-*"):
        if time.time() - left_over.stat().st_mtime > 3600:
            shutil.rmtree(left_over, ignore_errors=True) if left_over.is_dir() else left_over.unlink(missing_ok=True)
