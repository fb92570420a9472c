"""What a score can be computed of: a function returns its input made ready, or says in a sentence what is wrong."""

import torch

from course_utils import CourseError


def features(*sets: torch.Tensor, at_least: int = 2) -> list[torch.Tensor]:
    """The sets of features, (n, d) each with the same d, in float64 on the CPU.

    In float64 because covariances and small differences of large distances lose too many digits in float32; on the
    CPU because not every device knows float64.

    Raises:
        CourseError: a set has another shape, fewer than `at_least` rows, another width, or a number that is not finite.
    """
    for one in sets:
        if not torch.is_tensor(one) or one.ndim != 2:
            shape = tuple(getattr(one, "shape", ())) or type(one).__name__
            raise CourseError(
                f"Features must be a tensor (n, d), not {shape}: flatten pictures, or give their features."
            )
        if len(one) < at_least:
            raise CourseError(
                f"This score needs {at_least} samples or more of each kind, and one set has {len(one)}: draw more."
            )
        if not torch.isfinite(one).all():
            raise CourseError("The features hold NaN or infinity: look for the network or the picture that made them.")
    if len({one.shape[1] for one in sets}) > 1:
        widths = " and ".join(str(one.shape[1]) for one in sets)
        raise CourseError(f"The sets have {widths} features: compute all of them with the same network.")
    return [one.detach().cpu().double() for one in sets]


def probabilities(p: torch.Tensor) -> torch.Tensor:
    """Class probabilities (n, classes) in float64 on the CPU.

    Raises:
        CourseError: the shape is another, a row does not sum to 1, or there is only one class.
    """
    if not torch.is_tensor(p) or p.ndim != 2 or len(p) == 0:
        raise CourseError("Probabilities must be a tensor (n, classes) with one row or more.")
    if p.shape[1] < 2:
        raise CourseError("With a single class there is nothing to tell apart: this score needs two classes or more.")
    p = p.detach().cpu().double()
    if not torch.isfinite(p).all() or (p < 0).any() or (p.sum(dim=1) - 1).abs().max() > 1e-3:
        raise CourseError("The rows are not probabilities that sum to 1: apply softmax to the logits.")
    return p


def pixels(images: torch.Tensor) -> torch.Tensor:
    """Pictures (n, channels, height, width) with values from 0 to 1, as they are.

    Raises:
        CourseError: the shape is another, or a value lies outside.
    """
    if not torch.is_tensor(images) or images.ndim != 4 or len(images) == 0:
        raise CourseError("Pictures must be a tensor (n, channels, height, width) with one picture or more.")
    if not torch.isfinite(images).all():
        raise CourseError("The pictures hold NaN or infinity: the generator that drew them has diverged.")
    if images.min() < 0 or images.max() > 1:
        raise CourseError("Scores are for pixels from 0 to 1: bring a generator's −1 to 1 there with (x + 1) / 2.")
    return images
