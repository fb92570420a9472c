"""What a score can be computed of: a function returns its input made ready, or says in a sentence what is wrong."""

import math

import torch
from torch import nn

from course_utils import CourseError, schedule


def features(*sets: torch.Tensor, at_least: int = 2) -> list[torch.Tensor]:
    """The sets of features, `at_least` rows (n, d) each with the same d, in float64 on the CPU.

    In float32, covariances and small differences of large distances lose digits; not every device knows float64.
    """
    for one in sets:
        if not torch.is_tensor(one) or one.ndim != 2:
            shape = tuple(getattr(one, "shape", ())) or type(one).__name__
            raise CourseError(f"Features must be a tensor (n, d), not {shape}: flatten pictures, or give features.")
        if len(one) < at_least:
            few = f"{at_least} samples or more of each kind, and one set has {len(one)}"
            raise CourseError(f"This score needs {few}: draw more.")
        if not torch.isfinite(one).all():
            raise CourseError("The features hold NaN or infinity: look for the network or the picture that made them.")
    if len({one.shape[1] for one in sets}) > 1:
        widths = " and ".join(str(one.shape[1]) for one in sets)
        raise CourseError(f"The sets have {widths} features: compute all of them with the same network.")
    return [one.detach().cpu().double() for one in sets]


def probabilities(p: torch.Tensor) -> torch.Tensor:
    """Class probabilities (n, classes), two classes or more, in float64 on the CPU."""
    if not torch.is_tensor(p) or p.ndim != 2 or len(p) == 0:
        raise CourseError("Probabilities must be a tensor (n, classes) with one row or more.")
    if p.shape[1] < 2:
        raise CourseError("With a single class there is nothing to tell apart: this score needs two classes or more.")
    kind, p = p.dtype, p.detach().cpu().double()
    if not torch.isfinite(p).all():
        raise CourseError("The probabilities hold NaN or infinity: look for the network or the picture that made them.")
    off = (p.sum(dim=1) - 1).abs().max()
    if (p < 0).any() or off > 1e-3:
        why = "are not probabilities that sum to 1: apply softmax(dim=1) to the logits"
        if (p <= 0).all() and (p.exp().sum(dim=1) - 1).abs().max() < 0.05:
            why = "are logarithms of probabilities: take exp() of them"
        elif kind in (torch.float16, torch.bfloat16) and (p >= 0).all() and off < 0.05:
            why = f"are rounded to {str(kind)[6:]} and do not sum to 1: compute them in float32, outside autocast"
        elif (p >= 0).all() and (p.sum(dim=0) - 1).abs().max() < 1e-3:
            why = "do not sum to 1, but the columns do: softmax belongs over dim=1"
        raise CourseError(f"The rows {why}.")
    return p


ROUNDING = 1e-3  # so far outside 0 to 1 a pixel may lie: 16-bit arithmetic rounds by as much


def pixels(images: torch.Tensor, network: nn.Module | None = None, *, cut: bool = False) -> torch.Tensor:
    """Pictures (n, channels, height, width) in float32 with values from 0 to 1: the one gate that pictures pass.

    Truth values and other kinds of floating point numbers are brought there, and so is a rounding error beyond 0 or 1.
    With a `network`, the pictures must be such as it takes. With `cut`, as figures want it, values that lie outside
    are cut off, unless all were meant for another range. A CourseError names the remedy.
    """
    images = _picture_tensor(images)
    if network is not None:
        _fit(images, network)
    low, high = (end.item() for end in images.aminmax())
    if not math.isfinite(low + high):
        raise CourseError("The pictures hold NaN or infinity: the network that drew them has diverged.")
    remedy = None
    if low >= -ROUNDING and high > 2:
        remedy = "bring 0 to 255 there with x / 255"
    elif -1 - ROUNDING <= low < -0.9 and high <= 1 + ROUNDING:
        remedy = "bring a generator's −1 to 1 there with (x + 1) / 2"
    elif not cut and (low < -0.25 or high > 1.25):
        remedy = "if a network drew them, its last layer lacks a sigmoid; if they were standardised, undo that"
    elif not cut and (low < -ROUNDING or high > 1 + ROUNDING):
        remedy = "cut off what lies a little outside with x.clamp(0, 1)"
    if remedy:
        raise CourseError(f"Pictures have pixels from 0 to 1, and these go from {low:.3g} to {high:.3g}: {remedy}.")
    return images if low >= 0 and high <= 1 else images.clamp(0, 1)


def training_data(images: torch.Tensor) -> None:
    """Say so if pictures are not as the course's losses expect them; an update of one's own may want others."""
    if images.is_floating_point() and not torch.isfinite(images.sum()):
        raise CourseError("The training data hold NaN or infinity: look for the file or the division that made them.")
    if images.ndim > 2:
        try:
            pixels(images)
        except CourseError as error:
            print(f"Note: {error}")


def _picture_tensor(images: torch.Tensor) -> torch.Tensor:
    """The pictures in float32, whatever their range: type and axes are right."""
    if not torch.is_tensor(images):
        remedy = "torch.stack" if isinstance(images, (list, tuple)) else "torch.as_tensor"
        raise CourseError(f"Pictures must be a tensor, not {type(images).__name__}: make one of them with {remedy}.")
    shape = tuple(images.shape)
    if images.ndim != 4 or images.numel() == 0 or shape[1] not in (1, 3):
        remedy = "give one picture or more"
        if images.ndim == 2:
            remedy = "unflatten them with x.view(-1, 1, 28, 28), or make one of it with x[None, None]"
        elif images.ndim == 3:
            remedy = "add the axis of the channels with x[:, None], or, if this is one picture, the first with x[None]"
        elif images.ndim == 4 and shape[3] in (1, 3, 4):
            remedy = "bring the channels to the second place with x.permute(0, 3, 1, 2)"
        elif images.ndim == 4 and images.numel():
            remedy = "one channel is grey, three are colour; a fourth, for transparency, goes with x[:, :3]"
        raise CourseError(f"Pictures must be (n, channels, height, width), and these are {shape}: {remedy}.")
    if images.is_complex() or not (images.is_floating_point() or images.dtype == torch.bool):
        kind = str(images.dtype)[6:]
        raise CourseError(
            f"Pictures must be floating point numbers, not {kind}: bring 0 to 255 there with x.float() / 255."
        )
    return images.detach().float()


def _fit(images: torch.Tensor, network: nn.Module) -> None:
    """Whether `network` takes such pictures: asked with a blank one."""
    channels = next((part.in_channels for part in network.modules() if isinstance(part, nn.Conv2d)), images.shape[1])
    if images.shape[1] != channels:
        remedy = "x.mean(dim=1, keepdim=True)" if channels == 1 else f"x.expand(-1, {channels}, -1, -1)"
        wrong = f"takes pictures of {channels} channel(s), and these have {images.shape[1]}"
        raise CourseError(f"The network {wrong}: make them so with {remedy}.")
    try:
        with schedule.evaluating(network):
            network(torch.zeros_like(images[:1]))
    except RuntimeError as error:
        remedy = "bring them to the size that it was trained on, for the course's own with F.interpolate(x, size=28)"
        size = " by ".join(map(str, images.shape[2:]))
        raise CourseError(f"The network takes no pictures of {size} pixels: {remedy}.") from error
