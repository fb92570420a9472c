"""Two uses of generators, measured over seeds and recorded for chapter 10: anomalies, and pictures for few labels.

    python -m course_utils uses --seeds 0 1 2 3 4        about five minutes on one core, for the data of COURSE_DATA

Writes `course_utils/uses.json`: for each data source the area under the curve of four scores that should find a digit
the model was never shown, and the accuracy of a classifier that learns from few labels and from added pictures.
"""

import argparse
import datetime
import json
import platform
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from course_utils import files, pretrained, results, schedule
from course_utils.data import batches, load_images
from course_utils.taught.evaluation import Classifier
from course_utils.taught.vae import VAE, kl_to_standard_normal, negative_elbo, reconstruction_loss

RECORD = Path(__file__).parents[1] / "uses.json"
LABELS = 10, 50, 250  # of each class


def auc(normal, odd):
    """The share of pairs in which the odd one has the higher score; ties count half."""
    return ((odd[:, None] > normal).double() + (odd[:, None] == normal).double() / 2).mean().item()


def vae_without(images, labels, digit, seed, steps=250):
    """A VAE that was never shown `digit`."""
    torch.manual_seed(seed)
    vae, known = VAE(), images[labels != digit]
    adam = torch.optim.Adam(vae.parameters(), 2e-3)
    for x in batches(known, 128, steps=steps, seed=seed, quiet=True):
        adam.zero_grad()
        negative_elbo(*mixed(vae, x)).backward()
        adam.step()
    return vae.eval(), known


def mixed(vae, x):
    logits, mu, logvar = vae(x)
    return logits, x, mu, logvar


@torch.no_grad()
def oddness(vae, known, x):
    """Four scores of pictures, each higher the odder: two of the model, and two that need none."""
    mu, logvar = vae.encode(x)
    logits = vae.decode(mu)
    return {
        "negative ELBO": reconstruction_loss(logits, x) + kl_to_standard_normal(mu, logvar),
        "squared error": (logits.sigmoid() - x.flatten(1)).square().sum(dim=1),
        "nearest of 2,000": torch.cdist(x.flatten(1), known[:2000].flatten(1)).min(dim=1).values,
        "ink": x.sum(dim=(1, 2, 3)),
    }


def find_the_odd(digits, digit, seed):
    """The area under the curve of each score: test pictures of `digit` against the other test pictures."""
    vae, known = vae_without(digits.train, digits.train_labels, digit, seed)
    scores = oddness(vae, known, digits.test[:3000])
    odd = digits.test_labels[:3000] == digit
    return {name: auc(score[~odd], score[odd]) for name, score in scores.items()}


def moved(x):
    """Each picture turned by up to 10°, scaled by up to a tenth and shifted by up to two pixels."""
    angle, scale, dx, dy = 2 * torch.rand(4, len(x)) - 1
    angle, scale = angle * torch.pi / 18, 1 + scale / 10
    cos, sin = scale * angle.cos(), scale * angle.sin()
    rows = torch.stack([cos, -sin, dx / 7, sin, cos, dy / 7], dim=1)
    grid = F.affine_grid(rows.view(-1, 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def learn(x, y, seed, added=None, change=None, steps=200):
    """A classifier from labelled pictures; where pictures are `added`, they are half of each batch."""
    torch.manual_seed(seed)
    network = Classifier()
    adam = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(steps):
        i = torch.randint(len(x), (32 if added else 64,))
        pictures, labels = change(x[i]) if change else x[i], y[i]
        if added:
            j = torch.randint(len(added[0]), (32,))
            pictures, labels = torch.cat([pictures, added[0][j]]), torch.cat([labels, added[1][j]])
        adam.zero_grad()
        F.cross_entropy(network(pictures), labels).backward()
        adam.step()
    return network.eval()


@torch.no_grad()
def from_codes(vae, x, y, n):
    """n pictures a class: a Gaussian around the mean code of its labelled pictures, decoded."""
    codes = vae.encode(x)[0]
    means = torch.stack([codes[y == digit].mean(dim=0) for digit in range(10)])
    root = torch.linalg.cholesky(torch.cov((codes - means[y]).T))
    labels = torch.arange(10).repeat(n)
    z = means[labels] + torch.randn(len(labels), codes.shape[1]) @ root.T
    return vae.decode(z).sigmoid().view(-1, 1, 28, 28), labels


@torch.no_grad()
def believed(network, pictures):
    """The pictures of which a classifier is sure, with the labels that it gives them."""
    surest, labels = network(pictures).softmax(dim=1).max(dim=1)
    return pictures[surest > 0.9], labels[surest > 0.9]


def few(labels, n, seed):
    """Where n labelled pictures of each class stand, chosen at random."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return torch.cat([order[labels[order] == digit][:n] for digit in range(10)])


@torch.no_grad()
def accuracy(network, digits):
    return (network(digits.test[:3000]).argmax(dim=1) == digits.test_labels[:3000]).double().mean().item()


def with_few_labels(digits, n, seed, arms=("nothing", "moved", "codes", "drawn", "unlabelled")):
    """The accuracy that n labels a class give, with and without pictures added to them."""
    chosen = few(digits.train_labels, n, seed)
    x, y = digits.train[chosen], digits.train_labels[chosen]
    alone, right = learn(x, y, seed), {}
    for arm in arms:
        torch.manual_seed(seed)
        if arm in ("nothing", "moved"):
            network = alone if arm == "nothing" else learn(x, y, seed, change=moved)
        else:
            more = {
                "codes": lambda: from_codes(pretrained.load(f"vae-{digits.source}"), x, y, 500),
                "drawn": lambda: believed(alone, pretrained.sample(f"dcgan-{digits.source}", 5000, seed)),
                "unlabelled": lambda: believed(alone, digits.train[torch.randperm(len(digits.train))[:5000]]),
            }
            network = learn(x, y, seed, added=more[arm]())
        right[arm] = accuracy(network, digits)
    return right


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils uses", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    arguments = parser.parse_args(argv)
    digits, begun = load_images("mnist"), time.process_time()
    odd = {str(d): [find_the_odd(digits, d, seed) for seed in arguments.seeds[:3]] for d in range(10)}
    print(f"anomalies: {time.process_time() - begun:.0f} s", flush=True)
    labels = {str(n): [with_few_labels(digits, n, seed) for seed in arguments.seeds] for n in LABELS}
    record = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {schedule.device().type}",
        "versions": results.versions(),
        "seeds": arguments.seeds,
        "seconds": round(time.process_time() - begun),
        "odd": odd,
        "labels": labels,
    }
    everything = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    files.write(RECORD, json.dumps(everything | {digits.source: record}, indent=1) + "\n")
    print(f"{record['seconds']} s of processor time; recorded in {RECORD.name}")
    return 0
