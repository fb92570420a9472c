"""A latent space to walk through in the browser: one picture, two sliders, no server and no widget library."""

import base64
import html
import io
from pathlib import Path

import torch
from IPython.display import HTML
from PIL import Image

TEMPLATE = Path(__file__).with_name("explorer.html")


def latent_explorer(decoded: torch.Tensor, limits: tuple[float, float], alt: str) -> HTML:
    """Sliders over a grid of decoded images.

    Args:
        decoded: (side, side, height, width), values in [0, 1]; the first axis is z₁, the second z₂.
        limits: the values of z₁ and z₂ at both ends.
        alt: what there is to see, for readers who cannot see it.

    The page holds all images as one picture and moves it behind a small window, so it also works in exported
    HTML and offline; where JavaScript is off it stays on the centre image.
    """
    side, other, height, width = decoded.shape
    if side != other or side < 2:
        raise ValueError(f"decoded has {side} by {other} images: the grid must be square, 2 by 2 or more.")
    if height != width:
        raise ValueError(f"decoded has images of {height} by {width}: they must be square.")
    sheet = decoded.clamp(0, 1).mul(255).round().byte().permute(0, 2, 1, 3).reshape(side * height, side * width)
    buffer = io.BytesIO()
    Image.fromarray(sheet.cpu().numpy()).save(buffer, format="PNG", optimize=True)
    fields = {
        "SHEET": base64.b64encode(buffer.getvalue()).decode(),
        "SIDE": side,
        "MIDDLE": side // 2,
        "LOW": limits[0],
        "STEP": (limits[1] - limits[0]) / (side - 1),
        "ALT": html.escape(alt),
    }
    page = TEMPLATE.read_text(encoding="utf-8")
    for name, value in fields.items():
        page = page.replace(f"@{name}@", str(value))
    return HTML(page)
