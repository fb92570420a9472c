"""Chapter 08: networks that are told a label, and a test that they listen to it."""

import torch
import torch.nn.functional as F
from torch import nn

from course_utils import CourseError, schedule
from course_utils.taught import dcgan
from course_utils.taught.evaluation import NeighbourScores, neighbour_scores


class ConditionalGenerator(nn.Module):
    def __init__(self, width=16, latent_dim=64, num_classes=10):
        super().__init__()
        w = width
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.layers = nn.Sequential(  # noise and one-hot label (n, 64 + 10)
            nn.Linear(latent_dim + num_classes, 2 * w * 7 * 7, bias=False),  # (n, 1568)
            nn.Unflatten(1, (2 * w, 7, 7)),  # (n, 32, 7, 7)
            nn.BatchNorm2d(2 * w),
            nn.ReLU(),
            nn.Conv2d(2 * w, 2 * w, 3, padding=1, bias=False),  # (n, 32, 7, 7)
            nn.BatchNorm2d(2 * w),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * w, w, 4, stride=2, padding=1, bias=False),  # (n, 16, 14, 14)
            nn.BatchNorm2d(w),
            nn.ReLU(),
            nn.ConvTranspose2d(w, 1, 4, stride=2, padding=1, bias=False),  # (n, 1, 28, 28)
            nn.Tanh(),
        )

    def forward(self, z, y):
        return self.layers(torch.cat([z, F.one_hot(y, self.num_classes)], dim=1))


class ConditionalDiscriminator(nn.Module):
    def __init__(self, width=16, num_classes=10):
        super().__init__()
        self.body = dcgan.DCGAN(28, 1, width, refine=1).discriminator[:-2]  # (n, 1, 28, 28) => (n, 1568)
        self.heads = nn.Linear(2 * width * 7 * 7, num_classes)  # (n, 10): a judge for each label

    def forward(self, x, y):
        return self.heads(self.body(x)).gather(1, y[:, None]).squeeze(1)  # (n,): what judge y says, a logit


class Given(nn.Module):
    """A network with its label filled in: a function of the other input alone."""

    def __init__(self, network, y):
        super().__init__()
        self.network, self.y = network, y

    def forward(self, x):
        return self.network(x, self.y)


class ConditionalVAE(nn.Module):
    def __init__(self, latent_dim=6, hidden_dim=400, num_classes=10, encoder_sees_label=True):
        super().__init__()
        self.latent_dim, self.num_classes, self.sees = latent_dim, num_classes, encoder_sees_label
        told = num_classes if encoder_sees_label else 0
        self.hidden = nn.Sequential(nn.Linear(784 + told, hidden_dim), nn.ReLU())
        self.to_mu, self.to_logvar = (nn.Linear(hidden_dim, latent_dim) for _ in range(2))
        joined = latent_dim + num_classes
        self.decoder = nn.Sequential(nn.Linear(joined, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 784))
        nn.init.normal_(self.decoder[0].weight[:, latent_dim:], std=2.0)  # the label is to be heard from the start

    def encode(self, x, y):
        x = torch.cat([x.flatten(1), F.one_hot(y, self.num_classes)], dim=1) if self.sees else x.flatten(1)
        h = self.hidden(x)  # (n, 400)
        return self.to_mu(h), self.to_logvar(h)  # each (n, latent_dim)

    def decode(self, z, y):
        return self.decoder(torch.cat([z, F.one_hot(y, self.num_classes)], dim=1))  # logits, (n, 784)

    def forward(self, z, y):
        return self.decode(z, y).sigmoid().view(-1, 1, 28, 28)


def scores_within(real, real_labels, fake, fake_labels, n=400):
    """Chapter 06's scores by neighbours, each the mean over the classes, with at most `n` of a kind in a class."""
    each = []
    for c in real_labels.unique():
        a, b = real[real_labels == c], fake[fake_labels == c]
        a, b = (x[:: max(1, len(x) // n)][:n] for x in (a, b))  # the test set is ordered: not only its beginning
        each.append(neighbour_scores(a, b) if len(b) > 5 else NeighbourScores(0.0, 0.0, 0.0, 0.0))
    return NeighbourScores(*torch.tensor(each).mean(dim=0).tolist())


def must_listen(network, x, labels=(3, 8)):
    """Raise an error unless `network(x, y)` changes with the label y; return how far the two outputs lie apart."""
    with schedule.evaluating(network):
        one, other = (network(x, torch.full((len(x),), y, device=x.device)) for y in labels)
    apart = (one - other).abs().max().item()
    if apart < 1e-6:
        raise CourseError("The output is the same for two labels: this network does not use its label.")
    return apart
