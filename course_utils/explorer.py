"""A latent space to walk through in the browser: one sheet, two sliders, no server and no widget library."""

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from IPython.display import HTML
from PIL import Image

from course_utils import require
from course_utils.figures import png

TEMPLATE = Path(__file__).with_name("explorer.html")


def sheet(decoded: torch.Tensor) -> torch.Tensor:
    """Images (side, side, height, width) of a grid as one picture: the first axis to the right, the second upwards."""
    side, other, height, width = decoded.shape
    return decoded.flip(1).permute(1, 2, 0, 3).reshape(other * height, side * width)


def latent_explorer(
    decoded: torch.Tensor, limits: tuple[float, float], alt: str, labels: Sequence[Sequence[str]] | None = None
) -> HTML:
    """Sliders over a grid of decoded images (side, side, height, width) in [0, 1]; the first axis is z₁, the second z₂.

    `limits` are the values of z₁ and z₂ at both ends. `alt` says what there is to see on the sheet, `labels` on each
    image, in the order of `decoded`; a label is shown, and read out, as you move. What is stored is an ordinary picture
    of the sheet, which stays visible where no script runs. Where one does, it adds the sliders; it needs no network.
    """
    side, other, height, width = decoded.shape
    if side != other or side < 2 or height != width:
        shape = f"{side} by {other} images of {height} by {width}"
        raise ValueError(f"decoded has {shape}: the grid must be square, 2 by 2 or more, and so must be the images.")
    if labels is not None and [len(row) for row in labels] != [side] * side:
        raise ValueError(f"labels must be {side} rows of {side} texts, one for each image.")
    decoded = require.pixels(decoded.flatten(0, 1).unsqueeze(1), cut=True).view(decoded.shape)
    pixels = sheet(decoded).mul(255).round().byte()
    low, high = limits
    fields = {"PIXELS": side * height, "SIDE": side, "LOW": low, "HIGH": high, "STEP": (high - low) / (side - 1)}
    fields["LABELS"] = html.escape(json.dumps([list(row) for row in labels or []], ensure_ascii=False))
    fields |= {"SHEET": png(Image.fromarray(pixels.cpu().numpy())), "ALT": html.escape(alt)}
    page = TEMPLATE.read_text(encoding="utf-8")
    return HTML(re.sub("@([A-Z]+)@", lambda field: str(fields[field[1]]), page))
