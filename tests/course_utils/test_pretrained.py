"""The weights that come with the course: small, as recorded, refused when they are not, and made again by a command."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import save

from course_utils import CourseError, game, pretrained
from course_utils.commands import weights
from course_utils.data import Images
from course_utils.data.offline import embedded_digits
from course_utils.taught import evaluation

SOURCES = ("mnist", "embedded")
DRAW = ("autoencoder", "vae", "gan", "dcgan", "pixelcnn")


@pytest.mark.parametrize("name", weights.RECIPES)
def test_every_record_says_how_its_weights_were_made(name):
    record = pretrained.records()[name]
    assert record.keys() >= {"sha256", "command", "seeds", "settings", "data", "date", "versions", "measured"}
    assert f" rebuild {name}" in record["command"]
    assert record["settings"] == json.loads(json.dumps(weights.RECIPES[name][1])), "rebuild would make others"
    assert all(len(values) == len(record["seeds"]) for values in record["measured"].values())


def test_nothing_is_shipped_without_a_record():
    files = {file.stem for file in pretrained.WEIGHTS.glob("*.safetensors")}
    assert files == pretrained.records().keys() == weights.RECIPES.keys()


def test_the_files_are_small():
    assert sum(file.stat().st_size for file in pretrained.WEIGHTS.iterdir()) <= 22e6
    assert all(file.stat().st_size <= 2e6 for file in pretrained.WEIGHTS.glob("classifier-*"))


def test_the_classifiers_are_as_good_as_recorded():
    _, _, test, labels = embedded_digits()
    classifier = pretrained.load("classifier-embedded").cpu()
    assert not classifier.training
    _, probabilities = evaluation.features_and_probabilities(classifier, test)
    accuracy = (probabilities.argmax(dim=1) == labels).double().mean().item()
    recorded = {source: pretrained.records()[f"classifier-{source}"]["measured"]["test_accuracy"] for source in SOURCES}
    assert accuracy == pytest.approx(recorded["embedded"][0], abs=0.002)
    assert recorded["mnist"][0] >= 0.99


@pytest.mark.parametrize("model", ["autoencoder", "vae", "gan", "dcgan"])
def test_the_models_score_as_recorded(model):
    """Samples are drawn from a fixed seed, so the recorded scores come back, up to the order of sums."""
    name = f"{model}-embedded"
    _, _, test, labels = embedded_digits()
    digits = Images(test, labels, test, labels, "embedded")
    now = weights.measure(pretrained.load(name), digits)
    recorded = {key: pretrained.records()[name]["measured"][key][0] for key in now}
    assert now == pytest.approx(recorded, rel=0.02, abs=0.02)


@pytest.mark.parametrize("source", SOURCES)
def test_recorded_scores_are_in_the_expected_order(source):
    """The convolutional GAN is better than the one of chapter 03, and that better than a Gaussian of codes."""
    frechet = {
        model: min(pretrained.records()[f"{model}-{source}"]["measured"]["frechet"])
        for model in ("autoencoder", "gan", "dcgan")
    }
    assert frechet["dcgan"] < frechet["gan"] < frechet["autoencoder"]


@pytest.mark.parametrize(
    "name", [f"{one}-embedded" for one in ("autoencoder", "vae", "gan", "dcgan", "pixelcnn")] + ["flow-mnist"]
)
def test_samples_are_pictures_and_repeat_with_the_seed(name):
    x = pretrained.sample(name, 12, seed=3)
    assert x.shape == (12, 1, 28, 28)
    assert 0 <= x.min() < 0.1 < 0.9 < x.max() <= 1
    assert torch.equal(x, pretrained.sample(name, 12, seed=3))
    assert not torch.equal(x, pretrained.sample(name, 12, seed=4))


def test_the_walk_from_noise_draws_what_is_asked_for():
    flow, labels = pretrained.load("flow-mnist"), torch.arange(20) % 4 + 3
    assert all(torch.equal(numbers, numbers.half().float()) for numbers in flow.parameters()), "as the book has them"
    classifier = pretrained.load("classifier-mnist")
    with torch.no_grad():
        read = classifier(pretrained.draw(flow, 20, labels=labels)).argmax(dim=1)
    assert (read == labels).float().mean() >= 0.9


@pytest.mark.parametrize("model", ["autoencoder", "vae", "gan", "dcgan"])
def test_drawing_leaves_the_random_numbers_of_the_chapter_alone(model):
    loaded = pretrained.load(f"{model}-embedded")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    pretrained.draw(loaded, 12, seed=3)
    assert torch.equal(before, torch.get_rng_state())
    pretrained.sample(f"{model}-embedded", 12, seed=3)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("model", ["vae", "gan", "dcgan"])
def test_drawing_leaves_the_model_in_its_mode(model):
    """Called while a network is trained, it must not change the training."""
    loaded = pretrained.load(f"{model}-embedded").train()
    expected = pretrained.sample(f"{model}-embedded", 12, seed=3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(pretrained.draw(loaded, 12, seed=3), expected)
    assert all(part.training for part in loaded.modules())
    if model != "vae":
        game.sample_gan(loaded.generator, torch.randn(2, loaded.latent_dim))
        assert all(part.training for part in loaded.modules())


def test_loaded_networks_can_be_trained_on():
    net = pretrained.load("classifier-embedded").train()
    net(torch.rand(4, 1, 28, 28)).sum().backward()
    assert all(weight.grad is not None for weight in net.parameters())


def test_codes_drawn_for_the_autoencoder_have_the_mean_and_covariance_of_real_ones():
    train, *_ = embedded_digits()
    model = pretrained.load("autoencoder-embedded").cpu()
    with torch.no_grad():
        codes = model.encoder(train).double()
    torch.testing.assert_close(model.code_mean.double(), codes.mean(dim=0), rtol=1e-3, atol=1e-3)
    covariance = (model.code_root @ model.code_root.T).double()
    torch.testing.assert_close(covariance, torch.cov(codes.T), rtol=1e-2, atol=1e-2)


# ---------------------------------------------------------------- damage


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the weights that a test may damage."""
    for file in pretrained.WEIGHTS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(pretrained, "WEIGHTS", tmp_path)
    monkeypatch.setattr(weights, "WEIGHTS", tmp_path)
    return tmp_path


def test_one_changed_bit_is_noticed(folder):
    file = folder / "classifier-mnist.safetensors"
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    with pytest.raises(pretrained.WeightsError, match="not the recorded one"):
        pretrained.load("classifier-mnist")


def test_missing_weights_are_one_sentence(folder):
    (folder / "classifier-mnist.safetensors").unlink()
    with pytest.raises(pretrained.WeightsError, match="install the course again"):
        pretrained.load("classifier-mnist")
    with pytest.raises(pretrained.WeightsError, match="choose one of"):
        pretrained.load("../../etc/passwd")


def test_weights_of_another_network_are_refused(folder):
    content = save({"something": torch.zeros(3)})
    (folder / "classifier-mnist.safetensors").write_bytes(content)
    records = pretrained.records()
    records["classifier-mnist"]["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "weights.json").write_text(json.dumps(records))
    with pytest.raises(pretrained.WeightsError, match="do not fit"):
        pretrained.load("classifier-mnist")


# ---------------------------------------------------------------- making them again


def test_rebuild_trains_with_each_seed_and_keeps_the_first(folder, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "embedded")
    seeds_seen = []

    def build(model, digits, *, name, seed):
        seeds_seen.append(seed)
        model.head.bias.data.fill_(seed)

    monkeypatch.setitem(weights.RECIPES, "classifier-embedded", (build, {}))
    before = pretrained.records()
    record = weights.rebuild("classifier-embedded", [7, 8])
    after = pretrained.records()
    assert seeds_seen == record["seeds"] == [7, 8]
    assert len(record["measured"]["test_accuracy"]) == 2
    assert after["classifier-embedded"] == record != before["classifier-embedded"]
    assert after["classifier-mnist"] == before["classifier-mnist"]
    assert (pretrained.load("classifier-embedded").head.bias == 7).all()
    assert not [file for file in folder.iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize(
    "name",
    [f"{one}-embedded" for one in ("classifier", "autoencoder", "vae", "gan", "dcgan", "pixelcnn")] + ["flow-mnist"],
)
def test_every_builder_trains(name, monkeypatch, tmp_path):
    """A few steps with the real settings move the weights; the whole of it would take minutes."""
    monkeypatch.setenv("COURSE_CHECKPOINTS", str(tmp_path))
    train, labels, test, test_labels = embedded_digits()
    build, settings = weights.RECIPES[name]
    torch.manual_seed(0)
    net = pretrained.NETWORKS[name.rpartition("-")[0]]()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    digits = Images(train[:500], labels[:500], test, test_labels, "embedded")
    build(net, digits, name=None, seed=0, **{**settings, "steps": 3})
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())
    assert any(not torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_training_on_the_wrong_data_is_refused(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "embedded")
    with pytest.raises(CourseError, match="set COURSE_DATA to match"):
        weights.rebuild("classifier-mnist", [0])


def test_the_command_lists_the_weights(capsys):
    assert weights.main(["list"]) == 0
    assert json.loads(capsys.readouterr().out) == pretrained.records()
