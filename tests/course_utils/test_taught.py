"""The networks and losses of chapters 03 and 05: shapes, counts that can be worked out by hand, and known values."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_utils.taught import dcgan, gan


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_the_mlps_make_pictures_and_judge_them():
    pictures = gan.Generator(latent_dim=7)(torch.randn(5, 7))
    assert pictures.shape == (5, 1, 28, 28)
    assert pictures.abs().max() <= 1
    assert gan.Discriminator()(pictures).shape == (5,)


@pytest.mark.parametrize("refine", [0, 1, 2])
@pytest.mark.parametrize(("size", "channels"), [(16, 3), (28, 1), (32, 3), (56, 1), (64, 1)])
def test_one_dcgan_for_every_size(size, channels, refine):
    networks = dcgan.DCGAN(size, channels, width=4, latent_dim=6, refine=refine)
    pictures = networks.generator(torch.randn(3, 6))
    assert pictures.shape == (3, channels, size, size)
    assert pictures.abs().max() <= 1
    assert networks.discriminator(pictures).shape == (3,)


@pytest.mark.parametrize("size", [7, 8, 14, 27, 30, 48, 100])
def test_other_sizes_are_refused_in_words(size):
    with pytest.raises(ValueError, match=rf"image_size={size} .* take 16, 28, 32, 64"):
        dcgan.DCGAN(size)


def test_the_large_dcgan_has_the_weights_of_the_published_one():
    """64×64, width 64, 100 noise numbers: kernels of 4×4 between 100, 512, 256, 128, 64 and 1 channels."""
    networks = dcgan.DCGAN(64, 1, width=64, latent_dim=100)
    kernels = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 1)
    assert count(networks.generator) == kernels + 2 * (512 + 256 + 128 + 64)
    kernels = 16 * (1 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1)
    assert count(networks.discriminator) == kernels + 2 * (128 + 256 + 512) + 1


def test_the_shape_table_leaves_the_networks_as_they_were():
    networks = dcgan.DCGAN(28, width=4, latent_dim=6)
    before = {name: value.clone() for name, value in networks.state_dict().items()}
    table = networks.shape_table().splitlines()
    assert table[0].split(maxsplit=1) == ["Linear", "(n, 392)"]
    assert "(n, 1, 28, 28)" in "".join(table)
    assert table[-1].split(maxsplit=1) == ["Flatten", "(n)"]
    assert networks.training
    for name, value in networks.state_dict().items():
        assert torch.equal(value, before[name])


def test_dcgan_init_draws_small_weights():
    torch.manual_seed(0)
    networks = dcgan.DCGAN(28, width=16, latent_dim=64).apply(dcgan.dcgan_init)
    for layer in networks.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            assert (layer.weight - 1).abs().max() < 0.1
        elif isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.2)


def test_the_losses_are_cross_entropies_and_never_overflow():
    torch.manual_seed(0)
    real, fake = 3 * torch.randn(50), 3 * torch.randn(50)
    ones, zeros = torch.ones(50), torch.zeros(50)
    bce = F.binary_cross_entropy_with_logits
    torch.testing.assert_close(gan.discriminator_loss(real, fake), bce(real, ones) + bce(fake, zeros))
    torch.testing.assert_close(gan.generator_loss(fake), bce(fake, ones))
    assert gan.discriminator_loss(torch.zeros(3), torch.zeros(3)).item() == pytest.approx(2 * math.log(2))
    huge = torch.full((2,), 1e4)
    assert gan.discriminator_loss(-huge, huge).item() == 2e4
    assert gan.generator_loss(-huge).item() == 1e4


def players(rate=1e-2):
    torch.manual_seed(0)
    g, d = gan.Generator(latent_dim=5, hidden_dim=8), gan.Discriminator(hidden_dim=8, dropout=0.0)
    return g, d, *(torch.optim.SGD(network.parameters(), rate) for network in (g, d))


def after_a_step(network, loss, rate=1e-2):
    weights = list(network.parameters())
    return [p - rate * slope for p, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True)]


def test_one_update_is_a_step_of_each_player_on_the_loss_it_returns():
    x, z = 2 * torch.rand(16, 1, 28, 28) - 1, torch.randn(16, 5)
    g, d, optimizer_g, optimizer_d = players()
    fakes = g(z)
    d_loss = gan.discriminator_loss(d(x), d(fakes.detach()))
    wanted_d = after_a_step(d, d_loss)
    with torch.no_grad():
        for p, wanted in zip(d.parameters(), wanted_d, strict=True):
            p.copy_(wanted)
    g_loss = gan.generator_loss(d(fakes))  # through D's new weights
    wanted_g = after_a_step(g, g_loss)

    g, d, optimizer_g, optimizer_d = players()
    losses = gan.gan_update(g, d, optimizer_g, optimizer_d, x, z)
    torch.testing.assert_close(losses, (d_loss, g_loss))
    torch.testing.assert_close(list(d.parameters()), wanted_d)
    torch.testing.assert_close(list(g.parameters()), wanted_g)
    assert all(p.requires_grad for p in d.parameters())


def test_the_generators_step_leaves_no_gradient_in_the_discriminator():
    x, z = 2 * torch.rand(16, 1, 28, 28) - 1, torch.randn(16, 5)
    g, d, optimizer_g, optimizer_d = players()
    gan.discriminator_loss(d(x), d(g(z).detach())).backward()
    own = [p.grad.clone() for p in d.parameters()]
    g, d, optimizer_g, optimizer_d = players()
    gan.gan_update(g, d, optimizer_g, optimizer_d, x, z)
    torch.testing.assert_close([p.grad for p in d.parameters()], own)


def test_the_penalty_is_the_discriminators_alone():
    x, z = 2 * torch.rand(16, 1, 28, 28) - 1, torch.randn(16, 5)
    ends = {}
    for price in (0.0, 10.0):
        g, d, optimizer_g, optimizer_d = players()
        penalty = price * dcgan.slope_penalty(d, x)
        losses = gan.gan_update(g, d, optimizer_g, optimizer_d, x, z, penalty)
        ends[price] = losses[0].item(), torch.cat([p.flatten() for p in d.parameters()]).detach()
    assert ends[0.0][0] == pytest.approx(ends[10.0][0])  # the loss that comes back is without it
    assert not torch.allclose(ends[0.0][1], ends[10.0][1])
