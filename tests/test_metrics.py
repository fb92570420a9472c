"""The scores, against known answers and against independent computations; and the weights they rest on."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import CourseError, metrics, pretrained

# ---------------------------------------------------------------- Fréchet distance


def by_scipy(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root))


@pytest.mark.parametrize("d", [2, 16, 64])
def test_frechet_agrees_with_the_matrix_square_root(d):
    torch.manual_seed(d)
    a = torch.randn(500, d) @ torch.randn(d, d)
    b = torch.randn(400, d) @ torch.randn(d, d) + torch.randn(d)
    assert metrics.frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-6)


def test_frechet_of_known_gaussians():
    torch.manual_seed(0)
    z = torch.randn(200_000, 3, dtype=torch.float64)
    z = (z - z.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(z.T))).T  # mean 0 and covariance I, exactly
    shift = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    stds = torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
    expected = shift.square().sum() + (stds - 1).square().sum()
    assert metrics.frechet_distance(z, z * stds + shift) == pytest.approx(expected.item(), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(10, 60), d=st.integers(1, 8))
def test_frechet_properties(seed, n, d):
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(n, d, generator=generator, dtype=torch.float64) for _ in range(2))
    rotation, _ = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))
    distance = metrics.frechet_distance(a, b)
    assert distance >= -1e-9
    assert metrics.frechet_distance(b, a) == pytest.approx(distance, abs=1e-8)
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert metrics.frechet_distance(a @ rotation, b @ rotation) == pytest.approx(distance, abs=1e-7)
    assert metrics.frechet_distance(a.flip(0), b) == pytest.approx(distance, abs=1e-9)


def test_frechet_of_features_that_never_vary():
    dead = torch.cat([torch.randn(50, 3), torch.zeros(50, 2)], dim=1)
    assert metrics.frechet_distance(dead, dead + 1) == pytest.approx(5, abs=1e-6)


@pytest.mark.parametrize("bad", [torch.zeros(1, 4), torch.zeros(4), torch.full((5, 4), math.nan)])
def test_frechet_refuses_what_it_cannot_measure(bad):
    with pytest.raises(CourseError, match="two sets of finite features"):
        metrics.frechet_distance(torch.randn(5, 4), bad)


# ---------------------------------------------------------------- inception score


def test_inception_score_from_one_to_the_number_of_classes():
    certain = torch.eye(10).repeat(30, 1)
    assert metrics.inception_score(certain) == pytest.approx(10)
    assert metrics.inception_score(torch.full((30, 10), 0.1)) == pytest.approx(1)
    assert metrics.inception_score(certain[:1].repeat(30, 1)) == pytest.approx(1), "sure, but always of the same class"


def test_inception_score_is_mutual_information():
    torch.manual_seed(0)
    p = torch.randn(1000, 10, dtype=torch.float64).mul(2).softmax(dim=1)
    entropy = lambda q: -(q * q.log()).sum(dim=-1)  # noqa: E731
    information = entropy(p.mean(0)) - entropy(p).mean()  # H(y) − H(y|x)
    assert metrics.inception_score(p) == pytest.approx(information.exp().item(), rel=1e-9)


@pytest.mark.parametrize("bad", [torch.randn(20, 10), torch.rand(20), torch.full((20, 10), 0.2)])
def test_inception_score_refuses_what_is_no_probability(bad):
    with pytest.raises(CourseError, match="apply softmax"):
        metrics.inception_score(bad)


def test_scores_refuse_pixels_below_zero():
    with pytest.raises(CourseError, match=r"\(x \+ 1\) / 2"):
        metrics.score(torch.rand(5, 1, 28, 28) * 2 - 1, torch.rand(5, 1, 28, 28), metrics.Classifier())


def test_scoring_does_not_depend_on_the_classifiers_mode():
    """A feature net left in train mode normalises with the batch at hand, and gives other features."""
    torch.manual_seed(0)
    classifier, images = metrics.Classifier(), torch.rand(64, 1, 28, 28)
    before = metrics.features_and_probabilities(classifier.eval(), images)
    after = metrics.features_and_probabilities(classifier.train(), images)
    assert torch.equal(before[0], after[0])


# ---------------------------------------------------------------- shipped weights


@pytest.mark.parametrize("name", pretrained.BUILDERS)
def test_every_record_says_how_its_weights_were_made(name):
    record = pretrained.records()[name]
    assert record.keys() >= {"sha256", "command", "seed", "data", "date", "versions", "test_accuracy"}
    assert record["command"].endswith(f"rebuild {name}")


def test_the_files_are_small():
    assert sum(file.stat().st_size for file in pretrained.WEIGHTS.iterdir()) < 20e6
    assert all(file.stat().st_size < 2e6 for file in pretrained.WEIGHTS.glob("classifier-*"))


def test_the_classifier_is_as_good_as_recorded():
    from course_utils.offline import embedded_digits

    _, _, test, labels = embedded_digits()
    classifier = pretrained.load("classifier-embedded").cpu()
    assert not classifier.training
    _, probabilities = metrics.features_and_probabilities(classifier, test)
    accuracy = (probabilities.argmax(dim=1) == labels).double().mean().item()
    assert accuracy == pytest.approx(pretrained.records()["classifier-embedded"]["test_accuracy"], abs=0.002)
    assert pretrained.records()["classifier-mnist"]["test_accuracy"] >= 0.99


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A copy of the weights that a test may damage."""
    for file in pretrained.WEIGHTS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(pretrained, "WEIGHTS", tmp_path)
    return tmp_path


def test_one_changed_bit_is_noticed(weights):
    file = weights / "classifier-mnist.safetensors"
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    with pytest.raises(pretrained.WeightsError, match="not the recorded one"):
        pretrained.load("classifier-mnist")


def test_missing_weights_are_one_sentence(weights):
    (weights / "classifier-mnist.safetensors").unlink()
    with pytest.raises(pretrained.WeightsError, match="install the course again"):
        pretrained.load("classifier-mnist")
    with pytest.raises(pretrained.WeightsError, match="choose one of"):
        pretrained.load("../../etc/passwd")


def test_weights_of_another_network_are_refused(weights, monkeypatch):
    import hashlib

    from safetensors.torch import save

    content = save({"something": torch.zeros(3)})
    (weights / "classifier-mnist.safetensors").write_bytes(content)
    records = pretrained.records()
    records["classifier-mnist"]["sha256"] = hashlib.sha256(content).hexdigest()
    (weights / "weights.json").write_text(json.dumps(records))
    with pytest.raises(pretrained.WeightsError, match="do not fit"):
        pretrained.load("classifier-mnist")


def test_rebuild_replaces_file_and_record(weights, monkeypatch):
    monkeypatch.setitem(
        pretrained.BUILDERS, "classifier-embedded", (metrics.Classifier, lambda model, name: {"data": "none"})
    )
    before = pretrained.records()
    record = pretrained.rebuild("classifier-embedded")
    after = pretrained.records()
    assert after["classifier-embedded"] == record != before["classifier-embedded"]
    assert after["classifier-mnist"] == before["classifier-mnist"]
    assert isinstance(pretrained.load("classifier-embedded"), metrics.Classifier)
    assert {file.name for file in weights.iterdir()} == {
        "weights.json", "classifier-mnist.safetensors", "classifier-embedded.safetensors",
    }  # fmt: skip


def test_training_on_the_wrong_data_is_refused(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "embedded")
    with pytest.raises(pretrained.WeightsError, match="set COURSE_DATA to match"):
        pretrained.train_classifier(metrics.Classifier(), "classifier-mnist")


def test_the_command_lists_the_weights():
    done = subprocess.run(
        [sys.executable, "-m", "course_utils.pretrained", "list"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == pretrained.records()
