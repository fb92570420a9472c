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
# # Exercise 08 · Ask for a digit
#
# Document 000 asks for a conditional GAN that generates digits by their labels. Here you build one, for digits of 8×8 pixels, so that a training takes
# seconds: labels in three forms, a batch norm that listens, two networks, a judge that is also shown *wrong* labels, and the measurements without which nobody knows
# whether it obeys, and whether it knows more than one seven.
#
# **You will practise**
#
# - labels as one-hot numbers, as planes, as gains and shifts of a batch norm;
# - networks that use both of their inputs, and tests that find out;
# - the conditional game, with mismatched pairs;
# - label accuracy and its control in closed form; variety within a class;
# - training a conditional GAN whose weights are measured by somebody else.
#
# **Follows** chapter 08. Losses are those of chapter 03.
#
# **Time.** About two and a half hours. The code runs in seconds.
#
# **How to check yourself.** Run the cells below each task. A line with a ✓ means that the visible checks hold (their
# code is folded; a click on the three dots opens it); a message says what to think about. When your work is graded, the
# same checks run again with other numbers, so make each function work in general, and not only for the examples. You
# may use everything in PyTorch and in the course. Questions in words have no automatic check.

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
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from course_utils.checks import when_ready
from course_utils.figures import show_images

# %% [markdown]
# ## Part 1: Who has to be told?
#
# ### Question 1 (4 points)
#
# Four teams train a GAN on digits, each with networks as large as they like, and each trains until nothing improves any more. In team **A** the generator is told the label, the discriminator is not. In team **B** the discriminator is told, the
# generator is not. In team **C** both are told. In team **D** only the generator is told; the discriminator is not, but a fixed classifier, trained on real digits, reads the fakes, and its
# cross-entropy with the label that was asked for is added to the generator's loss.
#
# For each team: what can its generator do, at its best, when it is asked for a seven, and what does nothing in its training forbid? A sentence or two and a reason each; use
# $p(x \mid y)$ for the data and $q(x \mid y)$ for the generator.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-who-is-told", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point for each team: what is possible, and why.
# - A: D sees only mixtures, so anything with $\sum_y p(y)\,q(x \mid y) = p(x)$ is perfect: right, but also labels exchanged, or ignored. Nothing rewards obedience.
# - B: G cannot know what it is asked for: $q(x \mid y) = q(x)$. D is told and compares $q(x)$ with $p(x \mid y)$: label accuracy about chance (the share of
#   whatever it draws). It cannot reach the minimum. (Which mixture is best need not be said.)
# - C: the minimum of the game is $q(x \mid y) = p(x \mid y)$ for every label that occurs: obedient and varied.
# - D: obedient as far as the classifier can tell. D keeps the *mixture* near $p(x)$, the classifier rewards pictures that are easy to name, so nothing rewards, and the added loss works against, ambiguous sevens: less variety
#   at the class borders; or pictures that fool the classifier. Half a point for "obedient" alone.
# ### END MARK SCHEME
# **A.** The discriminator compares $\sum_y p(y)\,q(x \mid y)$ with $p(x)$. A right generator satisfies it, but so does one that draws threes when asked for a seven and sevens when asked for a three, and one that ignores the label. Nothing forbids them.
#
# **B.** The generator has no way to know, so $q(x \mid y) = q(x)$ whatever was asked. The discriminator sees that the label does not fit, but the generator cannot act on it. Label accuracy stays at chance.
#
# **C.** The game has its minimum where $q(x \mid y) = p(x \mid y)$ for each label. At its best the generator draws sevens, in the variety of real ones.
#
# **D.** The classifier's loss enforces the label, so sevens come. But what it rewards is being *easily named*: unusual sevens, near a one or a nine, cost more than plain ones. The discriminator checks only the mixture of all labels, so nothing in the training asks for $q(x \mid 7) = p(x \mid 7)$ exactly, and a
# picture that deceives the classifier is as good as a seven.

# %% [markdown]
# ## Part 2: Labels as numbers
#
# ### Task 2
#
# Three ways to hand a label to a network. `y` is a tensor of whole numbers, `(n,)`, from 0 to `num_classes − 1`. And because the judge of part 5 is also shown wrong labels, a function that makes them.


# %% nbgrader={"grade": false, "grade_id": "labels-code", "locked": false, "schema_version": 3, "solution": true}
def beside(z, y, num_classes):
    """z (n, d) with the one-hot label behind it: (n, d + num_classes), floating point."""
    ### BEGIN SOLUTION
    return torch.cat([z, F.one_hot(y, num_classes).to(z.dtype)], dim=1)
    ### END SOLUTION


def with_planes(x, y, num_classes):
    """Pictures x (n, c, h, w) with num_classes planes behind: all 0, but 1 everywhere in the plane of the label."""
    ### BEGIN SOLUTION
    planes = F.one_hot(y, num_classes).to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes], dim=1)
    ### END SOLUTION


def other_labels(y, num_classes):
    """For each label another one, never itself, drawn evenly from the rest: whole numbers (n,)."""
    ### BEGIN SOLUTION
    return (y + torch.randint(1, num_classes, y.shape)) % num_classes
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "beside", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

right = torch.tensor([[0.5, 2.0, 0.0, 0.0, 1.0], [-1.0, 3.0, 1.0, 0.0, 0.0]])
message = "First the noise as it is, then a 1 at the place of the label and 0 elsewhere."
close(beside(torch.tensor([[0.5, 2.0], [-1.0, 3.0]]), torch.tensor([2, 0]), 3), right, message)
### BEGIN HIDDEN TESTS
z, y = torch.randn(7, 4), torch.tensor([0, 1, 1, 0, 1, 0, 0])
close(
    beside(z, y, 6),
    torch.cat([z, torch.eye(6)[y]], dim=1),
    "As many places as there are classes, also if none of the last occur.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "planes", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x, y = torch.randn(2, 1, 3, 4), torch.tensor([1, 0])
out = with_planes(x, y, 2)
close(out[:, :1], x, "The picture stays in front, as it is.")
ones, zeros = torch.ones(3, 4), torch.zeros(3, 4)
message = "A plane for each class, of the size of the picture; only the plane of this picture's label is 1."
close(out[:, 1:], torch.stack([torch.stack([zeros, ones]), torch.stack([ones, zeros])]), message)
### BEGIN HIDDEN TESTS
x, y = torch.randn(5, 3, 2, 6), torch.tensor([4, 0, 2, 2, 1])
right = torch.cat([x, torch.eye(7)[y].view(5, 7, 1, 1) * torch.ones(1, 1, 2, 6)], dim=1)
close(with_planes(x, y, 7), right, "Any number of channels, any size, any number of classes.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "other-labels", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

y = torch.arange(3).repeat(1000)
other = torch.as_tensor(other_labels(y, 3))
check(tuple(other.shape) == (3000,) and not other.dtype.is_floating_point, "One whole number for each label.")
check(not bool((other == y).any()), "Another label: never the one that it was.")
check(int(other.min()) >= 0 and int(other.max()) <= 2, "Labels run from 0 to num_classes − 1.")
### BEGIN HIDDEN TESTS
for number in (2, 5, 10):
    y = torch.arange(number).repeat(4000)
    other = torch.as_tensor(other_labels(y, number))
    check(not bool((other == y).any()), "Another label: never the one that it was, for any number of classes.")
    counts = torch.bincount(y * number + other, minlength=number**2).view(number, number) / 4000
    right = (torch.ones(number, number) - torch.eye(number)) / (number - 1)
    close(counts, right, "All the other labels, equally often.", atol=0.05, rtol=0)
again = torch.as_tensor(other_labels(y, 10))
check(bool((again != other).any()), "Draw anew each time: D must not learn one fixed exchange of labels.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 3: A batch norm that listens
#
# ### Task 3
#
# Write `ClassNorm`: it normalises every channel like `nn.BatchNorm2d` (with its running averages and its two modes), and then multiplies by a gain and adds a shift
# that belong to the **label** of the picture and to the channel. At first all gains are 1 and all shifts 0. It learns `2 · channels · num_classes` numbers and no more.


# %% nbgrader={"grade": false, "grade_id": "class-norm-code", "locked": false, "schema_version": 3, "solution": true}
class ClassNorm(nn.Module):
    """x (n, channels, h, w) and labels y (n,) => (n, channels, h, w)."""

    def __init__(self, channels, num_classes):
        super().__init__()
        ### BEGIN SOLUTION
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Parameter(torch.ones(num_classes, channels))
        self.shift = nn.Parameter(torch.zeros(num_classes, channels))
        ### END SOLUTION

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return self.norm(x) * self.gain[y][:, :, None, None] + self.shift[y][:, :, None, None]
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "class-norm-start", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
from torch import nn

from course_utils.checks import close

x, y = 3 * torch.randn(6, 2, 4, 4) + 1, torch.tensor([0, 1, 2, 2, 1, 0])
layer, plain = ClassNorm(2, 3), nn.BatchNorm2d(2)
close(
    layer(x, y),
    plain(x),
    "At first it is the batch norm that you know: the statistics of the whole batch, whatever the labels.",
    atol=1e-4,
)
close(
    sum(p.numel() for p in layer.parameters()),
    12,
    "A gain and a shift for each class and channel, and nothing else to learn.",
)
### BEGIN HIDDEN TESTS
for channels, number in ((5, 2), (1, 9)):
    layer = ClassNorm(channels, number)
    close(sum(p.numel() for p in layer.parameters()), 2 * channels * number, "2 · channels · num_classes numbers.")
    x, y = torch.randn(8, channels, 3, 5) * 2 - 1, torch.randint(number, (8,))
    close(
        layer(x, y),
        nn.BatchNorm2d(channels)(x),
        "Normalise over the batch and over all places, for each channel.",
        atol=1e-4,
    )
from course_utils.checks import check

layer, x = ClassNorm(5, 4), torch.randn(8, 5, 3, 3)
layer(x, torch.arange(8) % 4)
learned = {name: torch.randn(tuple(value.shape)) for name, value in layer.named_parameters()}
layer.load_state_dict(layer.state_dict() | learned)
apart = layer(x, torch.zeros(8, dtype=torch.long)) - layer(x, torch.ones(8, dtype=torch.long))
check(bool(apart.detach().abs().max() > 1e-3), "With other gains and shifts, two labels must give two results.")
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "class-norm-step", "locked": true, "schema_version": 3, "solution": false}
def step_along(layer, x, y, push):
    """One step of gradient descent, rate 1, on the sum of layer(x, y) times push; returns nothing."""
    layer.zero_grad()
    (layer(x, y) * push).sum().backward()
    with torch.no_grad():
        for weight in layer.parameters():
            weight -= 0 if weight.grad is None else weight.grad


# %% nbgrader={"grade": true, "grade_id": "class-norm-learns", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

layer = ClassNorm(2, 3)
x, y = torch.randn(6, 2, 4, 4), torch.tensor([0, 1, 1, 0, 1, 0])  # no picture of class 2
before = [layer(x, torch.full((6,), c)).detach() for c in range(3)]
step_along(layer, x, y, torch.randn(6, 2, 4, 4))
moved = [float((layer(x, torch.full((6,), c)) - before[c]).detach().abs().max()) for c in range(3)]
check(moved[0] > 1e-3 and moved[1] > 1e-3, "The gains and shifts of the labels in a batch must learn from it.")
check(moved[2] < 1e-6, "A label that does not occur must not change: each class has gains and shifts of its own.")
### BEGIN HIDDEN TESTS
one, other = layer(x, torch.zeros(6, dtype=torch.long)), layer(x, torch.ones(6, dtype=torch.long))
per_channel = (
    (one - one.mean(dim=(0, 2, 3), keepdim=True)) / (other - other.mean(dim=(0, 2, 3), keepdim=True))
).detach()
spread = per_channel.transpose(0, 1).flatten(1).std(dim=1)
check(
    bool((spread < 0.05 * per_channel.abs().mean()).all()), "The gain multiplies a whole channel, all its places alike."
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "class-norm-modes", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch
from torch import nn

from course_utils.checks import close

layer, plain = ClassNorm(2, 4), nn.BatchNorm2d(2)
for _ in range(20):
    x = 2 * torch.randn(8, 2, 3, 3) + 5
    layer(x, torch.randint(4, (8,))), plain(x)
layer.eval(), plain.eval()
x, y = torch.randn(3, 2, 3, 3), torch.tensor([0, 3, 1])
close(layer(x, y), plain(x), "In eval mode the running averages count, and not the batch.", atol=1e-4)
### BEGIN HIDDEN TESTS
from course_utils.checks import check

learned = {name: torch.randn(tuple(value.shape)) for name, value in layer.named_parameters()}
layer.load_state_dict(layer.state_dict() | learned)
apart = layer(x, torch.full((3,), 2)) - layer(x, torch.full((3,), 3))
check(bool(apart.detach().abs().max() > 1e-3), "In eval mode, too, gains and shifts are those of the label.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 4: Two networks with two inputs
#
# ### Task 4
#
# Build a generator and a discriminator for pictures of 8×8 pixels, flattened to 64 numbers from −1 to 1. How you tell them the label is up to you: any way of chapter 08 will do, and so will layers of
# your choice. In eval mode no picture may depend on its neighbours in the batch. The discriminator returns logits.


# %% nbgrader={"grade": false, "grade_id": "networks-code", "locked": false, "schema_version": 3, "solution": true}
class Generator(nn.Module):
    """Noise z (n, 16) and labels y (n,), whole numbers from 0 to 9 => pictures (n, 64), pixels from −1 to 1."""

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.layers = nn.Sequential(
            nn.Linear(16 + 10, 96), nn.BatchNorm1d(96), nn.ReLU(),
            nn.Linear(96, 96), nn.BatchNorm1d(96), nn.ReLU(),
            nn.Linear(96, 64), nn.Tanh(),
        )  # fmt: skip
        ### END SOLUTION

    def forward(self, z, y):
        ### BEGIN SOLUTION
        return self.layers(beside(z, y, 10))
        ### END SOLUTION


class Discriminator(nn.Module):
    """Pictures x (n, 64) and labels y (n,) => logits (n,): is this a real picture of this label?"""

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.layers = nn.Sequential(
            nn.Linear(64, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Linear(96, 10),
        )  # fmt: skip
        ### END SOLUTION

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return self.layers(x).gather(1, y[:, None]).squeeze(1)
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "generator-shape", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

generator = Generator()
for n in (6, 2):
    shape = tuple(generator(torch.randn(n, 16), torch.arange(n)).shape)
    check(shape == (n, 64), f"Noise {(n, 16)} and {n} labels should become pictures {(n, 64)}, not {shape}.")
pictures = generator(100 * torch.randn(64, 16), torch.randint(10, (64,)))
check(bool(pictures.abs().max() <= 1), "Pixels must stay between −1 and 1.")
check(bool(pictures.min() < -0.3) and bool(pictures.max() > 0.3), "Pixels of both signs must be possible.")
### BEGIN HIDDEN TESTS
generator.eval()
z, y = torch.randn(8, 16), torch.arange(8)
first = generator(z, y)
check(bool((generator(z, y) - first).abs().max() < 1e-4), "In eval mode the same noise gives the same picture.")
step_along(generator, z, y, torch.sign(torch.randn(8, 64)) / 10)
check(bool((generator(z, y) - first).abs().max() > 1e-4), "A generator learns: a step must change its pictures.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "generator-listens", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

generator, z = Generator().eval(), torch.randn(8, 16)
generator(z, torch.arange(8))  # what begins with gains of 1 and shifts of 0 listens when it has learned something
learned = {name: value + 0.1 * torch.randn(tuple(value.shape)) for name, value in generator.named_parameters()}
generator.load_state_dict(generator.state_dict() | learned)
pictures = torch.stack([generator(z, torch.full((8,), c)) for c in range(10)])  # (10, 8, 64)
check(
    float((pictures[3] - pictures[8]).abs().max()) > 1e-4, "Another label must give another picture of the same noise."
)
check(float(pictures.std(dim=1).max()) > 1e-4, "Other noise must give another picture of the same label.")
### BEGIN HIDDEN TESTS
apart = torch.cdist(pictures.flatten(1), pictures.flatten(1)) + torch.eye(10)
check(float(apart.min()) > 1e-3, "Each of the ten labels must be told apart from each other.")
mixed = torch.tensor([9, 0, 4, 4, 1, 7, 2, 5])
one_by_one = torch.stack([pictures[c, i] for i, c in enumerate(mixed.tolist())])
check(
    float((generator(z, mixed) - one_by_one).abs().max()) < 1e-4,
    "Each picture follows its own label, not that of its neighbours.",
)
centre = torch.zeros(1, 16)
at_centre = torch.cat([generator(centre, torch.tensor([c])) for c in range(10)])
check(
    float((torch.cdist(at_centre, at_centre) + torch.eye(10)).min()) > 1e-4,
    "The label must count for every noise, also where z = 0: do not multiply it away.",
)
step_along(generator, z, mixed, torch.sign(torch.randn(8, 64)) / 10)
after = generator(z, mixed)
check(float((after - one_by_one).detach().abs().max()) > 1e-4, "A generator learns: a step must change its pictures.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "discriminator-listens", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

discriminator, x = Discriminator().eval(), torch.rand(6, 64) * 2 - 1
discriminator(x, torch.arange(6))
learned = {name: value + 0.1 * torch.randn(tuple(value.shape)) for name, value in discriminator.named_parameters()}
discriminator.load_state_dict(discriminator.state_dict() | learned)
shape = tuple(discriminator(x, torch.arange(6)).shape)
check(shape == (6,), f"Six pictures and six labels should become six logits, (6,), not {shape}.")
logits = torch.stack([discriminator(x, torch.full((6,), c)) for c in range(10)])  # (10, 6)
check(float((logits[3] - logits[8]).abs().max()) > 1e-6, "The same picture under another label must get another logit.")
check(float(logits.std(dim=1).max()) > 1e-6, "Another picture under the same label must get another logit.")
### BEGIN HIDDEN TESTS
check(
    float((torch.cdist(logits, logits) + torch.eye(10)).min()) > 1e-6,
    "Each of the ten labels must be told apart from each other.",
)
mixed = torch.tensor([9, 0, 4, 4, 1, 7])
one_by_one = torch.stack([logits[c, i] for i, c in enumerate(mixed.tolist())])
check(float((discriminator(x, mixed) - one_by_one).abs().max()) < 1e-4, "Each logit follows its own picture and label.")
step_along(discriminator, x, mixed, torch.full((6,), 0.1))
after = discriminator(x, mixed)
check(float((after - one_by_one).detach().abs().max()) > 1e-5, "A discriminator learns: a step must change its logits.")
large = Discriminator().eval()
large(x, mixed)
large.load_state_dict(large.state_dict() | {name: 5 * value for name, value in large.named_parameters()})
wide = torch.cat([large(20 * torch.randn(200, 64), torch.full((200,), c)) for c in range(10)])
check(bool(wide.min() < -0.01) and float(wide.abs().max()) > 1.01, "Logits, not probabilities: no sigmoid at the end.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 5: A judge that is shown wrong labels
#
# ### Task 5
#
# Chapter 08's judge has to find out by itself that a *real* three is no seven: no real picture ever came with a wrong label. Reed et al. (2016) show it such pairs. It gets three kinds:
#
# - real pictures with their own labels, to be called real;
# - **real pictures with wrong labels**, to be called fake;
# - fakes, with the labels that they were drawn for, to be called fake.
#
# The loss is $\operatorname{mean}(-\log D)$ over the first kind, plus **half** the mean of $-\log(1 - D)$ over the second, plus half of that over the third. The generator's loss is the
# non-saturating one. Neither step moves the other network's weights, and what the other step has left in `.grad` must not count.


# %% nbgrader={"grade": false, "grade_id": "steps-code", "locked": false, "schema_version": 3, "solution": true}
def discriminator_step(generator, discriminator, optimizer, x, y, wrong, z):
    """One step of D's optimizer on real pictures x (n, 64) of labels y, wrong labels for them, and noise z. The loss."""
    ### BEGIN SOLUTION
    fakes = generator(z, y).detach()
    loss = F.softplus(-discriminator(x, y)).mean()
    loss = loss + (F.softplus(discriminator(x, wrong)).mean() + F.softplus(discriminator(fakes, y)).mean()) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


def generator_step(generator, discriminator, optimizer, y, z):
    """One step of G's optimizer on its pictures of noise z for the labels y. Returns the loss."""
    ### BEGIN SOLUTION
    loss = F.softplus(-discriminator(generator(z, y), y)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %% [markdown]
# Two small networks to practise on:


# %% nbgrader={"grade": false, "grade_id": "practice", "locked": true, "schema_version": 3, "solution": false}
class Joined(nn.Module):
    """A linear layer on the first input and the one-hot label."""

    def __init__(self, inputs, outputs, bounded):
        super().__init__()
        self.layer, self.bounded = nn.Linear(inputs + 10, outputs), bounded

    def forward(self, first, y):
        out = self.layer(torch.cat([first, F.one_hot(y, 10).to(first.dtype)], dim=1))
        return out.tanh() if self.bounded else 3 * out.squeeze(1)


def practice_pair(seed):
    """A generator and a discriminator of one layer each; the same ones for the same seed."""
    torch.manual_seed(seed)
    return Joined(16, 64, True), Joined(64, 1, False)


def descent(network, rate):
    """Plain gradient descent."""
    return torch.optim.SGD(network.parameters(), rate)


# %% nbgrader={"grade": true, "grade_id": "d-step-loss", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import close, ours

seeds = [1]
### BEGIN HIDDEN TESTS
seeds += [11, 12]
### END HIDDEN TESTS
for seed in seeds:
    generator, discriminator = practice_pair(seed)
    same_g, same_d = ours("practice_pair")(seed)
    x, z = torch.rand(8 + seed, 64) * 2 - 1, torch.randn(8 + seed, 16)
    y = torch.arange(8 + seed) % 10
    wrong = (y + 1 + torch.arange(8 + seed) % 7) % 10
    kinds = same_d(x, y), same_d(x, wrong), same_d(same_g(z, y), y)
    right = (F.softplus(-kinds[0]).mean() + F.softplus(kinds[1]).mean() / 2 + F.softplus(kinds[2]).mean() / 2).item()
    loss = discriminator_step(generator, discriminator, descent(discriminator, 0.1), x, y, wrong, z)
    message = "Three kinds of pairs: real with its label (real), real with a wrong label (fake, half), a fake with the label it was drawn for (fake, half)."
    close(loss, right, message, rtol=1e-3)

# %% nbgrader={"grade": true, "grade_id": "d-step-moves", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

generator, discriminator = practice_pair(2)
x, z, y = torch.rand(16, 64), torch.randn(16, 16), torch.arange(16) % 10
wrong = (y + 3) % 10
before = [p.clone() for p in generator.parameters()]
optimizer = descent(discriminator, 0.01)
losses = [discriminator_step(generator, discriminator, optimizer, x, y, wrong, z) for _ in range(10)]
check(losses[-1] < losses[0] - 0.01, "Ten steps on the same pairs must lower the discriminator's loss.")
for old, new in zip(before, generator.parameters(), strict=True):
    close(new, old, "The discriminator's step must leave the generator's weights alone.")
### BEGIN HIDDEN TESTS
again_g, again_d = practice_pair(2)
again = descent(again_d, 0.01)
for _ in range(10):
    discriminator_step(again_g, again_d, again, x, y, wrong, z)
    generator_step(again_g, again_d, descent(again_g, 0.0), y, z)  # stands still, but leaves gradients
for one, other in zip(discriminator.parameters(), again_d.parameters(), strict=True):
    close(other, one, "Gradients that the generator's step has left in the discriminator must not count.", atol=1e-4)
import torch.nn.functional as F

from course_utils.checks import ours, with_weights

same_g, same_d = ours("practice_pair")(2)
measured = []
for _ in range(2):
    fakes = same_g(z, y)
    parts = F.softplus(-same_d(x, y)), F.softplus(same_d(x, wrong)) / 2, F.softplus(same_d(fakes, y)) / 2
    measured.append(sum(parts).mean().item())
    same_d = with_weights(same_d, discriminator, "The discriminator's step changes its weights.")
message = "Measured on the discriminator itself, its loss has not fallen: what has moved?"
check(measured[1] < measured[0] - 0.01, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "g-step", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import check, close, ours, with_weights

seeds = [3]
### BEGIN HIDDEN TESTS
seeds += [13, 14]
### END HIDDEN TESTS
for seed in seeds:
    generator, discriminator = practice_pair(seed)
    same_g, same_d = ours("practice_pair")(seed)
    z, y = 2 * torch.randn(5 + seed, 16), torch.arange(5 + seed) % 10
    right = F.softplus(-same_d(same_g(z, y), y)).mean().item()
    before = [p.clone() for p in discriminator.parameters()]
    optimizer = descent(generator, 0.3)
    losses = [generator_step(generator, discriminator, optimizer, y, z) for _ in range(10)]
    close(
        losses[0],
        right,
        "The non-saturating loss of the fakes, judged under the labels that they were drawn for.",
        rtol=1e-3,
    )
    check(losses[-1] < losses[0] - 0.005, "Ten steps against the same discriminator must lower the generator's loss.")
    moved = with_weights(same_g, generator, "The generator's step changes its weights.")
    measured = F.softplus(-same_d(moved(z, y), y)).mean().item()
    check(measured < right - 0.005, "Measured on the generator itself, its loss has not fallen: what has moved?")
    for old, new in zip(before, discriminator.parameters(), strict=True):
        close(new, old, "The generator's step must leave the discriminator's weights alone.")

# %% [markdown]
# ## Part 6: Does it obey, and does it know more than one seven?
#
# ### Task 6
#
# - `obedience` gets what was asked for and what a classifier has read, and returns three things: the share that agrees; the same for each label (`nan` where a label was never asked for); and the **control**, the
#   share that would agree *on average* if the requests were shuffled. Shuffling is not needed: the average over all shuffles has a closed form in the counts of both lists.
# - `within_share` is the share of the variance of features that lies within the classes, by (8.1), with variances that divide by $n$: 0 for one picture a class, 1 if all classes have the same mean.
# - `deaf_pairs` finds pairs of labels that a network does not tell apart, with the same first input, in eval mode; afterwards the network is in the mode in which it was.


# %% nbgrader={"grade": false, "grade_id": "measure-code", "locked": false, "schema_version": 3, "solution": true}
def obedience(asked, read, num_classes):
    """From whole numbers asked (n,) and read (n,): a dictionary of "accuracy", a float; "by_label", (num_classes,); "control", a float."""
    ### BEGIN SOLUTION
    agree = (asked == read).double()
    by_label = torch.stack([agree[asked == c].mean() for c in range(num_classes)])  # the mean of nothing is nan
    counts = [torch.bincount(labels, minlength=num_classes).double() / len(labels) for labels in (asked, read)]
    return {"accuracy": agree.mean().item(), "by_label": by_label, "control": (counts[0] * counts[1]).sum().item()}
    ### END SOLUTION


def within_share(features, labels):
    """The share of the variance of features (n, d) that lies within the classes of labels (n,). A float."""
    ### BEGIN SOLUTION
    features = features.double()
    centred = features.clone()
    for c in labels.unique():
        centred[labels == c] -= features[labels == c].mean(dim=0)
    return (centred.square().sum() / (features - features.mean(dim=0)).square().sum()).item()
    ### END SOLUTION


@torch.no_grad()
def deaf_pairs(network, first, num_classes):
    """All pairs (a, b), a < b, of labels for which network(first, y) is the same up to 1e-6: a sorted list of tuples."""
    ### BEGIN SOLUTION
    mode = network.training
    network.eval()
    outputs = [network(first, torch.full((len(first),), c)) for c in range(num_classes)]
    network.train(mode)
    pairs = [(a, b) for a in range(num_classes) for b in range(a + 1, num_classes)]
    return [(a, b) for a, b in pairs if (outputs[a] - outputs[b]).abs().max() <= 1e-6]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "obedience-accuracy", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

found = obedience(torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 1, 1, 1, 0]), 3)
close(found["accuracy"], 0.6, "Three of five were read as what was asked for.")
close(
    torch.as_tensor(found["by_label"][:2]).double(),
    torch.tensor([0.5, 2 / 3]).double(),
    "For each label, among the requests of that label.",
)
check(math.isnan(float(found["by_label"][2])), "A label that was never asked for has no share: nan.")
### BEGIN HIDDEN TESTS
asked, read = torch.randint(4, (500,)), torch.randint(5, (500,))
found = obedience(asked, read, 5)
close(found["accuracy"], (asked == read).double().mean().item(), "The share of all requests.")
for c in range(4):
    right = ((read == c) & (asked == c)).sum().item() / (asked == c).sum().item()
    close(
        float(found["by_label"][c]), right, "Divide by how often the label was asked for, not by how often it was read."
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "obedience-control", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

asked, read = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1])
close(
    obedience(asked, read, 2)["control"],
    0.5,
    "Three quarters were asked to be 0, half was read as 0: how often do a random request and a random reading agree?",
)
### BEGIN HIDDEN TESTS
asked, read = torch.tensor([0, 1, 1, 2, 2, 2, 2, 2]), torch.tensor([2, 2, 2, 2, 2, 2, 0, 3])
shuffled = torch.stack([asked[torch.randperm(8)] == read for _ in range(20_000)]).double().mean().item()
message = "The average over shuffles. A model that draws one digit only has a control that depends on how often it was asked for; 1/num_classes holds only for even counts."
close(obedience(asked, read, 4)["control"], shuffled, message, atol=0.01, rtol=0)
close(obedience(torch.zeros(9).long(), torch.zeros(9).long(), 10)["control"], 1.0, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "within-share", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

features = torch.tensor([[0.0], [2.0], [10.0], [12.0]])
close(within_share(features, torch.tensor([0, 0, 1, 1])), 1 / 26, "Variance 1 within the classes, 25 between them.")
### BEGIN HIDDEN TESTS
close(
    within_share(torch.tensor([[1.0, 5.0], [1.0, 5.0], [3.0, 0.0]]), torch.tensor([4, 4, 7])),
    0.0,
    "One picture a class: nothing within.",
)
x, y = torch.randn(300, 6) * torch.arange(1, 7) + 100, torch.randint(3, (300,))
x[y == 1] += 3.0
within = sum(((x[y == c].double() - x[y == c].double().mean(0)) ** 2).sum() for c in range(3))
right = (within / ((x.double() - x.double().mean(0)) ** 2).sum()).item()
close(within_share(x, y), right, "Classes of unequal size count by their size; all features together.", rtol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "deaf-pairs", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

generator, _ = practice_pair(5)
state = generator.state_dict()
state["layer.weight"][:, 16 + 4] = state["layer.weight"][:, 16 + 9]  # 4 and 9 get the same column
generator.load_state_dict(state)
found = [tuple(int(c) for c in pair) for pair in deaf_pairs(generator, torch.randn(5, 16), 10)]
check(found == [(4, 9)], "Try every pair of labels with the same first input: here the network cannot tell 4 from 9.")
### BEGIN HIDDEN TESTS
state["layer.weight"][:, 16:] = 0.0
generator.load_state_dict(state)
check(
    len(deaf_pairs(generator, torch.randn(5, 16), 10)) == 45,
    "A network that ignores its label is deaf to all 45 pairs.",
)
generator, _ = practice_pair(7)
state = generator.state_dict()
state["layer.weight"][:, 16 + 2], state["layer.weight"][:, 16 + 7] = 50.0, 60.0  # so large that tanh says 1 to both
generator.load_state_dict(state)
found = [tuple(int(c) for c in pair) for pair in deaf_pairs(generator, torch.randn(5, 16), 10)]
check(found == [(2, 7)], "It is the outputs that are the same for two labels, whatever the weights are.")
pair = practice_pair(6)
check(len(deaf_pairs(pair[0], torch.randn(3, 16), 10)) == 0, "A network that listens has no such pair.")
check(bool(pair[0].training), "Leave the network in the mode in which it was: here in train mode.")
pair[0].eval()
deaf_pairs(pair[0], torch.randn(3, 16), 10)
check(not pair[0].training, "Leave the network in the mode in which it was: here in eval mode.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 7: Train it
#
# ### Task 7
#
# scikit-learn's digits are small, 8×8, and there are 1,797. Write `train_conditional`, which trains *the generator below* (so that its weights can be measured) against a discriminator of your choice, for instance yours of part 4 with the steps of
# part 5, and returns its `state_dict()`. It must be repeatable, and other seeds must give other weights. It should take at most ten seconds on one core: a thousand steps of batches of 64 are plenty.
#
# The check puts the weights into a generator of its own, draws 2,000 pictures in eval mode, and lets a nearest-neighbour classifier read them. It wants label accuracy, and variety within every label. A hint: Adam with
# `betas=(0.5, 0.99)`, a rate of `2e-3` that falls in the second half.


# %% nbgrader={"grade": false, "grade_id": "small-generator", "locked": true, "schema_version": 3, "solution": false}
class SmallGenerator(nn.Module):
    """Noise (n, 16) and labels (n,) => pictures (n, 64), pixels from −1 to 1."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(16 + 10, 96), nn.BatchNorm1d(96), nn.ReLU(),
            nn.Linear(96, 96), nn.BatchNorm1d(96), nn.ReLU(),
            nn.Linear(96, 64), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z, y):
        return self.layers(torch.cat([z, F.one_hot(y, 10).to(z.dtype)], dim=1))


def tiny_digits():
    """All of scikit-learn's digits: pictures (1797, 64) with pixels from −1 to 1, and labels (1797,)."""
    digits = load_digits()
    pictures = torch.tensor(digits.data / 8 - 1, dtype=torch.float32)
    return pictures, torch.tensor(digits.target, dtype=torch.long)


# %% nbgrader={"grade": false, "grade_id": "training-code", "locked": false, "schema_version": 3, "solution": true}
def train_conditional(seed=0, steps=700):
    """Train a SmallGenerator on tiny_digits(); returns its state_dict()."""
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    pictures, labels = tiny_digits()
    generator, discriminator = SmallGenerator(), Discriminator()
    optimizers = [
        torch.optim.Adam(network.parameters(), 2e-3, betas=(0.5, 0.99)) for network in (generator, discriminator)
    ]
    for step in range(steps):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, 2 - 2 * step / steps)
        batch = torch.randint(len(pictures), (64,))
        x, y, z = pictures[batch], labels[batch], torch.randn(64, 16)
        discriminator_step(generator, discriminator, optimizers[1], x, y, other_labels(y, 10), z)
        generator_step(generator, discriminator, optimizers[0], y, z)
    return generator.state_dict()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "training-obeys", "locked": true, "points": 4, "schema_version": 3, "solution": false}
import torch
from sklearn.neighbors import KNeighborsClassifier

from course_utils.checks import check, ours, with_weights

pictures, labels = ours("tiny_digits")()
reader = KNeighborsClassifier(3).fit(pictures.numpy(), labels.numpy())
trained = with_weights(
    ours("SmallGenerator")(),
    train_conditional(seed=1),
    "train_conditional should return the weights of a SmallGenerator.",
)
asked = torch.arange(2000) % 10
with torch.no_grad():
    drawn = trained(torch.randn(2000, 16), asked)
right = torch.tensor(reader.predict(drawn.numpy())) == asked
accuracy = right.double().mean().item()
check(
    accuracy > 0.3,
    f"Only {accuracy:.0%} are read as what was asked for; guessing gives 10 %. Do both networks get the label, and the same one?",
)
check(
    accuracy > 0.8,
    f"{accuracy:.0%} are read as what was asked for; 80 % are wanted. Train longer, or look at the rates.",
)
### BEGIN HIDDEN TESTS
each = torch.stack([right[asked == c].double().mean() for c in range(10)])
check(float(each.min()) > 0.4, "Every label counts: one of them is drawn rightly in less than 40 %.")
hot = torch.nn.functional.one_hot(asked, 10).float()
with torch.no_grad():
    spread = trained.layers[0](torch.cat([torch.randn(2000, 16), hot], dim=1)).var(dim=0)
gathered = (trained.layers[1].running_var / spread).median().item()
message = "What batch norm has gathered are not the variances of this network: was it trained, or put together?"
check(0.4 < gathered < 2.5, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "training-varied", "locked": true, "points": 4, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, ours, with_weights

pictures, labels = ours("tiny_digits")()
states = [train_conditional(seed=2), train_conditional(seed=2, steps=3), train_conditional(seed=3, steps=3)]
message = "train_conditional should return the weights of a SmallGenerator."
trained = with_weights(ours("SmallGenerator")(), states[0], message)
asked = torch.arange(2000) % 10
with torch.no_grad():
    drawn = trained(torch.randn(2000, 16), asked)
shares = torch.stack([drawn[asked == c].var(dim=0).sum() / pictures[labels == c].var(dim=0).sum() for c in range(10)])
check(
    float(shares.mean()) > 0.1,
    "Each label has hardly more than one picture: the variance within a label is less than a tenth of real digits'.",
)
check(float(shares.mean()) > 0.2, "The variance within a label should be a fifth of real digits' or more.")
check(float(shares.mean()) < 2.0, "More variance than real digits have: are these digits, or noise?")
### BEGIN HIDDEN TESTS
nearest = torch.cdist(drawn, pictures).min(dim=1).values.mean().item()
check(nearest < 4.0, "The pictures lie far from all real digits.")
short = states[1], train_conditional(seed=2, steps=3), states[2]
one, two, three = (with_weights(ours("SmallGenerator")(), each, message).state_dict() for each in short)
check(all(torch.equal(one[key], two[key]) for key in one), "The same seed must give the same weights.")
check(any(not torch.equal(one[key], three[key]) for key in one), "Another seed must give other weights.")
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "training-look", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    generator = SmallGenerator()
    generator.load_state_dict(train_conditional())
    with torch.no_grad():
        drawn = generator.eval()(torch.randn(10, 16).repeat(10, 1), torch.arange(10).repeat_interleave(10))
    show_images(
        (drawn.view(-1, 1, 8, 8) + 1) / 2,
        alt="Ten rows of ten digits of 8 by 8 pixels, a row for each label.",
        size=0.4,
    )

# %% [markdown]
# ## Part 8: Your investigation
#
# ### Report (6 points)
#
# How does the variety within a label depend on something that you can change? Choose **one** thing: how long it is trained; wrong labels shown to the judge or not; the dropout of the judge; a fixed classifier's loss added for the generator (team D of question 1); the
# number of real pictures; another of your own. Write down what you expect. Then measure, for at least three settings and three seeds each, label accuracy *and* a measure of variety within the labels (the share of the real variance, `within_share`, recall or coverage of chapter 06, per label). Report in about 200 words: expectation, numbers with
# their spread over seeds, whether accuracy alone would have told you, and what you conclude and do not conclude.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-report", "locked": false, "points": 6, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - an expectation stated before the result (1; also a wrong one);
# - own numbers for at least three settings and three seeds, with their spread, accuracy and variety side by side (2);
# - a measure of variety *within* labels, said in words, and a yardstick for it (real digits, one picture a label) (1);
# - whether accuracy alone would have shown it (0.5);
# - a conclusion that does not go beyond the numbers: which differences are within the spread of seeds, what was not tried (1.5).
# Numbers differ with the code: check that they agree with what the submitted code returns.
# ### END MARK SCHEME
# I varied how long it is trained: 100, 300 and 700 steps, three seeds each. I expected both accuracy and variety to grow. My measure of variety is the variance of the pixels within a label, summed over the pixels, divided by that of real digits, averaged over the labels: 1 for real digits, 0 for one picture a label.
#
# Label accuracy (three nearest neighbours among real digits): 99.8, 100.0, 100.0 % after 100 steps; 100.0, 99.0, 100.0 % after 300; 99.6, 100.0, 99.7 % after 700. Variety: 0.14, 0.14, 0.13; 0.10, 0.14, 0.11; 0.41, 0.33, 0.40. Real digits would be read
# rightly by the same neighbours nearly always, since they are the neighbours.
#
# So half of my expectation was wrong. Accuracy is there after 100 steps and has nothing left to say: it is as high when each label has hardly more than one picture. Variety stays at an eighth of the real one for 300 steps and has tripled by 700, far outside the spread of the three seeds. Between 100 and 300
# it does not grow; the difference is within the seeds. By accuracy alone I would have stopped after 100 steps.
#
# I conclude that with the wrong labels shown to the judge this generator first learns one picture a label and then to vary it, for this data and these rates. Whether the wrong labels cause that, I have not tried: the run without them is missing. Nor do I know where variety ends with longer training. And
# the variance of pixels cannot tell varied digits from noise; the distance to the nearest real digit did not rise (2.4 to 2.7), which speaks against noise.
