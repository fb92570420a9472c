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
# # Exercise 04 · The saturation fix
#
# This exercise follows [chapter 04](../notebooks/04_saturation.ipynb). Part B also touches Case 8 of the
# [debugging clinic](../notebooks/90_debugging_clinic.ipynb).
#
# **You will practise**
#
# - deriving the slopes of the two generator losses, and computing them where float32 is at its limits;
# - finding a lost sign between the two players' costs, and a test that would have found it;
# - repairing a generator that starves;
# - measuring the gradient that reaches a generator's weights;
# - saying what label smoothing, the hinge and the least-squares losses do at their optimum;
# - measuring how fast a head start of the discriminator silences the generator's teacher, and reporting it.
#
# **Time.** About two and a half hours with the essays. Nothing trains for more than a second or two.
#
# **How to check yourself.** Each task is a cell to fill in, followed by cells that check it. Run them; those that hold
# say so in a line with a ✓, one that fails says what kind of mistake it has found. The checks that you see are a part
# of those used for grading: the hidden ones have other numbers, other shapes and other seeds, so write for every input
# that the task allows. Leave the checking cells as they are; their code is folded, and a click on the three dots opens
# it. Essays (*your answer here*) are read by a person, who looks for the points that the question names. You may use
# everything from the course.

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
from types import SimpleNamespace

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import vector_to_parameters

from course_utils.checks import when_ready
from course_utils.figures import show

# %% [markdown]
# ## A. The two slopes
#
# Everywhere in this exercise $s$ is the logit that the discriminator gives to a fake, $D = \sigma(s)$. The
# **minimax** loss of the generator is $\log(1 - D)$, the **non-saturating** loss is $-\log D$; both are descended.
#
# ### Question A1 (5 points)
#
# (a) Derive the slopes of both losses in $s$, step by step. (b) Derive their ratio (the
# second divided by the first), and find the $s$ at which it is one million. (c) A fellow student differentiates in
# $D$ instead of $s$: "The slope of $\log(1-D)$ is $-1/(1-D)$. At $D = 0$ that is $-1$. Nothing vanishes, so nothing
# saturates." Where is the flaw, and where in the chain from the loss to the generator's weights does the gradient get
# lost?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-slopes", "locked": false, "points": 5, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - (a) 2 points, one for each slope: $-\sigma(s)$ and $-(1-\sigma(s))$, with $\sigma' = \sigma(1-\sigma)$ used or
#   derived.
# - (b) 1 point: ratio $(1-\sigma)/\sigma = e^{-s}$, one million at $s = -6\ln 10 \approx -13.8$.
# - (c) 2 points: the calculation in $D$ is right but it is not the whole chain; the weights of $D$ and $G$ are
#   reached through $s$, and $dD/ds = \sigma(1-\sigma) \approx D$ vanishes as $D\to 0$ (1). For $-\log D$ the same
#   vanishing factor is multiplied by $-1/D$, which grows as fast as it falls, and the product stays near $-1$ (1).
#
# ### END MARK SCHEME
# (a) With $\sigma' = \sigma(1-\sigma)$:
# $\frac{d}{ds}\log(1-\sigma) = \frac{-\sigma(1-\sigma)}{1-\sigma} = -\sigma(s)$, and
# $\frac{d}{ds}(-\log\sigma) = -\frac{\sigma(1-\sigma)}{\sigma} = -(1-\sigma(s))$.
#
# (b) The ratio is $(1-\sigma)/\sigma = e^{-s}$, since $\sigma = 1/(1+e^{-s})$ and $1-\sigma = e^{-s}/(1+e^{-s})$. It is
# $10^6$ at $s = -6 \ln 10 \approx -13.8$.
#
# (c) The derivative in $D$ is right, but $D$ is not what the network puts out. The chain is loss → $D$ → $s$ → the
# fake's pixels → the generator's weights, and its second link is $dD/ds = \sigma(1-\sigma)$, about $D$ where $D$ is
# small. The minimax loss multiplies it by about $-1$, and what is left is $-D$: the gradient is lost in the sigmoid.
# The non-saturating loss multiplies it by $-1/D$, which grows exactly as fast as the link shrinks, and the product
# stays near $-1$.

# %% [markdown]
# ### Task A2
#
# Write both slopes as formulas, for tensors of any shape, without autograd. For $|s| \le 80$ they
# should be right to a relative error of a thousandth, in float32 too: at $s=30$ the second slope is not 0 but
# $-9.4\cdot 10^{-14}$. For larger $|s|$ they should stay finite.


# %% nbgrader={"grade": false, "grade_id": "slopes", "locked": false, "schema_version": 3, "solution": true}
def slopes(s):
    """(slope of log(1 - D), slope of -log D) in the logit s; two tensors of the shape of s."""
    ### BEGIN SOLUTION
    return -torch.sigmoid(s), -torch.sigmoid(-s)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "slopes-middle", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

minimax, non_saturating = slopes(torch.zeros(3))
close(
    minimax, torch.full((3,), -0.5), "At s = 0 both slopes are −½: descending raises s, which is what a forger wants."
)
close(non_saturating, torch.full((3,), -0.5), "At s = 0 both slopes are −½.")
### BEGIN HIDDEN TESTS
s = 6 * torch.rand(2, 5, generator=torch.Generator().manual_seed(411)) - 3
for slope in slopes(s):
    check(
        slope.shape == s.shape and bool((slope < 0).all()), "Descending either loss raises s: both slopes are negative."
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "slopes-values", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, finite_difference

minimax, non_saturating = slopes(torch.tensor([-6.0]))
check(
    abs(minimax.item()) < 0.01 < 0.9 < abs(non_saturating.item()),
    "D is sure of a fake here: one of the two is silent. Which?",
)
### BEGIN HIDDEN TESTS
s = 8 * torch.rand(3, 4, generator=torch.Generator().manual_seed(412), dtype=torch.float64) - 4
minimax, non_saturating = slopes(s)
message = "This is not the slope of log(1 − σ(s)) in s."
close(minimax, finite_difference(lambda s: -(1 + s.exp()).log().sum(), s), message)
message = "This is not the slope of −log σ(s) in s."
close(non_saturating, finite_difference(lambda s: (1 + (-s).exp()).log().sum(), s), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "slopes-far", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

message = "At the quiet end a slope is tiny, not 0: a difference of two nearly equal numbers has rounded it away."
check(slopes(torch.tensor(30.0))[1] < 0, message)
check(slopes(torch.tensor(-30.0))[0] < 0, message)
### BEGIN HIDDEN TESTS
for dtype in (torch.float32, torch.float64):
    s = torch.tensor([-80.0, -40.0, 20.0, 40.0, 80.0], dtype=dtype)
    exact = s.double()
    minimax, non_saturating = (torch.as_tensor(slope) for slope in slopes(s))
    close(minimax.double() / (1 / (1 + (-exact).exp())), -torch.ones(5, dtype=torch.float64), message, rtol=1e-3)
    close(non_saturating.double() / (1 / (1 + exact.exp())), -torch.ones(5, dtype=torch.float64), message, rtol=1e-3)
for slope in slopes(torch.tensor([-200.0, 200.0])):
    check(bool(torch.isfinite(torch.as_tensor(slope)).all()), "At large |s| an exponential has overflowed.")
### END HIDDEN TESTS

# %% [markdown]
# ### Task A3
#
# By how many **orders of magnitude** (powers of ten) does the non-saturating slope exceed the minimax
# slope? It may be negative. Be right for $s$ from −1000 to 1000, where both slopes themselves are no longer floats.


# %% nbgrader={"grade": false, "grade_id": "orders", "locked": false, "schema_version": 3, "solution": true}
def orders_of_magnitude(s):
    """log10 of (slope of -log D) / (slope of log(1 - D)) at the logits s; a tensor of the shape of s."""
    ### BEGIN SOLUTION
    return -s / math.log(10)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "orders-values", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

close(orders_of_magnitude(torch.tensor([0.0])), torch.zeros(1), "At s = 0 both are equal: zero orders of magnitude.")
message = "At s = −ln 10 the slopes of −log D and of log(1 − D) stand as ten to one: one order of magnitude."
close(orders_of_magnitude(torch.tensor([-math.log(10)])), torch.ones(1), message)
### BEGIN HIDDEN TESTS
s = torch.tensor([[-math.log(1e6), -6.0], [2.5, 4.0]])
answer = orders_of_magnitude(s)
message = "Take the logarithm to base 10 of the second slope divided by the first."
close(answer, torch.tensor([[6.0, 2.605767], [-1.085736, -1.737178]]), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "orders-far", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

far = torch.as_tensor(orders_of_magnitude(torch.tensor([-1000.0, 1000.0])))
check(bool(torch.isfinite(far).all()), "The slopes are no longer floats here, but their ratio has a simple logarithm.")
### BEGIN HIDDEN TESTS
s = torch.tensor([-920.0, -345.0, 690.0])
close(
    orders_of_magnitude(s),
    torch.tensor([399.5509, 149.8316, -299.6632]),
    "The logarithm of the ratio is simple: which?",
)
### END HIDDEN TESTS

# %% [markdown]
# ## B. A sign between two players
#
# A course text writes the two costs as sums over a batch,
#
# $$\mathcal J_D = -\sum_x \log D(x) - \sum_z \log\bigl(1 - D(G(z))\bigr), \qquad
# \mathcal J_G = -\mathcal J_D = \text{const} - \sum_z \log\bigl(1-D(G(z))\bigr),$$
#
# and then says that the generator *maximises* $\mathcal J_G$.
#
# ### Task B1
#
# Write the costs of a zero-sum game that both players **minimise**, from logits. Keep the term that is
# constant for the generator, so that the sum of both is exactly zero. They should be right for $|s| \le 200$ in
# float32.


# %% nbgrader={"grade": false, "grade_id": "costs", "locked": false, "schema_version": 3, "solution": true}
def discriminator_cost(real_logits, fake_logits):
    """J_D as a sum over all examples, a single number (0-d tensor). real_logits (n,), fake_logits (m,)."""
    ### BEGIN SOLUTION
    return F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()
    ### END SOLUTION


def generator_cost(real_logits, fake_logits):
    """J_G of the zero-sum game, to be minimised by the generator; a single number."""
    ### BEGIN SOLUTION
    return -discriminator_cost(real_logits, fake_logits)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "costs-discriminator", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

message = "An undecided discriminator pays log 2 for every example; the cost is a sum, not a mean."
close(discriminator_cost(torch.zeros(3), torch.zeros(5)), 8 * math.log(2), message)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(421)
for n, m in ((1, 4), (6, 3)):
    real, fake = torch.randn(n, generator=generator).double(), torch.randn(m, generator=generator).double()
    expected = -torch.sigmoid(real).log().sum() - (1 - torch.sigmoid(fake)).log().sum()
    close(discriminator_cost(real, fake), expected, "J_D is the sum of −log D over real and of −log(1 − D) over fakes.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "costs-zero-sum", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

message = "In a zero-sum game the two costs add up to zero, the part that is constant for the generator included."
close(generator_cost(torch.zeros(3), torch.zeros(5)), -8 * math.log(2), message)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(422)
for n, m in ((1, 4), (6, 3)):
    real, fake = torch.randn(n, generator=generator).double(), torch.randn(m, generator=generator).double()
    expected = torch.sigmoid(real).log().sum() + (1 - torch.sigmoid(fake)).log().sum()
    close(generator_cost(real, fake), expected, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "costs-direction", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, finite_difference

real, fake = torch.tensor([2.0, 1.0]), torch.tensor([-1.0, 0.5, -2.0])
slope = finite_difference(lambda s: generator_cost(real.double(), s), fake)
check(bool((slope < 0).all()), "One step of descent on this cost lowers D(G(z)): the generator helps to be caught.")
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(423)
real, fake = torch.randn(2, 4, generator=generator, dtype=torch.float64)
slope = finite_difference(lambda s: generator_cost(real, s), fake)
close(slope, -torch.sigmoid(fake), "The slope of this cost in the logits of the fakes is not that of log(1 − D).")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "costs-far", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

message = (
    "A confident mistake costs as much as its logit is large; here a probability has rounded to 0 or 1 on the way."
)
close(discriminator_cost(torch.tensor([-60.0]), torch.tensor([120.0])), 180.0, message)
### BEGIN HIDDEN TESTS
real, fake = torch.tensor([-150.0, 30.0]), torch.tensor([-90.0, 111.0, 40.0])
close(discriminator_cost(real, fake), 301.0, message)
close(generator_cost(real, fake), -301.0, message)
### END HIDDEN TESTS

# %% [markdown]
# ### Question B2 (3 points)
#
# (a) Which of the signs in the document is wrong? (b) "The generator maximises $\mathcal
# J_G$": is that right for $\mathcal J_G = -\mathcal J_D$, and is it right for the second expression? Which player
# would help whom if the printed cost went into an optimiser that *descends*? (c) Which test of one line, run once
# after writing a loss, finds such a slip?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-sign", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - (a) 1 point: $-\mathcal J_D = \text{const} + \sum\log(1-D(G(z)))$; the minus before the last sum is wrong.
# - (b) 1 point: $-\mathcal J_D$ is a cost to be *minimised* (maximising it helps the discriminator); the printed
#   expression is to be maximised, so the two slips cancel on paper. Under descent the printed one lowers $D(G(z))$:
#   the generator helps the discriminator.
# - (c) 1 point: one step, then compare $D(G(z))$ (or the fakes' logits) before and after; or the sign of the slope in
#   $s$.
#
# ### END MARK SCHEME
# (a) $-\mathcal J_D = \sum_x\log D(x) + \sum_z \log(1-D(G(z)))$. The first sum is constant for $G$; the second has a
# plus.
#
# (b) $-\mathcal J_D$ is the generator's cost, to be minimised: to maximise it would be to minimise $\mathcal J_D$,
# the discriminator's own wish. The second expression, with its minus, is indeed to be maximised. So two slips cancel
# on paper. In code they do not: an optimiser descends, and descending $-\sum\log(1-D)$ lowers $D(G(z))$. The
# generator would learn to be caught.
#
# (c) Take one step of the generator on fixed noise and check that the mean of $D(G(z))$ has risen.

# %% [markdown]
# ## C. A generator that does not leave its place
#
# The game of section 4.3: data from $\mathcal N(0, 1)$, $G(z) = \theta + z$, and a discriminator that is the best one
# for the *present* $\theta$, with the logit $s^*(x) = \theta^2/2 - \theta x$. It holds still while the generator
# takes its step. This program is meant to bring the fakes home. Started at $\theta = 8$ it stays there. With
# `-torch.log(d).mean()` in the place of the loss it moves, but from $\theta = 40$ the first step leads to `nan`.
#
# ```python
# def walk(theta, z, eta, steps):
#     theta = torch.tensor(theta, requires_grad=True)
#     path = []
#     for _ in range(steps):
#         fake = theta + z
#         d = torch.sigmoid(theta**2 / 2 - theta * fake)
#         loss = torch.log(1 - d).mean()
#         (gradient,) = torch.autograd.grad(loss, theta)
#         theta = (theta - eta * gradient).detach().requires_grad_()
#         path.append(theta.item())
#     return path
# ```
#
# ### Task C1
#
# Repair it. There are three things to think of: which loss; how it is computed, so that a start at
# $\theta = 40$ works in float32; and which of the $\theta$s in the line of `d` the generator's gradient may flow
# through.


# %% nbgrader={"grade": false, "grade_id": "walk", "locked": false, "schema_version": 3, "solution": true}
def walk(theta, z, eta, steps):
    """theta: a float; z: noise (n,), the same for every step; eta: learning rate.

    Returns theta after each step of gradient descent, as a list of floats or a tensor (steps,).
    """
    ### BEGIN SOLUTION
    path = []
    for _ in range(steps):
        shift = torch.tensor(theta, requires_grad=True)
        logits = theta**2 / 2 - theta * (shift + z)  # the discriminator's theta is a number
        (gradient,) = torch.autograd.grad(F.softplus(-logits).mean(), shift)
        theta = theta - eta * gradient.item()
        path.append(theta)
    return path
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "walk-home", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

torch.manual_seed(1)
path = torch.as_tensor(walk(8.0, torch.randn(500), 0.3, 60))
check(path.shape == (60,), "One value of θ for each step.")
check(5 < path[0] < 8, "The first step is one step: 0.3 times a slope of at most 8.")
check(
    path[9] < 4,
    "After ten steps θ should have come a long way. A generator that everybody recognises needs a loss that is steep there.",
)
check(path[-1].abs() < 0.1, "After 60 steps θ should be home at 0.")
### BEGIN HIDDEN TESTS
torch.manual_seed(431)
for start in (-7.0, 9.5):
    path = torch.as_tensor(walk(start, torch.randn(300), 0.25, 80))
    check(path.shape == (80,) and bool(path[-1].abs() < 0.1), "From either side θ should come home to 0.")
    check(0.7 < float(path[0]) / start < 1, "The first step is one step: 0.25 times a slope of at most θ.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "walk-steps", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

torch.manual_seed(2)
step = torch.as_tensor(walk(1.0, torch.zeros(4), 0.5, 1))
check(0 < step[0] < 1, "One step from θ = 1 should lead towards 0.")
step = torch.as_tensor(walk(1.0, torch.tensor([-0.5, 0.5]), 0.5, 1))
message = (
    "From θ = 1 with the noise ±½ one step is 0.5 times the mean of σ(0) and σ(1), to 0.6922: only the fakes' θ moves."
)
close(step[0].item(), 0.692235, message, atol=1e-3)
### BEGIN HIDDEN TESTS
torch.manual_seed(432)
for start, eta, n in ((2.0, 0.4, 50), (-1.2, 0.3, 7)):
    z, theta, expected = torch.randn(n), start, []
    for _ in range(6):
        s = theta**2 / 2 - theta * (theta + z.double())
        theta = theta - eta * (theta * torch.sigmoid(-s)).mean().item()
        expected.append(theta)
    path = torch.as_tensor(walk(start, z, eta, 6)).double()
    message = (
        "The steps are others than those of −log D against a discriminator that holds still while the generator moves."
    )
    close(path, torch.tensor(expected, dtype=torch.float64), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "walk-far", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

torch.manual_seed(3)
path = torch.as_tensor(walk(40.0, torch.randn(100), 0.3, 60))
check(bool(torch.isfinite(path).all()), "Far out a probability rounds to 0, its logarithm is infinite, and θ is lost.")
check(path[-1].abs() < 0.1, "Far out the gradient has been cut off somewhere: θ does not come home.")
check(20 < path[0] < 40, "The first step is one step: 0.3 times a slope of at most 40.")
### BEGIN HIDDEN TESTS
torch.manual_seed(433)
path = torch.as_tensor(walk(-35.0, torch.randn(64), 0.2, 90))
check(bool(torch.isfinite(path).all()) and bool(path[-1].abs() < 0.1), "Far out, at θ = −35, it does not work.")
### END HIDDEN TESTS

# %% [markdown]
# ## D. The gradient that arrives
#
# Networks instead of a single number: the helpers build a small generator and a small discriminator from given
# weights. The last of the discriminator's weights is the bias of its logit; with −12 there, it is sure that
# everything is fake.


# %% nbgrader={"grade": false, "grade_id": "pair-helpers", "locked": true, "schema_version": 3, "solution": false}
def new_pair(g_weights, d_weights):
    """A generator 2 → 3 → 2 and a discriminator 2 → 4 → logit with the given weights (flat tensors with 17 and 17 numbers)."""
    generator = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    discriminator = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))  # => (n,)
    vector_to_parameters(g_weights.clone(), generator.parameters())
    vector_to_parameters(d_weights.clone(), discriminator.parameters())
    return SimpleNamespace(generator=generator, discriminator=discriminator)


def gradient_of(network):
    """All gradients in one flat tensor; zeros where there are none."""
    return torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for w in network.parameters()])


def leave_gradients(network, size):
    """Fill every gradient with one number, as some earlier computation might have done."""
    for w in network.parameters():
        w.grad = torch.full_like(w, size)


# %% [markdown]
# ### Task D1
#
# Measure the gradient of a generator loss (the mean over the batch) that arrives at the generator: the
# norm of the gradients of **all its weights taken together**, as if they were one long vector. A measurement should
# not disturb: it leaves no gradients in the networks, and it does not count what was left there before.


# %% nbgrader={"grade": false, "grade_id": "gradient-norm", "locked": false, "schema_version": 3, "solution": true}
def gradient_norm(generator, discriminator, z, kind):
    """Norm of the generator's gradient, a float. z: (n, 2) noise; kind: "minimax" or "non-saturating"."""
    ### BEGIN SOLUTION
    logits = discriminator(generator(z))
    loss = -F.softplus(logits).mean() if kind == "minimax" else F.softplus(-logits).mean()
    gradients = torch.autograd.grad(loss, list(generator.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gradient-norm-starves", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

torch.manual_seed(4)
d_weights = torch.cat([torch.randn(16), torch.tensor([-12.0])])
pair, z = new_pair(torch.randn(17), d_weights), torch.randn(64, 2)
norms = {kind: gradient_norm(pair.generator, pair.discriminator, z, kind) for kind in ("minimax", "non-saturating")}
check(
    norms["non-saturating"] > 1000 * norms["minimax"] > 0,
    "Against a discriminator that is sure, one of the two losses starves its generator.",
)
### BEGIN HIDDEN TESTS
torch.manual_seed(441)
d_weights = torch.cat([torch.randn(16), torch.tensor([12.0])])
pair, z = new_pair(torch.randn(17), d_weights), torch.randn(9, 2)
norms = {kind: gradient_norm(pair.generator, pair.discriminator, z, kind) for kind in ("minimax", "non-saturating")}
check(
    norms["minimax"] > 1000 * norms["non-saturating"] > 0,
    "Against a discriminator that is fooled, it is the other way round.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "gradient-norm-values", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import vector_to_parameters

from course_utils.checks import check, close

torch.manual_seed(5)
pair, z = new_pair(torch.randn(17), torch.zeros(17)), torch.randn(8, 2)
norm = gradient_norm(pair.generator, pair.discriminator, z, "non-saturating")
close(norm, 0.0, "A discriminator with all weights 0 says ½ to everything and gives no direction.")
pair, z = new_pair(torch.linspace(-1, 1, 17), torch.linspace(1, -1, 17)), torch.linspace(-1, 1, 16).view(8, 2)
message = "Here it is 1.1398: the mean over the batch, and all of the generator's gradients as one long vector."
close(gradient_norm(pair.generator, pair.discriminator, z, "non-saturating"), 1.13978, message, rtol=1e-3)
### BEGIN HIDDEN TESTS
for seed, n, bias in ((442, 1, 0.0), (443, 12, -9.0), (444, 30, 2.0)):
    torch.manual_seed(seed)
    z, g_weights = torch.randn(n, 2), torch.randn(17)
    d_weights = torch.cat([torch.randn(16), torch.tensor([bias])])
    g = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    d = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    vector_to_parameters(g_weights, g.parameters())
    vector_to_parameters(d_weights, d.parameters())
    pair, s = new_pair(g_weights, d_weights), d(g(z))
    for kind, loss in (("minimax", -F.softplus(s).mean()), ("non-saturating", F.softplus(-s).mean())):
        parts = torch.autograd.grad(loss, list(g.parameters()), retain_graph=True)
        expected = sum(part.square().sum() for part in parts).sqrt().item()
        ratio = gradient_norm(pair.generator, pair.discriminator, z, kind) / expected
        message = (
            f"The norm for the {kind} loss is off: mean over the batch, all of the generator's weights as one vector."
        )
        close(ratio, 1.0, message, rtol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "gradient-norm-clean", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

torch.manual_seed(6)
pair, z = new_pair(torch.randn(17), torch.randn(17)), torch.randn(8, 2)
first = gradient_norm(pair.generator, pair.discriminator, z, "minimax")
second = gradient_norm(pair.generator, pair.discriminator, z, "minimax")
close(
    second,
    first,
    "Measured twice, and the second number is another one: the first measurement has left something behind.",
)
other = gradient_norm(pair.generator, pair.discriminator, z, "non-saturating")
check(other != first > 0, "The two losses have different gradients, and neither is 0: is anything measured?")
close(gradient_of(pair.discriminator), torch.zeros(17), "The measurement has left gradients in the discriminator.")
### BEGIN HIDDEN TESTS
torch.manual_seed(445)
pair, z = new_pair(torch.randn(17), torch.randn(17)), torch.randn(5, 2)
clean = gradient_norm(pair.generator, pair.discriminator, z, "non-saturating")
close(gradient_of(pair.generator), torch.zeros(17), "The measurement has left gradients in the generator.")
close(gradient_of(pair.discriminator), torch.zeros(17), "The measurement has left gradients in the discriminator.")
leave_gradients(pair.generator, 3.0)
littered = gradient_norm(pair.generator, pair.discriminator, z, "non-saturating")
close(littered, clean, "Gradients that were left in the generator before have been counted.")
### END HIDDEN TESTS

# %% [markdown]
# ### Question D2 (3 points)
#
# "Adam divides each gradient by its own running size. So a gradient that is 100 000 times
# smaller gives the same step, and saturation does not matter." (a) How far is that right? (b) Name two effects of
# saturation that Adam does *not* undo, with the mechanism of each.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-adam", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - (a) 1 point: $\hat m/(\sqrt{\hat v}+\epsilon)$ does not change when all gradients are multiplied by one number, as
#   long as $\sqrt{\hat v}\gg\epsilon$; the chapter's saturating generator trained under Adam.
# - (b) 2 points, one each: the wall of $\epsilon$ (single weights with gradients near $10^{-8}$ or below); the
#   direction, as the batch's weights $\sigma(s_i) \approx e^{s_i}$ make few fakes count (effective share), which a
#   common factor cannot repair. Also accepted: $\hat v$ remembers larger gradients for about $1/(1-\beta_2)$ steps,
#   so a sudden fall *is* felt for that time.
#
# ### END MARK SCHEME
# (a) It is right for a common factor: numerator and denominator of Adam's step shrink together, and in the chapter
# the saturating generator, which stood still under SGD, trained under Adam.
#
# (b) First, $\epsilon = 10^{-8}$ stands beside $\sqrt{\hat v}$. When the gradient of a *single weight* falls to about
# $10^{-8}$, the step shrinks with it: after the long head start the first step was a small part of the full one, and
# a smaller $\epsilon$ set the generator free. Second, the direction. For $s \ll 0$ each fake enters with the weight
# $\sigma(s_i)\approx e^{s_i}$; a fake whose logit is four higher counts fifty times as much, and the mean gradient is
# that of a few fakes. Adam changes the size of each coordinate, not which fakes have been heard.

# %% [markdown]
# ## E. Label smoothing
#
# As in section 4.9 the discriminator is asked for $\alpha$ on real examples and for $\beta$ on fakes, $\beta <
# \alpha$. In addition, let a share $\pi$ of its examples be real. At a point $x$ its loss is
#
# $$-\pi p\,[\alpha\log D + (1-\alpha)\log(1-D)] - (1-\pi)\,q\,[\beta\log D + (1-\beta)\log(1-D)].$$
#
# ### Task E1
#
# Write the $D^*(x)$ that minimises it.


# %% nbgrader={"grade": false, "grade_id": "smoothed", "locked": false, "schema_version": 3, "solution": true}
def smoothed_discriminator(p, q, alpha=1.0, beta=0.0, share=0.5):
    """D*(x) for labels alpha (real) and beta (fake). p, q: tensors of one shape, densities of data and fakes."""
    ### BEGIN SOLUTION
    real, fake = share * p, (1 - share) * q
    return (alpha * real + beta * fake) / (real + fake)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "smoothed-equal", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

p = torch.tensor([0.3, 0.1])
close(smoothed_discriminator(p, p), torch.full((2,), 0.5), "Without smoothing, equal densities mean ½.")
close(
    smoothed_discriminator(p, p, 0.9, 0.1),
    torch.full((2,), 0.5),
    "Smoothed equally on both sides, equal densities still mean ½.",
)
message = (
    "One real example in four: D* of equal densities is a quarter of the one label and three quarters of the other."
)
close(smoothed_discriminator(p, p, 0.8, 0.0, share=0.25), torch.full((2,), 0.2), message)
### BEGIN HIDDEN TESTS
p = torch.rand(2, 3, generator=torch.Generator().manual_seed(451)) + 0.1
message = "With equal densities D* is the average label, weighted with the shares."
close(smoothed_discriminator(p, p, 0.8, 0.0), torch.full((2, 3), 0.4), message)
close(smoothed_discriminator(p, p, 0.9, 0.2, 0.25), torch.full((2, 3), 0.375), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "smoothed-values", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

far = smoothed_discriminator(torch.tensor([1e-20]), torch.tensor([0.4]), 0.9, 0.1)
close(far, torch.tensor([0.1]), "Where there are only fakes, D* is the label of the fakes.")
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(452)
p, q = torch.rand(2, 3, 4, generator=generator, dtype=torch.float64)
for alpha, beta, share in ((0.9, 0.0, 0.5), (0.85, 0.1, 0.5), (0.95, 0.2, 0.7)):
    best = torch.as_tensor(smoothed_discriminator(p, q, alpha, beta, share))
    check(bool((best > 0).all() and (best < 1).all()), "D* lies between 0 and 1.")
    losses = []
    for d in (best, best + 0.01 * (1 - best), best - 0.01 * best):
        on_real = alpha * d.log() + (1 - alpha) * (1 - d).log()
        on_fake = beta * d.log() + (1 - beta) * (1 - d).log()
        losses.append(-(share * p * on_real + (1 - share) * q * on_fake))
    lowest = losses[0] <= torch.minimum(losses[1], losses[2]) + 1e-12
    check(bool(lowest.all()), "Another D has a smaller loss: this one is not the best.")
### END HIDDEN TESTS

# %% [markdown]
# ### Task E2
#
# What does a smoothed $D^*$ do for the generator? In the game of part C ($p = \mathcal N(0,1)$, $q =
# \mathcal N(\theta, 1)$, $\pi = \tfrac12$) compute the **pull** on a fake at $x$, the slope $\frac{d}{dx}\bigl[-\log
# D^*(x)\bigr]$, with $\theta$, $\alpha$ and $\beta$ fixed. (By formula or by autograd, as you like.) Inputs are
# float64.


# %% nbgrader={"grade": false, "grade_id": "pull", "locked": false, "schema_version": 3, "solution": true}
def pull(x, theta, alpha=1.0, beta=0.0):
    """Slope of -log D*(x) in x at the points x, a float64 tensor; returns a tensor of its shape. theta: a float, up to 10."""
    ### BEGIN SOLUTION
    d0 = torch.sigmoid(theta**2 / 2 - theta * x)  # without smoothing
    slope = -theta * d0 * (1 - d0)
    return -(alpha - beta) * slope / (beta + (alpha - beta) * d0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pull-one-sided", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

x = torch.linspace(-3, 9, 7, dtype=torch.float64)
check(
    pull(x, 4.0)[-1] > 3.9,
    "Descending −log D* should move a far fake at positive x to the left: a large positive slope.",
)
close(pull(x, 4.0, 0.9), pull(x, 4.0, 1.0), "A constant factor α inside the logarithm has no slope.")
### BEGIN HIDDEN TESTS
torch.manual_seed(453)
for theta in (2.5, -6.0):
    x = theta + torch.randn(2, 5, dtype=torch.float64)
    s = theta**2 / 2 - theta * x
    for alpha in (1.0, 0.75):
        message = "Without labels for fakes (β = 0) the slope of −log D* in x is not this one."
        close(pull(x, theta, alpha), theta * torch.sigmoid(-s), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pull-two-sided", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

far = torch.tensor([8.0, 10.0], dtype=torch.float64)
check(bool((pull(far, 8.0, 0.9, 0.1) < 0.01).all()), "With β > 0, D* is flat at β where there are only fakes: no pull.")
### BEGIN HIDDEN TESTS
torch.manual_seed(454)
for theta, alpha, beta in ((1.5, 0.9, 0.1), (-2.0, 0.8, 0.05)):
    x = theta * torch.rand(6, dtype=torch.float64)
    losses = []
    for at in (x + 1e-5, x - 1e-5):
        p, q = (-(at**2) / 2).exp(), (-((at - theta) ** 2) / 2).exp()
        losses.append(-((alpha * p + beta * q) / (p + q)).log())
    expected = (losses[0] - losses[1]) / 2e-5
    close(pull(x, theta, alpha, beta), expected, "With labels on both sides the slope of −log D* in x is another one.")
    p, q = (-(x**2) / 2).exp(), (-((x - theta) ** 2) / 2).exp()
    expected = (1 - beta) * theta * p * q / ((p + q) * (p + beta * q))
    close(pull(x, theta, beta=beta), expected, "Real ones are labelled 1 unless another alpha is given.")
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "look-pull", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    x = torch.linspace(-2, 10, 200, dtype=torch.float64)
    fig, ax = plt.subplots(figsize=(7, 2.8))
    for name, labels in {"no smoothing": (1.0, 0.0), "one-sided": (0.9, 0.0), "two-sided": (0.9, 0.1)}.items():
        ax.plot(x, pull(x, 6.0, *labels), "--" if name == "one-sided" else "-", label=name)
    ax.set(xlabel="x of a fake (the fakes are around 6, the data around 0)", ylabel="slope of −log D*")
    ax.legend()
    show(
        fig,
        alt="The slope over x: without and with one-sided smoothing it rises from 0 to 6 and stays; with two-sided "
        "smoothing it is a hump near 3 and nothing where the fakes are.",
    )

# %% [markdown]
# ## F. Siblings
#
# The hinge losses are (4.6) in the chapter. The **least-squares** losses (Mao et al., 2017,
# [arXiv:1611.04076](https://arxiv.org/abs/1611.04076)) take the discriminator's output $s$, without a sigmoid, and
# ask for 1 on real and 0 on fake examples in squared error,
#
# $$L_D = \tfrac12\,\mathbb E\,(s_\text{real} - 1)^2 + \tfrac12\,\mathbb E\, s_\text{fake}^2, \qquad L_G = \tfrac12\,\mathbb E\,(s_\text{fake} - 1)^2.$$
#
# ### Task F1
#
# The slope in $s$ of the generator's loss, for a single fake. **Task F2.** The output $s^*$ of the best
# discriminator at a point with densities $p$ and $q$ (equal shares; where $p \neq q$). For the hinge losses draw the
# loss as a function of $s$: it is made of straight pieces.


# %% nbgrader={"grade": false, "grade_id": "siblings", "locked": false, "schema_version": 3, "solution": true}
def sibling_slope(kind, s):
    """Slope of the generator's loss in s, a tensor of the shape of s; kind is "hinge" or "least-squares"."""
    ### BEGIN SOLUTION
    return -torch.ones_like(s) if kind == "hinge" else s - 1
    ### END SOLUTION


def best_output(kind, p, q):
    """The discriminator's best output s*, a tensor of the shape of p and q; kind is "hinge" or "least-squares"."""
    ### BEGIN SOLUTION
    return torch.sign(p - q) if kind == "hinge" else p / (p + q)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "siblings-slopes", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

s = torch.tensor([-5.0, 0.0])
check(bool((sibling_slope("hinge", s) < 0).all()), "Descending raises s.")
check(bool((sibling_slope("least-squares", s) < 0).all()), "Below 1, descending raises s.")
### BEGIN HIDDEN TESTS
s = 20 * torch.rand(2, 3, generator=torch.Generator().manual_seed(461)) - 10
close(sibling_slope("hinge", s), torch.full((2, 3), -1.0), "The generator's hinge loss is −s: what is its slope?")
close(sibling_slope("least-squares", s), s - 1.0, "The generator's least-squares loss is ½(s − 1)²: what is its slope?")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "siblings-least-squares", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

p = torch.tensor([0.4, 0.2])
close(best_output("least-squares", p, p), torch.full((2,), 0.5), "Half of them ask for 1 and half for 0.")
### BEGIN HIDDEN TESTS
p, q = torch.rand(2, 6, generator=torch.Generator().manual_seed(462))
s, grid = best_output("least-squares", p, q), torch.linspace(-1, 2, 3001)[:, None]
expected = grid[(p * (grid - 1) ** 2 + q * grid**2).argmin(0), 0]
close(s, expected, "Another output has a smaller squared error.", rtol=0, atol=2e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "siblings-hinge", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import check, close

s = best_output("hinge", torch.tensor([0.5]), torch.tensor([0.1]))
check(bool((s > 0).all()), "Where real ones are more frequent, the output should be positive.")
losses = [0.5 * F.relu(1 - at) + 0.1 * F.relu(1 + at) for at in (s, s - 0.2, s + 0.2)]
check(
    bool(losses[0] <= min(losses[1:]) + 1e-6),
    "A little more or less, and the loss p·max(0, 1 − s) + q·max(0, 1 + s) falls.",
)
### BEGIN HIDDEN TESTS
p, q = torch.rand(2, 8, generator=torch.Generator().manual_seed(463))
s, grid = best_output("hinge", p, q), torch.linspace(-3, 3, 6001)[:, None]
expected = grid[(p * F.relu(1 - grid) + q * F.relu(1 + grid)).argmin(0), 0]
close(s, expected, "Draw p·max(0, 1 − s) + q·max(0, 1 + s) over s. Where is it lowest?", rtol=0, atol=2e-3)
### END HIDDEN TESTS

# %% [markdown]
# ### Question F3 (4 points)
#
# (a) Order the four generator losses (minimax, non-saturating, hinge, least squares) by
# what they do where the discriminator is very sure of a fake, $s \to -\infty$: what is the size of each slope there?
# And where $s$ is large and positive? (b) The slope of the hinge loss in $s$ is −1 everywhere. Take the *best* hinge
# discriminator of task F2 and a fake far from the data. Which gradient arrives at the fake's position $x$? Does the
# loss protect a generator from starving, or what else has to hold?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-siblings", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - (a) 2 points: for $s\to-\infty$: minimax 0 (like $e^s$), non-saturating 1, hinge 1, least squares grows like $|s|$
#   (1). For $s\to+\infty$: minimax 1, non-saturating 0, hinge 1, least squares $s-1$, positive above 1: it pushes
#   back fakes that are "too real" (1).
# - (b) 2 points: $s^* = -1$ is constant around a far fake, so $ds/dx = 0$ and no gradient arrives, in spite of the
#   slope −1 (1). The chain has a second link: the discriminator's slope in $x$; it needs a discriminator that is not
#   optimal/smooth (few steps, limited slope as in spectral norm, overlap of the distributions) (1).
#
# ### END MARK SCHEME
# (a) At $s\to-\infty$ the sizes are: minimax $\sigma(s)\to 0$; non-saturating $\to 1$; hinge 1; least squares
# $|s-1|$, which grows without bound. At $s\to+\infty$: minimax $\to1$, non-saturating $\to0$, hinge 1 still, least
# squares $s - 1$ with the *opposite* sign: beyond 1 it pulls a fake back, though the discriminator already takes it
# for real.
#
# (b) The best hinge output is $-1$ wherever $q > p$. Around a far fake it is constant, $ds^*/dx = 0$, and what
# arrives is $-1\cdot 0 = 0$. So a slope that does not saturate in $s$ protects only the first link of the chain. The
# second is the discriminator's own slope in $x$. It is there only as long as the discriminator is not the best
# possible step function: because it is trained for few steps, because its slope is limited (chapter 07), or because
# real and made examples overlap. (With cross-entropy the best logit $\log p/q$ keeps a slope far out, for the
# Gaussians of part C.)

# %% [markdown]
# ## G. An investigation: how fast does the teacher fall silent?
#
# Real points lie in a heap around (3, 0), the fakes of an untrained generator near the origin. The discriminator gets
# a **head start**: it trains alone for a number of steps, while the generator stands still. Then we ask for the
# gradients.


# %% nbgrader={"grade": false, "grade_id": "players", "locked": true, "schema_version": 3, "solution": false}
def real_points(n):
    return torch.tensor([3.0, 0.0]) + 0.5 * torch.randn(n, 2)


def adam(network):
    return torch.optim.Adam(network.parameters(), lr=5e-3, betas=(0.5, 0.99))


def young_players():
    """An untrained generator (2 → 2) and discriminator (2 → logit)."""
    generator = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    discriminator = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1), nn.Flatten(0))
    return generator, discriminator


# %% [markdown]
# ### Task G1
#
# Train the discriminator alone: one step for each batch of real points and each batch of noise, with the
# loss of chapter 03 (the mean over the real ones plus the mean over the fakes).


# %% nbgrader={"grade": false, "grade_id": "train-ahead", "locked": false, "schema_version": 3, "solution": true}
def train_ahead(generator, discriminator, optimizer, reals, noises):
    """reals and noises: lists of tensors (n, 2), one of each for every step. The generator stays as it is. Returns nothing."""
    ### BEGIN SOLUTION
    for real, z in zip(reals, noises, strict=True):
        with torch.no_grad():
            fake = generator(z)
        loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "train-ahead-steps", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import vector_to_parameters

from course_utils.checks import check, close

torch.manual_seed(7)
pair = new_pair(torch.randn(17), torch.randn(17))
reals, noises = list(3 + torch.randn(200, 16, 2)), list(torch.randn(200, 16, 2))
train_ahead(pair.generator, pair.discriminator, adam(pair.discriminator), reals, noises)
on_real = pair.discriminator(reals[0]).detach().mean()
on_fake = pair.discriminator(pair.generator(noises[0])).detach().mean()
check(
    bool(on_real > 0 > on_fake), "After the training real points should have positive logits and fakes negative ones."
)
### BEGIN HIDDEN TESTS
for seed, sizes in ((475, (8, 3, 5, 8, 1, 8)), (476, (4,) * 12)):
    torch.manual_seed(seed)
    g_weights, d_weights = torch.randn(17), torch.randn(17)
    reals, noises = [3 + torch.randn(n, 2) for n in sizes], [torch.randn(n + 1, 2) for n in sizes]
    pair = new_pair(g_weights, d_weights)
    optimizer = adam(pair.discriminator)
    train_ahead(pair.generator, pair.discriminator, optimizer, reals[:4], noises[:4])
    train_ahead(pair.generator, pair.discriminator, optimizer, reals[4:], noises[4:])
    g = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    d = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))
    vector_to_parameters(g_weights.clone(), g.parameters())
    vector_to_parameters(d_weights.clone(), d.parameters())
    ours = torch.optim.Adam(d.parameters(), lr=5e-3, betas=(0.5, 0.99))
    for real, z in zip(reals, noises, strict=True):
        ours.zero_grad()
        (F.softplus(-d(real)).mean() + F.softplus(d(g(z).detach())).mean()).backward()
        ours.step()
    x = 2 * torch.randn(20, 2)
    message = "These steps lead elsewhere: loss on real ones plus loss on fakes of this generator, gradients of this batch only."
    close(pair.discriminator(x).detach(), d(x).detach(), message, rtol=1e-3, atol=1e-3)
    close(pair.generator(x).detach(), g(x).detach(), "The generator should stand still during the head start.")
### END HIDDEN TESTS

# %% [markdown]
# ### Task G2 · The head start
#
# From a seed: make the players, and give the discriminator a head start of `steps` steps (64 real points and 64 noise
# vectors each, fresh ones for every step). Return both.


# %% nbgrader={"grade": false, "grade_id": "head-start", "locked": false, "schema_version": 3, "solution": true}
def head_start(steps, seed):
    """Returns the players after the head start: (generator, discriminator)."""
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    generator, discriminator = young_players()
    reals = [real_points(64) for _ in range(steps)]
    noises = [torch.randn(64, 2) for _ in range(steps)]
    train_ahead(generator, discriminator, adam(discriminator), reals, noises)
    return generator, discriminator
    ### END SOLUTION


# %% given=["train-ahead"] nbgrader={"grade": true, "grade_id": "head-start-seeded", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, ours, with_weights


def weights_of(steps, seed):
    players = head_start(steps, seed)
    check(len(players) == 2, "Return both players: the generator, then the discriminator.")
    copies = [
        with_weights(one, theirs, "Return the players.")
        for one, theirs in zip(ours("young_players")(), players, strict=True)
    ]
    return torch.cat([w.detach().flatten() for copy in copies for w in copy.parameters()])


first, again, other = weights_of(5, 1), weights_of(5, 1), weights_of(5, 2)
close(again, first, "The same seed should give the same players: an experiment that cannot be repeated is an anecdote.")
check(not torch.equal(first, other), "Another seed should give other players. What is seeded, and when?")
### BEGIN HIDDEN TESTS
close(weights_of(0, 471), weights_of(0, 471), "The same seed should give the same players.")
check(not torch.equal(weights_of(0, 471), weights_of(0, 472)), "Another seed should give other players.")
generator, discriminator = [
    with_weights(one, theirs, "Return the players.")
    for one, theirs in zip(ours("young_players")(), head_start(80, 473), strict=True)
]
real = torch.tensor([3.0, 0.0]) + 0.5 * torch.randn(500, 2)
apart = discriminator(real).mean() - discriminator(generator(torch.randn(500, 2))).mean()
check(bool(apart > 1), "What is repeated should be a head start: after eighty steps D tells reals from fakes.")
### END HIDDEN TESTS

# %% given=["train-ahead"] nbgrader={"grade": true, "grade_id": "head-start-values", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, ours, with_weights


def logits(steps, seed):
    """Mean logits of real points and of fakes after a head start, measured on points of our own."""
    players = zip(ours("young_players")(), head_start(steps, seed), strict=True)
    generator, discriminator = [with_weights(one, theirs, "Return the players.") for one, theirs in players]
    random = torch.Generator().manual_seed(seed + 1)
    real = torch.tensor([3.0, 0.0]) + 0.5 * torch.randn(500, 2, generator=random)
    fake = generator(torch.randn(500, 2, generator=random))
    return discriminator(real).mean().item(), discriminator(fake).mean().item()


on_real, on_fake = logits(0, 0)
check(abs(on_real) < 1 and abs(on_fake) < 1, "Without a head start D says about ½ to everything.")
on_real, on_fake = logits(100, 0)
check(on_fake < -1.5 and on_real > 1, "After a head start reals and fakes are told apart: logits above and below 0.")
### BEGIN HIDDEN TESTS
for seed in (475, 482, 483):
    (_, early), (on_real, late) = logits(50, seed), logits(200, seed)
    message = "The logits are not those of this head start: 64 fresh points of each kind a step, the given optimizer."
    check(-8 < late < -3.5 and 5.5 < on_real < 10, message)
    check(early - late > 1, "A longer head start should leave a surer discriminator: one step for each of `steps`.")
### END HIDDEN TESTS

# %% [markdown]
# ### Task G3 · How silent is the teacher?
#
# On the fakes of the noise `z` measure the mean logit, and by how many orders of magnitude the norm of the
# non-saturating gradient (task D1) exceeds that of the minimax gradient.


# %% nbgrader={"grade": false, "grade_id": "silence", "locked": false, "schema_version": 3, "solution": true}
def silence(generator, discriminator, z):
    """z (n, 2) => (mean logit of the fakes, log10 of the ratio of the two gradient norms), two floats."""
    ### BEGIN SOLUTION
    norms = [gradient_norm(generator, discriminator, z, kind) for kind in ("non-saturating", "minimax")]
    return discriminator(generator(z)).mean().item(), math.log10(norms[0] / norms[1])
    ### END SOLUTION


# %% given=["gradient-norm"] nbgrader={"grade": true, "grade_id": "silence-values", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import vector_to_parameters

from course_utils.checks import check, close

torch.manual_seed(8)
z, d_weights = torch.randn(20, 2), torch.cat([0.01 * torch.randn(16), torch.tensor([-2.3026])])
pair = new_pair(torch.randn(17), d_weights)
logit, orders = silence(pair.generator, pair.discriminator, z)
close(logit, -2.3026, "D says nearly the same to all: a logit of about −2.3026.", atol=0.05)
close(
    orders, 1.0, "Where every logit is close to −2.3026, the gradients differ by a factor of ten: one order.", atol=0.05
)
### BEGIN HIDDEN TESTS
for seed, n, bias in ((477, 1, -4.0), (478, 40, 3.0), (479, 200, -9.0)):
    torch.manual_seed(seed)
    z, g_weights = torch.randn(n, 2), torch.randn(17)
    d_weights = torch.cat([torch.randn(16), torch.tensor([bias])])
    g = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    d = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    vector_to_parameters(g_weights, g.parameters())
    vector_to_parameters(d_weights, d.parameters())
    s, norms = d(g(z)), []
    for loss in (F.softplus(-s).mean(), -F.softplus(s).mean()):
        parts = torch.autograd.grad(loss, list(g.parameters()), retain_graph=True)
        norms.append(sum(part.square().sum() for part in parts).sqrt())
    pair = new_pair(g_weights, d_weights)
    logit, orders = silence(pair.generator, pair.discriminator, z)
    close(logit, s.mean().item(), "The mean logit of the fakes: no probability, and of all of them.", rtol=1e-3)
    right = (norms[0] / norms[1]).log10().item()
    close(orders, right, "Orders of magnitude: log10 of non-saturating over minimax, norms and not slopes.", rtol=1e-2)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "look-head-start", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    for steps in (0, 100):
        logit, orders = silence(*head_start(steps, seed=0), torch.randn(256, 2))
        print(f"{steps:4d} steps   mean logit {logit:6.2f}, orders of magnitude {orders:5.2f}")

# %% [markdown]
# That is one seed. The rest of the experiment is yours: add a cell, up to a head start of 300 steps or more.
#
# ### Question G4 (6 points)
#
# Report on it in about 200 words, with a table of your own measured numbers (at least
# four lengths of the head start, at least three seeds, mean and range). State first what you expected. How do the
# orders of magnitude grow with the head start: in proportion to the steps, faster, slower? Hold the measured orders
# against $-\bar s/\ln 10$ from task A3, with $\bar s$ the mean logit: how well does the formula for a *single* logit
# predict a *norm over a batch*, and when would it not? Which conclusion about training follows, and which does not
# follow from this experiment?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-head-start", "locked": false, "points": 6, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 1 point: an expectation with a reason.
# - 2 points: a table with own numbers, four lengths, three seeds, spread; it agrees with the code (about 0 at 0
#   steps, 1.3 to 1.7 at 100, 2.4 to 3.1 at 300).
# - 1 point: shape of the growth: fast at first, then slower than in proportion (from 100 to 300 steps less than twice
#   as much), because a discriminator that is right has a small gradient itself.
# - 1 point: agreement with $-\bar s/\ln 10$ within about a tenth to a quarter; measured orders are a little lower,
#   because the minimax mean is dominated by the fakes with the highest logits (mean of $e^{s}$ exceeds $e^{\bar s}$);
#   worse when the logits spread.
# - 1 point: conclusion (non-saturating loss, or fewer steps of D, under SGD) and a limit (Adam, a standing generator,
#   toy data, one network and rate).
#
# ### END MARK SCHEME
# I expected the orders to rise with the head start, since each unit of confidence makes the minimax slope $e$ times
# smaller. Measured, seeds 0 to 2, mean (smallest to largest):
#
# | head start | mean logit | orders | $-\bar s/\ln 10$ |
# |---|---|---|---|
# | 0 | −0.06 (−0.15 to 0.05) | 0.02 (−0.02 to 0.05) | 0.03 |
# | 30 | −0.96 (−1.21 to −0.81) | 0.41 (0.33 to 0.52) | 0.41 |
# | 100 | −3.37 (−3.65 to −3.12) | 1.43 (1.29 to 1.58) | 1.46 |
# | 300 | −6.41 (−7.00 to −5.78) | 2.68 (2.38 to 3.03) | 2.78 |
#
# The growth is not in proportion: three times the steps, from 100 to 300, give less than twice the orders. A
# discriminator that is right feels a small gradient itself, and its logits grow ever more slowly. The formula
# predicts the measured orders to about a tenth. They are nearly always slightly lower, because the minimax gradient
# averages $\sigma(s_i)\approx e^{s_i}$ and a mean of exponentials is dominated by the highest logits. With logits
# that differ widely within a batch the formula would be worse.
#
# So with plain gradient descent a head start of a few hundred steps costs the minimax generator nearly three orders
# of magnitude. It does not follow that it could not be trained with Adam, which rescales; and here the generator
# stood still, in two dimensions, with one network and one rate. In a real game both move.
