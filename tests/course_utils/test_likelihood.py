"""The published protocol: its bound, its gradient, its schedule, and what is recorded."""

import argparse
import json
import math

import pytest
import torch
import torch.nn.functional as F
from torch import distributions, nn

from course_utils import checkpoint, likelihood
from course_utils.commands import likelihood as protocol
from course_utils.data import Images, load_images
from course_utils.taught import likelihood as taught
from course_utils.taught.vae import log_mean_exp


@pytest.fixture(autouse=True)
def seeded(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setenv("COURSE_DEVICE", "cpu")


@pytest.fixture
def in_float32(monkeypatch):
    monkeypatch.setattr(taught.schedule, "autocast", lambda: torch.autocast("cpu", enabled=False))


@pytest.fixture
def x():
    return (torch.rand(6, 1, 28, 28) < 0.2).float()


@pytest.fixture
def model():
    return protocol.IWAE(torch.rand(784) * 0.5)


def test_the_network_is_the_published_one():
    mean = torch.rand(1, 28, 28)
    mean[0, 0, 0] = 0  # a pixel that is never white: its log odds are clamped
    model = protocol.IWAE(mean)
    linear = [tuple(layer.weight.shape) for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert linear == [(200, 784), (200, 200), (50, 200), (50, 200), (200, 50), (200, 200), (784, 200)]
    assert sum(isinstance(layer, nn.Tanh) for layer in model.modules()) == 4
    odds = model.decoder[-1].bias.sigmoid()
    torch.testing.assert_close(odds, mean.flatten().clamp(0.001, 0.999))


def test_the_weights_are_those_of_their_definition(model, x):
    """log p(x|z) + log p(z) − log q(z|x), each by the library, for the very draws that were made."""
    torch.manual_seed(5)
    with torch.no_grad():
        weights = taught.log_weights(model, x, k=3)
        torch.manual_seed(5)
        mu, logvar = (part.unsqueeze(1) for part in model.encode(x))
        q = distributions.Normal(mu, (0.5 * logvar).exp())
        z = mu + (0.5 * logvar).exp() * torch.randn(6, 3, 50)
        given_z = distributions.Bernoulli(logits=model.decode(z)).log_prob(x.view(6, 1, 784)).sum(dim=-1)
        prior = distributions.Normal(0.0, 1.0).log_prob(z).sum(dim=-1)
    torch.testing.assert_close(weights, given_z + prior - q.log_prob(z).sum(dim=-1))


def test_with_one_draw_the_bound_is_the_elbo(model, x):
    with torch.no_grad():
        mu, logvar = model.encode(x)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)
        z = mu.unsqueeze(1) + (0.5 * logvar).exp().unsqueeze(1) * torch.randn(6, 4000, 50)
        target = x.flatten(1).unsqueeze(1).expand(-1, 4000, -1)
        error = F.binary_cross_entropy_with_logits(model.decode(z), target, reduction="none").sum(dim=-1).mean(dim=1)
        by_draws = taught.log_weights(model, x, 4000).mean(dim=1)
    torch.testing.assert_close(by_draws, -(error + kl), rtol=0, atol=1.0)


def test_the_gradient_is_the_weighted_sum_of_the_papers(in_float32, x):
    """Equation (14) of the paper: each draw's gradient, weighted by its share w_i / Σ w."""
    model = protocol.IWAE(torch.rand(784), latent_dim=4, hidden_dim=8).double()
    draws = taught.log_weights(model, x.double(), 5)
    parameters = list(model.parameters())
    direct = torch.autograd.grad(log_mean_exp(draws).sum(), parameters, retain_graph=True)
    shares = draws.detach().softmax(dim=1)
    weighted = torch.autograd.grad((shares * draws).sum(), parameters)
    assert shares.max() > 0.3  # uneven: an unweighted mean would be noticed
    for a, b in zip(direct, weighted, strict=True):
        torch.testing.assert_close(a, b)


def test_the_gradient_is_that_of_finite_differences(in_float32, x):
    model = protocol.IWAE(torch.rand(784), latent_dim=3, hidden_dim=5).double()

    def bound():
        torch.manual_seed(1)  # the same draws each time
        return log_mean_exp(taught.log_weights(model, x.double(), 4)).sum()

    for weight in (model.to_logvar.weight, model.decoder[0].weight, model.hidden[1].weight):
        (by_autograd,) = torch.autograd.grad(bound(), weight)
        place = by_autograd.abs().flatten().argmax()
        with torch.no_grad():
            flat, h = weight.view(-1), 1e-6
            flat[place] += h
            above = bound()
            flat[place] -= 2 * h
            below = bound()
            flat[place] += h
        torch.testing.assert_close((above - below) / (2 * h), by_autograd.flatten()[place], rtol=1e-5, atol=1e-6)


class OneCoin(nn.Module):
    """A model whose likelihood is known: one code, which pushes the first pixel; all other pixels are fair coins."""

    def encode(self, x):
        return torch.zeros(len(x), 1), torch.zeros(len(x), 1)  # the prior: a poor guess, but the integral is easy

    def decode(self, z):
        return F.pad(2 * z, (0, 783))


def exact_log_p(x):
    z = torch.linspace(-10, 10, 20_001, dtype=torch.float64)
    first = (F.logsigmoid(2 * z * (2 * x.double() - 1)) - 0.5 * z**2 - 0.5 * math.log(2 * math.pi)).logsumexp(0)
    return first + math.log(z[1] - z[0]) - 783 * math.log(2)


def test_the_estimate_finds_a_known_likelihood_and_the_bound_rises():
    x = torch.zeros(40, 1, 28, 28)
    x[::2, 0, 0, 0] = 1
    log_p, elbo = protocol.estimate(OneCoin(), x, samples=1020)  # not a multiple of the chunk
    assert log_p.shape == elbo.shape == (40,)
    exact = torch.stack([exact_log_p(pixel) for pixel in x[:, 0, 0, 0]])
    torch.testing.assert_close(log_p.mean(), exact.mean(), rtol=0, atol=0.02)
    bounds = [protocol.estimate(OneCoin(), x.repeat(50, 1, 1, 1), samples=k)[0].mean() for k in (1, 3, 30)]
    assert bounds == sorted(bounds)
    assert bounds[-1] - bounds[0] > 0.1
    torch.testing.assert_close(elbo.mean(), bounds[0], rtol=0, atol=0.1)


def test_the_published_rates():
    passes = likelihood.PUBLISHED_EPOCHS
    assert passes == 3280
    rates = [likelihood.learning_rate(step, passes, published=True) for step in range(passes)]
    for i in range(8):
        wanted = 1e-3 * 10 ** (-i / 7)
        assert sum(math.isclose(rate, wanted) for rate in rates) == 3**i
    assert rates == sorted(rates, reverse=True)


def test_the_shortened_rates_are_the_same_eight_in_equal_shares():
    rates = [likelihood.learning_rate(step, 80, published=False, first=2e-3) for step in range(80)]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 8
    assert all(rates.count(rate) == 10 for rate in rates)
    assert math.isclose(rates[0], 2e-3)
    assert math.isclose(rates[-1], 2e-4)


@pytest.fixture
def few_digits(monkeypatch, tmp_path):
    whole = load_images("mnist")
    few = Images(whole.train[:200], whole.train_labels[:200], whole.test[:30], whole.test_labels[:30], "embedded")
    monkeypatch.setattr(protocol, "load_images", lambda name: few)
    monkeypatch.setattr(protocol, "RECORDS", tmp_path / "likelihood.json")
    monkeypatch.setattr(likelihood, "RECORDS", tmp_path / "likelihood.json")
    monkeypatch.setenv("COURSE_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("COURSE_SCHEDULE", "short")
    monkeypatch.setenv("COURSE_SEED", "3")
    return few


def arguments(**changed):
    usual = dict(k=5, epochs=4, minutes=None, resume=False, batch_size=20, first_rate=1e-3, test_images=30, samples=60)
    return argparse.Namespace(**usual | changed)


def test_a_run_is_recorded_and_repeats(few_digits):
    record = protocol.run(arguments())
    assert record["nll"] < record["negative_elbo"]
    assert record["nll"] < 784 * math.log(2) / 2
    assert (record["k"], record["epochs"], record["published_epochs"], record["published_nll"]) == (5, 4, 3280, 85.54)
    assert (record["test_images"], record["samples"], record["seed"], record["data"]) == (30, 60, 3, "embedded")
    assert record["bits_per_pixel"] == pytest.approx(record["nll"] / math.log(2) / 784, abs=1e-4)
    again = protocol.run(arguments())
    assert again["nll"] == record["nll"]
    assert protocol.run(arguments(k=50))["nll"] != record["nll"]


def test_all_draws_for_some_pictures_correct_the_mean_of_all(few_digits, monkeypatch):
    monkeypatch.setattr(protocol, "FEW", 1)
    whole = protocol.run(arguments(epochs=10, test_images=30, samples=400))
    part = protocol.run(arguments(epochs=10, test_images=10, samples=400))
    assert (whole["images_with_all_samples"], part["images_with_all_samples"]) == (30, 10)
    gain = whole["negative_elbo"] - whole["nll"]
    assert gain > 1
    assert abs(part["nll"] - whole["nll"]) < 0.5 * gain
    assert part["standard_error"] < 1.2 * whole["standard_error"]


def test_training_lowers_the_loss(few_digits):
    short, long = protocol.run(arguments(epochs=1)), protocol.run(arguments(epochs=30))
    assert long["nll"] < short["nll"] - 5


@pytest.mark.thorough
def test_an_interrupted_run_ends_as_an_uninterrupted_one(few_digits, monkeypatch):
    whole = protocol.run(arguments(epochs=60))["nll"]  # 600 steps; a checkpoint after 500
    calls, log_weights = [], taught.log_weights

    def interrupted(model, x, k):
        calls.append(k)
        if len(calls) == 550:
            raise KeyboardInterrupt
        return log_weights(model, x, k)

    monkeypatch.setattr(protocol, "log_weights", interrupted)
    with pytest.raises(KeyboardInterrupt):
        protocol.run(arguments(epochs=60))
    assert protocol.run(arguments(epochs=60, resume=True))["nll"] == whole
    assert len(calls) < 550 + 150  # it did not start afresh


def test_the_weights_of_a_finished_run_are_kept(few_digits, tmp_path):
    protocol.run(arguments())
    saved = checkpoint.load(tmp_path / "iwae_k5_finished.pt")
    protocol.IWAE(torch.zeros(784)).load_state_dict(saved["model"])


def test_the_command(few_digits, capsys):
    options = ["--batch-size", "20", "--test-images", "20", "--samples", "10"]
    assert protocol.main(["report"]) == 0
    assert "Nothing" in capsys.readouterr().out
    assert protocol.main(["train", "--k", "1", "--epochs", "2", *options]) == 0
    assert protocol.main(["train", "--k", "1", "--minutes", "0.0001", *options]) == 0
    kept = json.loads(likelihood.RECORDS.read_text())
    assert [entry["epochs"] for entry in kept] == [2, 1]
    assert "--epochs 1 " in kept[1]["command"]
    assert "1 of 3280" in capsys.readouterr().out
    assert protocol.main(["train", "--k", "1", "--minutes", "1", "--resume"]) == 1
    assert "--epochs" in capsys.readouterr().err


def test_published_and_reached_stand_side_by_side_only_for_mnist(few_digits, monkeypatch):
    entry = {"k": 50, "epochs": 60, "published_epochs": 3280, "nll": 87.123, "standard_error": 0.25, "test_images": 10}
    monkeypatch.setattr(protocol, "records", lambda: [entry | {"data": "mnist"}, entry | {"data": "embedded"}])
    embedded, mnist = protocol.report().splitlines()[1:]
    assert "87.12 ± 0.25" in mnist
    assert "84.78" in mnist
    assert "84.78" not in embedded


def test_what_is_recorded_is_complete_and_plausible():
    for entry in likelihood.records():
        assert entry["published_nll"] == likelihood.PUBLISHED[entry["k"]]
        assert 0 < entry["standard_error"] < 2
        assert entry["nll"] <= entry["negative_elbo"]
        assert {"date", "versions", "seed", "train_seconds"} <= entry.keys()
        assert entry["command"].startswith("python -m course_utils likelihood train")
