"""Chapter 12's network: what it may see, what its likelihood sums to, what it draws."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.taught import autoregressive


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = autoregressive.PixelCNN(width=8, blocks=3)
    for block in model.blocks:
        nn.init.normal_(block.out.weight, std=0.3)  # fresh ones are zero and hide what lies behind them
    nn.init.normal_(model.place, std=0.3)
    return model


def pictures(n, seed=0):
    return torch.bernoulli(torch.full((n, 1, 28, 28), 0.3), generator=torch.Generator().manual_seed(seed))


def test_squares_are_the_picture():
    x = pictures(3)
    squares, kinds = autoregressive.to_squares(x)
    assert torch.equal(F.pixel_shuffle(squares, 2), x)
    assert kinds.min() == 0
    assert kinds.max() == 15
    one = torch.zeros(1, 1, 28, 28)
    one[0, 0, 0, 1], one[0, 0, 3, 26] = 1, 1
    kinds = autoregressive.to_squares(one)[1][0]
    assert kinds[0, 0] == 0b0100
    assert kinds[1, 13] == 0b0010


@pytest.mark.parametrize("place", [0, 13, 14, 100, 181, 195])
def test_a_square_moves_only_what_comes_later(model, place):
    squares, _ = autoregressive.to_squares(pictures(2))
    changed = squares.clone()
    changed[:, :, place // 14, place % 14] = 1 - changed[:, :, place // 14, place % 14]
    with torch.no_grad():
        moved = (model(changed) - model(squares)).abs().amax(dim=(0, 1)).flatten() > 0
    assert not moved[: place + 1].any()
    assert place == 195 or moved[place + 1 :].any()


def test_what_is_computed_for_a_part_is_that_of_the_whole(model):
    squares, _ = autoregressive.to_squares(pictures(2))
    with torch.no_grad():
        whole = model(squares)
        for row, column in ((0, 0), (3, 7), (13, 13)):
            seen = squares[:, :, : row + 1]
            part = model.along(seen[..., : column + 1], model.upper(seen), slice(row, row + 1))
            torch.testing.assert_close(part[:, :, 0, column], whole[:, :, row, column], rtol=1e-4, atol=1e-4)


def test_the_kinds_of_a_square_share_a_probability_of_one(model):
    x = pictures(1).repeat(16, 1, 1, 1)
    last = torch.arange(16)[:, None] & torch.tensor([8, 4, 2, 1]) > 0
    x[:, 0, 26:, 26:] = last.float().view(16, 2, 2)
    with torch.no_grad():
        nats = model.nats(x)
        rest = nats[0] - F.cross_entropy(model(autoregressive.to_squares(x[:1])[0])[:, :, 13, 13], torch.tensor([0]))
    torch.testing.assert_close((-nats).logsumexp(dim=0), -rest, rtol=1e-4, atol=1e-3)


def test_the_given_half_stays(model):
    top = pictures(2)
    drawn = model.sample(2, top=top)
    assert drawn.shape == (2, 1, 28, 28)
    assert torch.equal(drawn[:, :, :14], top[:, :, :14])
    assert set(drawn.unique().tolist()) <= {0.0, 1.0}
