"""Chapter 11's helpers: the road, the loss and the guided velocity, on cases that are known."""

import torch

from course_utils.taught import diffusion


def test_the_road_begins_at_the_picture_and_ends_in_noise():
    x, noise = torch.randn(2, 3, 1, 28, 28)
    torch.testing.assert_close(diffusion.mix(x, noise, torch.zeros(3)), x)
    torch.testing.assert_close(diffusion.mix(x, noise, torch.ones(3)), noise)
    halves = diffusion.mix(x, noise, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(halves[1], (x[1] + noise[1]) / 2)


def test_pixels_come_back():
    pixels = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(diffusion.to_pixels(diffusion.to_path(pixels)), pixels)
    assert diffusion.to_pixels(torch.tensor([-9.0, 9.0])).tolist() == [0.0, 1.0]


def test_a_fresh_network_says_the_same_to_everything():
    network = diffusion.FlowNet(8)
    x, t, y = torch.randn(3, 1, 28, 28), torch.rand(3), torch.tensor([0, 9, diffusion.NO_LABEL])
    torch.testing.assert_close(network(x, t, y), network(torch.zeros_like(x), t, y))
    loss = diffusion.flow_loss(network, torch.zeros(500, 1, 28, 28), torch.zeros(500, dtype=torch.long))
    assert abs(loss.item() - 1) < 0.05  # the noise of pictures that are all 0


def test_times_are_told_apart():
    waves = diffusion.waves(torch.linspace(0, 1, 50))
    assert torch.cdist(waves, waves).fill_diagonal_(9.0).min() > 0.1


def test_guidance_is_a_line_through_both_answers():
    def network(x, t, y):
        return x * 0 + y.view(-1, 1).float()

    y, x = torch.tensor([3, 4]), torch.zeros(2, 1)
    for w, right in ((0.0, [10.0, 10.0]), (1.0, [3.0, 4.0]), (2.0, [-4.0, -2.0])):
        assert diffusion.guided(network, y, w)(x, 0.5).flatten().tolist() == right
