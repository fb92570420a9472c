"""The Fréchet distance on Inception-v3, which papers report, through torchmetrics."""

from course_utils import CourseError


def inception_metric(weights=None):
    """torchmetrics' Fréchet distance on Inception-v3, the one that papers report, made comparable with them.

    `weights`: a local file of the weights (pt_inception-2015-12-05-6726825d.pth); without it they are downloaded once.
    Give it pictures (n, 3, h, w) in [0, 1]: `metric.update(real, real=True)`, `metric.update(fake, real=False)`.

    Raises:
        CourseError: the package or the weights cannot be had.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance  # a slow import, for this alone

    try:
        return FrechetInceptionDistance(
            feature=2048, normalize=True, antialias=False, feature_extractor_weights_path=weights
        ).eval()
    except ModuleNotFoundError as error:
        raise CourseError("Inception-v3 needs the package torch-fidelity: pip install torch-fidelity.") from error
    except (OSError, RuntimeError) as error:
        raise CourseError(
            f"The weights of Inception-v3 cannot be had ({str(error).splitlines()[0]}): connect to the network once, "
            "or name a local copy of pt_inception-2015-12-05-6726825d.pth as `weights`."
        ) from error
