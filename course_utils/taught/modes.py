"""Chapter 07: how many modes of the data a generator draws."""

import torch

from course_utils import schedule


def count_modes(samples, centres, std):
    """How many centres have a sample within three standard deviations, and the share of samples that are so near."""
    distance, nearest = torch.cdist(samples, centres).min(dim=1)
    good = distance <= 3 * std
    return len(nearest[good].unique()), good.float().mean().item()


def stack_digits(images, n, seed=0):
    """n colour pictures (n, 3, 28, 28), each made of three grey ones (·, 1, 28, 28) drawn at random: 1000 modes."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(len(images), (n, 3), generator=generator).to(images.device)
    return images[index].squeeze(2)


def stacked_modes(pictures, classifier):
    """The mode of each stacked picture, 0 to 999: the digits that the classifier reads in its three channels."""
    channels = pictures.flatten(0, 1).unsqueeze(1)  # (3n, 1, 28, 28)
    with schedule.evaluating(classifier):
        digits = torch.cat([classifier(part).argmax(dim=1) for part in channels.split(1000)])
    return digits.view(-1, 3) @ torch.tensor([100, 10, 1], device=digits.device)
