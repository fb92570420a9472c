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
# # Exercise 03 · The minimax game
#
# This exercise follows [chapter 03](../notebooks/03_minimax.ipynb); part E also needs sections 90.2 to 90.5 of the
# [debugging clinic](../notebooks/90_debugging_clinic.ipynb).
#
# **You will practise**
#
# - finding the best discriminator for given densities, also where real and generated examples are not equally frequent;
# - computing the value of the game and the Jensen–Shannon divergence, zero probabilities included;
# - writing a loss that survives a very confident discriminator;
# - writing both updates of a GAN, so that each moves one network and leaves nothing behind in the other;
# - saying by how much two players circle, and when they run away;
# - repairing somebody else's GAN, training a small one of your own, and reporting a small experiment.
#
# **Time.** About three hours with the essays. Nothing trains for more than two seconds.
#
# **How to check yourself.** Each task is a cell to fill in, followed by cells that check it. Run them; those that hold
# say so in a line with a ✓, one that fails says what kind of mistake it has found. The checks that you see are a part
# of those that are used for grading: the hidden ones have other numbers, other shapes and other seeds, so write for
# every input that the task allows. Leave the checking cells as they are; their code is folded, and a click on the three
# dots opens it. Essays (*your answer here*) are read by a person, who looks for the points that the question names. You
# may use everything from the course. $\log$ is the natural logarithm; divergences are in nats.

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
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from course_utils.checks import check, close, when_ready
from course_utils.figures import show

# %% [markdown]
# ## A. The best discriminator
#
# In chapter 03 half of what the discriminator sees is real. Let now a **share** $\pi$ of it be real, $0 < \pi < 1$. (A
# batch with 90 pictures and 10 fakes has $\pi = 0.9$.) The discriminator then earns
#
# $$V_\pi(D) = \pi\,\mathbb{E}_{x\sim p_\text{data}}[\log D(x)] + (1-\pi)\,\mathbb{E}_{x\sim p_g}[\log(1 - D(x))].$$
#
# ### Question A1 (4 points)
#
# (a) Derive the $D^*_\pi(x)$ that maximises $V_\pi$, and show that it is a maximum. (b)
# What does $D^*_\pi$ answer when $p_g = p_\text{data}$, and why is that sensible? (c) Somebody trains with 90 real
# pictures and 10 fakes a step, and averages the loss over the 100. At the end $D(x) \approx 0.9$ on everything, real
# or made. They conclude that the generator fools its opponent completely, "even better than ½". What do you answer?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-best-discriminator", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - (a) 2 points: writes $V_\pi$ as one integral and maximises point by point (1); sets the derivative to zero, finds
#   $D^*_\pi = \pi p_\text{data}/(\pi p_\text{data} + (1-\pi) p_g)$, and gives a reason for the maximum (1).
# - (b) 1 point: $D^*_\pi = \pi$; the discriminator knows the mixture and nothing else, so it answers with the share.
# - (c) 1 point: 0.9 is what an *undecided* discriminator says here; ½ is the mark only for $\pi = ½$. It is in line
#   with $p_g = p_\text{data}$, but an untrained or weak discriminator may say the same; it is no better than ½ at π =
#   ½.
#
# ### END MARK SCHEME
# (a) Both expectations are integrals over $x$, so $V_\pi(D) = \int [a(x) \log D(x) + b(x) \log(1-D(x))]\,dx$ with $a
# = \pi p_\text{data}$ and $b = (1-\pi)p_g$. A flexible $D$ chooses its value at every $x$ by itself. The derivative
# $a/D - b/(1-D)$ vanishes at $D = a/(a+b)$, and the second derivative $-a/D^2 - b/(1-D)^2$ is negative, so $D^*_\pi =
# \pi p_\text{data} / (\pi p_\text{data} + (1-\pi) p_g)$. This is Bayes' rule for "real, given $x$".
#
# (b) With equal densities $D^*_\pi = \pi$ everywhere. The picture carries no information, what is left is how often
# pictures are real at all.
#
# (c) With $\pi = 0.9$ the undecided discriminator says 0.9. So the generator does as well as one that is judged by ½
# at equal shares, not better. Nor is it proof of a good generator: a discriminator that has learned nothing but the
# share says 0.9, too. Look at the samples, or divide the prior odds of 9 out before reading $D$.

# %% [markdown]
# ### Task A2
#
# Write the best discriminator. Densities come as logarithms, because far out they are too small for a
# float: $\log p = -2000$ is a perfectly good number, $p = e^{-2000}$ is not. A density may also be zero, $\log p =
# -\infty$ (but not both at the same $x$).


# %% nbgrader={"grade": false, "grade_id": "best-discriminator", "locked": false, "schema_version": 3, "solution": true}
def best_discriminator(log_p, log_q, share=0.5):
    """D*(x) = probability that x is real.

    log_p, log_q: tensors of one shape, log densities of the data and of the generator at the same points.
    share: a float between 0 and 1, the share of real examples.
    Returns a tensor of that shape.
    """
    ### BEGIN SOLUTION
    prior = math.log(share) - math.log(1 - share)
    return torch.sigmoid(log_p - log_q + prior)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "best-discriminator-share", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

same = torch.tensor([-1.0, -3.0, 0.5])
close(best_discriminator(same, same, 0.5), torch.full((3,), 0.5), "Equal densities, equal shares: nothing to tell.")
close(
    best_discriminator(same, same, 0.9),
    torch.full((3,), 0.9),
    "With equal densities only the share of real ones is known.",
)
### BEGIN HIDDEN TESTS
same = torch.randn(2, 4, generator=torch.Generator().manual_seed(311))
for share in (0.05, 0.62, 0.99):
    answer = best_discriminator(same, same, share)
    close(answer, torch.full((2, 4), share), "With equal densities only the share of real ones is known.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "best-discriminator-values", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

log_p, log_q = torch.tensor([0.6, 0.2]).log(), torch.tensor([0.2, 0.6]).log()
close(
    best_discriminator(log_p, log_q),
    torch.tensor([0.75, 0.25]),
    "D* is the share of the real ones among all that look like this.",
)
more_real = best_discriminator(log_p, log_q, 0.8)
check(
    (more_real > torch.tensor([0.75, 0.25])).all(),
    "If more of the examples are real, a given x is more likely to be real.",
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(312)
log_p, log_q = torch.randn(2, 3, 5, generator=generator, dtype=torch.float64).unbind()
for share in (0.5, 0.3, 0.85):
    real, made = share * log_p.exp(), (1 - share) * log_q.exp()
    message = "Weigh each density by how often its kind is seen, then compare."
    close(best_discriminator(log_p, log_q, share), real / (real + made), message)
answer = best_discriminator(torch.tensor([math.log(2.0)]), torch.tensor([0.0]), 0.25)
close(answer, torch.tensor([0.4]), "Weigh each density by how often its kind is seen, then compare.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "best-discriminator-far", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

far = best_discriminator(torch.tensor([-2000.0]), torch.tensor([-2000.0]))
close(far, torch.tensor([0.5]), "Far out both densities round to 0; their ratio does not. Stay with logarithms.")
### BEGIN HIDDEN TESTS
log_p = torch.tensor([-1500.0, -900.0, -3.0, -math.inf])
log_q = torch.tensor([-1501.0, -901.5, -math.inf, -2.0])
expected = [3 * math.exp(1.0) / (3 * math.exp(1.0) + 1), 3 * math.exp(1.5) / (3 * math.exp(1.5) + 1), 1.0, 0.0]
message = "Far out, or where one density is zero, D* is still defined. Stay with logarithms."
close(best_discriminator(log_p, log_q, 0.75), torch.tensor(expected), message)
### END HIDDEN TESTS

# %% [markdown]
# ## B. The value of the game
#
# Let $x$ take one of $k$ values only, so that $p_\text{data}$ and $p_g$ are two lists of $k$ probabilities, and a
# discriminator is a list of $k$ numbers. Then nothing has to be integrated or sampled. But some of the probabilities
# may be zero: read $0 \log 0$ as 0, its limit.
#
# ### Task B1
#
# The Jensen–Shannon divergence of two lists.


# %% nbgrader={"grade": false, "grade_id": "jsd", "locked": false, "schema_version": 3, "solution": true}
def jsd(p, q):
    """Jensen–Shannon divergence in nats. p, q: (..., k), each row sums to 1. Returns (...)."""
    ### BEGIN SOLUTION
    m = (p + q) / 2
    to_p = torch.xlogy(p, p) - torch.xlogy(p, m)
    to_q = torch.xlogy(q, q) - torch.xlogy(q, m)
    return (to_p + to_q).sum(dim=-1) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "jsd-limits", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

p = torch.tensor([0.2, 0.5, 0.3])
close(jsd(p, p), 0.0, "A divergence between equal distributions is 0.")
p, q = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
close(jsd(p, q), math.log(2), "Two distributions that share nothing are log 2 apart (nats), and 0 log 0 counts as 0.")
### BEGIN HIDDEN TESTS
p = torch.rand(7, generator=torch.Generator().manual_seed(321))
close(jsd(p / p.sum(), p / p.sum()), 0.0, "A divergence between equal distributions is 0.")
p, q = torch.tensor([0.3, 0.7, 0.0, 0.0]), torch.tensor([0.0, 0.0, 0.4, 0.6])
close(jsd(p, q), math.log(2), "Two distributions that share nothing are log 2 apart (nats), and 0 log 0 counts as 0.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "jsd-values", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

p, q = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.2, 0.6]]), torch.tensor([[0.25, 0.25, 0.5], [0.2, 0.3, 0.5]])
close(jsd(p, q), jsd(q, p), "The Jensen–Shannon divergence is symmetric.")
check((jsd(p, q) < math.log(2)).all(), "Only distributions without overlap are log 2 apart.")
message = "The first pair is 0.2158 nats apart: the mean of the two divergences from the mixture."
close(jsd(p, q)[0], 0.215762, message, rtol=1e-3)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(322)
for shape in ((6,), (1, 3), (2, 3, 9)):
    p = torch.rand(2, *shape, generator=generator, dtype=torch.float64)
    p = p * (torch.rand(2, *shape, generator=generator, dtype=torch.float64) > 0.3) + 1e-3 * (
        torch.arange(shape[-1]) == 0
    )
    p, q = p / p.sum(-1, keepdim=True)
    m = (p + q) / 2
    terms = [torch.where(r > 0, r * (r / m).log(), torch.zeros_like(r)).sum(-1) for r in (p, q)]
    close(jsd(p, q), sum(terms) / 2, "Both are compared with their mixture m, and the two divergences are averaged.")
### END HIDDEN TESTS

# %% [markdown]
# ### Task B2
#
# The value of the game, $V = \sum_x p(x) \log D(x) + \sum_x q(x) \log(1 - D(x))$, for *any* table $D$.


# %% nbgrader={"grade": false, "grade_id": "value", "locked": false, "schema_version": 3, "solution": true}
def value(p, q, d):
    """V(D, G). p, q: (..., k) probabilities of the data and of the generator; d: (..., k) between 0 and 1. Returns (...).

    Where p is 0, log d does not count, and where q is 0, log(1 - d) does not.
    """
    ### BEGIN SOLUTION
    return (torch.xlogy(p, d) + torch.xlogy(q, 1 - d)).sum(dim=-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "value-any-table", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.1])
close(value(p, q, torch.tensor([0.5, 0.5])), -math.log(4), "A discriminator that says ½ to everything earns −log 4.")
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(323)
for shape in ((5,), (1, 4), (2, 3, 7)):
    p, q, d = torch.rand(3, *shape, generator=generator, dtype=torch.float64)
    p, q, d = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True), 0.05 + 0.9 * d
    message = "Weigh log D by the data's probabilities and log(1 − D) by the generator's, and sum over all x."
    close(value(p, q, d), (p * d.log()).sum(-1) + (q * (1 - d).log()).sum(-1), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "value-zeros", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

p, q, sure = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])
close(
    value(p, q, sure), 0.0, "A discriminator that is sure and right loses nothing: log 1 = 0, and 0 log 0 counts as 0."
)
### BEGIN HIDDEN TESTS
p, q = torch.tensor([0.4, 0.6, 0.0], dtype=torch.float64), torch.tensor([0.0, 0.3, 0.7], dtype=torch.float64)
best = torch.tensor([1.0, 2 / 3, 0.0], dtype=torch.float64)
expected = 0.6 * math.log(2 / 3) + 0.3 * math.log(1 / 3)
close(value(p, q, best), expected, "Where a probability is 0, its logarithm does not count.")
wrong = value(p, q, torch.tensor([0.0, 0.5, 0.5], dtype=torch.float64))
check(
    math.isinf(float(wrong)),
    "D = 0 on something real costs infinitely much; only a probability of 0 makes a term vanish.",
)
### END HIDDEN TESTS

# %% [markdown]
# Theory and code together: at the best discriminator the value should be $-\log 4 + 2\operatorname{JSD}$, and no
# other table should earn more. This cell uses your three functions; it is not graded.

# %% nbgrader={"grade": false, "grade_id": "look-value", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    p, q = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.4, 0.4, 0.1, 0.1])
    best = best_discriminator(p.log(), q.log())
    close(value(p, q, best), -math.log(4) + 2 * jsd(p, q), "The theorem does not hold for your three functions.")
    others = (best + 0.1 * torch.randn(1_000, 4)).clamp(0.01, 0.99)
    check((value(p, q, others) <= value(p, q, best)).all(), "A disturbed table earns more than the best one.")
    print(f"best {value(p, q, best):.4f}; 1000 disturbed tables earn at most {value(p, q, others).max():.4f}")

# %% [markdown]
# ## C. The loss, and the two updates
#
# ### Task C1
#
# The loss of the discriminator from **logits**, for a share $\pi$: it estimates $-V_\pi$ of part A,
#
# $$L_D = -\pi\,\operatorname{mean}\bigl[\log\sigma(s_\text{real})\bigr] - (1-\pi)\,\operatorname{mean}\bigl[\log(1-\sigma(s_\text{fake}))\bigr].$$
#
# Each mean is over the logits of its own kind, of which there may be different numbers. The loss must be right for
# any logit up to $\pm 200$, in float32, too.


# %% nbgrader={"grade": false, "grade_id": "weighted-loss", "locked": false, "schema_version": 3, "solution": true}
def weighted_loss(real_logits, fake_logits, share=0.5):
    """The loss above, a single number (0-d tensor). real_logits: (n,), fake_logits: (m,)."""
    ### BEGIN SOLUTION
    return share * F.softplus(-real_logits).mean() + (1 - share) * F.softplus(fake_logits).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "weighted-loss-undecided", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

undecided = torch.zeros(6)
close(
    weighted_loss(undecided, undecided),
    math.log(2),
    "The two parts have the weights π and 1 − π; with π = ½ an undecided D pays log 2.",
)
close(weighted_loss(undecided, undecided, 0.8), math.log(2), "At D = ½ every answer costs log 2, whatever the share.")
### BEGIN HIDDEN TESTS
for n, m, share in ((1, 1, 0.5), (4, 9, 0.31)):
    message = "The two parts have the weights π and 1 − π, which add up to 1."
    close(weighted_loss(torch.zeros(n), torch.zeros(m), share), math.log(2), message)
    message = "Undecided about real ones, sure of fakes: π log 2 is left."
    close(weighted_loss(torch.zeros(n), torch.full((m,), -60.0), share), share * math.log(2), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "weighted-loss-values", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

good, bad = torch.tensor([3.0, 4.0, 5.0]), torch.tensor([-4.0, -3.0])
check(
    weighted_loss(good, bad) < 0.1,
    "Large logits for real ones, negative ones for fakes: this discriminator is right, its loss is small.",
)
check(weighted_loss(bad, good) > 3, "Real ones called fake and fakes called real: this loss should be large.")
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(331)
for n, m, share in ((5, 3, 0.3), (1, 8, 0.9), (6, 6, 0.5)):
    real, fake = torch.randn(n, generator=generator).double(), torch.randn(m, generator=generator).double()
    on_real, on_fake = (1 + (-real).exp()).log().mean(), (1 + fake.exp()).log().mean()
    message = (
        "Average over the real logits and over the fake logits separately, then weigh the two means with π and 1 − π."
    )
    close(weighted_loss(real, fake, share), share * on_real + (1 - share) * on_fake, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "weighted-loss-confident", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

message = "A confident mistake costs about as much as its logit is large. The sigmoid has rounded to 0 or 1 on the way."
close(weighted_loss(torch.tensor([100.0]), torch.tensor([60.0])), 30.0, message)
### BEGIN HIDDEN TESTS
for dtype in (torch.float32, torch.float64):
    real, fake = torch.tensor([-150.0, 40.0], dtype=dtype), torch.tensor([130.0, -45.0, 75.0], dtype=dtype)
    close(weighted_loss(real, fake, 0.25), 0.25 * 75 + 0.75 * 205 / 3, message)
close(
    weighted_loss(torch.tensor([200.0]), torch.tensor([-200.0])),
    0.0,
    "A confident discriminator that is right pays nothing.",
)
### END HIDDEN TESTS

# %% [markdown]
# Now two very small players: a generator that turns 2 numbers into 2, and a discriminator with four hidden units. The
# helpers below build a fresh game from given weights, with plain gradient descent (SGD) for both, and read off what a
# network holds.


# %% nbgrader={"grade": false, "grade_id": "game-helpers", "locked": true, "schema_version": 3, "solution": false}
def new_game(g_weights, d_weights, lr_g=0.1, lr_d=0.1):
    """A small game with the given weights (flat tensors with 6 and 17 numbers)."""
    generator = nn.Sequential(nn.Linear(2, 2), nn.Tanh())  # (n, 2) => (n, 2), between -1 and 1
    discriminator = nn.Sequential(
        nn.Flatten(),  # (n, 2), or pictures (n, 1, 1, 2)
        nn.Linear(2, 4),
        nn.Tanh(),
        nn.Linear(4, 1),
        nn.Flatten(0),  # => (n,) logits
    )
    vector_to_parameters(g_weights.clone(), generator.parameters())
    vector_to_parameters(d_weights.clone(), discriminator.parameters())
    optimizer_g = torch.optim.SGD(generator.parameters(), lr=lr_g)
    optimizer_d = torch.optim.SGD(discriminator.parameters(), lr=lr_d)
    return SimpleNamespace(
        generator=generator, discriminator=discriminator, optimizer_g=optimizer_g, optimizer_d=optimizer_d
    )


# %% nbgrader={"grade": false, "grade_id": "look-helpers", "locked": true, "schema_version": 3, "solution": false}
def weights_of(network):
    return parameters_to_vector(network.parameters()).detach().clone()


def gradient_of(network):
    """All gradients in one flat tensor; zeros where there are none."""
    return torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for w in network.parameters()])


def leave_gradients(network, size):
    """Fill every gradient with one number, as some earlier computation might have done."""
    for w in network.parameters():
        w.grad = torch.full_like(w, size)


def all_trainable(network):
    return all(w.requires_grad for w in network.parameters())


# %% [markdown]
# ### Task C2
#
# One update of the discriminator, with the loss of chapter 03: the mean over the real ones *plus* the
# mean over the fakes, $-V$ of equation (3.1). It moves the discriminator and nothing else, and it works whatever
# gradients were left in the networks before.


# %% nbgrader={"grade": false, "grade_id": "discriminator-step", "locked": false, "schema_version": 3, "solution": true}
def discriminator_step(generator, discriminator, optimizer, real, z):
    """One step of `optimizer` (it holds the discriminator's weights).

    real: (n, 2) real points; z: (m, 2) noise for the fakes. Logits come as (n,).
    Returns the loss before the step, as a float.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        fake = generator(z)
    loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "discriminator-step-moves", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from course_utils.checks import check, close

torch.manual_seed(1)
real, z = 1 + torch.randn(32, 2), torch.randn(32, 2)
game = new_game(torch.randn(6), torch.randn(17), lr_d=0.05)
on_real, on_fake = game.discriminator(real).detach(), game.discriminator(game.generator(z)).detach()
losses = [discriminator_step(game.generator, game.discriminator, game.optimizer_d, real, z) for _ in range(20)]
check(losses[-1] < losses[0], "Twenty steps on the same points should lower the discriminator's loss.")
message = "The loss is the mean over the real ones plus the mean over the fakes, before the step."
close(float(losses[0]), (F.softplus(-on_real).mean() + F.softplus(on_fake).mean()).item(), message, rtol=1e-3)
### BEGIN HIDDEN TESTS
for seed, n, m in ((332, 7, 7), (333, 1, 5)):
    torch.manual_seed(seed)
    real, z, g_weights, d_weights = torch.randn(n, 2), torch.randn(m, 2), torch.randn(6), torch.randn(17)
    game = new_game(g_weights, d_weights, lr_d=0.3)
    loss = discriminator_step(game.generator, game.discriminator, game.optimizer_d, real, z)
    g, d = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    vector_to_parameters(g_weights, g.parameters())
    vector_to_parameters(d_weights, d.parameters())
    expected_loss = F.softplus(-d(real)).mean() + F.softplus(d(g(z).detach())).mean()
    gradient = parameters_to_vector(torch.autograd.grad(expected_loss, list(d.parameters())))
    close(
        loss,
        expected_loss.item(),
        "The loss is the mean over the real ones plus the mean over the fakes, before the step.",
    )
    message = "The discriminator's weights are not where one step of descent on its loss leads."
    close(weights_of(game.discriminator), d_weights - 0.3 * gradient, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "discriminator-step-stale", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

torch.manual_seed(2)
real, z, g_weights, d_weights = torch.randn(9, 2), torch.randn(9, 2), torch.randn(6), torch.randn(17)
clean, littered = new_game(g_weights, d_weights), new_game(g_weights, d_weights)
leave_gradients(littered.discriminator, 1.0)
for game in (clean, littered):
    discriminator_step(game.generator, game.discriminator, game.optimizer_d, real, z)
check((weights_of(clean.discriminator) - d_weights).norm() > 0, "The step has not moved the discriminator.")
message = "Gradients that an earlier computation left in the discriminator have entered its step: backward adds."
close(weights_of(littered.discriminator), weights_of(clean.discriminator), message)
### BEGIN HIDDEN TESTS
torch.manual_seed(334)
real, z, g_weights, d_weights = torch.randn(4, 2), torch.randn(6, 2), torch.randn(6), torch.randn(17)
clean, littered = new_game(g_weights, d_weights), new_game(g_weights, d_weights)
leave_gradients(littered.discriminator, -3.0)
for game in (clean, littered):
    discriminator_step(game.generator, game.discriminator, game.optimizer_d, real, z)
close(weights_of(littered.discriminator), weights_of(clean.discriminator), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "discriminator-step-wall", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

torch.manual_seed(3)
g_weights = torch.randn(6)
game = new_game(g_weights, torch.randn(17))
discriminator_step(game.generator, game.discriminator, game.optimizer_d, torch.randn(9, 2), torch.randn(9, 2))
close(weights_of(game.generator), g_weights, "The discriminator's step has moved the generator.")
message = "The discriminator's loss has left a gradient in the generator. Where is the wall between the two?"
close(gradient_of(game.generator), torch.zeros(6), message)
### BEGIN HIDDEN TESTS
for seed, n in ((335, 5), (336, 1)):
    torch.manual_seed(seed)
    g_weights, d_weights = torch.randn(6), torch.randn(17)
    game = new_game(g_weights, d_weights)
    discriminator_step(game.generator, game.discriminator, game.optimizer_d, torch.randn(n, 2), torch.randn(n, 2))
    close(weights_of(game.generator), g_weights, "The discriminator's step has moved the generator.")
    check(
        (weights_of(game.discriminator) - d_weights).norm() > 0,
        "The discriminator's step has not moved the discriminator.",
    )
    game.optimizer_g.step()  # moves the generator by whatever gradient is left in it
    first = game.generator[0]
    close(torch.cat([first.weight.detach().flatten(), first.bias.detach()]), g_weights, message)
    check(
        all_trainable(game.generator),
        "After the step the generator can no longer be trained: it was frozen and not thawed.",
    )
### END HIDDEN TESTS

# %% [markdown]
# ### Task C3
#
# One update of the generator, with the non-saturating loss of section 3.1, $-\operatorname{mean}\log
# D(G(z))$. It moves the generator and nothing else, and **leaves no gradient in the discriminator**. Return the mean
# of $D(G(z))$, a probability, before and after the step, on the same noise: the quickest way to see whether a
# generator's step goes the right way.


# %% nbgrader={"grade": false, "grade_id": "generator-step", "locked": false, "schema_version": 3, "solution": true}
def generator_step(generator, discriminator, optimizer, z):
    """One step of `optimizer` (it holds the generator's weights). z: (n, 2).

    Returns (before, after): the mean of D(G(z)) as two floats. Afterwards both networks are as trainable as before.
    """
    ### BEGIN SOLUTION
    discriminator.requires_grad_(False)
    logits = discriminator(generator(z))
    loss = F.softplus(-logits).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    discriminator.requires_grad_(True)
    with torch.no_grad():
        after = torch.sigmoid(discriminator(generator(z))).mean()
    return torch.sigmoid(logits).mean().item(), after.item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "generator-step-moves", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from course_utils.checks import check, close

torch.manual_seed(4)
z, g_weights = torch.randn(32, 2), torch.randn(6)
game = new_game(g_weights, torch.randn(17), lr_g=0.05)
generator_step(game.generator, game.discriminator, game.optimizer_g, z)
check(
    (weights_of(game.generator) - g_weights).norm() > 0, "The generator has not moved: has its gradient been cut off?"
)
### BEGIN HIDDEN TESTS
for seed, n in ((337, 7), (338, 1)):
    torch.manual_seed(seed)
    z, g_weights, d_weights = torch.randn(n, 2), torch.randn(6), torch.randn(17)
    game = new_game(g_weights, d_weights, lr_g=0.3)
    generator_step(game.generator, game.discriminator, game.optimizer_g, z)
    g, d = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    vector_to_parameters(g_weights, g.parameters())
    vector_to_parameters(d_weights, d.parameters())
    gradient = parameters_to_vector(torch.autograd.grad(F.softplus(-d(g(z))).mean(), list(g.parameters())))
    message = "The generator's weights are not where one step of descent on −log D(G(z)) leads."
    close(weights_of(game.generator), g_weights - 0.3 * gradient, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "generator-step-report", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch
from torch import nn
from torch.nn.utils import vector_to_parameters

from course_utils.checks import check, close

torch.manual_seed(5)
z = torch.randn(32, 2)
game = new_game(torch.randn(6), torch.randn(17), lr_g=0.05)
before, after = generator_step(game.generator, game.discriminator, game.optimizer_g, z)
check(0 < before < 1 and 0 < after < 1, "D(G(z)) is a probability, not a logit.")
check(after > before, "A step of the generator should make its fakes more credible, not less.")
### BEGIN HIDDEN TESTS
torch.manual_seed(339)
z, g_weights, d_weights = torch.randn(11, 2), torch.randn(6), torch.randn(17)
game = new_game(g_weights, d_weights, lr_g=0.2)
before, after = generator_step(game.generator, game.discriminator, game.optimizer_g, z)
d = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
vector_to_parameters(d_weights, d.parameters())
for got, weights, when in ((before, g_weights, "before"), (after, weights_of(game.generator), "after")):
    g = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    vector_to_parameters(weights, g.parameters())
    close(got, torch.sigmoid(d(g(z))).mean().item(), f"The mean of D(G(z)) {when} the step is another number.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "generator-step-stale", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

torch.manual_seed(6)
z, g_weights, d_weights = torch.randn(9, 2), torch.randn(6), torch.randn(17)
clean, littered = new_game(g_weights, d_weights), new_game(g_weights, d_weights)
leave_gradients(littered.generator, 1.0)
for game in (clean, littered):
    generator_step(game.generator, game.discriminator, game.optimizer_g, z)
check((weights_of(clean.generator) - g_weights).norm() > 0, "The step has not moved the generator.")
message = "Gradients that an earlier computation left in the generator have entered its step: backward adds."
close(weights_of(littered.generator), weights_of(clean.generator), message)
### BEGIN HIDDEN TESTS
torch.manual_seed(340)
z, g_weights, d_weights = torch.randn(4, 2), torch.randn(6), torch.randn(17)
clean, littered = new_game(g_weights, d_weights), new_game(g_weights, d_weights)
leave_gradients(littered.generator, -2.0)
for game in (clean, littered):
    generator_step(game.generator, game.discriminator, game.optimizer_g, z)
close(weights_of(littered.generator), weights_of(clean.generator), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "generator-step-wall", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

torch.manual_seed(7)
d_weights, g_weights = torch.randn(17), torch.randn(6)
game = new_game(g_weights, d_weights)
generator_step(game.generator, game.discriminator, game.optimizer_g, torch.randn(9, 2))
check((weights_of(game.generator) - g_weights).norm() > 0, "The generator's step has not moved the generator.")
close(weights_of(game.discriminator), d_weights, "The generator's step has moved the discriminator.")
close(
    gradient_of(game.discriminator), torch.zeros(17), "The generator's loss has left a gradient in the discriminator."
)
check(all_trainable(game.discriminator), "The discriminator was frozen and not thawed: it will never learn again.")
### BEGIN HIDDEN TESTS
for seed, n in ((341, 5), (342, 1)):
    torch.manual_seed(seed)
    d_weights = torch.randn(17)
    game = new_game(torch.randn(6), d_weights)
    generator_step(game.generator, game.discriminator, game.optimizer_g, torch.randn(n, 2))
    close(weights_of(game.discriminator), d_weights, "The generator's step has moved the discriminator.")
    game.optimizer_d.step()  # moves the discriminator by whatever gradient is left in it
    message = "The generator's loss has left a gradient in the discriminator."
    close(game.discriminator[1].weight.detach().flatten(), d_weights[:8], message)
    close(game.discriminator[3].bias.detach(), d_weights[16:], message)
    check(all_trainable(game.discriminator), "The discriminator was frozen and not thawed: it will never learn again.")
    check(all_trainable(game.generator), "The generator was frozen and not thawed: it will never learn again.")
### END HIDDEN TESTS

# %% [markdown]
# ## D. Two players who circle
#
# Section 3.5 played $f(x, y) = xy$. Now the interaction has a strength $a$: $f(x, y) = a\,x\,y$, where $x$ descends
# and $y$ ascends with the same learning rate $\eta$.
#
# ### Task D1
#
# Play `steps` rounds, simultaneously and in turns (with $x$ first).


# %% nbgrader={"grade": false, "grade_id": "rounds", "locked": false, "schema_version": 3, "solution": true}
def simultaneous_rounds(x, y, a, eta, steps):
    """Both players use the other's old position. Returns (x, y) after `steps` rounds."""
    ### BEGIN SOLUTION
    for _ in range(steps):
        x, y = x - eta * a * y, y + eta * a * x
    return x, y
    ### END SOLUTION


def alternating_rounds(x, y, a, eta, steps):
    """y sees where x has just gone. Returns (x, y) after `steps` rounds."""
    ### BEGIN SOLUTION
    for _ in range(steps):
        x = x - eta * a * y
        y = y + eta * a * x
    return x, y
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "rounds-simultaneous", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import close

x, y = simultaneous_rounds(1.0, 0.0, 2.0, 0.1, 1)
close(x, 1.0, "With y = 0 the first player feels no slope and stays.")
close(y, 0.2, "y ascends: its slope is a·x.")
### BEGIN HIDDEN TESTS
x, y = simultaneous_rounds(0.5, -1.5, 1.7, 0.15, 9)
turn = complex(1.0, 1.7 * 0.15) ** 9 * complex(0.5, -1.5)
message = "In a simultaneous round x descends and y ascends, and both use the position from before the round."
close(x, turn.real, message)
close(y, turn.imag, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "rounds-alternating", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import math

from course_utils.checks import check, close

x, y = alternating_rounds(1.0, 0.0, 1.0, 0.2, 100)
check(math.hypot(x, y) < 1.3, "In turns the players stay on a closed ring; these run away.")
### BEGIN HIDDEN TESTS
x, y = 0.8, 0.3
for _ in range(7):
    x = x - 0.25 * 1.4 * y
    y = y + 0.25 * 1.4 * x
got_x, got_y = alternating_rounds(0.8, 0.3, 1.4, 0.25, 7)
message = "In turns: x descends first, and y ascends at the x that it finds then."
close(got_x, x, message)
close(got_y, y, message)
### END HIDDEN TESTS

# %% [markdown]
# ### Task D2
#
# How fast do *simultaneous* players run away? `growth` is the factor by which the distance from $(0, 0)$
# grows in one round, `rounds_to_double` the number of rounds after which it has doubled (not rounded: 12.3 is a valid
# answer). Work them out with pencil and paper; playing is not needed.


# %% nbgrader={"grade": false, "grade_id": "growth", "locked": false, "schema_version": 3, "solution": true}
def growth(a, eta):
    """Factor by which the distance from the origin grows in one simultaneous round."""
    ### BEGIN SOLUTION
    return math.sqrt(1 + (a * eta) ** 2)
    ### END SOLUTION


def rounds_to_double(a, eta):
    """Number of simultaneous rounds (a float) until the distance has doubled."""
    ### BEGIN SOLUTION
    return math.log(2) / (0.5 * math.log1p((a * eta) ** 2))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "growth-factor", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

from course_utils.checks import check, close

check(growth(1.0, 0.1) > 1, "Simultaneous players run away at every step size.")
close(
    growth(1.0, 1.0),
    math.sqrt(2),
    "From (1, 0) one round with a = 1 and η = 1 leads to (1, 1). How far is that from the origin?",
)
### BEGIN HIDDEN TESTS
for a, eta in ((0.7, 0.3), (2.5, 0.11), (-1.3, 0.4)):
    close(
        growth(a, eta), abs(complex(1.0, a * eta)), "The determinant is the factor of |λ|²; the distance grows by |λ|."
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "growth-doubling", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import check, close

close(rounds_to_double(1.0, 1.0), 2.0, "With a = 1 and η = 1 the distance grows by √2 a round.")
check(
    rounds_to_double(1.0, 0.01) > 100 * rounds_to_double(1.0, 0.2),
    "A twentieth of the rate, and 400 times the rounds: the growth is of second order in η.",
)
### BEGIN HIDDEN TESTS
for a, eta in ((0.7, 0.3), (2.5, 0.11), (-1.3, 0.4)):
    close(
        abs(complex(1.0, a * eta)) ** rounds_to_double(a, eta),
        2.0,
        "After this many rounds the distance has not doubled.",
    )
### END HIDDEN TESTS

# %% [markdown]
# ### Question D3 (3 points)
#
# A colleague trains a GAN whose losses swing. "I shall lower the learning rate until it
# converges." Use your results and section 3.5: (a) What would a lower rate do for simultaneous players of $a\,xy$, counted in
# rounds until the distance has doubled, and in "time", $\eta \times$ rounds? (b) What else can end the circling? Name two
# things, and say how each acts.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-circles", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - (a) 1 point: never converges at any rate, growth per round is about $1 + (a\eta)^2/2$, so doubling takes about
#   $2\log 2/(a\eta)^2$ rounds. In "time" $\eta\times$rounds the doubling time still grows, like $1/\eta$: a lower
#   rate delays, it does not cure. (Full marks also without the "time" part if the second order is clear.)
# - (b) 2 points, one each for two of: playing in turns (closed ring, neither in nor out); looking one step ahead
#   (extra-gradient, factor $1-\eta^2+\eta^4$); curvature of a player's own reward (factor $1-\eta c$); averaging the
#   weights (the centre of the ring); smaller β₁/negative momentum; fading the rate (smaller circles, where there is
#   damping). The mechanism must be named, not only the name.
#
# ### END MARK SCHEME
# (a) The arrow of the two gradients stands at a right angle to the position, so any step, however small, leads
# outwards: by $\sqrt{1+(a\eta)^2} \approx 1 + (a\eta)^2/2$. Doubling takes about $2 \log 2/(a\eta)^2$ rounds. Ten
# times smaller a rate needs a hundred times as many rounds, and ten times as much $\eta\times$rounds. It is slower,
# it is not cured.
#
# (b) Taking turns brings the factor to exactly 1 (a ring). Curvature in a player's own variable, as the
# discriminator's cross-entropy has, pulls it back while it circles and gives $|\lambda|^2 = 1 - \eta c$: a spiral
# inwards. Extra-gradient evaluates the arrow one step ahead, where it points inwards. Averaging the positions gives
# the centre of the ring even if the players never get there.

# %% [markdown]
# ## E. The clinic
#
# Here is a small GAN as one finds them. It has **seven faults**, all of kinds that the clinic shows. Some shout and
# some whisper. The comments say what was meant.
#
# ```python
# batch_size = 64
#
# class ClinicGenerator(nn.Module):
#     def __init__(self, latent_dim, width, pixels):
#         super().__init__()
#         self.first = nn.Linear(latent_dim, width)
#         self.norm = nn.BatchNorm1d(width, 0.8)  # the running mean keeps 80 % of its old value
#         self.last = nn.Linear(width, pixels)
#
#     def forward(self, z):
#         return torch.tanh(self.last(torch.relu(self.norm(self.first(z)))))
#
# class ClinicDiscriminator(nn.Module):  # returns logits, one a picture: (n,)
#     def __init__(self, pixels, width):
#         super().__init__()
#         self.layers = nn.Sequential(
#             nn.Flatten(), nn.Linear(pixels, width), nn.LeakyReLU(0.2), nn.Linear(width, 1), nn.Sigmoid()
#         )
#
#     def forward(self, x):
#         return self.layers(x).squeeze(1)
#
# def clinic_epoch(generator, discriminator, optimizer_g, optimizer_d, loader, noises):
#     criterion = nn.BCEWithLogitsLoss()  # mean over the real ones + mean over the fakes
#     real_labels, fake_labels = torch.ones(batch_size), torch.zeros(batch_size)
#     losses = []
#     for real, z in zip(loader, noises):
#         optimizer_g.zero_grad()
#         optimizer_d.zero_grad()
#         fake = generator(z)
#         d_loss = criterion(discriminator(real), real_labels) + criterion(discriminator(fake), fake_labels)
#         d_loss.backward(retain_graph=True)
#         optimizer_d.step()
#
#         g_loss = criterion(discriminator(fake), fake_labels)  # the generator wants to be taken for real
#         g_loss.backward()
#         optimizer_g.step()
#         losses.append((d_loss.item(), g_loss.item()))
#     return losses
# ```
#
# Its world: `loader` yields pairs (pictures, class labels), the pictures as (n, 1, h, w) with pixels between 0 and 1.
# The generator draws between −1 and 1, so the discriminator is to be shown the real ones on that scale, too. `noises`
# has one noise tensor for each batch, of that batch's size, and the last batch may be smaller. Each batch is one step
# for the discriminator, then one for the generator against the discriminator that has just moved.
#
# ### Task E1
#
# Repair it. Keep the names of the classes, of the function and of the layers `first`, `norm`, `last`. In
# `clinic_epoch` do not build networks: it gets them, and it will be graded on others than these two.


# %% nbgrader={"grade": false, "grade_id": "clinic-networks", "locked": false, "schema_version": 3, "solution": true}
class ClinicGenerator(nn.Module):
    def __init__(self, latent_dim, width, pixels):
        super().__init__()
        ### BEGIN SOLUTION
        self.first = nn.Linear(latent_dim, width)
        self.norm = nn.BatchNorm1d(width, momentum=0.2)  # PyTorch's momentum is the weight of the new batch
        self.last = nn.Linear(width, pixels)
        ### END SOLUTION

    def forward(self, z):
        ### BEGIN SOLUTION
        return torch.tanh(self.last(torch.relu(self.norm(self.first(z)))))
        ### END SOLUTION


class ClinicDiscriminator(nn.Module):
    def __init__(self, pixels, width):
        super().__init__()
        ### BEGIN SOLUTION
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(pixels, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.layers(x).squeeze(1)
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "clinic-epoch", "locked": false, "schema_version": 3, "solution": true}
def clinic_epoch(generator, discriminator, optimizer_g, optimizer_d, loader, noises):
    """One pass over the loader; returns a list with (discriminator's loss, generator's loss) for every batch, as floats."""
    ### BEGIN SOLUTION
    losses = []
    for (pictures, _labels), z in zip(loader, noises, strict=True):
        real, fake = 2 * pictures - 1, generator(z)
        d_loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()
        optimizer_d.zero_grad()
        d_loss.backward()
        optimizer_d.step()

        g_loss = F.softplus(-discriminator(fake)).mean()
        optimizer_g.zero_grad()
        g_loss.backward()
        optimizer_g.step()
        losses.append((d_loss.item(), g_loss.item()))
    return losses
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "clinic-batch-norm", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

model = ClinicGenerator(3, 6, 5)
check(model.norm.eps < 0.01, "The second argument of BatchNorm1d is not the momentum.")
### BEGIN HIDDEN TESTS
torch.manual_seed(351)
for latent_dim, width, pixels in ((3, 6, 5), (2, 9, 4)):
    model, z = ClinicGenerator(latent_dim, width, pixels), torch.randn(40, latent_dim)
    before = model.first(z).detach()
    picture = model(z).detach()
    check(
        picture.shape == (40, pixels) and picture.abs().max() <= 1, "The generator draws (n, pixels), between −1 and 1."
    )
    message = (
        "The running mean should keep 80 % of its old value. What does PyTorch's momentum weigh, the old or the new?"
    )
    close(model.norm.running_mean, 0.2 * before.mean(0), message)
    scaled = (before - before.mean(0)) / (before.var(0, correction=0) + 1e-5).sqrt()
    drawn = torch.relu(scaled) @ model.last.weight.detach().T + model.last.bias.detach()
    close(
        picture,
        torch.tanh(drawn),
        "first, norm, relu, last, tanh: the generator computes something else.",
        rtol=1e-3,
        atol=1e-4,
    )
    quiet = model.norm(0.05 * torch.randn(500, width)).detach()
    check(
        (quiet.std(0) - 1).abs().max() < 0.05,
        "Batch norm no longer normalises quiet inputs: what stands beside the variance?",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "clinic-logits", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

torch.manual_seed(8)
logits = ClinicDiscriminator(12, 16)(1000 * torch.randn(50, 1, 3, 4)).detach()
check(logits.shape == (50,), "One number a picture: (n,).")
check(
    logits.min() < 0 and logits.max() > 1,
    "Logits are any numbers. These have been through a sigmoid already, and the loss applies it again.",
)
### BEGIN HIDDEN TESTS
torch.manual_seed(352)
for n, h, w in ((64, 2, 2), (1, 3, 5), (33, 1, 4)):
    model = ClinicDiscriminator(h * w, 8)
    check(model(torch.randn(n, 1, h, w)).shape == (n,), "One number a picture: (n,), also for a batch of one.")
logits = model(1000 * torch.randn(64, 1, h, w)).detach()
check(
    logits.min() < 0 and logits.abs().max() > 1.01,
    "Logits are any numbers. These have been through a sigmoid already, and the loss applies it again.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "clinic-batches", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check

torch.manual_seed(9)
sizes = (64, 64, 5)
loader = [(torch.rand(n, 1, 1, 2), torch.randint(10, (n,))) for n in sizes]
game = new_game(torch.randn(6), torch.randn(17))
losses = clinic_epoch(
    game.generator, game.discriminator, game.optimizer_g, game.optimizer_d, loader, [torch.randn(n, 2) for n in sizes]
)
check(
    len(losses) == 3,
    "Every batch counts, also the last and smallest: labels have the size of the batch that they go with.",
)
check(all(math.isfinite(d) and math.isfinite(g) for d, g in losses), "The losses should be finite numbers.")
### BEGIN HIDDEN TESTS
torch.manual_seed(353)
for sizes in ((1,), (7, 3, 7, 2)):
    loader = [(torch.rand(n, 1, 1, 2), torch.randint(10, (n,))) for n in sizes]
    game = new_game(torch.randn(6), torch.randn(17))
    noises = [torch.randn(n, 2) for n in sizes]
    losses = clinic_epoch(game.generator, game.discriminator, game.optimizer_g, game.optimizer_d, loader, noises)
    check(
        len(losses) == len(sizes),
        "Every batch counts, whatever its size: labels have the size of the batch that they go with.",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "clinic-scale", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import vector_to_parameters

from course_utils.checks import close

torch.manual_seed(10)
game = new_game(torch.zeros(6), torch.randn(17), lr_g=0.0, lr_d=0.0)  # this generator draws 0 everywhere: mid-grey
s = game.discriminator(torch.zeros(1, 2)).detach()
losses = clinic_epoch(
    game.generator,
    game.discriminator,
    game.optimizer_g,
    game.optimizer_d,
    [(torch.full((64, 1, 1, 2), 0.5), torch.zeros(64))],  # real pictures that are mid-grey everywhere, too
    [torch.randn(64, 2)],
)
message = (
    "Real pixels lie between 0 and 1, drawn ones between −1 and 1: the discriminator can tell them apart by that alone."
)
close(losses[0][0], (F.softplus(-s) + F.softplus(s)).item(), message)
### BEGIN HIDDEN TESTS
torch.manual_seed(354)
for n in (64, 6):
    pictures, z, g_weights, d_weights = torch.rand(n, 1, 1, 2), torch.randn(n, 2), torch.randn(6), torch.randn(17)
    game = new_game(g_weights, 2 * d_weights)
    loader = [(pictures, torch.arange(n))]
    losses = clinic_epoch(game.generator, game.discriminator, game.optimizer_g, game.optimizer_d, loader, [z])
    g, d = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    vector_to_parameters(g_weights, g.parameters())
    vector_to_parameters(2 * d_weights, d.parameters())
    expected = F.softplus(-d(2 * pictures.flatten(1) - 1)).mean() + F.softplus(d(g(z))).mean()
    close(losses[0][0], expected.item(), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "clinic-direction", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

torch.manual_seed(11)
d_weights = torch.cat([torch.randn(16), torch.tensor([-5.0])])  # a discriminator that rejects everything
loader, z = [(torch.rand(64, 1, 1, 2), torch.zeros(64))], torch.randn(64, 2)
game = new_game(torch.randn(6), d_weights, lr_g=0.1, lr_d=0.0)
before = game.discriminator(game.generator(z)).detach().mean()
clinic_epoch(game.generator, game.discriminator, game.optimizer_g, game.optimizer_d, loader, [z])
after = game.discriminator(game.generator(z)).detach().mean()
check(
    after > before,
    "The generator has made its fakes easier to recognise. With which label does it want them to be taken?",
)
### BEGIN HIDDEN TESTS
for seed in (355, 356):
    torch.manual_seed(seed)
    d_weights = torch.cat([torch.randn(16), torch.tensor([-6.0])])
    loader, z = [(torch.rand(64, 1, 1, 2), torch.zeros(64))], torch.randn(64, 2)
    game = new_game(torch.randn(6), d_weights, lr_g=0.1, lr_d=0.0)
    before = game.discriminator(game.generator(z)).detach().mean()
    clinic_epoch(game.generator, game.discriminator, game.optimizer_g, game.optimizer_d, loader, [z])
    after = game.discriminator(game.generator(z)).detach().mean()
    check(
        after > before,
        "The generator has made its fakes easier to recognise. With which label does it want them to be taken?",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "clinic-wall", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from course_utils.checks import check, close

torch.manual_seed(12)
d_weights = torch.cat([torch.randn(16), torch.tensor([5.0])])  # a discriminator that believes everything
loader, z = [(torch.rand(64, 1, 1, 2), torch.zeros(64))], torch.randn(64, 2)
game = new_game(torch.randn(6), d_weights, lr_g=0.1, lr_d=0.0)
before = game.discriminator(game.generator(z)).detach().mean()
clinic_epoch(game.generator, game.discriminator, game.optimizer_g, game.optimizer_d, loader, [z])
after = game.discriminator(game.generator(z)).detach().mean()
message = "The discriminator's loss has reached the generator, and pulls it the wrong way."
check(after > before, message)
### BEGIN HIDDEN TESTS
for seed in (357, 358):
    torch.manual_seed(seed)
    g_weights, d_weights, z = torch.randn(6), torch.cat([torch.randn(16), torch.tensor([4.0])]), torch.randn(64, 2)
    game = new_game(g_weights, d_weights, lr_g=0.5, lr_d=0.0)
    loader = [(torch.rand(64, 1, 1, 2), torch.zeros(64))]
    clinic_epoch(game.generator, game.discriminator, game.optimizer_g, game.optimizer_d, loader, [z])
    g, d = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    vector_to_parameters(g_weights, g.parameters())
    vector_to_parameters(d_weights, d.parameters())
    gradient = parameters_to_vector(torch.autograd.grad(F.softplus(-d(g(z))).mean(), list(g.parameters())))
    close(weights_of(game.generator), g_weights - 0.5 * gradient, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "clinic-whole", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import vector_to_parameters

from course_utils.checks import check, close

torch.manual_seed(13)
sizes = (64, 64, 20)
loader = [(0.2 * torch.rand(n, 1, 1, 2), torch.zeros(n)) for n in sizes]
game = new_game(torch.randn(6), torch.randn(17))
first = clinic_epoch(
    game.generator, game.discriminator, game.optimizer_g, game.optimizer_d, loader, [torch.randn(n, 2) for n in sizes]
)
check(all(d > 0 and g > 0 for d, g in first), "Cross-entropies are positive.")
### BEGIN HIDDEN TESTS
torch.manual_seed(359)
g_weights, d_weights, sizes = torch.randn(6), torch.randn(17), (64, 64, 20)
loader = [(torch.rand(n, 1, 1, 2), torch.zeros(n)) for n in sizes]
noises = [torch.randn(n, 2) for n in sizes]
game = new_game(g_weights, d_weights, lr_g=0.4, lr_d=0.3)
losses = clinic_epoch(game.generator, game.discriminator, game.optimizer_g, game.optimizer_d, loader, noises)
g, d = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
vector_to_parameters(g_weights, g.parameters())
vector_to_parameters(d_weights, d.parameters())
for (pictures, _), z, got in zip(loader, noises, losses, strict=True):
    for module, loss_of, lr in (
        (d, lambda x, z: F.softplus(-d(x)).mean() + F.softplus(d(g(z))).mean(), 0.3),
        (g, lambda x, z: F.softplus(-d(g(z))).mean(), 0.4),
    ):
        loss = loss_of(2 * pictures.flatten(1) - 1, z)
        for w, slope in zip(module.parameters(), torch.autograd.grad(loss, list(module.parameters())), strict=True):
            w.data -= lr * slope
        close(
            got[0 if module is d else 1],
            loss.item(),
            "A loss on the way is another number: D steps first, then G against the new D.",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## F. A GAN of your own
#
# Three heaps of points in the plane. A generator turns four random numbers into a point, and has to find all three
# heaps.


# %% nbgrader={"grade": false, "grade_id": "heaps", "locked": true, "schema_version": 3, "solution": false}
def three_heaps(n, angle=0.0, seed=0):
    """n points in three heaps of width 0.5, at distance 1.5 from the origin, as (n, 2), and their centres, (3, 2)."""
    turn = angle + torch.arange(3) * 2 * math.pi / 3
    centres = 1.5 * torch.stack([turn.cos(), turn.sin()], dim=1)
    random = torch.Generator().manual_seed(seed)
    which = torch.randint(3, (n,), generator=random)
    return centres[which] + 0.5 * torch.randn(n, 2, generator=random), centres


# %% nbgrader={"grade": false, "grade_id": "toy-generator", "locked": true, "schema_version": 3, "solution": false}
class ToyGenerator(nn.Module):
    """Noise (n, 4) to points (n, 2)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, z):
        return self.layers(z)


# %% [markdown]
# ### Task F1
#
# Train a GAN on the points, for about a second: a `ToyGenerator` against a discriminator of your choice. 600 steps, two
# hidden layers of 64 units for the discriminator, and Adam with a learning rate of 0.002 are enough if its other settings
# are those of chapter 03. Return the trained generator: the check puts its weights into a `ToyGenerator` of its own and
# lets that draw. (It tries a second seed if the first was unlucky.)


# %% nbgrader={"grade": false, "grade_id": "train-toy", "locked": false, "schema_version": 3, "solution": true}
def train_toy(points, seed):
    """Train on points (n, 2), from the seed, with noise from N(0, 1); return the trained ToyGenerator."""
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    generator = ToyGenerator()
    discriminator = nn.Sequential(
        nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1), nn.Flatten(0)
    )
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.99))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.99))
    for _ in range(600):
        real = points[torch.randint(len(points), (64,))]
        discriminator_step(generator, discriminator, optimizer_d, real, torch.randn(64, 4))
        generator_step(generator, discriminator, optimizer_g, torch.randn(64, 4))
    return generator
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "look-toy", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    points, _ = three_heaps(1_500)
    toy = train_toy(points, seed=0)
    made = toy(torch.randn(1_500, 4)).detach()
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4), sharex=True, sharey=True)
    left.scatter(*points.T, s=2)
    left.set(title="data", xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
    right.scatter(*made.T, s=2)
    right.set(title="your generator", aspect="equal")
    show(fig, alt="Two clouds of points: the three heaps of the data, and the points that the trained generator makes.")

# %% nbgrader={"grade": true, "grade_id": "train-toy-heaps", "locked": true, "points": 4, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, ours, with_weights


def judge_toy(angle, n, seed):
    turn = angle + torch.arange(3) * 2 * math.pi / 3
    centres = 1.5 * torch.stack([turn.cos(), turn.sin()], dim=1)
    random = torch.Generator().manual_seed(seed)
    points = centres[torch.randint(3, (n,), generator=random)] + 0.5 * torch.randn(n, 2, generator=random)
    toy = with_weights(ours("ToyGenerator")(), train_toy(points, seed), "Return the trained ToyGenerator.")
    with torch.no_grad():
        made = toy(torch.randn(2_000, 4, generator=random))
    distance, nearest = torch.cdist(made, centres).min(dim=1)
    message = "More than a quarter of the points lie far from every heap: not trained, or trained badly."
    check((distance < 1.5).double().mean() > 0.75, message)
    smallest = torch.bincount(nearest, minlength=3).min() / 2_000
    message = "A heap has hardly any points: the generator has dropped a mode. Look at the optimizer's settings."
    check(smallest > 0.1, message)
    off = (made.mean(0) - points.mean(0)).norm()
    check(off < 0.8, "The mean of the generated points is far from that of the data.")


def one_of_two(angle, n, seeds):
    """A good recipe can have bad luck with one seed; with two it is no longer luck."""
    try:
        judge_toy(angle, n, seeds[0])
    except AssertionError:
        judge_toy(angle, n, seeds[1])


one_of_two(0.0, 1_500, (1, 2))
### BEGIN HIDDEN TESTS
one_of_two(0.5, 900, (361, 362))
### END HIDDEN TESTS

# %% [markdown]
# ## G. An investigation: how good should the expert be?
#
# The shift game of section 3.4 overshot, because the discriminator "remembered". Would a discriminator that learns
# faster than the generator moves help? Let it take $k$ steps for each step of the generator. (Section 3.7 treats the
# limit: a discriminator that is always perfect.)
#
# ### Task G1 · The game
#
# Play it: real numbers from $\mathcal N(3, 1)$, $G(z) = \theta + z$, $D(x) = \sigma(wx + b)$, all three weights start at
# 0, learning rate 0.1 for both players, plain gradient steps on the value (3.1), **200 fresh numbers** of each kind for
# every step, 400 rounds. A round is $k$ steps of $D$, then one of $G$. Return the path, so that anyone can measure on it.


# %% nbgrader={"grade": false, "grade_id": "shift-game", "locked": false, "schema_version": 3, "solution": true}
def shift_game(k, seed):
    """Play 400 rounds with k steps of D each, all randomness from the seed; a tensor (400, 3): w, b, θ after each round."""
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    w, b, theta = torch.zeros(3)
    path = []
    for _ in range(400):
        for _ in range(k):
            real, fake = 3 + torch.randn(200), theta + torch.randn(200)
            on_real, on_fake = torch.sigmoid(-(w * real + b)), torch.sigmoid(w * fake + b)
            step_w = (on_real * real).mean() - (on_fake * fake).mean()
            w, b = w + 0.1 * step_w, b + 0.1 * (on_real.mean() - on_fake.mean())
        theta = theta + 0.1 * w * torch.sigmoid(w * (theta + torch.randn(200)) + b).mean()
        path.append(torch.stack([w, b, theta]))
    return torch.stack(path)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "shift-game-seeded", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

first, again, other = (torch.as_tensor(shift_game(1, seed)) for seed in (5, 5, 6))
check(tuple(first.shape) == (400, 3), "A tensor with a row for each of the 400 rounds: w, b, θ.")
close(again, first, "The same seed should give the same path: an experiment that cannot be repeated is an anecdote.")
check(not torch.equal(first, other), "Another seed should give another path: are fresh samples drawn from it?")
### BEGIN HIDDEN TESTS
one, same, next_one = (torch.as_tensor(shift_game(2, seed)) for seed in (371, 371, 372))
close(same, one, "The same seed should give the same path.")
check(not torch.equal(one, next_one), "Another seed should give another path.")
w, b, theta = first.double().T
moved = theta - torch.cat([torch.zeros(1, dtype=torch.float64), theta[:-1]])
learns = w.abs() > 0.03
share = (moved[learns] / (0.1 * w[learns]) > 0).double().mean()
message = "What is repeated should be a game: θ starts at 0, moves to where D's logit rises, and D moves as well."
check(bool(learns.sum() > 50 and share > 0.95 and theta[0].abs() < 0.1 and moved.abs().max() < 0.2), message)
grid = torch.linspace(-9, 9, 721, dtype=torch.float64)
weight = (-0.5 * grid**2).exp() / (-0.5 * grid**2).exp().sum()
real, fake = 3 + grid, theta[:-1, None] + grid
on_real = torch.sigmoid(-(w[:-1, None] * real + b[:-1, None]))
step_w = (on_real * real - torch.sigmoid(w[:-1, None] * fake + b[:-1, None]) * fake) @ weight
check(bool(torch.corrcoef(torch.stack([w[1:] - w[:-1], step_w]))[0, 1] > 0.3), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "shift-game-values", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

theta = torch.as_tensor(shift_game(1, 0))[:, 2]
check(
    theta.max() > 3.5,
    "With one step each θ runs well past 3, as in the chapter. Do both players start at 0 and step by 0.1?",
)
check((theta[-100:] - 3).abs().max() < theta.max() - 3, "The game comes to rest: late distances are smaller.")
### BEGIN HIDDEN TESTS
# What a step of G is on average over endless noise, by integration; what is left must be the scatter of 200 fresh ones.
grid = torch.linspace(-9, 9, 721, dtype=torch.float64)
weight = (-0.5 * grid**2).exp() / (-0.5 * grid**2).exp().sum()
for k, seed in ((1, 373), (2, 374), (5, 375)):
    w, b, theta = torch.as_tensor(shift_game(k, seed)).double().T
    before = torch.cat([torch.zeros(1, dtype=torch.float64), theta[:-1]])
    verdict = torch.sigmoid(w[:, None] * (before[:, None] + grid) + b[:, None])
    mean, square = verdict @ weight, verdict**2 @ weight
    rest = (theta - before - 0.1 * w * mean) / ((0.1 * w) ** 2 * (square - mean**2) / 200).sqrt()
    rest = rest[w.abs() > 0.03]
    message = (
        "The steps of θ are not those of G: one step of 0.1 down the slope of the value, against the D of this round."
    )
    check(len(rest) > 50 and rest.mean().abs() < 0.5, message)
    message = "The scatter of θ's steps is not that of 200 fresh numbers in every round."
    check(0.5 < rest.square().mean() < 2, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "shift-game-expert", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

first = torch.as_tensor(shift_game(1, 0))[0]
message = "At first D says ½ to everything, so its first step is about 0.1 · (½ · 3 − ½ · 0) = 0.15 in w, and 0 in b."
check((first[0] - 0.15).abs() < 0.04 and first[1].abs() < 0.001, message)
### BEGIN HIDDEN TESTS
grid = torch.linspace(-9, 9, 721, dtype=torch.float64)
weight = (-0.5 * grid**2).exp() / (-0.5 * grid**2).exp().sum()


def steps_of_d(w, b, theta):
    """The average steps of w and b over endless samples, and the variance of that of w with 200; a row a round."""
    real, fake = 3 + grid, theta[:, None] + grid
    on_real = torch.sigmoid(-(w[:, None] * real + b[:, None]))
    on_fake = torch.sigmoid(w[:, None] * fake + b[:, None])
    parts = ((on_real, real), (on_fake, fake))
    step_w, step_b = (on_real * real - on_fake * fake) @ weight, (on_real - on_fake) @ weight
    spread = sum((on * x) ** 2 @ weight - ((on * x) @ weight) ** 2 for on, x in parts)
    return 0.1 * step_w, 0.1 * step_b, 0.01 * spread / 200


for k, seed in ((1, 373), (2, 374), (5, 375)):
    path = torch.as_tensor(shift_game(k, seed)).double()
    expected_w, expected_b, theta = torch.cat([torch.zeros(1, 3, dtype=torch.float64), path[:-1]]).T
    spread_w = 0
    for _ in range(k):
        step_w, step_b, more = steps_of_d(expected_w, expected_b, theta)
        expected_w, expected_b, spread_w = expected_w + step_w, expected_b + step_b, spread_w + more
    rest = (path[:, 0] - expected_w) / spread_w.sqrt()
    message = "The steps of D are off: k of them in a round, each of 0.1 up the slope of the value, on both kinds."
    check(rest.mean().abs() < 0.5 and (path[:, 1] - expected_b).abs().max() < 0.02, message)
    check(0.15 < rest.square().mean() < 2, "The scatter of D's steps is not that of 200 fresh numbers of each kind.")
### END HIDDEN TESTS

# %% [markdown]
# ### Task G2 · Two numbers of a path
#
# Measure the **overshoot**, the largest $\theta - 3$, and the **unrest**, the root of the mean of $(\theta - 3)^2$ over
# the last 100 rounds.


# %% nbgrader={"grade": false, "grade_id": "unrest", "locked": false, "schema_version": 3, "solution": true}
def overshoot_and_unrest(path):
    """Of a path (rounds, 3) as above, at least 100 rounds long; two floats."""
    ### BEGIN SOLUTION
    off = path[:, 2] - 3
    return off.max().item(), off[-100:].square().mean().sqrt().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "unrest-values", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

path = torch.zeros(150, 3)
path[:, 2] = 3 + torch.cat([torch.full((50,), 2.0), torch.full((100,), -0.5)])
overshoot, unrest = overshoot_and_unrest(path)
close(overshoot, 2.0, "The overshoot is the largest θ − 3 of the whole path; θ is the last of the three.")
close(unrest, 0.5, "The unrest looks at the last 100 rounds, and a distance has no sign.")
### BEGIN HIDDEN TESTS
path = torch.randn(400, 3, generator=torch.Generator().manual_seed(376)) + torch.tensor([5.0, -4.0, 3.2])
off = path[:, 2] - 3
overshoot, unrest = overshoot_and_unrest(path)
close(overshoot, off.max().item(), "The overshoot is the largest θ − 3 of the whole path.")
close(unrest, off[-100:].square().mean().sqrt().item(), "The unrest is the root of a mean of squares of θ − 3.")
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "look-shift-game", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    for k in (1, 5):
        overshoot, unrest = overshoot_and_unrest(shift_game(k, seed=0))
        print(f"k = {k}   overshoot {overshoot:.2f}, unrest {unrest:.3f}")

# %% [markdown]
# That is one seed. The rest of the experiment is yours: add a cell, take at least three values of $k$ (10 among them)
# and three seeds.
#
# ### Question G3 (6 points)
#
# Report on it, in about 200 words and with a table of your measured numbers (mean and
# range over the seeds). State first what you expected, and why. Then: what does $k$ do to the overshoot and to the
# unrest, and is the difference larger than that between the seeds? Explain it with sections 3.5 and 3.7. What does a
# large $k$ cost? Why does it not follow that one should train the discriminator of a GAN on pictures to perfection
# before each generator's step? Name one thing that your experiment cannot show.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-shift-game", "locked": false, "points": 6, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 1 point: an expectation with a reason, stated as made before the measurement.
# - 2 points: a table with the learner's own numbers, at least three $k$ and three seeds; the spread over seeds is
#   reported and compared with the effect of $k$ (overshoot from about 0.9 to 0.3, seeds differ by about 0.02).
# - 1 point: explanation: with large $k$ the discriminator is close to $D^*$ for the present θ, its memory is short;
#   its curvature damps more per generator step; in the limit $G$ *descends* 2 JSD and a descent does not circle.
# - 1 point: cost ($k$ discriminator steps a round: 10 times the work at $k = 10$), and the objection: on pictures the
#   two distributions hardly overlap, JSD is flat at log 2, a perfect discriminator leaves next to no slope (3.7,
#   chapter 04); it may also overfit.
# - 1 point: a limit, e.g. one dimension and one family, only one learning rate, equal variances, no networks, final
#   time fixed at 400 rounds.
#
# ### END MARK SCHEME
# I expected that a faster discriminator forgets sooner that "larger is more real", and that θ overshoots less.
# Measured over seeds 0 to 2 (mean; the range over seeds is at most 0.02 for the overshoot):
#
# | k | overshoot | unrest |
# |---|---|---|
# | 1 | 0.93 | 0.24 |
# | 2 | 0.83 | 0.24 |
# | 5 | 0.56 | 0.03 |
# | 10 | 0.30 | 0.006 |
#
# The overshoot falls to a third, by far more than the seeds differ. The unrest hardly changes from 1 to 2, then
# it falls about ninefold to $k = 5$, and further to $k = 10$. With many steps the discriminator is nearly the best one for the present θ. Then the
# generator nearly descends $2\operatorname{JSD}$, and a descent does not circle; in the language of section 3.5, the
# discriminator's own curvature damps it $k$ times in each round. The price is $k$ times the discriminator's work.
#
# On pictures the argument breaks. There the two distributions hardly overlap at first, a perfect discriminator has
# the value 0 whatever the generator does, and its slope for the generator is next to nothing: better experts teach
# less. Here the heaps always overlap. The experiment has three weights, one learning rate and one distance; it says
# nothing about networks, about which rates are best for each $k$, or about equal computing time.

# %% [markdown]
# ## H. What makes GANs hard to train?
#
# ### Question H1 (8 points)
#
# What are the main challenges in training GANs? Name at least four. For each: what goes
# wrong and *why* (a formula or a mechanism of the chapter), how you would notice it (a number, a curve or a picture),
# and one remedy with what it costs or does not solve. About 400 words.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-challenges", "locked": false, "points": 8, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# Two points for each of four challenges: 1 for what goes wrong with its mechanism, 1 for a way to notice it *and* a
# remedy with its limit. Accept any sound ones, for example:
#
# - no descent but a game: circling, no convergence guarantee (det M, momentum); notice: swinging losses and samples;
#   remedies: turns, damping, lower β₁, averaging, smaller rates at the end.
# - vanishing gradients/saturation: JSD at most log 2, perfect discriminator; notice: D's loss near 0, tiny gradient
#   norm in G; remedies: non-saturating loss, hinge, other distances. Changes what is minimised.
# - mode collapse: many z give the same picture; nothing in (3.1) rewards variety within a batch directly; notice: a
#   grid of samples, counts per class, recall; remedies: minibatch statistics, unrolling, replay, WGAN (chapter 07).
#   No cure in general.
# - losses do not measure quality: both are relative to the opponent; notice: losses flat while samples improve;
#   remedies: fixed noise, scores by a third network; these have their own flaws (chapter 06).
# - balance of the two players, sensitivity to hyperparameters; - evaluation without likelihood; - overfitting
#   discriminator with little data; - numerical trouble (sigmoid rounding).
#
# A list of names without mechanisms earns at most 3.
#
# ### END MARK SCHEME
# **It is a game, not a descent.** Each player's gradient step changes the other's loss. In $xy$ simultaneous steps
# have $|\lambda|^2 = 1 + \eta^2$ and run away at every rate; in turns they ring forever. One notices losses and
# samples that swing and do not settle. What helps is damping: curvature in the discriminator's loss, small momentum
# ($\beta_1 = 0.5$ or less), an average of the weights, fading rates. None of it guarantees convergence for networks.
#
# **The generator starves.** Early on the expert recognises every fake. The value (3.8) is then near its largest, JSD
# ≈ log 2, and flat; the slope of $\log(1-D)$ in the logit is $-\sigma(s)$, next to 0. One notices a discriminator's
# loss near 0 and a generator's gradient orders of magnitude below its usual one. The remedy is the loss $-\log D$; it
# keeps the fixed point but gives up the zero-sum game and the theorem.
#
# **Mode collapse.** The generator is asked that each of its fakes be credible, one at a time, and may meet that with
# a few kinds of pictures. The discriminator then moves against them, and the generator moves on: it circles among
# modes. One sees the same picture for many $z$, or counts classes. Showing the discriminator whole batches, or
# keeping old fakes, makes it harder; no method excludes it.
#
# **The loss does not say how good the pictures are.** Both losses are relative to the present opponent: at 1.386 the
# expert may be beaten or just untrained. So a falling or flat curve says nothing about quality. One looks at fixed
# noise, and scores samples with a third network. Scores have blind spots of their own, and cannot be trained on
# safely.
#
# **Balance.** All of this depends on how strong each player is: an expert that is too weak gives wrong advice (its
# reward is only a lower bound on the truth), one that is too strong gives none. One watches the mean of $D$ on real
# and on made pictures. Dropout, different learning rates and label smoothing shift the balance; they have to be tuned
# anew for every network and data set.
