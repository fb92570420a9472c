"""Chapter 06: scores of generated images, on the features of a small classifier.

All depend on the classifier. The course has one for each data source (`pretrained.load("classifier-mnist")`), so that
scores may be compared within a data source, and never with those that were measured with Inception-v3.
"""

from typing import NamedTuple

import torch
from torch import nn

from course_utils import require, schedule


class Classifier(nn.Module):
    def __init__(self, num_features=64, num_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (n, 1, 28, 28) => (n, 16, 14, 14)
            nn.Conv2d(16, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),  # => (n, 32, 7, 7)
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, num_features),
            nn.ReLU(),  # => (n, num_features), the features
        )
        self.head = nn.Linear(num_features, num_classes)

    def forward(self, x):
        return self.head(self.features(x))  # logits, (n, num_classes)


def features_and_probabilities(classifier, images, batch_size=1000):
    """(n, 64) features and (n, 10) probabilities of pictures in [0, 1], with the classifier in eval mode."""
    with schedule.evaluating(classifier):  # eval mode, no gradients, float32; afterwards all is as before
        features = torch.cat([classifier.features(part) for part in images.split(batch_size)])
        return features, classifier.head(features).softmax(dim=1)


def inception_score(probabilities):
    """exp of the mutual information of picture and predicted class, from 1 to the number of classes.

    exp E KL(p(y|x) || p(y)), Salimans et al. (2016). `probabilities` (n, classes): each row sums to 1.
    """
    p = require.probabilities(probabilities)
    marginal = p.mean(dim=0)
    divergence = torch.special.xlogy(p, p) - torch.special.xlogy(p, marginal)  # 0 log 0 = 0
    return divergence.sum(dim=1).mean().exp().item()


def frechet_distance(a, b):
    """|mean difference|² + tr(A + B − 2 (AB)^½): the squared 2-Wasserstein distance of two fitted Gaussians.

    Heusel et al. (2017). `a`, `b`: features, (n, d) each. The trace of (AB)^½ is the sum of the roots of AB's
    eigenvalues, which are those of the symmetric A^½ B A^½ and never negative.
    """
    a, b = require.features(a, b)
    cov_a, cov_b = (torch.cov(x.T).reshape(x.shape[1], -1) for x in (a, b))
    values, vectors = torch.linalg.eigh(cov_a)
    root_a = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root_a @ cov_b @ root_a).clamp(min=0).sqrt().sum()
    return ((a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap).item()


class NeighbourScores(NamedTuple):
    precision: float  # share of fakes that lie in the ball of a real sample
    recall: float  # share of real samples that lie in the ball of a fake
    density: float  # balls of real samples around a fake, on average, divided by k
    coverage: float  # share of real samples with a fake in their ball


def in_parts(x, y):
    """The rows of `x`, as many at a time as make a million pairs with the rows of `y`: 8 MB of distances."""
    return x.split(1 + 1_000_000 // len(y))


def neighbour_scores(real, fake, k=5):
    """Precision and recall (Kynkäänniemi et al., 2019), density and coverage (Naeem et al., 2020).

    `real` (n, d) and `fake` (m, d): features. The ball of a sample reaches to its k-th neighbour among its own kind.
    """
    real, fake = require.features(real, fake, at_least=k + 1)
    real_radius, fake_radius, balls = (x.new_empty(len(x)) for x in (real, fake, fake))  # filled in place, part by part
    covered, recalled = torch.zeros(2, len(real), dtype=torch.bool).unbind()
    for x, radius in ((real, real_radius), (fake, fake_radius)):
        for part, some in zip(in_parts(x, x), in_parts(radius, x), strict=True):
            some.copy_(torch.cdist(part, x).topk(k + 1, largest=False).values[:, -1])  # the nearest is itself
    for part, some in zip(in_parts(fake, real), in_parts(balls, real), strict=True):
        inside = torch.cdist(part, real) < real_radius  # (rows, n): is this fake in the ball of that real sample?
        some.copy_(inside.sum(dim=1))
        covered |= inside.any(dim=0)
    for part, some in zip(in_parts(real, fake), in_parts(recalled, fake), strict=True):
        some.copy_((torch.cdist(part, fake) < fake_radius).any(dim=1))
    shares = (balls > 0).double().mean(), recalled.double().mean(), balls.mean() / k, covered.double().mean()
    return NeighbourScores(*(share.item() for share in shares))


class Scores(NamedTuple):
    inception_score: float  # 1 to 10, higher is better
    frechet: float  # 0 and up, lower is better


def score(images, real, classifier):
    """Inception score of `images` and their Fréchet distance to `real`: pictures (n, 1, 28, 28) with values in [0, 1].

    Take the same number of pictures wherever scores are to be compared: the distance falls as the number grows.
    For many scores against the same pictures, give the features of `real` (n, 64) instead, and save their computation.
    """
    features, probabilities = features_and_probabilities(classifier, require.pixels(images, classifier))
    if real.ndim != 2:
        real, _ = features_and_probabilities(classifier, require.pixels(real, classifier))
    return Scores(inception_score(probabilities), frechet_distance(features, real))


def all_scores(images, real, classifier):
    """Every score of `images` against the pictures `real`, by name."""
    features, probabilities = features_and_probabilities(classifier, require.pixels(images, classifier))
    real_features, _ = features_and_probabilities(classifier, require.pixels(real, classifier))
    return {
        "inception_score": inception_score(probabilities),
        "frechet": frechet_distance(features, real_features),
        **neighbour_scores(real_features, features)._asdict(),
    }
