"""The VAE–GAN of chapter 09: what a step moves, what the stop hears, and the command that records its trainings."""

import json
import math

import pytest
import torch

from course_utils.commands import hybrid
from course_utils.data import Images
from course_utils.taught import vae_gan
from course_utils.taught.dcgan import DCGAN


@pytest.fixture
def players():
    torch.manual_seed(0)
    model, judge = vae_gan.ConvVAE(latent_dim=5, width=4), DCGAN(28, 1, 4, refine=1).discriminator
    return model, judge, torch.optim.SGD(model.parameters(), 0.1), torch.optim.SGD(judge.parameters(), 0.1)


def weights(network):
    return {name: value.clone() for name, value in network.named_parameters()}


def moved(before, network):
    return {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}


def test_shapes():
    model = vae_gan.ConvVAE(latent_dim=5, width=4)
    mu, logvar = model.encode(torch.rand(3, 1, 28, 28))
    assert mu.shape == logvar.shape == (3, 5)
    assert model.decode(mu).shape == (3, 1, 28, 28)


def test_at_lambda_one_the_encoder_stays_and_at_zero_both_move(players):
    model, judge, *adams = players
    before, judge_before = weights(model), weights(judge)
    vae_gan.hybrid_update(model, judge, *adams, torch.rand(8, 1, 28, 28), lam=1.0)
    assert {name.split(".")[0] for name in moved(before, model)} == {"decoder"}
    assert moved(judge_before, judge)
    before = weights(model)
    vae_gan.hybrid_update(model, judge, *adams, torch.rand(8, 1, 28, 28), lam=0.0)
    assert {name.split(".")[0] for name in moved(before, model)} == {"hidden", "to_mu", "to_logvar", "decoder"}


def test_the_decoders_loss_leaves_nothing_in_the_discriminator():
    x = torch.rand(8, 1, 28, 28)
    left = []
    for lam in (0.0, 1.0):
        torch.manual_seed(1)
        fresh, other = vae_gan.ConvVAE(5, 4), DCGAN(28, 1, 4, refine=1).discriminator
        adams = torch.optim.SGD(fresh.parameters(), 0.1), torch.optim.SGD(other.parameters(), 0.1)
        vae_gan.hybrid_update(fresh, other, *adams, x, lam)
        left.append(torch.cat([p.grad.flatten() for p in other.parameters()]))
        assert all(p.requires_grad for p in other.parameters())
    torch.testing.assert_close(*left)


def test_the_stop_wants_silence_without_a_break():
    vae_gan.stop_if_silent([0.0] * 99)
    vae_gan.stop_if_silent([0.0] * 60 + [0.7] + [0.0] * 60)
    with pytest.raises(vae_gan.SilentCode, match="100 steps"):
        vae_gan.stop_if_silent([5.0] + [0.49] * 100)
    vae_gan.stop_if_silent([0.5] * 200)


def test_roughness_has_no_unit():
    losses = [5 + math.sin(step) for step in range(400)]
    assert hybrid.roughness(losses) == pytest.approx(hybrid.roughness([7 * loss for loss in losses]))
    assert hybrid.roughness([3.0] * 40) == 0


def test_the_command_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    x, y = torch.rand(64, 1, 28, 28), torch.arange(64) % 10
    monkeypatch.setattr(hybrid, "RECORDS", tmp_path / "hybrid.json")
    monkeypatch.setattr(hybrid, "load_images", lambda name: Images(x, y, x, y, "embedded"))
    call = ["--lams", "0", "0.1", "--seeds", "0", "--steps", "4"]
    assert hybrid.main(call) == 0
    first = json.loads((tmp_path / "hybrid.json").read_text())
    assert [run["lam"] for run in first] == [0.0, 0.1]
    monkeypatch.setattr(hybrid, "fit", None)  # nothing is trained again
    assert hybrid.main(call) == 0
    assert json.loads((tmp_path / "hybrid.json").read_text()) == first
    assert "0.1" in capsys.readouterr().out
