"""Scores of generated images: the inception score and the Fréchet distance, on the features of a small classifier.

Both depend on the classifier. The course uses one per data source (`pretrained.load("classifier", source)`), so that
scores may be compared within a data source, and never with those that were measured with Inception-v3.
"""

from typing import NamedTuple

import torch
from torch import nn

from course_utils import CourseError


class Classifier(nn.Module):
    """A small convolutional net: digits (n, 1, 28, 28), values in [0, 1] => logits (n, 10), by way of 64 features."""

    def __init__(self, num_features: int = 64, num_classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),  # => (n, 16, 14, 14)
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),  # => (n, 32, 7, 7)
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, num_features), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(num_features, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


def inception_score(probabilities: torch.Tensor) -> float:
    """exp of the mutual information of image and predicted class: exp E KL(p(y|x) || p(y)), from 1 to the classes.

    Salimans et al. (2016). `probabilities` (n, classes): each row sums to 1.
    """
    p = probabilities.double()
    if p.ndim != 2 or (p < 0).any() or not torch.allclose(p.sum(dim=1), torch.ones_like(p[:, 0]), atol=1e-3):
        raise CourseError("The inception score takes probabilities (n, classes) whose rows sum to 1: apply softmax.")
    marginal = p.mean(dim=0, keepdim=True)
    return float(torch.special.xlogy(p, p).sub(torch.special.xlogy(p, marginal)).sum(dim=1).mean().exp())


def frechet_distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """|mean difference|² + tr(A + B − 2 (AB)^½): the squared 2-Wasserstein distance of two fitted Gaussians.

    Heusel et al. (2017). `a`, `b`: features, (n, d) each, with n > 1. Computed in float64: the trace of (AB)^½ is the
    sum of the roots of AB's eigenvalues, which are those of the symmetric A^½ B A^½ and never negative.
    """
    for features in (a, b):
        if features.ndim != 2 or len(features) < 2 or not torch.isfinite(features).all():
            raise CourseError("The Fréchet distance takes two sets of finite features (n, d), with n of 2 or more.")
    a, b = a.double().cpu(), b.double().cpu()
    cov_a, cov_b = torch.cov(a.T).reshape(a.shape[1], -1), torch.cov(b.T).reshape(b.shape[1], -1)
    values, vectors = torch.linalg.eigh(cov_a)
    root_a = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root_a @ cov_b @ root_a).clamp(min=0).sqrt().sum()
    return float((a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap)


@torch.no_grad()
def features_and_probabilities(classifier: Classifier, images: torch.Tensor, batch_size: int = 1000):
    """(n, 64) features and (n, 10) probabilities of images in [0, 1]."""
    classifier.eval()
    features = torch.cat([classifier.features(chunk) for chunk in images.split(batch_size)])
    return features, classifier.head(features).softmax(dim=1)


class Scores(NamedTuple):
    inception_score: float  # 1 to 10, higher is better
    frechet: float  # 0 and up, lower is better


def score(images: torch.Tensor, real: torch.Tensor, classifier: Classifier) -> Scores:
    """Inception score of `images` and their Fréchet distance to `real`: images (n, 1, 28, 28) with values in [0, 1].

    Take the same number of images wherever scores are to be compared: the distance falls as the number grows.
    For many scores against the same pictures, give the features of `real` (n, 64) instead, and save their computation.
    """
    if images.min() < 0 or images.max() > 1:
        raise CourseError("Scores are for pixels from 0 to 1: bring a generator's −1 to 1 there with (x + 1) / 2.")
    features, probabilities = features_and_probabilities(classifier, images)
    real_features = real if real.ndim == 2 else features_and_probabilities(classifier, real)[0]
    return Scores(inception_score(probabilities), frechet_distance(features, real_features))
