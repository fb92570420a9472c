"""The scores, against known answers, against libraries, and against what must not change them."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from course_utils import CourseError, require
from course_utils.taught import evaluation, modes
from course_utils.taught.kernel import kernel_distance


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Identity(torch.nn.Module):
    """A feature net for torchmetrics: features in, features out."""

    num_features = 64

    def forward(self, x):
        return x


# ---------------------------------------------------------------- Fréchet distance


def by_scipy(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root))


@pytest.mark.parametrize("d", [2, 16, 64])
def test_frechet_agrees_with_the_matrix_square_root(d):
    a = normal(d, 500, d) @ normal(d + 1, d, d)
    b = normal(d + 2, 400, d) @ normal(d + 3, d, d) + normal(d + 4, d)
    assert evaluation.frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-6)


def test_frechet_agrees_with_torchmetrics():
    a, b = normal(0, 600, 64).float(), normal(1, 500, 64).float() * 1.5 + 0.3
    metric = FrechetInceptionDistance(feature=Identity(), normalize=True, input_img_size=(64,))
    metric.set_dtype(torch.float64)
    metric.update(a, real=True)
    metric.update(b, real=False)
    assert evaluation.frechet_distance(a, b) == pytest.approx(metric.compute().item(), rel=1e-6)


def test_frechet_of_known_gaussians():
    z = normal(0, 200_000, 3)
    z = (z - z.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(z.T))).T  # mean 0 and covariance I, exactly
    shift = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    stds = torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
    expected = shift.square().sum() + (stds - 1).square().sum()
    assert evaluation.frechet_distance(z, z * stds + shift) == pytest.approx(expected.item(), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(10, 60), d=st.integers(1, 8))
def test_frechet_properties(seed, n, d):
    a, b = normal(seed, n, d), normal(seed + 1, n, d)
    rotation, _ = torch.linalg.qr(normal(seed + 2, d, d))
    distance = evaluation.frechet_distance(a, b)
    assert distance >= -1e-9
    assert evaluation.frechet_distance(b, a) == pytest.approx(distance, abs=1e-8)
    assert evaluation.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert evaluation.frechet_distance(a @ rotation, b @ rotation) == pytest.approx(distance, abs=1e-7)
    assert evaluation.frechet_distance(a.flip(0), b) == pytest.approx(distance, abs=1e-9)
    assert evaluation.frechet_distance(3 * a, 3 * b) == pytest.approx(9 * distance, rel=1e-6, abs=1e-6)


def test_frechet_of_features_that_never_vary():
    dead = torch.cat([torch.randn(50, 3), torch.zeros(50, 2)], dim=1)
    assert evaluation.frechet_distance(dead, dead + 1) == pytest.approx(5, abs=1e-6)


def test_frechet_is_biased_and_the_kernel_distance_is_not():
    """Over many small samples of one distribution the first is far above 0 on average, the second is not."""
    pairs = [(normal(2 * s, 50, 16), normal(2 * s + 1, 50, 16)) for s in range(200)]
    frechet = torch.tensor([evaluation.frechet_distance(a, b) for a, b in pairs])
    kernel = torch.tensor([kernel_distance(a, b) for a, b in pairs])
    assert frechet.mean() > 20 * frechet.std() / math.sqrt(len(pairs))
    assert kernel.mean().abs() < 4 * kernel.std() / math.sqrt(len(pairs))
    assert kernel.min() < 0


# ---------------------------------------------------------------- kernel distance


def kernel_by_loops(a, b):
    k = lambda x, y: (float(x @ y) / len(x) + 1) ** 3  # noqa: E731
    n, m = len(a), len(b)
    aa = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    bb = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return aa + bb - 2 * sum(k(x, y) for x in a for y in b) / (n * m)


def test_kernel_distance_is_the_mean_over_pairs():
    a, b = normal(0, 7, 3), normal(1, 9, 3) + 1
    assert kernel_distance(a, b) == pytest.approx(kernel_by_loops(a, b), rel=1e-9)


def test_kernel_distance_agrees_with_torchmetrics():
    a, b = normal(0, 1500, 64), normal(1, 1500, 64) + 0.2  # more than one part of a thousand
    metric = KernelInceptionDistance(feature=Identity(), subsets=1, subset_size=1500, normalize=True)
    metric.set_dtype(torch.float64)
    metric.update(a, real=True)
    metric.update(b, real=False)
    assert kernel_distance(a, b) == pytest.approx(metric.compute()[0].item(), rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(3, 40), m=st.integers(3, 40), d=st.integers(1, 8))
def test_kernel_distance_properties(seed, n, m, d):
    a, b = normal(seed, n, d), normal(seed + 1, m, d)
    rotation, _ = torch.linalg.qr(normal(seed + 2, d, d))
    distance = kernel_distance(a, b)
    assert kernel_distance(b, a) == pytest.approx(distance, abs=1e-8)
    assert kernel_distance(a @ rotation, b @ rotation) == pytest.approx(distance, abs=1e-8)
    assert kernel_distance(a.flip(0), b) == pytest.approx(distance, abs=1e-8)


# ---------------------------------------------------------------- precision, recall, density, coverage


def by_sklearn(real, fake, k):
    real, fake = real.numpy(), fake.numpy()
    radius = lambda x: NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, k]  # noqa: E731
    distance = np.linalg.norm(real[:, None] - fake[None], axis=-1)  # (n, m)
    in_real, in_fake = distance < radius(real)[:, None], distance < radius(fake)[None]
    return in_real.any(0).mean(), in_fake.any(1).mean(), in_real.sum(0).mean() / k, in_real.any(1).mean()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31), n=st.integers(12, 60), m=st.integers(12, 60), d=st.integers(1, 6), k=st.integers(1, 9)
)
def test_neighbour_scores_agree_with_a_direct_computation(seed, n, m, d, k):
    real, fake = normal(seed, n, d), 0.8 * normal(seed + 1, m, d) + 0.3
    assert evaluation.neighbour_scores(real, fake, k) == pytest.approx(by_sklearn(real, fake, k), abs=1e-12)


def test_neighbour_scores_do_not_depend_on_the_parts():
    real, fake = normal(0, 2300, 4), normal(1, 1700, 4)  # neither is a multiple of a thousand
    assert evaluation.neighbour_scores(real, fake) == pytest.approx(by_sklearn(real, fake, 5), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), d=st.integers(1, 6))
def test_neighbour_scores_properties(seed, d):
    real, fake = normal(seed, 50, d), normal(seed + 1, 40, d) + 0.5
    rotation, _ = torch.linalg.qr(normal(seed + 2, d, d))
    scores = evaluation.neighbour_scores(real, fake, 3)
    assert evaluation.neighbour_scores(real.flip(0), fake.flip(0), 3) == pytest.approx(scores, abs=1e-12)
    assert evaluation.neighbour_scores(real @ rotation, fake @ rotation, 3) == pytest.approx(scores, abs=1e-12)
    swapped = evaluation.neighbour_scores(fake, real, 3)
    assert (swapped.precision, swapped.recall) == pytest.approx((scores.recall, scores.precision), abs=1e-12)
    wider = evaluation.neighbour_scores(real, fake, 6)  # larger balls hold whatever the smaller ones held
    assert wider.precision >= scores.precision
    assert wider.recall >= scores.recall
    assert wider.coverage >= scores.coverage


def points_of_modes(seed, n, used):
    """n points of ten separated Gaussians in the plane, from the first `used` of them."""
    generator = torch.Generator().manual_seed(seed)
    centres = 100.0 * torch.stack([torch.arange(10), torch.arange(10) % 3], dim=1)
    return centres[torch.randint(used, (n,), generator=generator)] + torch.randn(n, 2, generator=generator)


@pytest.mark.parametrize(("used", "expected"), [(5, (0.99, 0.50, 0.99, 0.50)), (1, (1.00, 0.10, 1.02, 0.10))])
def test_neighbour_scores_of_separated_modes(used, expected):
    scores = evaluation.neighbour_scores(points_of_modes(0, 5000, 10), points_of_modes(1, 5000, used))
    assert scores == pytest.approx(expected, abs=0.05)


def test_a_replayed_training_set_is_precise_and_covers():
    real = normal(0, 400, 8)
    scores = evaluation.neighbour_scores(real, real.clone(), 5)
    assert (scores.precision, scores.recall, scores.coverage) == (1, 1, 1)


def test_a_distribution_against_itself_does_not_score_one():
    scores = evaluation.neighbour_scores(normal(0, 3000, 64), normal(1, 3000, 64))
    assert 0.5 < scores.precision < 0.9
    assert 0.5 < scores.recall < 0.9


# ---------------------------------------------------------------- inception score


def test_inception_score_from_one_to_the_number_of_classes():
    certain = torch.eye(10).repeat(30, 1)
    assert evaluation.inception_score(certain) == pytest.approx(10)
    assert evaluation.inception_score(torch.full((30, 10), 0.1)) == pytest.approx(1)
    assert evaluation.inception_score(certain[:1].repeat(30, 1)) == pytest.approx(1), (
        "sure, but always of the same class"
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 200), classes=st.integers(2, 12), sure=st.floats(0, 20))
def test_inception_score_is_mutual_information(seed, n, classes, sure):
    p = (sure * normal(seed, n, classes)).softmax(dim=1)
    entropy = lambda q: -torch.special.xlogy(q, q).sum(dim=-1)  # noqa: E731
    information = entropy(p.mean(0)) - entropy(p).mean()  # H(y) − H(y|x)
    score = evaluation.inception_score(p)
    assert score == pytest.approx(information.exp().item(), rel=1e-9)
    assert 1 - 1e-9 <= score <= classes + 1e-9
    assert evaluation.inception_score(p.flip(0).flip(1)) == pytest.approx(score, rel=1e-9)


def test_inception_score_agrees_with_torchmetrics():
    logits = 2 * normal(0, 800, 64)
    metric = InceptionScore(feature=Identity(), splits=1)
    metric.update(logits)
    assert evaluation.inception_score(logits.softmax(dim=1)) == pytest.approx(metric.compute()[0].item(), rel=1e-5)


# ---------------------------------------------------------------- pictures and classifier


def test_scoring_does_not_depend_on_the_classifiers_mode():
    """A feature net left in train mode normalises with the batch at hand, and gives other features."""
    torch.manual_seed(0)
    classifier, images = evaluation.Classifier(), torch.rand(64, 1, 28, 28)
    before = evaluation.features_and_probabilities(classifier.eval(), images)
    after = evaluation.features_and_probabilities(classifier.train(), images)
    assert torch.equal(before[0], after[0])


def test_all_scores_are_the_scores():
    torch.manual_seed(0)
    classifier, images, real = evaluation.Classifier(), torch.rand(80, 1, 28, 28), torch.rand(90, 1, 28, 28)
    scores = evaluation.all_scores(images, real, classifier)
    assert set(scores) == {
        "inception_score", "frechet", "precision", "recall", "density", "coverage",
    }  # fmt: skip
    pair = evaluation.score(images, real, classifier)
    assert (scores["inception_score"], scores["frechet"]) == pytest.approx(pair)
    real_features, _ = evaluation.features_and_probabilities(classifier, real)
    assert evaluation.score(images, real_features, classifier) == pytest.approx(pair)


# ---------------------------------------------------------------- what cannot be scored

FEATURES = [evaluation.frechet_distance, kernel_distance, evaluation.neighbour_scores]
TEN = torch.randn(10, 4)


@pytest.mark.parametrize("score", FEATURES, ids=lambda score: score.__name__)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(1, 4), r"needs \d+ samples or more .* has 1: draw more"),
        (torch.zeros(0, 4), "has 0: draw more"),
        (torch.zeros(4), r"tensor \(n, d\), not \(4,\)"),
        (torch.zeros(9, 1, 28, 28), "flatten pictures"),
        ([[0.0] * 4] * 9, "not list"),
        (torch.full((10, 4), math.nan), "NaN or infinity"),
        (torch.full((10, 4), math.inf), "NaN or infinity"),
        (torch.zeros(10, 5), "4 and 5 features|5 and 4 features"),
    ],
)
def test_features_that_cannot_be_scored_are_one_sentence(score, bad, message):
    for sets in ((TEN, bad), (bad, TEN)):
        with pytest.raises(CourseError, match=message) as caught:
            score(*sets)
        assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.randn(20, 10), "apply softmax"),
        (torch.full((20, 10), 0.2), "apply softmax"),
        (torch.full((20, 10), math.nan), "NaN or infinity"),
        (torch.rand(20), "with one row or more"),
        (torch.zeros(0, 10), "with one row or more"),
        (torch.ones(20, 1), "two classes or more"),
    ],
)
def test_what_is_no_probability_is_one_sentence(bad, message):
    with pytest.raises(CourseError, match=message):
        evaluation.inception_score(bad)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.rand(5, 1, 28, 28) * 2 - 1, r"\(x \+ 1\) / 2"),
        (torch.rand(5, 1, 28, 28) * 255, "from 0 to 1"),
        (torch.full((5, 1, 28, 28), math.nan), "diverged"),
        (torch.rand(5, 784), r"\(n, channels, height, width\)"),
        (torch.rand(0, 1, 28, 28), "one picture or more"),
    ],
)
def test_pictures_that_cannot_be_scored_are_one_sentence(bad, message):
    good = torch.rand(5, 1, 28, 28)
    for images, real in ((bad, good), (good, bad)):
        with pytest.raises(CourseError, match=message):
            evaluation.all_scores(images, real, evaluation.Classifier())


def test_features_come_back_as_float64_without_a_gradient():
    (made,) = require.features(torch.randn(5, 3, requires_grad=True))
    assert made.dtype == torch.float64
    assert not made.requires_grad


def test_inception_without_its_package_or_weights_is_one_sentence(tmp_path):
    """The function stands in appendix 91 alone, so the test takes it from there."""
    chapter = Path(__file__).resolve().parents[2] / "notebooks" / "91_scores.py"
    code = {getattr(node, "name", ""): node for node in ast.parse(chapter.read_text(encoding="utf-8")).body}
    names = {"CourseError": CourseError, "FrechetInceptionDistance": FrechetInceptionDistance}
    exec(ast.unparse(code["inception_metric"]), names)
    with pytest.raises(CourseError, match=r"pip install torch-fidelity|weights of Inception-v3 cannot be had"):
        names["inception_metric"](weights=str(tmp_path / "absent.pth"))


# ---------------------------------------------------------------- one gate for pictures

GOOD = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0))
TAKEN = {  # what the gate brings to float32, and how far that may be from the pictures
    "float64": (GOOD.double(), GOOD, 0),
    "float16": (GOOD.half(), GOOD, 1e-3),
    "bfloat16": (GOOD.bfloat16(), GOOD, 1e-2),
    "truth values": (GOOD > 0.5, (GOOD > 0.5).float(), 0),
    "a rounding error below 0": (GOOD - 1e-8 - GOOD.min(), GOOD - GOOD.min(), 1e-6),
    "a rounding error above 1": (GOOD / GOOD.max() + 1e-7, GOOD / GOOD.max(), 1e-6),
    "with a gradient": (GOOD.clone().requires_grad_(), GOOD, 0),
    "not contiguous": (GOOD.flip(3).transpose(2, 3), GOOD.flip(3).transpose(2, 3), 0),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_pictures_that_are_made_ready(kind):
    given, expected, off = TAKEN[kind]
    ready = require.pixels(given, evaluation.Classifier())
    assert ready.dtype == torch.float32
    assert not ready.requires_grad
    assert 0 <= ready.min() <= ready.max() <= 1
    torch.testing.assert_close(ready, expected, rtol=0, atol=off)


REFUSED = {
    "uint8": ((GOOD * 255).byte(), r"not uint8: .* x.float\(\) / 255"),
    "int64": ((GOOD * 255).long(), r"not int64: .* x.float\(\) / 255"),
    "complex": (GOOD.to(torch.complex64), "not complex64"),
    "0 to 255": (GOOD * 255, r"to 2\d\d: bring 0 to 255 there with x / 255"),
    "−1 to 1": (2 * GOOD - 1, r"\(x \+ 1\) / 2"),
    "−1 to 1, rounded": ((2 * GOOD - 1).bfloat16(), r"\(x \+ 1\) / 2"),
    "a little outside": (1.1 * GOOD - 0.05, r"x.clamp\(0, 1\)"),
    "logits": (GOOD.logit(), "lacks a sigmoid"),
    "standardised": ((GOOD - 0.1307) / 0.3081, "standardised"),
    "NaN": (torch.full_like(GOOD, math.nan), "NaN or infinity"),
    "one infinite pixel": (torch.where(GOOD.max() == GOOD, math.inf, GOOD), "NaN or infinity"),
    "no axis of channels": (GOOD[:, 0], r"\(6, 28, 28\): .* x\[:, None\]"),
    "three digits or one colour picture": (GOOD[:3, 0], r"x\[:, None\], or, if this is one picture, .* x\[None\]"),
    "one picture": (GOOD[0, 0], r"x\[None, None\]"),
    "flat": (GOOD.flatten(1), r"x.view\(-1, 1, 28, 28\)"),
    "channels last": (GOOD.permute(0, 2, 3, 1), r"x.permute\(0, 3, 1, 2\)"),
    "colour, channels last": (torch.rand(6, 28, 28, 3), r"x.permute\(0, 3, 1, 2\)"),
    "transparency": (torch.rand(6, 4, 28, 28), r"x\[:, :3\]"),
    "two channels": (torch.rand(6, 2, 28, 28), "one channel is grey, three are colour"),
    "five axes": (GOOD[None], "give one picture or more|must be"),
    "none": (GOOD[:0], "one picture or more"),
    "a single number": (torch.tensor(0.5), "must be"),
    "NumPy": (GOOD.numpy(), "not ndarray: .* torch.as_tensor"),
    "a list": (list(GOOD), "not list: .* torch.stack"),
    "nothing": (None, "not NoneType"),
    "colour to a grey classifier": (
        GOOD.expand(-1, 3, -1, -1),
        r"1 channel.* have 3: .* x.mean\(dim=1, keepdim=True\)",
    ),
    "another size": (torch.rand(6, 1, 32, 32), r"32 by 32 pixels: .* F.interpolate\(x, size=28\)"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_pictures_that_are_refused_with_the_remedy_that_fits(kind):
    bad, message = REFUSED[kind]
    classifier = evaluation.Classifier()
    for call in (
        lambda: evaluation.score(bad, torch.rand(9, 64), classifier),
        lambda: evaluation.all_scores(GOOD, bad, classifier),
    ):
        with pytest.raises(CourseError, match=message) as caught:
            call()
        assert str(caught.value).count(". ") == 0
        assert str(caught.value).endswith(".")
    assert classifier.training


def test_grey_pictures_for_a_network_that_takes_colour():
    with pytest.raises(CourseError, match=r"3 channel.* have 1: .* x.expand\(-1, 3, -1, -1\)"):
        require.pixels(GOOD, torch.nn.Conv2d(3, 8, 3))


def test_scores_do_not_depend_on_autocast():
    torch.manual_seed(0)
    classifier, images, real = evaluation.Classifier(), torch.rand(80, 1, 28, 28), torch.rand(90, 1, 28, 28)
    expected = evaluation.all_scores(images, real, classifier)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert evaluation.all_scores(images, real, classifier) == expected


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (normal(0, 2000, 10).softmax(dim=1).bfloat16(), "rounded to bfloat16 .* float32"),
        (torch.rand(20, 10).log_softmax(dim=1), r"take exp\(\)"),
        (torch.randn(20, 10).softmax(dim=0), "the columns do: softmax belongs over dim=1"),
        (torch.rand(20, 10).sigmoid(), r"softmax\(dim=1\) to the logits"),
        (torch.full((20, 10), math.nan), "NaN or infinity"),
    ],
)
def test_rows_that_are_no_probabilities_get_the_remedy_that_fits(bad, message):
    with pytest.raises(CourseError, match=message):
        evaluation.inception_score(bad)


def test_scoring_leaves_every_part_of_the_classifier_in_its_mode():
    classifier = evaluation.Classifier()
    classifier.features[1].eval()  # a frozen norm
    before = [part.training for part in classifier.modules()]
    evaluation.all_scores(GOOD.repeat(2, 1, 1, 1), GOOD.repeat(2, 1, 1, 1), classifier)
    modes.stacked_modes(torch.rand(4, 3, 28, 28), classifier)
    with pytest.raises(RuntimeError):
        evaluation.features_and_probabilities(classifier, torch.rand(2, 5))  # also where it fails
    assert [part.training for part in classifier.modules()] == before
