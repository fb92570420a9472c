"""Chapter 08's networks use their label, and the test for that finds those that do not."""

import json

import pytest
import torch
from torch.nn import functional as F

from course_utils import CourseError, pretrained
from course_utils.commands import conditional as command
from course_utils.taught.conditional import (
    ConditionalDiscriminator,
    ConditionalGenerator,
    ConditionalVAE,
    Given,
    must_listen,
    scores_within,
)
from course_utils.taught.dcgan import DCGAN


def networks():
    return {
        "generator": (ConditionalGenerator(), torch.randn(3, 64)),
        "discriminator": (ConditionalDiscriminator(), torch.rand(3, 1, 28, 28)),
        "vae": (ConditionalVAE(), torch.randn(3, 6)),
    }


@pytest.mark.parametrize("name", networks())
def test_every_network_listens_and_is_left_in_its_mode(name):
    network, first = networks()[name]
    assert must_listen(network, first) > 1e-6
    assert network.training


@pytest.mark.parametrize("name", networks())
def test_a_deaf_network_is_found(name):
    network, first = networks()[name]
    forward = network.forward
    network.forward = lambda one, y: forward(one, torch.zeros_like(y))
    with pytest.raises(CourseError, match="does not use its label"):
        must_listen(network, first)


def test_the_label_is_a_bias_of_the_first_layer():
    generator, z, y = ConditionalGenerator(), torch.randn(5, 64), torch.tensor([0, 3, 3, 9, 7])
    weight = generator.layers[0].weight
    first = generator.layers[0](torch.cat([z, F.one_hot(y, 10)], dim=1))
    torch.testing.assert_close(first, z @ weight[:, :64].T + weight[:, 64:].T[y], rtol=1e-4, atol=1e-5)


def test_without_their_labels_the_networks_are_those_of_chapter_05():
    plain, labelled = DCGAN(28, 1, width=16, latent_dim=74, refine=1), ConditionalGenerator()
    labelled.layers.load_state_dict(plain.generator.state_dict())
    z, y = torch.randn(4, 64), torch.tensor([1, 2, 3, 4])
    assert torch.equal(labelled(z, y), plain.generator(torch.cat([z, F.one_hot(y, 10)], dim=1)))
    body = list(ConditionalDiscriminator().body.state_dict())
    assert body == list(plain.discriminator[:-2].state_dict())


def test_a_judge_is_asked_by_its_label():
    judge, x, y = ConditionalDiscriminator().eval(), torch.rand(4, 1, 28, 28), torch.tensor([7, 0, 7, 2])
    logits = judge.heads(judge.body(x))
    assert torch.equal(judge(x, y), logits[range(4), y])
    assert torch.equal(Given(judge, y)(x), judge(x, y))


def test_scores_within_see_what_scores_of_the_whole_do_not():
    real, labels = torch.randn(400, 3), torch.arange(400) % 2
    real[:, 0] += 20 * labels
    alike = scores_within(real, labels, real + 0.01 * torch.randn(400, 3), labels)
    assert alike.recall > 0.9
    exchanged = scores_within(real, labels, real, 1 - labels)
    assert exchanged == (0, 0, 0, 0)
    centres = torch.stack([real[labels == c].mean(dim=0) for c in (0, 1)])[labels]
    assert scores_within(real, labels, centres, labels).recall < 0.05
    missing = scores_within(real, labels, real[labels == 0], labels[labels == 0])
    assert missing.recall == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("source", ["mnist", "embedded"])
def test_the_weights_that_come_with_the_course_obey(source):
    measured = pretrained.records()[f"cdcgan-{source}"]["measured"]
    assert min(measured["label_accuracy"]) > 0.95
    size = (pretrained.WEIGHTS / f"cdcgan-{source}.safetensors").stat().st_size
    assert size <= 0.72e6


def test_labels_are_drawn_as_asked_for():
    model, classifier = pretrained.load("cdcgan-embedded"), pretrained.load("classifier-embedded")
    asked = torch.tensor([7] * 30 + [1] * 30)
    pictures = pretrained.draw(model, 60, seed=3, labels=asked)
    assert (classifier(pictures).argmax(dim=1) == asked).double().mean() > 0.8
    assert torch.equal(pictures, pretrained.draw(model, 60, seed=3, labels=asked))
    assert pretrained.draw(model, 12).shape == (12, 1, 28, 28)


@pytest.mark.parametrize("row", command.ROWS)
def test_every_row_of_the_comparison_plays(row):
    way_g, way_d, _ = command.ROWS[row]
    generator, judge = command.Generator(way_g), command.Discriminator(way_d)
    y = torch.tensor([1, 2, 3])
    pictures = generator(torch.randn(3, 64), y)
    assert pictures.shape == (3, 1, 28, 28)
    assert judge(pictures, y).shape == (3,)
    told = {"not": False, "auxiliary": False, "auxiliary, fakes too": False}.get(way_d, True)
    logits = judge.eval()(torch.cat([pictures[:1]] * 3), y).detach()
    assert (logits.std() > 1e-7) == told or way_d == "projection"  # which starts at 0


def test_the_recorded_comparison_is_complete():
    record = json.loads(command.RECORDS.read_text())
    assert record["mnist"]["rows"].keys() == command.ROWS.keys()
    for entry in record.values():
        assert entry.keys() >= {"steps", "batch_size", "samples", "date", "versions", "machine"}
        assert all(len(runs) >= 2 for runs in entry["rows"].values())
