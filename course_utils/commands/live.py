"""The book's live models: their weights as half-precision scripts, their still pictures, their places in the pages.

What a model is and says stands in book/play.md, which holds a `<!--live:NAME-->` where it is played; the scripts that
play it lie in book/_static/live. Nothing is kept: all of it is made from the shipped weights whenever the book is.
"""

import base64
import html
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import torch
from matplotlib import pyplot as plt
from PIL import Image
from torch import nn

from course_utils import pretrained
from course_utils.commands import chapters
from course_utils.explorer import sheet
from course_utils.figures import COLOURS, tile
from course_utils.taught.autoregressive import draw_squares
from course_utils.taught.diffusion import guided, to_pixels


class Live(NamedTuple):
    chapter: str  # "03": shown on that chapter's page, too
    section: str  # before the heading that begins with this
    weights: tuple[str, ...]
    alt: str  # of the still picture, which is there until the script is, or instead of it


LIVE = {
    "game": Live(
        "03", "## 3.5", (), "θ against the moves: it runs past 3, turns, and comes to rest there; w beside it."
    ),
    "plane": Live(
        "02", "## Your turn", ("plane", "classifier"), "A sheet of 15 by 15 digits that pass into one another."
    ),
    "dcgan": Live("05", "## 5.4", ("dcgan", "classifier"), "Ten digits, from one code to another on the arc between."),
    "label": Live("08", "## 8.4", ("cdcgan", "classifier"), "The digits 0 to 9, as drawn on request in one hand."),
    "flow": Live(
        "11", "## 11.4", ("flow", "classifier"), "Noise becomes a 2 in eight steps; below each, what is expected there."
    ),
    "half": Live(
        "12",
        "## 12.12",
        ("pixelcnn", "classifier"),
        "Six digits: upper halves, two completions of each, and what was written.",
    ),
}


@torch.no_grad()
def networks() -> dict[str, nn.Module]:
    """What is shipped to the page: from a code (or picture) to pixels from 0 to 1 (or logits).

    A Sequential is run by layers.js, layer after layer; the others have a script of their own.
    """
    classifier = pretrained.load("classifier-mnist")
    return {
        "plane": copied_decoder(chapter_map()),
        "dcgan": nn.Sequential(*pretrained.load("dcgan-mnist").generator, ToPixels()),
        "cdcgan": nn.Sequential(*pretrained.load("cdcgan-mnist").generator.layers, ToPixels()),
        "classifier": nn.Sequential(*classifier.features, classifier.head),
        "flow": pretrained.load("flow-mnist"),
        "pixelcnn": pretrained.load("pixelcnn-mnist"),
    }


class ToPixels(nn.Module):
    def forward(self, x):
        return (x + 1) / 2


def layers(network: nn.Sequential) -> Iterator[tuple[dict, list[torch.Tensor]]]:
    """Each layer as layers.js has it, and its numbers in the order in which they are taken there."""
    channels = None
    for layer in network:
        kind, channels = type(layer).__name__, getattr(layer, "out_channels", channels)
        numbers = [p for p in (getattr(layer, "weight", None), getattr(layer, "bias", None)) if p is not None]
        if isinstance(layer, nn.Linear):
            sizes = {"from": layer.in_features, "to": layer.out_features, "bias": layer.bias is not None}
            yield {"kind": "linear"} | sizes, numbers
        elif isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            sizes = {"from": layer.in_channels, "to": layer.out_channels, "size": layer.kernel_size[0]}
            sizes |= {"stride": layer.stride[0], "padding": layer.padding[0], "bias": layer.bias is not None}
            yield {"kind": "conv" if kind == "Conv2d" else "transposed"} | sizes, numbers
        elif isinstance(layer, nn.BatchNorm2d):
            scale = layer.weight / (layer.running_var + layer.eps).sqrt()
            shift = layer.bias - scale * layer.running_mean
            yield {"kind": "norm", "channels": layer.num_features}, [scale, shift]
        elif isinstance(layer, nn.MaxPool2d):
            yield {"kind": "pool", "channels": channels}, []
        elif not isinstance(layer, (nn.Unflatten, nn.Flatten)):  # there, a picture is its numbers in a row
            yield {"kind": {"ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "ToPixels": "pixels"}[kind]}, []


@torch.no_grad()
def script(name: str, network: nn.Module) -> str:
    """The network as a line of JavaScript."""
    if not isinstance(network, nn.Sequential):
        state = network.state_dict()
        shapes = {key: [*part.shape] for key, part in state.items()}
        return line(name, [part.flatten().half() for part in state.values()], shapes=shapes)
    kinds, halves = [], []
    for kind, numbers in layers(network):
        fine = kind["kind"] in ("norm", "conv", "transposed")  # few numbers, each of which touches many pixels
        kinds.append(kind | ({"fine": True} if fine else {}))
        for part in (part.flatten().float() for part in numbers):
            halves += [part.half(), (part - part.half()).half()] if fine else [part.half()]
    return line(name, halves, layers=kinds)


def line(name: str, halves: list[torch.Tensor], **sizes) -> str:
    numbers = base64.b64encode(torch.cat(halves).cpu().numpy().astype("<f2").tobytes()).decode()
    return f"live.weights.{name} = {json.dumps(sizes | {'halves': numbers})};\n"


def chapter_map() -> torch.Tensor:
    """(225, 784): the map of chapter 02, as its notebook carries it; z₁ runs slowly, z₂ quickly, both upwards."""
    (path,) = chapters.NOTEBOOKS.glob("02_*.ipynb")
    outputs = [one for cell in nbformat.read(path, as_version=4).cells for one in cell.get("outputs", [])]
    pages = (one.get("data", {}).get("text/html", "") for one in outputs)
    source = re.search(r"data:image/png;base64,([^\"]+)", next(page for page in pages if "latent-explorer" in page))[1]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))).convert("L"))
    pixels = torch.tensor(picture / 255, dtype=torch.float32).view(15, 28, 15, 28)
    return pixels.permute(2, 0, 1, 3).flip(1).reshape(225, 784)


def copied_decoder(
    pictures: torch.Tensor, kept: torch.Tensor | slice = slice(None), hidden: int = 128
) -> nn.Sequential:
    """A decoder whose pictures on the grid are the chapter's: a random first layer, and the best second one for it.

    The least squares are taken on logits. `kept` chooses the places that are learned from.
    """
    axis, generator = torch.linspace(-2.5, 2.5, 15), torch.Generator().manual_seed(0)
    z = torch.cartesian_prod(axis, axis)[kept]
    first, second = nn.Linear(2, hidden), nn.Linear(hidden, 784)
    first.weight.copy_(torch.randn(hidden, 2, generator=generator))
    first.bias.copy_(-(first.weight * (5 * torch.rand(hidden, 2, generator=generator) - 2.5)).sum(dim=1))
    h = torch.cat([first(z).tanh(), torch.ones(len(z), 1)], dim=1).double()
    logits = pictures[kept].double().logit(1e-9).clamp(-5, 5)
    best = torch.linalg.solve(h.T @ h + 0.01 * torch.eye(hidden + 1), h.T @ logits)
    second.weight.copy_(best[:-1].T)
    second.bias.copy_(best[-1])
    return nn.Sequential(first, nn.Tanh(), second, nn.Sigmoid())


def half_digits() -> torch.Tensor:
    """(n, 4, 14, 14): the squares of the digits that half.js completes."""
    text = (chapters.ROOT / "book" / "_static" / "live" / "half.js").read_text(encoding="utf-8")
    kinds = torch.tensor([[int(letter, 16) for letter in one] for one in re.findall(r'"([0-9a-f]{196})"', text)])
    return (kinds.view(-1, 1, 14, 14) & torch.tensor([8, 4, 2, 1]).view(4, 1, 1) > 0).float()


def stills(found: dict[str, nn.Module]) -> Iterator[tuple[str, torch.Tensor]]:
    """The pictures that stand where no script runs."""
    yield "plane", sheet(chapter_map().view(15, 15, 28, 28))
    z = torch.randn(3, 64, generator=torch.Generator().manual_seed(0))
    turn = torch.linspace(0, torch.pi / 2, 10)[:, None]  # two codes of 64 numbers are nearly at right angles
    yield "dcgan", tile(found["dcgan"](turn.cos() * z[0] + turn.sin() * z[1]))
    yield "label", tile(found["cdcgan"](torch.cat([z[2].expand(10, 64), torch.eye(10)], dim=1)))
    x = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    ways, beliefs = zip(*walk_with_beliefs(found["flow"], x, torch.tensor([2]), 8), strict=True)
    yield "flow", tile(to_pixels(torch.cat([*ways, *beliefs])), columns=9)
    whole = nn.functional.pixel_shuffle(half_digits(), 2)
    given, n = torch.cat([whole[:, :, :14], torch.full_like(whole[:, :, 14:], 0.35)], dim=2), len(whole)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = draw_squares(found["pixelcnn"], 2 * n, whole.repeat(2, 1, 1, 1))
    yield "half", tile(torch.cat([given, drawn, whole]), columns=n)


def walk_with_beliefs(
    network: nn.Module, x: torch.Tensor, labels: torch.Tensor, steps: int, w: float = 2.0
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Where chapter 11's guided walk stands before each step and at its end, and what the network expects there."""
    velocity, frames = guided(network, labels, w), []
    for k in range(steps + 1):
        t = 1 - k / steps
        v = velocity(x, t)
        frames.append((x, x - t * v))
        x = x - v / steps
    return frames


def draw_game(path: Path, rounds: int = 1200, rate: float = 0.1) -> None:
    game = [game_of_three(rounds, rate)[:, k] for k in (0, 1)]
    figure, ax = plt.subplots(figsize=(7, 2.6))
    for numbers, name, colour in zip(
        game, ("θ, the generator’s mean", "w, the discriminator’s slope"), COLOURS, strict=False
    ):
        ax.plot(numbers, label=name, color=colour)
    ax.axhline(3, color="black", linestyle=":", linewidth=1)
    ax.set(xlabel="round")
    ax.legend()
    figure.savefig(path, bbox_inches="tight", facecolor="white")
    plt.close(figure)


def game_of_three(rounds: int, rate: float) -> torch.Tensor:
    """(rounds + 1, 3): θ, w, b of chapter 03's game, with sums over a fine grid for the means."""
    z = torch.linspace(-6, 6, 121, dtype=torch.float64)
    share = (-(z**2) / 2).softmax(dim=0)
    w, b, theta = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(3))

    def value():
        true = nn.functional.logsigmoid(w * (3 + z) + b)
        return share @ (true + nn.functional.logsigmoid(-(w * (theta + z) + b)))

    path = [[0.0, 0.0, 0.0]]
    for _ in range(rounds):
        for players, direction in (((w, b), rate), ((theta,), -rate)):
            slopes = torch.autograd.grad(value(), players)
            with torch.no_grad():
                for player, slope in zip(players, slopes, strict=True):
                    player += direction * slope
        path.append([theta.item(), w.item(), b.item()])
    return torch.tensor(path, dtype=torch.float64)


@torch.no_grad()
def export(folder: Path) -> None:
    """Write the weights and the still pictures beside the scripts in `folder`."""
    found = networks()
    for name, network in found.items():
        (folder / f"{name}.weights.js").write_text(script(name, network), encoding="utf-8")
    for name, picture in stills(found):
        Image.fromarray(picture.mul(255).round().byte().numpy()).save(folder / f"{name}.png", optimize=True)
    with torch.enable_grad():
        draw_game(folder / "game.png")


def block(name: str, title: str, top: str, loaded: set[str]) -> str:
    """The place of a live model in a page whose way to the book's first folder is `top`, and the scripts it lacks."""
    scripts = ["layers", "stage", *(f"{one}.weights" for one in LIVE[name].weights), name]
    new = [one for one in scripts if one not in loaded]
    loaded |= {*new}
    image = f'<img src="{top}_static/live/{name}.png" alt="{html.escape(LIVE[name].alt)}">'
    load = "".join(f'<script defer src="{top}_static/live/{one}.js"></script>' for one in new)
    return f'<div class="live" data-live="{name}" data-title="{html.escape(title)}">{image}</div>{load}'


def sections(play: str) -> dict[str, tuple[str, str]]:
    """Of the text of play.md: for each model its heading, and the words below it."""
    parts = re.findall(r"^## (.+)\n((?:(?!^## )[\s\S])*?)<!--live:(\w+)-->", play, re.M)
    return {name: (title, words.strip()) for title, words, name in parts}


def gallery(play: str) -> str:
    loaded, titles = set(), sections(play)
    return re.sub(r"<!--live:(\w+)-->", lambda place: block(place[1], titles[place[1]][0], "", loaded), play)


def insert(notebook, chapter: str, play: str) -> None:
    """Put the chapter's live models into its page: before the heading that LIVE names, with the words of play.md."""
    for name, (title, words) in sections(play).items():
        if LIVE[name].chapter != chapter:
            continue
        parts = [f"**Live: {title.lower()}.** {words.replace('](notebooks/', '](')}"]
        parts += [block(name, title, "../", set()), "[All live models](../play.md)"]
        heading = re.compile(rf"^{re.escape(LIVE[name].section)}", re.M)
        cell = next(cell for cell in notebook.cells if cell.cell_type == "markdown" and heading.search(cell.source))
        place = heading.search(cell.source).start()
        cell.source = "\n\n".join([cell.source[:place], *parts, cell.source[place:]])
