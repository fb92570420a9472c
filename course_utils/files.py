"""One way to write a file: whole, or not at all."""

import os
from pathlib import Path


def write(path: Path, content: str | bytes) -> None:
    """Write `content` under another name beside `path`, then rename it: nobody ever finds half a file."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    os.replace(temporary, path)
