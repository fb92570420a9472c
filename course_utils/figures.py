"""Every picture of the course, always with alternative text. Importing this sets the style of all later plots."""

import base64
import html
import io
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML, DisplayHandle, display
from matplotlib.figure import Figure
from PIL import Image
from torchvision.utils import make_grid

from course_utils import require

# Okabe and Ito's colours, told apart by colour-blind readers and in grey print.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442"]

plt.rc("axes", prop_cycle=plt.cycler(color=COLOURS), grid=True)
plt.rc("axes.spines", top=False, right=False)
plt.rc("figure", figsize=(7, 3.2), dpi=100)
plt.rcParams.update({"font.size": 10, "grid.alpha": 0.25, "image.cmap": "gray", "legend.frameon": False})


def live_picture() -> DisplayHandle:
    """A place in the notebook for a picture that changes: pass it as `into` to replace what it shows."""
    return display(HTML(""), display_id=True)


def show(fig: Figure, alt: str, *, into: DisplayHandle | None = None) -> None:
    """Display `fig` as an image with alternative text `alt` (the kind of figure, its axes, what it shows); close it."""
    if not alt.strip():
        raise ValueError("A figure needs alternative text: say in a sentence what there is to see.")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", bbox_inches="tight")
    plt.close(fig)
    picture = Image.open(buffer).convert("RGB")  # nothing is transparent
    colours = picture.getcolors(4096)  # None: a photograph
    if colours and all(red == green == blue for _, (red, green, blue) in colours):
        picture = picture.convert("L")  # digits: no shade is lost
    elif colours:
        picture = picture.quantize(256, dither=Image.Dither.NONE)  # plots: half the size
    # Written as HTML because notebook viewers drop the alternative text of a plain image output.
    style = "max-width:100%;height:auto;background:white"
    source = f'<img src="data:image/png;base64,{png(picture)}" alt="{html.escape(alt)}" style="{style}">'
    bundle = {"text/html": source, "text/plain": f"[figure: {alt}]"}
    (into.update if into else display)(bundle, raw=True)


def png(picture: Image.Image) -> str:
    """The picture as the text that stands in a page."""
    picture.save(buffer := io.BytesIO(), format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def tile(images: torch.Tensor, columns: int = 10) -> torch.Tensor:
    """Arrange images (n, c, h, w) or (n, 784), values in [0, 1], as one picture (height, width[, 3])."""
    if torch.is_tensor(images) and images.ndim == 2 and images.shape[1] == 784:
        images = images.reshape(-1, 1, 28, 28)
    images = require.pixels(images, cut=True)
    grid = make_grid(images.cpu(), nrow=columns, padding=1, pad_value=0.35)
    return grid[0] if images.shape[1] == 1 else grid.permute(1, 2, 0)


def show_images(
    images: torch.Tensor | Mapping[str, torch.Tensor], alt: str, *, columns: int = 10, size: float = 0.7,
    into: DisplayHandle | None = None,
) -> None:  # fmt: skip
    """Show images (n, c, h, w) or (n, 784) in a grid, `size` inches each, or {row title: images} as titled rows."""
    rows = images if isinstance(images, Mapping) else {"": images}
    pictures = {title: tile(batch, columns) for title, batch in rows.items()}
    heights = [picture.shape[0] / picture.shape[1] for picture in pictures.values()]
    width = size * min(columns, max(len(batch) for batch in rows.values()))
    titles = 0.25 * len(rows) if any(rows) else 0
    size = width, width * sum(heights) + titles
    fig, axes = plt.subplots(len(rows), 1, figsize=size, height_ratios=heights, squeeze=False)
    for ax, (title, picture) in zip(axes[:, 0], pictures.items(), strict=True):
        ax.imshow(picture.numpy(), vmin=0, vmax=1, interpolation="nearest")
        ax.set_axis_off()
        if title:
            ax.set_title(title, loc="left", fontsize=9, pad=3)
    fig.subplots_adjust(left=0, right=1, top=1, bottom=0, hspace=titles / max(sum(heights) * width, 1e-9))
    show(fig, alt, into=into)


def smooth(values: Sequence[float], window: int) -> list[float]:
    """Running mean over `window` steps; the first value stands at step `window`."""
    series = torch.tensor(values, dtype=torch.float64)
    return series.unfold(0, min(window, len(series)), 1).mean(dim=1).tolist()


def plot_history(
    history: Mapping[str, Sequence[float]], alt: str, *, ylabel: str = "loss", window: int = 50, logy: bool = False,
    hlines: Mapping[str, float] | None = None, into: DisplayHandle | None = None,
) -> None:  # fmt: skip
    """Plot curves {name: one value a step} as running means over `window` steps; `hlines` are dashed levels."""
    fig, ax = plt.subplots()
    for name, values in history.items():
        smoothed = smooth(values, window)
        ax.plot(range(len(values) - len(smoothed) + 1, len(values) + 1), smoothed, label=name)
    for number, (name, level) in enumerate((hlines or {}).items()):
        ax.axhline(level, color=COLOURS[6 - number], linestyle="--", linewidth=1, label=name)
    ax.set(xlabel="training step", ylabel=ylabel, yscale="log" if logy else "linear")
    ax.legend()
    show(fig, alt, into=into)
