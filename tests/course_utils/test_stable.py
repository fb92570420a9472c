"""What chapter 07 teaches: games side by side that do not touch each other, norms, penalties, looking ahead."""

import copy

import pytest
import torch
from torch import nn

from course_utils.taught import stable


def test_games_side_by_side_are_games_of_their_own():
    """The first of three games moves as it would alone."""
    torch.manual_seed(0)
    nets = stable.many_mlps(3, [4, 8, 2]), stable.many_mlps(3, [2, 8, 1], 0.2)
    alone = [copy.deepcopy(net) for net in nets]
    for net in alone:
        for layer in net[::2]:
            layer.weight, layer.bias = (nn.Parameter(one[:1].clone()) for one in (layer.weight, layer.bias))
    x = torch.randn(3 * 8, 2)
    torch.manual_seed(1)
    stable.new_games(*nets)(x)
    torch.manual_seed(1)
    stable.new_games(*alone)(x[:8])  # the first numbers drawn are the first game's
    for together, single in zip(nets, alone, strict=True):
        for a, b in zip(together.parameters(), single.parameters(), strict=True):
            torch.testing.assert_close(a[:1], b)


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (3, 6, 4)])
def test_spectral_norm_is_the_largest_singular_value(shape):
    torch.manual_seed(0)
    weight = torch.randn(shape)
    norm = stable.SpectralNorm(weight, bound=2.0, rounds=500)
    top = torch.linalg.svdvals(weight)[..., 0]
    torch.testing.assert_close(norm(weight), 2 * weight / top[..., None, None], rtol=1e-4, atol=1e-5)


def test_spectral_norm_turns_in_train_mode_only():
    network = stable.spectral(stable.many_mlps(2, [3, 5, 1]))
    u = network[0].parametrizations.weight[0].u.clone()
    network.eval()(torch.zeros(2, 1, 3))
    assert torch.equal(u, network[0].parametrizations.weight[0].u)
    network.train()(torch.zeros(2, 1, 3))
    assert not torch.equal(u, network[0].parametrizations.weight[0].u)


def test_the_penalty_of_a_linear_critic_is_known():
    critic = stable.many_mlps(2, [3, 1])
    lengths = critic[0].weight.norm(dim=1).flatten()
    penalty = stable.gradient_penalty(critic, torch.randn(2, 7, 3), torch.randn(2, 7, 3))
    torch.testing.assert_close(penalty, (lengths - 1).square().sum())


def test_wasserstein_losses_are_opposite_in_the_fakes():
    critic = stable.many_mlps(2, [3, 1])
    real, fake = torch.randn(2, 7, 3), torch.randn(2, 7, 3)
    loss_d, loss_g = (loss(critic, real, fake) for loss in (stable.wasserstein_d, stable.wasserstein_g))
    torch.testing.assert_close(loss_d + loss_g, -stable.each(critic(real)))


def test_layers_that_see_the_batch():
    assert stable.Pack()(torch.zeros(3, 8, 2)).shape == (3, 4, 4)
    spread = stable.Spread()(torch.tensor([[[0.0, 0.0], [2.0, 4.0]]]))
    torch.testing.assert_close(spread[0, :, 2], torch.full((2,), 1.5 * 2**0.5))


def test_looking_ahead_leaves_the_judge_and_reaches_the_fakes():
    judge = stable.many_mlps(1, [2, 4, 1], 0.2)
    before = copy.deepcopy(judge.state_dict())
    real, fake = torch.randn(1, 6, 2), torch.randn(1, 6, 2, requires_grad=True)
    ahead = stable.look_ahead(judge, real, fake, steps=2)
    (through,) = torch.autograd.grad(stable.plain_g(ahead, real, fake), fake)
    assert through.abs().sum() > 0
    for name, value in judge.state_dict().items():
        assert torch.equal(value, before[name])
    assert stable.plain_d(ahead, real, fake) < stable.plain_d(judge, real, fake)
