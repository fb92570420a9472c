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
# # Exercise 11 · Walking from noise
#
# A sampler is a dozen lines, and every paper writes them in other letters. A wrong root, a step too few or a schedule that
# does not reach the noise gives pictures all the same, only worse ones, and the network gets the blame. In this exercise
# you write a sampler in a convention that the chapter did not use, and test it with a network that cannot be at fault,
# because it is a formula; you repair a schedule; you train a flow on the ring of chapter 07; and you answer the research
# question of document 000 (a chapter on generative models for a PyTorch book), *diffusion models or StyleGAN against
# traditional GANs*, with numbers of your own.
#
# **You will practise**
#
# - the best guess of clean data, in closed form, without losing digits;
# - changing between conventions: places, times, noise, score, velocity, guidance weights;
# - one sampling step with any share of fresh noise, and the loop around it;
# - finding three faults in a published style of schedule;
# - training a flow, and comparing it fairly with a GAN.
#
# **Follows** chapter 11 (and chapter 03 for the GAN).
#
# **Time.** About two hours and a half. Everything runs in seconds.
#
# **How to check yourself.** Each task is a cell to fill in, followed by cells that check it. A line with a ✓ means that
# the visible checks hold (their code is folded; a click on the three dots opens it); a message says what kind of
# mistake was found. When your work is graded, the same checks run again with other numbers and shapes, so make each
# function right in general. You may use everything in PyTorch and the course. Questions in words are read by a person.

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
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.checks import when_ready


def ring(n, seed):
    """n points (n, 2): eight narrow bells (standard deviation 0.05) on a circle of radius 1."""
    random = torch.Generator().manual_seed(seed)
    angle = torch.randint(8, (n,), generator=random) * math.pi / 4
    centres = torch.stack([angle.cos(), angle.sin()], dim=1)
    return centres + 0.05 * torch.randn(n, 2, generator=random)


class Velocity(nn.Module):
    """Two coordinates and a time in [0, 1] in, a velocity out: x (n, 2), t (n,) give (n, 2)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2 + 8, 96),
            nn.SiLU(),
            nn.Linear(96, 96),
            nn.SiLU(),
            nn.Linear(96, 96),
            nn.SiLU(),
            nn.Linear(96, 2),
        )

    def forward(self, x, t):
        angles = t[:, None] * torch.tensor([1.0, 3.0, 9.0, 27.0])
        return self.layers(torch.cat([x, angles.sin(), angles.cos()], dim=1))


# %% [markdown]
# ## Part 1: The convention of sigma
#
# Some papers never shrink the data. They add noise of standard deviation $\sigma$, from very small to very large:
#
# $$x_\sigma = x + \sigma\,\varepsilon.$$
#
# The data here are finitely many points $x^{(i)}$ with weights $\pi_i$. Then the best guess of $x$, given $x_\sigma$, is known
# (chapter 11). Distances in high dimensions are large and $\sigma$ may be small, so mind the exponentials.


# %% nbgrader={"grade": false, "grade_id": "denoise-code", "locked": false, "schema_version": 3, "solution": true}
def denoise(x, sigma, points, shares):
    """The best guess of the clean point for each row: x (n, d), points (N, d), shares (N,) give (n, d)."""
    ### BEGIN SOLUTION
    distances = (x[:, None, :] - points).square().sum(dim=2)
    return (shares.log() - distances / (2 * sigma**2)).softmax(dim=1) @ points
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "denoise-two-points", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

points, even = torch.tensor([[-1.0], [1.0]]), torch.tensor([0.5, 0.5])
x = torch.tensor([[0.0], [0.5], [-2.0]])
close(denoise(x, 1.0, points, even), torch.tanh(x), "For two points at −1 and 1, even weights and σ = 1 it is tanh x.")
### BEGIN HIDDEN TESTS
uneven = torch.tensor([0.2, 0.8])
right = torch.tanh(x / 0.49 + 0.5 * torch.tensor(4.0).log())
close(denoise(x, 0.7, points, uneven), right, "Weights of the points count, and so does σ².")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "denoise-many", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

far = 100 * torch.eye(5)
guess = denoise(far + 1.0, 0.01, far, torch.full((5,), 0.2))
check(
    bool(torch.isfinite(guess).all()),
    "exp of a large negative number is 0, and 0 / 0 is no guess: work with logarithms.",
)
close(guess, far, "With very little noise the nearest point is nearly certain.")
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(111)
for n, count, d, sigma in ((6, 4, 3, 0.8), (2, 7, 1, 2.5)):
    points, x = torch.randn(count, d, generator=random).double(), torch.randn(n, d, generator=random).double()
    shares = torch.rand(count, generator=random).double() + 0.1
    shares = shares / shares.sum()
    right = torch.zeros(n, d).double()
    for k in range(n):
        likelihood = torch.stack([torch.exp(-((x[k] - p) ** 2).sum() / (2 * sigma**2)) for p in points]) * shares
        right[k] = (likelihood[:, None] * points).sum(dim=0) / likelihood.sum()
    close(
        denoise(x, sigma, points, shares),
        right,
        "A weighted mean of all points, for any numbers of rows, points, coordinates.",
    )
close(
    denoise(far[:1] * 0, 1e4, far, torch.full((5,), 0.2)),
    far.mean(dim=0)[None],
    "In very much noise only the mean is left.",
    rtol=1e-2,
)
### END HIDDEN TESTS

# %% [markdown]
# ### The same guess in other letters
#
# Write `views`: given $x_\sigma$ and the guess $\hat x$, the guess of the noise $\varepsilon$, the score $\nabla \log p_\sigma(x_\sigma)$, and the
# velocity $\varepsilon - x$ of chapter 11's straight road.
#
# Then `to_road`: a place on *any* ladder, $x_t = a\,x + \sigma\,\varepsilon$, becomes a place $(1-t)\,x + t\,\varepsilon$ on the straight road by
# a change of scale. Return it and its time $t$.


# %% nbgrader={"grade": false, "grade_id": "views-code", "locked": false, "schema_version": 3, "solution": true}
def views(x, sigma, x_hat):
    """{"noise": …, "score": …, "velocity": …}, each of the shape of x, in the convention x + σ ε."""
    ### BEGIN SOLUTION
    noise = (x - x_hat) / sigma
    return {"noise": noise, "score": -noise / sigma, "velocity": noise - x_hat}
    ### END SOLUTION


def to_road(x, a, sigma):
    """A place x on a ladder with a and σ: (the place on the straight road, its time t as a float)."""
    ### BEGIN SOLUTION
    return x / (a + sigma), sigma / (a + sigma)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "views-right", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x, x_hat = torch.tensor([[3.0, -1.0]]), torch.tensor([[1.0, 0.0]])
seen = views(x, 2.0, x_hat)
close(seen["noise"], torch.tensor([[1.0, -0.5]]), "x = x̂ + σ ε̂, solved for ε̂.")
close(seen["score"], torch.tensor([[-0.5, 0.25]]), "The score points from the noisy place towards the guess.")
### BEGIN HIDDEN TESTS
close(seen["velocity"], torch.tensor([[0.0, -0.5]]), "The straight road's velocity is ε − x.")
x = torch.linspace(-2, 2, 9).double()[:, None].requires_grad_()
points, sigma = torch.tensor([-1.0, 1.0]).double(), 0.6
(right,) = torch.autograd.grad((-((x - points) ** 2) / (2 * sigma**2)).logsumexp(dim=1).sum(), x)
guess = torch.tanh(x.detach() / sigma**2)
close(views(x.detach(), sigma, guess)["score"], right, "The score is the gradient of log p, which autograd can find.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "road-right", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x, noise = torch.tensor([[2.0, -1.0]]), torch.tensor([[0.5, 1.5]])
place, t = to_road(x + 3.0 * noise, 1.0, 3.0)
close(t, 0.75, "With a = 1 and σ = 3 the noise has three quarters of the sum of weights.")
close(place, 0.25 * x + 0.75 * noise, "Weights of picture and noise must sum to 1: what is the common factor?")
### BEGIN HIDDEN TESTS
for a, sigma in ((0.6, 0.8), (0.99, 0.14), (0.2, 0.2)):
    place, t = to_road(a * x + sigma * noise, a, sigma)
    close(place, (1 - t) * x + t * noise, "Place and time must fit together.")
    close(t, sigma / (a + sigma), "The time is the noise's share.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2: The sampler
#
# ### A step
#
# From $\sigma$ to a lower $\sigma'$, with a share $\eta$ of fresh noise, as in chapter 11 with $a = a' = 1$. At $\eta = 1$ it must
# draw from the posterior of $x_{\sigma'}$, given $x_\sigma$ and $x = \hat x$; at every $\eta$, if $\hat x$ is right, $x_{\sigma'}$ must have
# standard deviation $\sigma'$ around it. The standard normal noise is handed to you.


# %% nbgrader={"grade": false, "grade_id": "step-code", "locked": false, "schema_version": 3, "solution": true}
def step(x, x_hat, sigma, lower, eta, noise):
    """The place at the noise level `lower` < sigma, which may be 0. All tensors have the same shape."""
    ### BEGIN SOLUTION
    fresh = eta * lower / sigma * math.sqrt(sigma**2 - lower**2)
    eps_hat = (x - x_hat) / sigma
    return x_hat + math.sqrt(max(lower**2 - fresh**2, 0.0)) * eps_hat + fresh * noise
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "step-deterministic", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x, x_hat, noise = torch.tensor([[5.0, 1.0]]), torch.tensor([[1.0, -1.0]]), torch.full((1, 2), 100.0)
close(
    step(x, x_hat, 2.0, 1.0, 0.0, noise),
    torch.tensor([[3.0, 0.0]]),
    "Without fresh noise: half of the noise level, half way.",
)
close(step(x, x_hat, 2.0, 0.0, 1.0, noise), x_hat, "At the end, the guess itself; nothing is added to it.")
### BEGIN HIDDEN TESTS
close(
    step(x, x_hat, 4.0, 1.0, 0.0, noise),
    torch.tensor([[2.0, -0.5]]),
    "What is left of the guessed noise is in the ratio of the levels.",
)
close(step(x, x_hat, 0.5, 0.0, 0.3, noise), x_hat, "At the end, the guess itself, whatever η is.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "step-posterior", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

noise = torch.randn(200_000, 1, generator=torch.Generator().manual_seed(112)).double()
x, x_hat = torch.full_like(noise, 3.0), torch.ones_like(noise)
drawn = step(x, x_hat, 2.0, 1.0, 1.0, noise)
close(
    drawn.std(),
    torch.tensor(0.75).double().sqrt(),
    "η = 1: the posterior's variance is σ'² (σ² − σ'²) / σ².",
    rtol=0.01,
)
### BEGIN HIDDEN TESTS
close(
    drawn.mean(),
    torch.tensor(1.5).double(),
    "η = 1: the posterior's mean weighs place and guess by precision.",
    rtol=0.01,
)
other = torch.randn(200_000, 1, generator=torch.Generator().manual_seed(113)).double()
for sigma, lower, eta in ((2.0, 1.0, 1.0), (3.0, 0.5, 0.6), (1.0, 0.9, 1.0), (1.0, 0.9, 0.3)):
    lowered = step(x_hat + sigma * other, x_hat, sigma, lower, eta, noise)
    close(
        lowered.std(),
        torch.tensor(lower).double(),
        "Old and fresh noise together must have the level of the lower rung.",
        rtol=0.01,
    )
    fresh = step(x, x_hat, sigma, lower, eta, noise).std()
    right = eta * lower / sigma * (sigma**2 - lower**2) ** 0.5
    close(
        fresh,
        torch.tensor(right).double(),
        "η scales the standard deviation of the fresh noise, not its variance.",
        rtol=0.01,
    )
### END HIDDEN TESTS

# %% [markdown]
# ### The walk
#
# `sigmas` falls and ends with 0. Begin at `sigmas[0]` times standard normal noise, drawn with `seed`, and step down the
# whole ladder with the guesses of your `denoise`.


# %% nbgrader={"grade": false, "grade_id": "sample-code", "locked": false, "schema_version": 3, "solution": true}
def sample(n, sigmas, points, shares, eta, seed):
    """n samples (n, d) for the data points (N, d) with weights shares (N,); the same for the same seed."""
    ### BEGIN SOLUTION
    random = torch.Generator().manual_seed(seed)
    x = sigmas[0] * torch.randn(n, points.shape[1], generator=random, dtype=points.dtype)
    for sigma, lower in pairwise(sigmas):
        noise = torch.randn(x.shape, generator=random, dtype=points.dtype)
        x = step(x, denoise(x, sigma, points, shares), sigma, lower, eta, noise)
    return x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sample-shares", "locked": true, "points": 3, "schema_version": 3, "solution": false} given=["denoise-code", "step-code"]
import torch

from course_utils.checks import check, close

points, shares = torch.tensor([[-3.0], [-1.0], [0.5], [2.5]]).double(), torch.tensor([0.1, 0.4, 0.3, 0.2]).double()
sigmas = [*torch.logspace(2, -2, 200).tolist(), 0.0]
etas = [1.0]
### BEGIN HIDDEN TESTS
etas += [0.0, 0.5]
### END HIDDEN TESTS
for eta in etas:
    drawn = torch.as_tensor(sample(4000, sigmas, points, shares, eta, seed=3)).double()
    check(tuple(drawn.shape) == (4000, 1), "n rows, and as many columns as the points have.")
    distance, which = (drawn - points.T).abs().min(dim=1)
    close(distance, torch.zeros_like(distance), "The walk must go down to 0, where only the points are left.")
    counted = torch.bincount(which, minlength=4).double() / 4000
    close(
        counted, shares, "Each point must be reached in proportion to its weight: where does the walk start?", atol=0.04
    )
### BEGIN HIDDEN TESTS
# A single step down from far above can only reach the best guess there: the mean of the points, about −0.05.
alone = sample(300, [100.0, 0.0], points, shares, 1.0, seed=4)
message = "The ladder that is handed in is not the one that is walked: with one rung nobody knows more than the mean."
close(alone, torch.full((300, 1), -0.05).double(), message, rtol=0, atol=0.3)
far = torch.as_tensor(sample(500, [100.0, 0.5, 0.49], points, shares, 1.0, seed=5)).double()
check(bool(far.std() < 1 and (far.mean() + 0.05).abs() < 0.3), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "sample-seeds", "locked": true, "points": 1, "schema_version": 3, "solution": false} given=["denoise-code", "step-code"]
import torch

from course_utils.checks import check, close

points, shares = torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.tensor([0.5, 0.5])
one, other = (torch.as_tensor(sample(50, [10.0, 1.0, 0.5], points, shares, 1.0, seed=seed)) for seed in (1, 2))
close(sample(50, [10.0, 1.0, 0.5], points, shares, 1.0, seed=1), one, "The same seed, the same walk.")
check(not torch.equal(other, one), "Another seed, another walk.")
### BEGIN HIDDEN TESTS
still, moved = (torch.as_tensor(sample(500, [10.0, 1.0, 0.5], points, shares, eta, seed=1)) for eta in (0.0, 1.0))
check((still - moved).abs().max() > 0.1, "η must reach the steps.")
far = torch.as_tensor(sample(500, [100.0, 0.5, 0.49], points, shares, 1.0, seed=5))
message = "Down from 100 at one stroke nobody knows more than the mean of the points, whatever the noise that is left."
check(bool((far.std(dim=0) < 0.7).all()) and bool((far.mean(dim=0) - points.mean(dim=0)).abs().max() < 0.3), message)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 3: A schedule to repair
#
# This function was meant to be the ladder of Ho et al. (2020) for any number of rungs `T`. At `T = 1000` their variances $\beta_k$
# grow evenly from $10^{-4}$ to $0.02$; for other `T` they are to be multiplied by $1000/T$, and cut at 0.999. It shall return the
# variances and, for each rung, the signal that is left, $a_k = \sqrt{\prod_{j \le k} (1 - \beta_j)}$.
#
# ```python
# def broken_ladder(T):
#     betas = torch.linspace(1e-4, 0.02, T + 1)
#     signal = (1 - betas).cumprod(dim=0)
#     return betas[1:], signal[1:]
# ```
#
# It has three faults. Write `ladder` without them.


# %% nbgrader={"grade": false, "grade_id": "ladder-code", "locked": false, "schema_version": 3, "solution": true}
def ladder(T):
    """(betas (T,), signal (T,)): the variance of each rung, and a_k, in float64."""
    ### BEGIN SOLUTION
    betas = (torch.linspace(1e-4, 0.02, T, dtype=torch.float64) * 1000 / T).clamp(max=0.999)
    return betas, (1 - betas).cumprod(dim=0).sqrt()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ladder-published", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

betas, signal = (torch.as_tensor(one) for one in ladder(1000))
check(betas.dtype == torch.float64, "A product of a thousand numbers wants float64.")
close(
    betas,
    torch.linspace(1e-4, 0.02, 1000).double(),
    "At T = 1000 the variances are the published ones, first and last included.",
)
### BEGIN HIDDEN TESTS
close(signal[0], torch.tensor(0.9999).double().sqrt(), "The first rung has one factor: 1 − β₁.", rtol=1e-6)
close(signal[-1], torch.tensor(0.006353).double(), "Left at the top: the root of the whole product.", rtol=1e-2)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ladder-short", "locked": true, "points": 3, "schema_version": 3, "solution": false}
from course_utils.checks import check

betas, signal = ladder(50)
check(len(betas) == 50 == len(signal), "T rungs, T variances.")
check(bool(signal[-1] < 0.02), "At the top nearly nothing of the signal may be left, however few the rungs are.")
### BEGIN HIDDEN TESTS
import torch

from course_utils.checks import close

for T in (25, 50, 100, 400):
    betas, signal = (torch.as_tensor(one) for one in ladder(T))
    check(bool(signal[-1] < 0.02), "At the top nearly nothing of the signal may be left, however few the rungs are.")
    close(
        (1 - betas).log().cumsum(dim=0) / 2,
        signal.log(),
        "The signal is the root of the product of all 1 − β so far.",
        rtol=1e-6,
    )
    close(betas[0], torch.tensor(0.1 / T).double(), "The variances grow in proportion to 1000 / T.")
betas = torch.as_tensor(ladder(10)[0])
check(bool((betas < 1).all()), "A variance of 1 or more leaves nothing to take a root of.")
### END HIDDEN TESTS

# %% [markdown]
# ### Question 1 (4 points)
#
# Name the three faults of `broken_ladder`. For each: what does a learner *see* who samples with it (with the faultless guesses of
# `denoise`, so that nothing else can be wrong), and why does it not crash? Support one of the three with numbers from your sampler.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-ladder", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point a fault, with what is seen (half for the name alone); one for numbers of their own with what was run.
# - not scaled: for small T much signal is left at the top (78 % at T = 50), but sampling starts from pure noise: shares of
#   the points are wrong, the outer points come too seldom. No crash: every rung is a valid rung.
# - T + 1 values and the first dropped: every a_k has the factor of a rung that is never climbed; the first rung's signal does
#   not fit its variance. Hardly visible at T = 1000, more at small T; formulas that use β and a together no longer agree.
# - the root is missing: the product is a², not a. The guess is asked at a place with less signal and, if σ² = 1 − a² is
#   computed from it, more noise than there is. Shares are wrong, or the results are blurred; still numbers between 0 and 1.
# ### END MARK SCHEME
# (1) The variances are not scaled by 1000/T. At T = 50, 0.78 of the signal is left at the top, and the walk starts from pure
# noise, which is not what stands there. Converted to σ/a, the ladder begins at 0.81 in place of hundreds. I walked from 0.81:
# the four points with shares 0.1, 0.4, 0.3, 0.2 were reached with 0.04, 0.42, 0.42, 0.12.
# (2) It makes T + 1 variances and drops the first, but the product still contains it, so that the signal of the first rung has
# two factors. One sees next to nothing at T = 1000. (3) The root is missing: it returns a². The denoiser is told that less
# signal is left than there is, so it divides by too small a number, and guesses are too large. None of them crashes, since all
# numbers stay between 0 and 1.

# %% [markdown]
# ## Part 4: Guidance in two conventions
#
# In the *scale* convention a weight of 1 means no guidance; in the *extra* convention (Ho and Salimans, 2022) it is 0.


# %% nbgrader={"grade": false, "grade_id": "guide-code", "locked": false, "schema_version": 3, "solution": true}
def guide(told, untold, weight, convention):
    """The guided guess from those with and without the label; convention is "scale" or "extra"."""
    ### BEGIN SOLUTION
    scale = weight if convention == "scale" else weight + 1
    return untold + scale * (told - untold)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "guide-right", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

told, untold = torch.tensor([2.0, 0.0]), torch.tensor([1.0, 1.0])
close(guide(told, untold, 1.0, "scale"), told, "Scale 1: the guess with the label, as it is.")
close(guide(told, untold, 0.0, "extra"), told, "Extra 0: the guess with the label, as it is.")
### BEGIN HIDDEN TESTS
close(
    guide(told, untold, 3.0, "scale"),
    torch.tensor([4.0, -2.0]),
    "Further in the direction in which the label moved the guess.",
)
close(guide(told, untold, 3.0, "extra"), torch.tensor([5.0, -3.0]), "Extra 3 is scale 4.")
close(guide(told, untold, 0.0, "scale"), untold, "Scale 0: the label does not count.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 5: Train a flow
#
# Train a `Velocity` on the points of `ring` by the loss of chapter 11: mix a point and noise at a random time, guess
# $\varepsilon - x$. Return its weights, `network.state_dict()`. The test puts them into a `Velocity` of its own, walks from noise
# in 50 steps of its own, and counts: how many of the eight bells are reached, and which share of the samples lies
# within 0.15 of a centre. With 2,000 steps on batches of 256 and a rate of Adam that falls, more than 60 % do.


# %% nbgrader={"grade": false, "grade_id": "train-code", "locked": false, "schema_version": 3, "solution": true}
def train_flow(steps, seed):
    """The state_dict of a Velocity after `steps` steps on fresh or stored points of the ring; the same for the same seed."""
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    network, data = Velocity(), ring(20_000, seed)
    optimizer = torch.optim.Adam(network.parameters(), 4e-3)
    fade = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: min(1.0, 2 * (1 - done / steps)))
    for _ in range(steps):
        x = data[torch.randint(len(data), (256,))]
        noise, t = torch.randn_like(x), torch.rand(len(x))
        x_t = (1 - t[:, None]) * x + t[:, None] * noise
        loss = (network(x_t, t) - (noise - x)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        fade.step()
    return network.state_dict()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "train-modes", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, ours, with_weights

network = with_weights(ours("Velocity")(), train_flow(2000, seed=0), "Return the state_dict of a Velocity.")
x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(114))
with torch.no_grad():
    for k in range(50, 0, -1):
        x = x - network(x, torch.full((2000,), k / 50)) / 50
angle = torch.arange(8) * math.pi / 4
distance, which = torch.cdist(x, torch.stack([angle.cos(), angle.sin()], dim=1)).min(dim=1)
good = distance < 0.15
check(
    len(which[good].unique()) == 8,
    "All eight bells of the ring must be reached: which end of the road is the noise, and what is the target?",
)
### BEGIN HIDDEN TESTS
check(
    good.double().mean() > 0.6,
    "More than 60 % of the samples within 0.15 of a centre: does the loss still fall when you stop?",
)
spread = torch.bincount(which[good], minlength=8) / good.sum()
check(spread.min() > 0.06, "Each bell holds an eighth of the points.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "train-repeatable", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, ours, with_weights

first, again, other = (train_flow(100, seed) for seed in (1, 1, 2))
first, again, other = (with_weights(ours("Velocity")(), one, "Return the state_dict.") for one in (first, again, other))
for one, same in zip(first.parameters(), again.parameters(), strict=True):
    close(same, one, "The same seed, the same weights.")
pairs = zip(first.parameters(), other.parameters(), strict=True)
check(any(not torch.equal(one, another) for one, another in pairs), "Another seed, other weights.")
### BEGIN HIDDEN TESTS
noise, t = torch.randn(2000, 2), torch.rand(2000)
x = ours("ring")(2000, seed=117)
with torch.no_grad():
    guess = first((1 - t[:, None]) * x + t[:, None] * noise, t)
loss = (guess - (noise - x)).square().mean() / (noise - x).square().mean()
check(
    loss < 0.92,
    "After a hundred steps the network should guess better than 0 does: is every one of `steps` taken?",
)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 6: Your investigation, the research question
#
# Document 000 asks to *explore StyleGAN or diffusion models and summarise their advantages over traditional GANs*. Do it
# as an experiment. `contest` trains your flow and a GAN of like size on the ring, both for `steps` steps, and returns what
# they have learned. The GAN's generator is the `Maker` below; its opponent is yours to choose (with leaky ReLUs the game
# seldom drops bells), the losses are those of chapter 03. The test puts both sets of weights into networks of its own and
# lets them draw from its own noise. (It tries a second seed if the first was unlucky.)


# %% nbgrader={"grade": false, "grade_id": "maker", "locked": true, "schema_version": 3, "solution": false}
class Maker(nn.Module):
    """The generator of the GAN: noise (n, 2) to points (n, 2)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 2))

    def forward(self, z):
        return self.layers(z)


@torch.no_grad()
def drawn_by(flow, maker, noise):
    """{"flow": …, "gan": …}: what a Velocity, in 50 steps down the road, and a Maker make of noise (n, 2)."""
    x = noise
    for k in range(50, 0, -1):
        x = x - flow(x, torch.full((len(x),), k / 50)) / 50
    return {"flow": x, "gan": maker(noise)}


# %% nbgrader={"grade": false, "grade_id": "contest-code", "locked": false, "schema_version": 3, "solution": true}
def contest(steps, seed):
    """{"flow": state_dict of a Velocity, "gan": state_dict of a Maker}; the same for the same seed."""
    ### BEGIN SOLUTION
    flow = train_flow(steps, seed)
    torch.manual_seed(seed)
    generator = Maker()
    discriminator = nn.Sequential(
        nn.Linear(2, 96), nn.LeakyReLU(0.2), nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Linear(96, 1)
    )
    adams = [torch.optim.Adam(one.parameters(), 1e-3, betas=(0.5, 0.99)) for one in (generator, discriminator)]
    data = ring(20_000, seed)
    for _ in range(steps):
        real = data[torch.randint(len(data), (256,))]
        fake = generator(torch.randn(256, 2))
        d_loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()
        adams[1].zero_grad()
        d_loss.backward()
        adams[1].step()
        g_loss = F.softplus(-discriminator(fake)).mean()
        adams[0].zero_grad()
        g_loss.backward()
        adams[0].step()
    return {"flow": flow, "gan": generator.state_dict()}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "contest-samples", "locked": true, "points": 3, "schema_version": 3, "solution": false} given=["train-code"]
import math

import torch

from course_utils.checks import check, ours, with_weights

angle = torch.arange(8) * math.pi / 4
centres = torch.stack([angle.cos(), angle.sin()], dim=1)
noise = torch.randn(2000, 2, generator=torch.Generator().manual_seed(115))
for seed in range(2):  # a good recipe can have bad luck
    answer = contest(1500, seed)
    flow = with_weights(ours("Velocity")(), answer["flow"], "Under flow stands the state_dict of a Velocity.")
    maker = with_weights(ours("Maker")(), answer["gan"], "Under gan stands the state_dict of a Maker.")
    bells, near = {}, {}
    for name, x in ours("drawn_by")(flow, maker, noise).items():
        distance, which = torch.cdist(x, centres).min(dim=1)
        bells[name], near[name] = len(which[distance < 0.15].unique()), (distance < 0.15).double().mean().item()
    if bells == {"flow": 8, "gan": 8}:
        break
check(bells["flow"] == 8, "The flow should reach all eight bells.")
message = "A GAN may lose a bell or two, but not most of them: has it been trained, against a judge that learns?"
check(bells["gan"] >= 4, message)
### BEGIN HIDDEN TESTS
check(near["flow"] > 0.5, "Most of the flow's samples should lie near a centre.")
check(
    near["gan"] > 0.3, "What a GAN has learned of the ring lies near its bells: has it been trained for all of `steps`?"
)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "contest-print", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    angle = torch.arange(8) * math.pi / 4
    centres = torch.stack([angle.cos(), angle.sin()], dim=1)
    for seed in range(3):
        flow, maker, weights = Velocity(), Maker(), contest(1500, seed)
        flow.load_state_dict(weights["flow"])
        maker.load_state_dict(weights["gan"])
        for name, samples in drawn_by(flow, maker, torch.randn(2000, 2)).items():
            distance, which = torch.cdist(samples, centres).min(dim=1)
            good = distance < 0.15
            print(f"seed {seed}, {name:4s}: {len(which[good].unique())} bells, {good.float().mean():.2f} near a centre")

# %% [markdown]
# ### Report (6 points)
#
# In about 250 words: what you expected; your table over at least three seeds, with bells reached, share near a centre, and *seconds*
# for training and for 2,000 samples (measure them); how the two losses behave over the steps, and what each tells; one change
# of your own to the contest (fewer steps of the sampler, a larger rate, another width, a stabilised GAN from chapter 07), predicted
# and measured. Then the answer to document 000's question in three sentences, with the numbers of chapters 05 and 11 for digits:
# what is an advantage of diffusion over traditional GANs, what is none, and what can this experiment not show?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-research", "locked": false, "points": 6, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - expectation before the result (0.5); a table over at least three seeds for both models (1); seconds for training and sampling (1);
# - losses: the flow's is a regression that falls to a floor above 0 (the part of the noise that cannot be known), the GAN's two go
#   up and down and do not say how good the samples are (1);
# - a change of their own, predicted, measured, concluded with no more than the numbers carry (1);
# - the answer (1.5): advantages that were measured (all modes without tuning, a loss that means something), a disadvantage (many
#   calls for a sample; slower sampling), fairness of the comparison (same steps are not same seconds; on digits in one minute the
#   unconditional GAN of chapter 05 has the smaller Fréchet distance), and limits: two dimensions, tiny networks, no StyleGAN.
# ### END MARK SCHEME
# I expected the flow to find all eight bells in every seed and the GAN to lose some. Three seeds, 1,500 steps: both reached eight bells in
# all three. Shares near a centre: flow 0.81, 0.61, 0.61; GAN 0.82, 0.84, 0.60. So on this ring my expectation was wrong: the GAN lost
# nothing, and the shares do not tell the two apart. For 2,000 samples the flow needs 50 calls of its network, the GAN one. The flow's loss falls
# and stays near a floor above 0, since the noise cannot be guessed from a place where several roads meet; the GAN's two losses say who is ahead
# and nothing about the bells.
#
# My change would be ten steps of the sampler in place of fifty; I predict a lower share and still eight bells. (A full answer gives its numbers here.)
#
# The answer: what this experiment shows of an advantage is a loss that can be read and a training in which nothing has to be balanced; it
# shows no advantage in modes or in shares. Speed of sampling is none, nor, in one minute on digits without labels, the Fréchet distance
# (chapter 05's GAN has the smaller one; with labels and guidance chapter 11's flow does better than without). It cannot show what happens with large networks, photographs or StyleGAN.
