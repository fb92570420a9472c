# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 06 · Measuring a generator
#
# A score of a generator is itself a small program, and it can be wrong like any other. Nobody notices: there is no test
# error that would contradict it, and a wrong score is as easily printed as a right one. In this exercise you compute
# the Fréchet distance by hand, from a stream and with torchmetrics; you measure how it deceives when samples are few,
# and correct it; you find dropped modes and copied pictures, which it does not show; and you repair an evaluation
# script in which nearly everything is wrong.
#
# **You will practise**
#
# - the Fréchet distance in closed form: in one dimension, for independent features, and for any two Gaussians;
# - gathering a mean and a covariance from batches, without losing digits;
# - `FrechetInceptionDistance` of torchmetrics with a feature net of your own, and its traps;
# - the bias of the distance in the number of samples, and what it would be with infinitely many;
# - the two entropies in the inception score; recall, mode by mode; a test for memorisation;
# - finding faults in an evaluation; a small experiment, reported with numbers.
#
# **Follows** chapter 06.
#
# **Time.** About two and a half hours. Nothing is trained; the code runs in seconds.
#
# **How to check yourself.** Each task is a cell to fill in, followed by cells that check it. A line with a ✓ means that
# the visible checks hold (their code is folded; a click on the three dots opens it); a message says what kind of
# mistake was found. When your work is graded, the same checks run again with other numbers and shapes, so make each
# function right in general. You may use everything in PyTorch, torchmetrics and the course. Questions in words are read
# by a person.

# %% nbgrader={"grade": false, "grade_id": "bootstrap", "locked": true, "schema_version": 3, "solution": false} tags=["bootstrap", "hide-input"] jupyter={"source_hidden": true} cellView="form"
# Looks for the course's helpers. On Colab it fetches what is missing, and only that.
import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

needed = ("course_utils", "torch", "torchmetrics")
if any(find_spec(name) is None for name in needed):
    if not (find_spec("google") and find_spec("google.colab")):
        raise ImportError(
            f"This kernel, {sys.executable}, lacks the course's packages: choose the "
            "kernel of .venv (conda: course) at the upper right, or type `make lab` again."
        )
    source = "git+https://github.com/OWNER/REPOSITORY@main"
    pip = [sys.executable, "-m", "pip"]
    there = subprocess.check_output([*pip, "list", "--format=freeze"])
    Path("installed.txt").write_bytes(there)  # what Colab has stays as it is
    subprocess.run([*pip, "install", "-q", "-c", "installed.txt", source], check=True)
    importlib.invalidate_caches()

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import math

import torch
import torch.nn.functional as F
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from course_utils.checks import when_ready

# %% [markdown]
# ## Part 1: The distance of two Gaussians
#
# ### Question 1 (4 points)
#
# Four generators of digits. **P** replays pictures of the training set, chosen at random. **Q** knows one perfect
# picture of each of the ten classes and nothing else. **R** draws every digit well, in great variety, but never a 1 or
# a 7. **S** draws noise that no classifier has ever seen, but by a strange accident the mean and covariance of its
# features are those of real digits.
#
# All are compared with the *test* set. Which of the *inception score*, the *Fréchet distance*, *precision* and *recall* (both
# by k-NN balls) gives each of them away, and which does not? Give a reason for each generator in a sentence or two, and say what you would add to
# find P.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-blind-spots", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point for each generator: at least two scores rightly sorted, with a reason.
# - P: none of the four (superb on all, also against the test set, or nearly): all of them ask whether the distribution
#   looks right, none whether the pictures are new. Add distances to the training set, compared with those of held-out
#   real pictures.
# - Q: the inception score does not (about 10: certain and evenly spread). Precision does not (each picture is
#   real-looking). Recall does (ten points; with ten distinct pictures repeated, their k-NN balls have radius 0 and
#   cover nothing), and the Fréchet distance does (the covariance within classes is missing).
# - R: inception score a little (at most 8 instead of 10, and it cannot tell this from blurred classes), Fréchet
#   distance somewhat (mean and covariance move, but the number does not say what is wrong), precision not; recall does
#   (about the share of the missing classes is lost), and by class it says which.
# - S: Fréchet distance does not (0 by construction; it sees two moments only). Precision does: the features lie in next to
#   no ball of a real picture. Recall does not: samples that are scattered wide have wide balls, which cover most real
#   pictures (chapter 06's own S: precision 0.03, recall 0.87). The inception score perhaps (the head sees unusual
#   features). Accept other well-argued sortings, e.g. that recall for P depends on how many pictures are replayed.
# ### END MARK SCHEME
# P passes all four. They compare distributions, and a replayed training set has the right distribution. I would compare
# the distances of its pictures to the training set with the distances of held-out real pictures to the training set.
#
# Q has an inception score of nearly 10, because the classifier is certain of every picture and the classes are even,
# and precision 1. Recall gives it away, since ten pictures cover next to nothing of the real ones, and so does the
# Fréchet distance, since the variation within classes is missing from the covariance.
#
# R is perfect in precision. The inception score can be 8 at most, but would not say why. The Fréchet distance rises
# somewhat. Recall loses about a fifth, and computed class by class it names the 1 and the 7.
#
# S has a Fréchet distance of 0, for the distance sees means and covariances and nothing else. Precision finds that its
# features lie in no ball of a real picture. Recall is deceived: the samples lie far from each other, so their balls are huge and
# hold most of the real pictures.

# %% [markdown]
# ### The closed forms
#
# The Fréchet distance (the squared 2-Wasserstein distance) of two Gaussians is
#
# $$d^2 = \lVert m_a - m_b \rVert^2 + \operatorname{tr}\bigl(C_a + C_b - 2\,(C_a C_b)^{1/2}\bigr).$$
#
# Begin where no matrix root is needed: in one dimension, and for features that are independent of one another (diagonal
# covariances, given as vectors of variances).


# %% nbgrader={"grade": false, "grade_id": "simple-cases", "locked": false, "schema_version": 3, "solution": true}
def frechet_1d(mean_a, std_a, mean_b, std_b):
    """d² of two Gaussians in one dimension, from their means and standard deviations: floats in, a float out."""
    ### BEGIN SOLUTION
    return (mean_a - mean_b) ** 2 + (std_a - std_b) ** 2
    ### END SOLUTION


def frechet_diagonal(mean_a, var_a, mean_b, var_b):
    """d² of two Gaussians with independent coordinates, from means and variances: tensors (d,) in, a float out."""
    ### BEGIN SOLUTION
    difference = (mean_a - mean_b).square() + (var_a.sqrt() - var_b.sqrt()).square()
    return difference.sum().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "frechet-1d", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import close

close(frechet_1d(0.0, 1.0, 3.0, 1.0), 9.0, "The squared distance of the means, if the spreads agree.")
close(
    frechet_1d(2.0, 1.0, 2.0, 3.0),
    4.0,
    "To turn one bell into the other, each point moves in proportion to its distance from the middle.",
)
### BEGIN HIDDEN TESTS
close(frechet_1d(1.0, 0.5, -1.0, 2.0), 6.25, "Means and standard deviations both count, each as a squared difference.")
close(frechet_1d(0.0, 0.0, 0.0, 0.3), 0.09, "A Gaussian of spread 0 is a single point.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "frechet-diagonal", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

zero, one = torch.zeros(3), torch.ones(3)
right = 3.0
close(
    frechet_diagonal(zero, one, zero, 4 * one),
    right,
    "Variances 1 and 4 are standard deviations 1 and 2, in each of three coordinates.",
)
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(61)
for d in (1, 7):
    mean_a, mean_b = torch.randn(2, d, generator=random)
    std_a, std_b = torch.rand(2, d, generator=random) + 0.1
    right = ((mean_a - mean_b) ** 2 + (std_a - std_b) ** 2).sum().item()
    close(
        frechet_diagonal(mean_a, std_a**2, mean_b, std_b**2),
        right,
        "The coordinates add up, each with its own means and variances.",
    )
### END HIDDEN TESTS

# %% [markdown]
# Now any two covariances. Feature covariances are often nearly or exactly singular: fewer samples than features, or
# features that never vary. A root that loses half of the digits there is a classic, so compute in float64.


# %% nbgrader={"grade": false, "grade_id": "moments-code", "locked": false, "schema_version": 3, "solution": true}
def frechet_from_moments(mean_a, cov_a, mean_b, cov_b):
    """d² from means (d,) and covariances (d, d), symmetric and possibly singular, in float32 or float64. A float."""
    ### BEGIN SOLUTION
    mean_a, cov_a, mean_b, cov_b = (x.double() for x in (mean_a, cov_a, mean_b, cov_b))
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return ((mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "moments-known", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

mean, cov = torch.tensor([1.0, 2.0]), torch.tensor([[2.0, 0.6], [0.6, 1.0]])
close(frechet_from_moments(mean, cov, mean, cov), 0.0, "The distance of a Gaussian from itself is 0.")
close(
    frechet_from_moments(mean, cov, mean + 2, cov),
    8.0,
    "With equal covariances, only the squared distance of the means is left.",
)
close(
    frechet_from_moments(mean, cov, mean, 4 * cov),
    3.0,
    "A bell twice as wide: the roots of the covariances differ by one root.",
)
### BEGIN HIDDEN TESTS
cov_a, cov_b = torch.diag(torch.tensor([4.0, 0.25, 1.0])), torch.diag(torch.tensor([1.0, 9.0, 0.04]))
a, b = torch.tensor([0.0, 1.0, -2.0]), torch.tensor([1.0, 1.0, 0.5])
close(
    frechet_from_moments(a, cov_a, b, cov_b),
    7.25 + 1.0 + 6.25 + 0.64,
    "For diagonal covariances it is the sum over coordinates.",
)
close(
    frechet_from_moments(torch.zeros(1), torch.ones(1, 1), torch.zeros(1), 9 * torch.ones(1, 1)),
    4.0,
    "One dimension is a case like any other.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "moments-turned", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

cov_a, cov_b = (
    torch.diag(torch.tensor([4.0, 1.0])),
    torch.tensor([[2.5, 1.5], [1.5, 2.5]]),
)  # the same bell, turned by 45°
right = 10 - 2 * 20.5**0.5  # for two rows and columns, tr (AB)^½ is the root of tr AB + 2 √det AB
message = "Where A and B do not commute, the root of the product is neither the product of the roots nor a root of each entry."
close(frechet_from_moments(torch.zeros(2), cov_a, torch.zeros(2), cov_b), right, message)
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(62)
for d in (3, 8):
    mean_a, mean_b = torch.randn(2, d, generator=random)
    a, b = torch.randn(2, d, 2 * d, generator=random).double()
    cov_a, cov_b = a @ a.T / d, b @ b.T / d
    # tr (AB)^½ is also the sum of the singular values of L_aᵀ L_b, with any L Lᵀ = C
    overlap = torch.linalg.svdvals(torch.linalg.cholesky(cov_a).T @ torch.linalg.cholesky(cov_b)).sum()
    right = ((mean_a - mean_b) ** 2).sum() + cov_a.trace() + cov_b.trace() - 2 * overlap
    close(frechet_from_moments(mean_a, cov_a.float(), mean_b, cov_b.float()), right.item(), message, rtol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "moments-singular", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

cov = torch.zeros(3, 3)
cov[0, 0] = 4.0
close(
    frechet_from_moments(torch.zeros(3), cov, torch.zeros(3), cov),
    0.0,
    "Features that never vary must do no harm.",
    atol=1e-3,
)
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(63)
few = 10 * torch.randn(5, 24, generator=random).double()  # fewer samples than features
cov = torch.cov(few.T)
mean = few.mean(dim=0)
message = (
    "Eigenvalues that should be 0 come out as tiny numbers of either sign; mind their roots, and compute in float64."
)
close(frechet_from_moments(mean, cov, mean, cov), 0.0, message, atol=0.02)
other = torch.diag(torch.arange(24.0).double())
overlap = torch.linalg.svdvals((few - mean) / 2 * torch.arange(24.0).double().sqrt()).sum()
right = (cov.trace() + other.trace() - 2 * overlap).item()
close(frechet_from_moments(mean, cov, mean, other), right, message, rtol=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2: Moments from a stream
#
# Fifty thousand pictures do not fit through a network at once, and need not be kept. Write a class that sees batch
# after batch and knows mean and covariance at any time. The covariance is the usual unbiased one, as `torch.cov` has
# it.
#
# A warning: features after a ReLU may lie around 1000 and vary by 1. The textbook formula, mean of squares minus square
# of the mean, then subtracts two numbers near a million to find one near 1. In float32 nothing is left of it.


# %% nbgrader={"grade": false, "grade_id": "stream-code", "locked": false, "schema_version": 3, "solution": true}
class Moments:
    """Mean and covariance of feature vectors that arrive in batches."""

    def __init__(self, dim):
        """dim: the number of features."""
        ### BEGIN SOLUTION
        self.n = 0
        self.total = torch.zeros(dim, dtype=torch.float64)
        self.products = torch.zeros(dim, dim, dtype=torch.float64)
        ### END SOLUTION

    def update(self, features):
        """Take in a batch (n, dim), n of 1 or more, usually float32."""
        ### BEGIN SOLUTION
        features = features.double()
        self.n += len(features)
        self.total += features.sum(dim=0)
        self.products += features.T @ features
        ### END SOLUTION

    def mean(self):
        """The mean (dim,) of all that has come."""
        ### BEGIN SOLUTION
        return self.total / self.n
        ### END SOLUTION

    def cov(self):
        """The unbiased covariance (dim, dim) of all that has come."""
        ### BEGIN SOLUTION
        mean = self.mean()
        return (self.products - self.n * torch.outer(mean, mean)) / (self.n - 1)
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "stream-batches", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x = torch.randn(60, 4)
moments = Moments(4)
for batch in x.split([20, 20, 20]):
    moments.update(batch)
close(moments.mean(), x.mean(dim=0), "The mean over all batches together.")
close(
    moments.cov(),
    torch.cov(x.T),
    "The covariance of all rows together is not the average of the batches' covariances.",
    rtol=1e-3,
    atol=1e-4,
)
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(64)
x = (
    torch.randn(50, 3, generator=random) * torch.tensor([1.0, 5.0, 0.2]) + torch.arange(50).view(-1, 1) / 10
)  # it drifts
moments, other = Moments(3), Moments(3)
for batch in x.split([1, 30, 2, 1, 16]):
    other.update(batch.flip(0) - 1)  # two streams at the same time
    moments.update(batch)
message = "Batches may be of any size, down to one row, and differ from one another."
close(moments.mean(), x.mean(dim=0), message)
close(moments.cov(), torch.cov(x.T), message, rtol=1e-3, atol=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "stream-unbiased", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

moments = Moments(1)
moments.update(torch.tensor([[1.0]]))
moments.update(torch.tensor([[3.0]]))
close(moments.cov(), torch.tensor([[2.0]]), "The unbiased covariance divides by one fewer than there are rows.")
### BEGIN HIDDEN TESTS
moments.update(torch.tensor([[5.0], [7.0]]))  # a look in between must not disturb anything
close(moments.mean(), torch.tensor([4.0]), "After a first look, the stream goes on.")
close(moments.cov(), torch.tensor([[20 / 3]]), "After a first look, the stream goes on.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "stream-digits", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x = torch.randn(500, 2) + 1000
moments = Moments(2)
for batch in x.split(50):
    moments.update(batch)
message = "Features around 1000 that vary by 1: where are the digits lost?"
close(moments.cov(), torch.cov(x.double().T), message, rtol=1e-2, atol=1e-3)
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(65)
x = 0.1 * torch.randn(4000, 3, generator=random) + torch.tensor([300.0, -2000.0, 5.0])
moments = Moments(3)
for batch in x.split(64):
    moments.update(batch)
close(moments.mean(), x.double().mean(dim=0), message, rtol=1e-6)
close(moments.cov(), torch.cov(x.double().T), message, rtol=1e-2, atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 3: FID with torchmetrics
#
# `FrechetInceptionDistance(feature=net)` takes a feature net of your own: pictures in, features `(n, net.num_features)`
# out. Read its documentation, then mind what it does *not* do: it does not switch the net to eval mode, and it does not
# switch back.
#
# Here are small pictures and a small net. It comes out of its "training" in train mode, as nets do, has batch norm and
# dropout in it, and counts what it has seen.


# %% nbgrader={"grade": false, "grade_id": "feature-net", "locked": true, "schema_version": 3, "solution": false}
class FeatureNet(nn.Module):
    """Pictures (n, 1, 8, 8) with pixels from 0 to 1 => six features. The weights are random, and always the same."""

    num_features = 6

    def __init__(self):
        super().__init__()
        random = torch.Generator().manual_seed(6)
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(128, 6),
        )
        for p in self.parameters():
            p.data = torch.randn(p.shape, generator=random) * p.numel() ** -0.25

    seen = [0]  # how many pictures have gone through the net and its copies

    def forward(self, x):
        self.seen[0] += len(x)
        return self.layers(x)


def pictures(n, seed, spread=1.0):
    """n pictures of soft blots: (n, 1, 8, 8), pixels from 0 to 1. With a smaller spread they differ less."""
    random = torch.Generator().manual_seed(seed)
    coarse = 2 * spread * torch.randn(n, 1, 4, 4, generator=random)
    return torch.sigmoid(F.interpolate(coarse, size=(8, 8), mode="bilinear") - 0.5)


# %% [markdown]
# Write `fid`, and `fid_of_many` for comparing several generators with the same real pictures. In both, pictures go
# through the net in batches. Both leave the net as they found it: in the mode it was in, its running statistics
# unchanged. And `fid_of_many` shall not compute the real features anew for each generator: there is an argument of the
# metric for that.


# %% nbgrader={"grade": false, "grade_id": "torchmetrics-code", "locked": false, "schema_version": 3, "solution": true}
def fid(real, fake, net, batch_size=50):
    """Fréchet distance of two sets of pictures on the features of net in eval mode, by torchmetrics. A float."""
    ### BEGIN SOLUTION
    return fid_of_many(real, [fake], net, batch_size)[0]
    ### END SOLUTION


def fid_of_many(real, fakes, net, batch_size=50):
    """A list with the distance of each set of pictures in the list `fakes` from the same real pictures."""
    ### BEGIN SOLUTION
    mode = net.training
    metric = FrechetInceptionDistance(feature=net, reset_real_features=False)
    net.eval()
    for batch in real.split(batch_size):
        metric.update(batch, real=True)
    distances = []
    for fake in fakes:
        metric.reset()
        for batch in fake.split(batch_size):
            metric.update(batch, real=False)
        distances.append(metric.compute().item())
    net.train(mode)
    return distances
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "fid-value", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close, ours
from course_utils.taught.evaluation import frechet_distance

pictures, same_net = ours("pictures"), ours("FeatureNet")().eval()
net, real, fake = FeatureNet(), pictures(120, seed=1), pictures(90, seed=2, spread=0.5)
value = fid(real, fake, net)  # the net is in train mode, as it comes
right = frechet_distance(same_net(real), same_net(fake))
close(
    value,
    right,
    "With dropout or a batch's own statistics in the features, the distance measures them, too.",
    rtol=1e-3,
)
### BEGIN HIDDEN TESTS
for seed, n in ((3, 64), (4, 51)):
    net, real, fake = FeatureNet(), pictures(n + 30, seed=seed, spread=0.7), pictures(n, seed=seed + 10)
    value = fid(real, fake, net, batch_size=n)
    right = frechet_distance(same_net(real), same_net(fake))
    close(value, right, "The distance on the features of the net in eval mode, over all pictures.", rtol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "fid-batches", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, ours

pictures = ours("pictures")
net, real, fake = FeatureNet(), pictures(60, seed=5), pictures(60, seed=6, spread=0.6)
check(fid(real, fake, net) > 1e-4, "These two sets differ.")
check(fid(real, pictures(60, seed=9), net) != fid(real, fake, net), "Other pictures, another distance.")
close(
    fid(real, fake, net, batch_size=60),
    fid(real, fake, net, batch_size=7),
    "The size of the batches must not matter.",
    rtol=1e-3,
)
### BEGIN HIDDEN TESTS
close(
    fid(real, fake, net, batch_size=1000),
    fid(real, fake, net, batch_size=59),
    "Neither may a last, smaller batch.",
    rtol=1e-3,
)
from course_utils.taught.evaluation import frechet_distance

same_net = ours("FeatureNet")().eval()
message = "The distance of the features of this net is wanted: of which numbers is it?"
close(fid(real, fake, net, batch_size=7), frechet_distance(same_net(real), same_net(fake)), message, rtol=0.1)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "fid-leaves-net", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import check, close, ours

net, pictures = FeatureNet(), ours("pictures")
before = {key: value.clone() for key, value in net.state_dict().items()}  # copies: norms update in place
near, far = (fid(pictures(30, seed=7), pictures(30, seed=8, spread=spread), net) for spread in (1.0, 0.2))
check(far > near > 0, "Pictures that differ less than the real ones are farther from them: is anything measured?")
check(net.training, "A net that came in train mode should leave in train mode.")
for key, value in net.state_dict().items():
    close(value, before[key], "Measuring must not change the net: running statistics move at every pass in train mode.")
### BEGIN HIDDEN TESTS
from course_utils.taught.evaluation import frechet_distance

net.eval()
(distance,) = fid_of_many(pictures(30, seed=7), [pictures(30, seed=8)], net)
same_net = ours("FeatureNet")().eval()
right = frechet_distance(same_net(pictures(30, seed=7)), same_net(pictures(30, seed=8)))
close(distance, right, "The distance of the features of this net is wanted: of which numbers is it?", rtol=0.1)
check(not net.training, "A net that came in eval mode should leave in eval mode.")
for key, value in net.state_dict().items():
    close(value, before[key], "Measuring must not change the net: running statistics move at every pass in train mode.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "fid-many", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close, ours
from course_utils.taught.evaluation import frechet_distance

pictures, same_net = ours("pictures"), ours("FeatureNet")().eval()
net, real = FeatureNet(), pictures(80, seed=11)
fakes = [pictures(80, seed=12, spread=0.3), pictures(60, seed=13)]
### BEGIN HIDDEN TESTS
fakes += [pictures(70, seed=14, spread=2.0), pictures(25, seed=15, spread=0.8)]
### END HIDDEN TESTS
values = fid_of_many(real, fakes, net)
close(len(values), len(fakes), "One distance for each set of fakes.")
for value, fake in zip(values, fakes, strict=True):
    right = frechet_distance(same_net(real), same_net(fake))
    close(
        value,
        right,
        "Each set by itself: the fakes of one generator must not stay in the metric for the next.",
        rtol=1e-3,
    )

# %% nbgrader={"grade": true, "grade_id": "fid-work", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import check, close, ours

net, fakes = FeatureNet(), [ours("pictures")(40, seed=seed) for seed in (22, 23, 24)]
before = net.seen[0]
values = fid_of_many(ours("pictures")(100, seed=21), fakes, net)
close(
    net.seen[0] - before,
    220,
    "Every picture should pass through the net once, the real ones too, however many generators there are.",
)
### BEGIN HIDDEN TESTS
numbers = {float(value) for value in values}
check(len(numbers) == 3 and min(numbers) > 0, "The pictures have passed through the net, but nothing was measured.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 4: The bias, and how to get rid of it
#
# With few samples the distance comes out too large, about by $c/n$. So plot it against $1/n$ and read off where the
# line meets $1/n = 0$ (Chong and Forsyth, 2020, do this to the FID).


# %% nbgrader={"grade": false, "grade_id": "bias-code", "locked": false, "schema_version": 3, "solution": true}
def distance_at(a, b, n, repeats=10, seed=0):
    """Mean Fréchet distance of n random rows of a and n random rows of b, over `repeats` draws.

    In one draw each row is taken at most once. Covariances are the unbiased ones.
    a, b: features (m, d), with m of n or more, not always equally many. A float, the same for the same seed.
    """
    ### BEGIN SOLUTION
    random = torch.Generator().manual_seed(seed)
    distances = []
    for _ in range(repeats):
        x, y = (rows[torch.randperm(len(rows), generator=random)[:n]].double() for rows in (a, b))
        distances.append(frechet_from_moments(x.mean(dim=0), torch.cov(x.T), y.mean(dim=0), torch.cov(y.T)))
    return sum(distances) / repeats
    ### END SOLUTION


def extrapolate(sizes, distances):
    """Least-squares fit of distance = limit + c / n to two lists. Returns (limit, c), two floats."""
    ### BEGIN SOLUTION
    inverse = 1 / torch.tensor(sizes, dtype=torch.float64)
    y = torch.tensor(distances, dtype=torch.float64)
    centred = inverse - inverse.mean()
    c = (centred * (y - y.mean())).sum() / centred.square().sum()
    return (y.mean() - c * inverse.mean()).item(), c.item()
    ### END SOLUTION


def distance_at_infinity(a, b, sizes, repeats=10, seed=0):
    """The distance that infinitely many samples would have, extrapolated from `distance_at` of the sizes. A float."""
    ### BEGIN SOLUTION
    return extrapolate(sizes, [distance_at(a, b, n, repeats, seed) for n in sizes])[0]
    ### END SOLUTION


# %% given=["moments-code"] nbgrader={"grade": true, "grade_id": "distance-at", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close
from course_utils.taught.evaluation import frechet_distance

random = torch.Generator().manual_seed(66)
a, b = torch.randn(200, 4, generator=random), torch.randn(200, 4, generator=random) + 0.5
close(
    distance_at(a, b, 200, repeats=2),
    frechet_distance(a, b),
    "With all rows there is nothing to choose: each row is taken once.",
)
close(distance_at(a, b, 50, seed=1), distance_at(a, b, 50, seed=1), "The same seed, the same number.")
### BEGIN HIDDEN TESTS
check(distance_at(a, b, 50, seed=1) != distance_at(a, b, 50, seed=2), "Another seed, other rows.")
check(
    distance_at(a, b, 30, repeats=1) != distance_at(a, b, 30, repeats=20),
    "Average over the repetitions, each with rows of its own.",
)
a, b = torch.randn(3000, 8, generator=random), torch.randn(1500, 8, generator=random)
message = "n rows of each set, and the mean over the repetitions: for standard normals in 8 dimensions the bias at n = 100 is known."
close(distance_at(a, b, 100, repeats=100, seed=3), 0.52, message, rtol=0.2)
a = torch.cat([torch.zeros(500, 2), torch.ones(500, 2)])  # rows in order
close(distance_at(a, a, 250, repeats=10), 0.0, "Random rows, from anywhere in the set, not the first ones.", atol=0.02)
check(distance_at(a, a, 250) > 1e-6, "Draw the rows of the two sets independently of each other.")
# All rows but one of a, all of b: there are only seven distances that a single draw can give, and each must come.
a, b = torch.randn(7, 2, generator=random), torch.randn(6, 2, generator=random)
possible = torch.tensor([frechet_distance(a[torch.arange(7) != i], b) for i in range(7)], dtype=torch.float64)
found = torch.tensor([float(distance_at(a, b, 6, repeats=1, seed=seed)) for seed in range(60)], dtype=torch.float64)
gaps = (found.view(-1, 1) - possible).abs()
message = "A single draw gives the distance of some of the rows of a from some of b, each taken at most once, with all of them equally likely."
check(gaps.amin(dim=1).max() < 1e-3 * possible.max() and len(gaps.argmin(dim=1).unique()) == 7, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "extrapolate", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import close

limit, c = extrapolate([100, 200, 400], [3.0, 2.5, 2.25])
close(limit, 2.0, "The limit is the value at 1/n = 0.", rtol=1e-3)
close(c, 100.0, "c is the slope in 1/n.", rtol=1e-3)
### BEGIN HIDDEN TESTS
limit, c = extrapolate([50, 1000], [0.4, 0.02])
close(limit, 0.0, "Two points lie on one line.", atol=1e-6)
close(c, 20.0, "c is the slope in 1/n.", rtol=1e-3)
sizes, distances = [10, 20, 50, 100, 250], [1.31, 0.62, 0.38, 0.17, 0.11]
x = [1 / n for n in sizes]
mean_x, mean_y = sum(x) / 5, sum(distances) / 5
slope = sum((u - mean_x) * (v - mean_y) for u, v in zip(x, distances, strict=True)) / sum((u - mean_x) ** 2 for u in x)
limit, c = extrapolate(sizes, distances)
close(c, slope, "The points do not lie on a line: least squares, each point with the same weight.", rtol=1e-3)
close(
    limit,
    mean_y - slope * mean_x,
    "The points do not lie on a line: least squares, each point with the same weight.",
    rtol=1e-3,
)
### END HIDDEN TESTS

# %% given=["moments-code"] nbgrader={"grade": true, "grade_id": "at-infinity", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close
from course_utils.taught.evaluation import frechet_distance

random = torch.Generator().manual_seed(67)
a, b = torch.randn(1000, 16, generator=random), torch.randn(1000, 16, generator=random)
b[:, 0] += 0.3  # the true distance is 0.09
limit = distance_at_infinity(a, b, [125, 177, 250, 354, 500], repeats=40)
check(
    abs(limit - 0.09) < abs(frechet_distance(a, b) - 0.09),
    "The limit should be nearer to the truth than the distance of all samples.",
)
### BEGIN HIDDEN TESTS
close(limit, 0.09, "Measure at several sizes, fit a line in 1/n, and read it off at 0.", rtol=0, atol=0.08)
a, b = torch.randn(800, 3, generator=random), 2 * torch.randn(800, 3, generator=random)
close(
    distance_at_infinity(a, b, [50, 100, 200, 400], repeats=40, seed=4),
    3.0,
    "The limit must keep a distance that is there.",
    rtol=0.15,
)
# Features that vary three times as much have nine times the bias, here 2.5 at n = 600; the true distance is 4.
a, b = 3 * torch.randn(2, 600, 16, generator=random)
b[:, 0] += 2
taken_off = frechet_distance(a, b) - distance_at_infinity(a, b, [75, 150, 300], repeats=30, seed=5)
check(0.8 < taken_off < 6, "The bias belongs to these features: it has to be measured on them, at several sizes.")
### END HIDDEN TESTS

# %% [markdown]
# ### Question 2 (4 points)
#
# Two papers on the same data. The first reports an FID of 12.1: 5,000 samples, against the test set. The second 10.4:
# 50,000 samples, against the training set, "the best of 200 checkpoints", pictures saved as JPEG before scoring. Which
# generator is better? Name three differences that matter and the direction in which each moves the number, and say what
# you would ask both authors to do.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-compare", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - it cannot be said from these numbers (1);
# - three of these, half a point each for the difference with its direction: number of samples (bias ~ c/n, so 5,000 is
#   scored too high); reference split (the training set favours what has memorised it, and is nearer to the generator
#   than the test set); best of 200 by the same score on the same pictures (selection on noise, too low; a winner's
#   curse); JPEG (changes features, direction open, usually worse than lossless if the reference is not compressed as
#   well) (1.5);
# - a protocol: the same n, reference, feature net, resizing and file format; the checkpoint chosen on other samples and
#   other real pictures than it is reported on; several seeds with their spread; the real-vs-real row (1.5; at least
#   three of these).
# ### END MARK SCHEME
# One cannot say. The first has ten times fewer samples, so the part of the bias that comes from the samples is about ten times as large: too high. (The finite reference adds its
# own part to both.) The
# second measures against the training set, which favours a model that has seen, or even memorised, these pictures: too
# low. And it reports the best of 200 checkpoints by the same score: part of what was selected is luck, again too low.
# JPEG moves the features, too, and probably away from the reference, if that was not compressed. I would ask both for
# 50,000 samples, the same feature net, resizing and lossless pictures, the test set as reference (or the same split for
# both, said plainly), the checkpoint chosen with other samples and other real pictures than those of the final score,
# at least three training seeds with their spread, and beside it the row of real training pictures against the
# reference.

# %% [markdown]
# ## Part 5: What the inception score is made of
#
# Its logarithm is the mutual information of picture and class, $H(y) - H(y\,|\,x)$: the entropy of the average
# prediction (is everything drawn?) minus the average entropy of a prediction (is each picture clear?). One number hides
# which of the two is bad. Give both, in nats. And say what the score can be at best for a generator that draws
# perfectly clear pictures, but the classes in given shares.


# %% nbgrader={"grade": false, "grade_id": "entropy-code", "locked": false, "schema_version": 3, "solution": true}
def two_entropies(probabilities):
    """H(y) and H(y|x), two floats in nats, from predictions (n, classes) whose rows sum to 1. Zeros may occur."""

    ### BEGIN SOLUTION
    def entropy(p):
        return -torch.special.xlogy(p, p).sum(dim=-1)

    p = probabilities.double()
    return entropy(p.mean(dim=0)).item(), entropy(p).mean().item()
    ### END SOLUTION


def best_inception_score(shares):
    """The highest inception score of a generator that draws the classes in these shares (classes,), summing to 1."""
    ### BEGIN SOLUTION
    return math.exp(two_entropies(shares.view(1, -1))[0])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "entropies", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

p = torch.tensor([[0.9, 0.1], [0.1, 0.9]])
marginal, conditional = two_entropies(p)
close(marginal, math.log(2), "H(y): the classes are even on average, which is log 2 nats.")
close(conditional, 0.325083, "H(y|x): each picture is fairly clear, whichever its class.", rtol=1e-3)
### BEGIN HIDDEN TESTS
from course_utils.taught.evaluation import inception_score

random = torch.Generator().manual_seed(68)
for n, classes in ((50, 10), (1, 4), (7, 3)):
    p = torch.softmax(2 * torch.randn(n, classes, generator=random), dim=1)
    marginal, conditional = two_entropies(p)
    right = -(p * p.log()).sum(dim=1).mean().item()
    close(conditional, right, "H(y|x): the entropy of each row, averaged over the rows.", rtol=1e-3)
    close(
        marginal - conditional,
        math.log(inception_score(p)),
        "The difference is the logarithm of the inception score.",
        rtol=1e-3,
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "entropies-zeros", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

marginal, conditional = two_entropies(torch.eye(4))
close(conditional, 0.0, "A prediction without doubt has entropy 0: 0 · log 0 is 0, not NaN.")
close(marginal, math.log(4), "Four classes, once each.")
### BEGIN HIDDEN TESTS
marginal, conditional = two_entropies(torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]))
close(marginal, math.log(2), "A class that never comes adds nothing.")
close(conditional, math.log(2), "A class that never comes adds nothing.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "best-score", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

close(best_inception_score(torch.full((10,), 0.1)), 10.0, "Ten even classes: 10.", rtol=1e-3)
### BEGIN HIDDEN TESTS
close(
    best_inception_score(torch.tensor([0.25, 0.0, 0.25, 0.5])),
    2**1.5,
    "Uneven shares count as fewer classes.",
    rtol=1e-3,
)
close(best_inception_score(torch.tensor([0.0, 1.0])), 1.0, "One class only: 1.", rtol=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 6: Neighbours
#
# The ball of a sample reaches to its $k$-th nearest neighbour among its own kind (itself not counted). A fake is
# *realistic* if it lies in the ball of at least one real sample; a real sample is *recalled* if it lies in the ball of
# at least one fake. Their shares are precision and recall. Here the real samples come with a label, and recall is given
# for each mode by itself: then it also says *what* is missing.


# %% nbgrader={"grade": false, "grade_id": "neighbour-code", "locked": false, "schema_version": 3, "solution": true}
def radii(x, k):
    """Distance of each row of x (n, d) from its k-th nearest other row: (n,)."""
    ### BEGIN SOLUTION
    return torch.cdist(x, x).fill_diagonal_(math.inf).kthvalue(k).values
    ### END SOLUTION


def realistic(real, fake, k=3):
    """For each fake (m, d), whether it lies in the ball of some real sample (n, d): a tensor of m truth values."""
    ### BEGIN SOLUTION
    return (torch.cdist(fake, real) < radii(real, k)).any(dim=1)
    ### END SOLUTION


def recall_by_mode(real, labels, fake, k=3):
    """The share of the real samples of each mode that lie in the ball of some fake.

    real (n, d), labels (n,) whole numbers from 0, each of which occurs; fake (m, d). Returns floats (modes,).
    """
    ### BEGIN SOLUTION
    recalled = realistic(fake, real, k).float()
    return torch.stack([recalled[labels == mode].mean() for mode in range(int(labels.max()) + 1)])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "radii", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
close(radii(x, 1), torch.tensor([1.0, 1.0, 2.0, 4.0]), "A sample is not its own neighbour.")
close(radii(x, 2), torch.tensor([3.0, 2.0, 3.0, 6.0]), "The distance to the second nearest, not the sum of the two.")
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(69)
x = torch.randn(30, 5, generator=random)
distances = (x.unsqueeze(1) - x.unsqueeze(0)).square().sum(dim=2).sqrt()
for k in (1, 4, 29):
    close(
        radii(x, k),
        distances.sort(dim=1).values[:, k],
        "The k-th nearest other row, by Euclidean distance.",
        rtol=1e-3,
        atol=1e-3,
    )
close(
    radii(torch.tensor([[2.0, 2.0], [2.0, 2.0], [5.0, 6.0]]), 1),
    torch.tensor([0.0, 0.0, 5.0]),
    "A second copy is another sample.",
    atol=1e-3,
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "realistic", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

real = torch.tensor([[0.0], [1.0], [10.0], [14.0]])
answer = torch.as_tensor(realistic(real, torch.tensor([[0.6], [2.5], [12.0], [18.5]]), k=1)).bool()
check(tuple(answer.shape) == (4,), "One truth value for each fake.")
check(
    answer.tolist() == [True, False, True, False],
    "Each real sample has a ball of its own size: wide where samples are few.",
)
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(70)
for n, m, k in ((20, 35, 2), (40, 5, 3), (12, 12, 5)):
    real, fake = torch.randn(n, 2, generator=random), 1.5 * torch.randn(m, 2, generator=random)
    own = (real.unsqueeze(1) - real.unsqueeze(0)).norm(dim=2).sort(dim=1).values[:, k]
    right = ((fake.unsqueeze(1) - real.unsqueeze(0)).norm(dim=2) < own).any(dim=1)
    answer = torch.as_tensor(realistic(real, fake, k)).bool()
    check(answer.tolist() == right.tolist(), "The balls are those of the real samples, and one of them is enough.")
real, fake = torch.randn(40, 2, generator=random), torch.randn(200, 2, generator=random)
by_default, with_three = (torch.as_tensor(one).bool() for one in (realistic(real, fake), realistic(real, fake, 3)))
check(by_default.tolist() == with_three.tolist(), "Without k, the balls reach to the third neighbour.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "recall-by-mode", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

random = torch.Generator().manual_seed(71)
labels = torch.arange(4).repeat(50)
real = 10 * labels.view(-1, 1) + torch.rand(200, 2, generator=random)
fake = torch.cat([torch.rand(100, 2, generator=random), 20 + torch.rand(100, 2, generator=random)])  # modes 0 and 2
shares = recall_by_mode(real, labels, fake)
close(torch.as_tensor(shares).round(), torch.tensor([1.0, 0.0, 1.0, 0.0]), "Two modes are dropped, two are covered.")
### BEGIN HIDDEN TESTS
labels = torch.tensor([0, 1, 1, 0, 2, 2, 2, 2])
real = torch.tensor([0.1, 0.9, 5.0, 9.0, 0.2, 0.3, 7.0, 0.4]).view(-1, 1)
fake = torch.tensor([[0.0], [0.5], [1.0], [1.5]])
right = torch.tensor([0.5, 0.5, 0.75])
close(
    torch.as_tensor(recall_by_mode(real, labels, fake, k=1)),
    right,
    "For each mode the share of its own real samples that a fake's ball contains.",
)
real = torch.tensor([[0.5], [3.0], [100.0], [200.0]])
labels = torch.tensor([0, 1, 0, 1])
message = "Recall takes the balls of the fakes: how wide the balls of the real samples are does not matter."
close(torch.as_tensor(recall_by_mode(real, labels, fake, k=1)), torch.tensor([0.5, 0.0]), message)
real, fake = torch.randn(100, 4, generator=random), torch.randn(30, 4, generator=random)
by_default, with_three = (torch.as_tensor(recall_by_mode(real, torch.arange(100) % 2, fake, *k)) for k in ((), (3,)))
close(by_default, with_three, "Without k, the balls reach to the third neighbour.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 7: Does it copy?
#
# A generator that replays its training set has superb scores. What gives it away: its pictures lie *nearer* to the
# training set than fresh real pictures do. So take held-out real pictures, find for each its distance to the nearest
# training picture, and do the same for the fakes. Now draw one of each: how often is the fake the nearer one? Count
# ties as half. (This is the Mann–Whitney statistic; Meehan et al., 2020, build their test on it.) ½ is what a perfect generator
# gets; an honest one that is less than perfect gets less, since its pictures lie farther out. 1 means copies.


# %% nbgrader={"grade": false, "grade_id": "copying-code", "locked": false, "schema_version": 3, "solution": true}
def copying(train, held_out, fake):
    """How often, over all pairs, a fake lies nearer to its nearest training sample than a held-out one to its own.

    All (any number, d), float. Ties count half. Returns a float.
    """
    ### BEGIN SOLUTION
    of_fake = torch.cdist(fake, train).amin(dim=1).view(-1, 1)
    of_real = torch.cdist(held_out, train).amin(dim=1)
    return ((of_fake < of_real).double() + 0.5 * (of_fake == of_real).double()).mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "copying-counts", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

train, held_out = torch.tensor([[0.0], [10.0]]), torch.tensor([[1.0], [13.0]])  # held out: at distances 1 and 3
close(
    copying(train, held_out, torch.tensor([[8.0], [20.0]])),
    0.25,
    "Fakes at distances 2 and 10: of four pairs, the fake is nearer in one.",
)
close(copying(train, held_out, torch.tensor([[11.0]])), 0.75, "A fake at distance 1: one tie, one win.")
### BEGIN HIDDEN TESTS
train = torch.tensor([[0.0, 0.0], [6.0, 8.0]])
held_out = torch.tensor([[3.0, 4.0], [0.0, 1.0], [6.0, 6.0]])  # at 5, 1, 2
fake = torch.tensor([[6.0, 8.0], [0.0, 2.0], [20.0, 8.0], [1.0, 0.0], [6.0, 11.0]])  # at 0, 2, 14, 1, 3
close(
    copying(train, held_out, fake),
    8 / 15,
    "Each fake with each held-out sample; nearest training sample; ties count half.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "copying-cases", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

random = torch.Generator().manual_seed(72)
train, held_out = torch.randn(300, 4, generator=random), torch.randn(200, 4, generator=random)
copies = train[torch.randint(300, (200,), generator=random)]
check(copying(train, held_out, copies) > 0.99, "A replayed training set must be found out.")
honest = torch.randn(200, 4, generator=random)
close(
    copying(train, held_out, honest),
    0.5,
    "Fresh samples of the same distribution lie as far away as held-out ones.",
    atol=0.1,
)
### BEGIN HIDDEN TESTS
check(
    copying(train, held_out, copies + 0.05 * torch.randn(200, 4, generator=random)) > 0.9,
    "A little noise must not hide the copies.",
)
check(copying(train, held_out, honest + 6) < 0.05, "Samples far from all data are no copies.")
close(
    copying(train, held_out, held_out[:100]),
    0.5,
    "Copies of held-out pictures are not copies of training pictures.",
    atol=0.1,
)
message = "A third of copies among honest pictures: it is pairs that are counted, one by one."
mixed = torch.cat([copies[:100], honest])
nearest = [(one.unsqueeze(1) - train).norm(dim=2).amin(dim=1) for one in (mixed, held_out)]
right = (nearest[0].view(-1, 1) < nearest[1]).double().mean().item()
close(copying(train, held_out, mixed), right, message, atol=0.02)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 3 (3 points)
#
# Give one kind of copying that this test would miss, and one honest generator that it would accuse (or one bad
# generator that it would call honest). What would you look at, besides the number?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-copying", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each:
# - a copying that is missed: training pictures shifted, mirrored, brightened (far in these features), copies of a few
#   only (a small share moves the average little), copies balanced by poor far-off samples so that the average is ½,
#   patches of several pictures;
# - a wrong accusation, or a wrong acquittal: a generator of very typical samples (less spread than the data, all near
#   the centre, where training samples are dense) lies nearer without copying; noise far away gets below ½ and looks
#   "novel"; duplicates in the data; train and held-out of different distribution;
# - what to look at: the nearest training pictures beside the samples, in pixels and in features; the whole distribution
#   of distances, not only the average; by class or region.
# ### END MARK SCHEME
# It would miss a generator that mirrors or shifts its training pictures: in pixels, and in many features, they are then
# far away. It would also miss one that copies in a tenth of the cases, since the average hardly moves. It would accuse
# a generator that draws only very typical samples: near the centre of the data training samples lie densely, so its
# samples are close to them without being copies. And a generator of noise is far from everything and passes as
# original. So I would look at the two distributions of distances, not at the mean only (copies make a peak near 0), and
# at samples beside their nearest training pictures, in pixels and in features.

# %% [markdown]
# ## Part 8: Repair the evaluation
#
# A colleague evaluates five checkpoints and writes into the paper what this script prints. It runs. There are at least
# six things wrong with it. (`frechet` stands for your `frechet_from_moments` on the features' moments.)
#
# ```python
# def broken_report(generators, train, held_out, net, n, seed):
#     best = math.inf
#     for generator in generators:
#         fakes = []
#         for k in range(0, n, 20):                     # batches of 20
#             z = torch.randn(20, generator.latent_dim)
#             fakes.append(generator(z))                # pixels from -1 to 1
#         fakes = torch.cat(fakes)
#         distance = frechet(net(train), net(fakes))    # train: 3000 pictures from 0 to 1
#         best = min(best, distance)
#     return {"our score": best, "real pictures": frechet(net(train), net(held_out))}
# ```
#
# Repair it in two steps. First `draw` makes pictures properly. The codes are given by `codes` below, so that everybody
# has the same ones. The generator ends in a tanh and has batch norm; leave it in the mode it was in, with its running
# statistics unchanged.


# %% nbgrader={"grade": false, "grade_id": "toy-generator", "locked": true, "schema_version": 3, "solution": false}
class ToyGenerator(nn.Module):
    """Codes (n, latent_dim) => pictures (n, 1, 8, 8), pixels from −1 to 1. In train mode, as training leaves it."""

    latent_dim = 5

    def __init__(self, seed):
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        self.layers = nn.Sequential(
            nn.Linear(5, 48),
            nn.Unflatten(1, (3, 4, 4)),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.ConvTranspose2d(3, 1, 4, 2, 1),
            nn.Tanh(),
        )
        for p in self.parameters():
            p.data = 0.6 * torch.randn(p.shape, generator=random)
        self.layers[2].running_mean = 0.5 * torch.randn(3, generator=random)
        self.layers[2].running_var = 0.5 + torch.rand(3, generator=random)

    def forward(self, z):
        return self.layers(z)


def codes(n, latent_dim, seed):
    """Noise (n, latent_dim), the same for the same seed."""
    return torch.randn(n, latent_dim, generator=torch.Generator().manual_seed(seed))


# %% nbgrader={"grade": false, "grade_id": "draw-code", "locked": false, "schema_version": 3, "solution": true}
@torch.no_grad()
def draw(generator, n, seed):
    """Pictures of codes(n, generator.latent_dim, seed), as they should be scored: pixels from 0 to 1."""
    ### BEGIN SOLUTION
    mode = generator.training
    pictures = (generator.eval()(codes(n, generator.latent_dim, seed)) + 1) / 2
    generator.train(mode)
    return pictures
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "draw-pictures", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, ours

generator = ToyGenerator(seed=1)
drawn = draw(generator, 12, seed=5)
check(bool(drawn.min() >= 0) and bool(drawn.max() <= 1), "The feature net wants pixels from 0 to 1.")
close(draw(generator, 12, seed=5), drawn, "The same seed must give the same pictures.")
### BEGIN HIDDEN TESTS
for seed, n in ((2, 9), (3, 1)):
    generator = ToyGenerator(seed)
    drawn = draw(generator, n, seed=seed + 20)
    z = torch.randn(n, 5, generator=torch.Generator().manual_seed(seed + 20))
    right = (ours("ToyGenerator")(seed).eval()(z) + 1) / 2
    close(drawn, right, "Each code has its own picture, whatever else is drawn; −1 to 1 becomes 0 to 1 in proportion.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "draw-leaves-generator", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import check, close

generator = ToyGenerator(seed=4)
before = {key: value.clone() for key, value in generator.state_dict().items()}
drawn = draw(generator, 10, seed=6)
check(tuple(drawn.shape) == (10, 1, 8, 8) and (drawn[0] != drawn[1]).any(), "Ten different pictures are to be drawn.")
check(generator.training, "A generator that came in train mode should leave in train mode.")
for key, value in generator.state_dict().items():
    close(value, before[key], "Drawing must not change the generator.")
### BEGIN HIDDEN TESTS
import torch

from course_utils.checks import ours

generator.eval()
drawn = torch.as_tensor(draw(generator, 10, seed=7)).double()
check(not generator.training, "A generator that came in eval mode should leave in eval mode.")
wanted = ours("ToyGenerator")(4).eval()(torch.randn(10, 5, generator=torch.Generator().manual_seed(7))).double()
alike = torch.corrcoef(torch.stack([drawn.flatten(), wanted.flatten()]))[0, 1]
check(alike > 0.8, "Who leaves the generator alone by not asking it has drawn nothing of its.")
### END HIDDEN TESTS

# %% [markdown]
# Then `report`. It gets *two* sets of real pictures that no generator has been trained on: `validation`, to choose by,
# and `held_out`, to report on. Of both it uses the first `n`, and draws `n` fakes.
#
# - Choose the generator whose pictures, drawn with `seed`, are nearest to `validation`.
# - Draw *new* pictures of the chosen one, with `seed + 1`. Their distance from `held_out` is the score.
# - Beside it stands what real pictures get: the distance of `validation` from `held_out`.
# - Features are those of the net in eval mode. (You may use `fid` of part 3.)


# %% nbgrader={"grade": false, "grade_id": "report-code", "locked": false, "schema_version": 3, "solution": true}
def report(generators, validation, held_out, net, n, seed):
    """Returns {"chosen": index in the list of generators, "score": float, "real": float}, as described above."""
    ### BEGIN SOLUTION
    validation, held_out = validation[:n], held_out[:n]
    distances = fid_of_many(validation, [draw(generator, n, seed) for generator in generators], net)
    chosen = distances.index(min(distances))
    score, real = fid_of_many(held_out, [draw(generators[chosen], n, seed + 1), validation], net)
    return {"chosen": chosen, "score": score, "real": real}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "report-real", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import close, ours
from course_utils.taught.evaluation import frechet_distance

pictures, same_net = ours("pictures"), ours("FeatureNet")().eval()
net, validation, held_out = FeatureNet(), pictures(90, seed=31), pictures(110, seed=32)
answer = report([ToyGenerator(1), ToyGenerator(2)], validation, held_out, net, 80, seed=8)
right = frechet_distance(same_net(validation[:80]), same_net(held_out[:80]))
message = "Real pictures against real pictures, with as many of each as there are fakes."
close(answer["real"], right, message, rtol=1e-3)
### BEGIN HIDDEN TESTS
net, validation, held_out = FeatureNet(), pictures(70, seed=33, spread=0.6), pictures(60, seed=34)
answer = report([ToyGenerator(3)], validation, held_out, net, 50, seed=9)
right = frechet_distance(same_net(validation[:50]), same_net(held_out[:50]))
close(answer["real"], right, message, rtol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "report-chosen", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close, ours
from course_utils.taught.evaluation import frechet_distance

pictures, same_net, same_toy = ours("pictures"), ours("FeatureNet")().eval(), ours("ToyGenerator")
seeds = [8]
### BEGIN HIDDEN TESTS
seeds += [40, 41, 42, 43]
### END HIDDEN TESTS
for seed in seeds:
    net, generators = FeatureNet(), [ToyGenerator(seed + i) for i in range(6)]
    # The two sets of real pictures differ, so that it matters by which of them one chooses.
    validation, held_out = pictures(60, seed=seed, spread=0.2), pictures(60, seed=seed + 1, spread=1.5)
    answer = report(generators, validation, held_out, net, 50, seed)
    z = torch.randn(50, 5, generator=torch.Generator().manual_seed(seed))
    fakes = [(same_toy(seed + i).eval()(z) + 1) / 2 for i in range(6)]
    distances = [frechet_distance(same_net(validation[:50]), same_net(fake)) for fake in fakes]
    right = distances.index(min(distances))
    close(
        answer["chosen"],
        right,
        "Choose by the distance from `validation`, with the pictures of `seed`; smaller is better.",
    )

# %% nbgrader={"grade": true, "grade_id": "report-score", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, ours
from course_utils.taught.evaluation import frechet_distance

pictures, same_net, same_toy = ours("pictures"), ours("FeatureNet")().eval(), ours("ToyGenerator")
seeds = [50]
### BEGIN HIDDEN TESTS
seeds += [51, 52]
### END HIDDEN TESTS
for seed in seeds:
    net, generators = FeatureNet(), [ToyGenerator(seed + i) for i in range(3)]
    validation, held_out = pictures(60, seed=seed, spread=0.5), pictures(70, seed=seed + 1)
    answer = report(generators, validation, held_out, net, 50, seed)
    chosen = same_toy(seed + range(3)[int(answer["chosen"])]).eval()
    fakes = [(chosen(torch.randn(50, 5, generator=torch.Generator().manual_seed(s))) + 1) / 2 for s in (seed, seed + 1)]
    selected = frechet_distance(same_net(validation[:50]), same_net(fakes[0]))
    check(
        abs(answer["score"] - selected) > 1e-6 * selected,
        "The number by which a generator was chosen is not the number to report.",
    )
    right = frechet_distance(same_net(held_out[:50]), same_net(fakes[1]))
    close(answer["score"], right, "New pictures of the chosen one, against `held_out`, with n of each.", rtol=1e-3)

# %% [markdown]
# ## Part 9: Your investigation
#
# Draw two sets of $n$ samples from the *same* standard normal in $d$ dimensions. The true distance is 0. What does the
# Fréchet distance say, on average, and how does that depend on $n$ and on $d$? Write down what you expect before you
# measure: if $n$ is doubled? If $d$ is doubled?


# %% nbgrader={"grade": false, "grade_id": "pair", "locked": true, "schema_version": 3, "solution": false}
def pair(n, d, seed):
    """Two independent samples of N(0, I_d), (2, n, d) in float64, the same for the same seed."""
    return torch.randn(2, n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# %% [markdown]
# ### Task 9 · The table
#
# So that everybody's table can be compared, the samples of repetition $r$ are `pair(n, d, seed + r)`, $r = 0, 1, \dots$


# %% nbgrader={"grade": false, "grade_id": "table-code", "locked": false, "schema_version": 3, "solution": true}
def bias_table(dims, sizes, repeats=5, seed=0):
    """Mean distance of two independent samples of N(0, I_d), n rows each, for all d in dims and n in sizes.

    A tensor (len(dims), len(sizes)) of means over `repeats` pairs, of the seeds seed, seed + 1, and so on.
    """
    ### BEGIN SOLUTION
    table = torch.zeros(len(dims), len(sizes), dtype=torch.float64)
    for i, d in enumerate(dims):
        for j, n in enumerate(sizes):
            distances = [distance_at(*pair(n, d, seed + r), n, repeats=1) for r in range(repeats)]
            table[i, j] = sum(distances) / repeats
    return table
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "table-form", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

table = bias_table([2, 5], [50, 100, 200], repeats=2, seed=1)
check(tuple(table.shape) == (2, 3), "One row for each d, one column for each n.")
check(bool((table > 0).all()), "An estimate from few samples is never 0, though the truth is.")
close(bias_table([2, 5], [50, 100, 200], repeats=2, seed=1), table, "The same seed, the same table.")
### BEGIN HIDDEN TESTS
from course_utils.checks import ours
from course_utils.taught.evaluation import frechet_distance

other = bias_table([2, 5], [50, 100, 200], repeats=2, seed=2)
check((torch.as_tensor(other) != torch.as_tensor(table)).any(), "Another seed, another table.")
theirs, right = torch.zeros(2, 12, 4, dtype=torch.float64)
for seed in range(12):  # single pairs scatter widely: is it these that were measured?
    theirs[seed] = torch.as_tensor(bias_table([3, 6], [40, 80], repeats=1, seed=810 + seed)).flatten()
    pairs = [ours("pair")(n, d, 810 + seed) for d in (3, 6) for n in (40, 80)]
    right[seed] = torch.tensor([frechet_distance(a, b) for a, b in pairs])
scatter = torch.stack([(one / one.mean(dim=0)).flatten() for one in (theirs, right)])
message = "The numbers do not rise and fall with the samples of `pair`: is anything measured on them?"
check(torch.corrcoef(scatter)[0, 1] > 0.4, message)
### END HIDDEN TESTS

# %% given=["moments-code", "bias-code"] nbgrader={"grade": true, "grade_id": "table-law", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close
from course_utils.taught.evaluation import frechet_distance

table = bias_table([8, 16], [200, 800], repeats=10)
check(bool((table[:, 0] > table[:, 1]).all()), "More samples, less bias.")
check(bool((table[0] < table[1]).all()), "More dimensions, more bias.")
### BEGIN HIDDEN TESTS
for repeats, seed in ((1, 721), (6, 722)):
    right = torch.zeros(2, 2, dtype=torch.float64)
    for i, d in enumerate((3, 12)):
        for j, n in enumerate((60, 150)):
            for r in range(repeats):
                random = torch.Generator().manual_seed(seed + r)
                a, b = torch.randn(2, n, d, generator=random, dtype=torch.float64)
                right[i, j] += frechet_distance(a, b) / repeats
    message = "The mean of the distances of these very pairs, one for each repetition, seeds from `seed` on."
    close(torch.as_tensor(bias_table([3, 12], [60, 150], repeats=repeats, seed=seed)), right, message, rtol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "table-print", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    dims, sizes = [4, 8, 16, 32], [100, 200, 400, 800]
    table = bias_table(dims, sizes)
    print("     d \\ n" + "".join(f"{n:9d}" for n in sizes))
    for d, row in zip(dims, table, strict=True):
        print(f"{d:10d}" + "".join(f"{value:9.4f}" for value in row))

# %% [markdown]
# ### Report (6 points)
#
# In about 200 words: what you expected, your table (with the spread over repetitions or seeds), the law in $n$ and in
# $d$ that fits it, and a reason for both. Then one question of your own, with a prediction and a measurement: for
# example, what the bias is when the two distributions *differ*; when the features are correlated, or few of them carry
# the variance; with unequal numbers of samples; or at how many samples your extrapolation of part 4 begins to be
# trustworthy. What follows for someone who compares two generators with 2,048 features and 5,000 samples?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-investigation", "locked": false, "points": 6, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - expectations before the result (0.5); a table of own numbers, at least three n and three d, with a spread (1);
# - law in n: c/n (doubling n halves it), with numbers (1); law in d: about d² for large d, between d and d² for small,
#   found from ratios (1);
# - a reason for each of the two (½ point each): means of n samples miss by 1/n a coordinate, covariance entries by about 1/n
#   each, and there are d² of them. Exactly, to first order: $\frac{2d}{n}$ from the means plus $\frac14\mathbb E\lVert
#   A-B\rVert_F^2 = \frac{d^2+d}{2n}$ from the covariances, together $(d^2+5d)/(2n)$; not required;
# - a question of their own, predicted, measured, concluded with no more than the numbers carry (1);
# - consequence: at d = 2048, n = 5000 the law (outside its range, since n is not much larger than d) gives hundreds for
#   identity covariance; real features have decaying spectra, so less, but it is no small correction: same n for both,
#   or extrapolate (0.5).
# ### END MARK SCHEME
# I expected 1/n, since squared errors of averages fall like that, and growth in proportion to $d$. Means of five
# repetitions, for n = 100, 200, 400, 800: 0.168, 0.089, 0.043, 0.026 at d = 4; 0.472, 0.269, 0.139, 0.060 at d = 8;
# 1.71, 0.85, 0.41, 0.23 at d = 16; 5.82, 2.87, 1.52, 0.75 at d = 32. With other seeds such a mean varies by about 14 %
# at d = 4 and by 1 to 5 % at d = 32. Doubling $n$ halves the number, as expected. Doubling $d$ multiplies it by about
# 2.9, 3.4 and 3.4 (averaged over the columns): more than two and towards four. The second expectation was wrong: the
# means contribute about $2d/n$, but there are $d^2$ entries of the covariances, each wrong by about $1/n$ in the
# square, and these dominate. $(d^2 + 5d)/(2n)$ fits my table within 16 %, and the means of five seeds within 9 %.
#
# My own question: what if few features carry the variance? I scaled coordinate $k$ by $1/k$, for $d = 32$, n = 200. I
# predicted much less than the 2.9 of the table, since the distance counts in units of variance. Measured: 0.05 (five
# pairs of samples, from 0.034 to 0.079). So the bias of real features depends on their spectrum, and cannot be looked
# up in my table. With 2,048 features and 5,000 samples it can be of the size of the differences that papers report.
# Both generators must be scored with the same $n$, or extrapolated, and even then the bias need not be equal for both.
