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
# # 03 · GANs: the minimax game
#
# The VAE of chapter 02 learned to draw by copying under supervision: every picture it drew in training was held against
# an original, pixel by pixel. That is why its digits are soft. A **generative adversarial network** (GAN; Goodfellow et
# al., 2014) drops the original. A forger draws, an expert judges, each learns from the other, and no pixel is ever
# compared with another. This chapter is about that game: what it computes when it works, and why it does not always.
#
# **You will be able to**
#
# - state the value function of the game and derive the best possible discriminator, $D^*(x) = p_\text{data}(x) / (p_\text{data}(x) + p_g(x))$;
# - prove that a generator facing that discriminator minimises a distance between distributions, and name it;
# - explain why two players who both follow their gradients may circle forever, and what damps the circle;
# - write the two updates in plain PyTorch, and say what leaks where if `detach` is forgotten;
# - train a GAN on digits, and say what its loss curves can and cannot tell.
#
# **Time.** Reading and thinking, about 90 minutes. Running all cells, about <!--03.seconds-->120
# seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** chapters 00 to 02; the Kullback–Leibler divergence from chapter 02; cross-entropy for a classifier.
#
# ![Rows of sixteen generated digits after more and more training steps: from grey noise through blots to digits, each column
# drawn from the same noise vector.](images/03.png)
#
# *What you will make: every column is one noise vector, every row a later moment of training. Nobody ever showed this
# network which digit to draw.*

# %% tags=["bootstrap", "hide-input"] jupyter={"source_hidden": true} cellView="form"
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

# %%
import math
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import distributions, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course_utils import pretrained, schedule
from course_utils.data import load_images
from course_utils.figures import live_picture, plot_history, show, show_images, smooth, tile
from course_utils.results import Results
from course_utils.schedule import seed_everything
from course_utils.taught import evaluation
from course_utils.training import Diary, train

# %%
seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("03", digits.source)

# %% [markdown]
# ## 3.1 A sampler without a density
#
# A VAE's decoder describes a distribution: it can say (or bound) how probable a given picture is. A **generator** $G$ only
# acts. It takes noise $z$ from a fixed simple distribution $p(z)$ and computes $x = G(z)$. Call the distribution of the
# results $p_g$. Drawing from it is easy, but there is no formula for it: the model is **implicit**.
#
# > **Predict.** $z$ is uniform between 0 and 1, and $G(z) = -\log(1 - z)$. Which distribution is that? Sketch its histogram
# > before you run the cell.

# %%
z = torch.rand(100_000, dtype=torch.float64)
x = -torch.log1p(-z)

# %%
fig, ax = plt.subplots(figsize=(7, 2.4))
ax.hist(x, bins=80, range=(0, 6), density=True, alpha=0.5, label="samples of G(z)")
axis = torch.linspace(0, 6, 200)
ax.plot(axis, torch.exp(-axis), label="exp(−x)")
ax.set(xlabel="x", ylabel="density")
ax.legend()
show(
    fig,
    alt="Histogram of generated numbers falls from 1 at zero towards nothing at six, exactly along the curve exp(-x)",
)
# %%
assert abs(x.mean() - 1) < 0.02
assert abs((x > 2).double().mean() - math.exp(-2)) < 0.005

# %% [markdown]
# The exponential distribution. Here someone knew the answer and wrote $G$ down. When $G$ is a network with half a million
# weights nobody can work out its density, and so the recipe of chapter 02, *make the data probable*, has nothing to work on.
# What remains is to compare **samples with samples**: here is a heap of real pictures, there a heap of made ones. Could you
# tell which heap a picture comes from?
#
# That question is a classification problem, and classification we can do. So a second network, the **discriminator** $D$,
# is trained on it: $D(x)$ is its probability that $x$ is real. And the generator is trained to make it fail.
#
# ## 3.2 The game
#
# The discriminator is rewarded for large $\log D(x)$ on real pictures and for large $\log(1 - D(x))$ on made ones. Together,
#
# $$V(D, G) = \mathbb{E}_{x \sim p_\text{data}}\bigl[\log D(x)\bigr] + \mathbb{E}_{z \sim p(z)}\bigl[\log\bigl(1 - D(G(z))\bigr)\bigr]. \tag{3.1}$$
#
# $D$ wants $V$ large. $G$ wants the same $V$ small: whatever one player gains, the other loses. What we look for is
#
# $$\min_G \max_D\, V(D, G). \tag{3.2}$$
#
# Mind the order. For each forger, find its best expert; that gives one number per forger. Then choose the forger with the
# smallest.
#
# The smallest such game has three numbers in it. Real data come from $\mathcal N(3, 1)$. The generator has one weight: it
# shifts its noise, $G(z) = \theta + z$ with $z \sim \mathcal N(0, 1)$. The discriminator is a logistic regression, $D(x) =
# \sigma(s)$ with $s = wx + b$; the number $s$ before the sigmoid is called the **logit**. Since $1 - \sigma(s) = \sigma(-s)$, the
# second term of (3.1) is $\log \sigma(-s)$. We play in turns: one gradient step up for $D$, one step down for $G$, on
# fresh samples each.


# %%
def value(w, b, theta, n=2_000):
    """Equation (3.1), estimated from n real and n generated numbers."""
    real, fake = 3 + torch.randn(n), theta + torch.randn(n)
    return F.logsigmoid(w * real + b).mean() + F.logsigmoid(-(w * fake + b)).mean()


# %%
def play(steps, lr_d, lr_g):
    w, b, theta = (torch.zeros((), requires_grad=True) for _ in range(3))
    path = []
    for _ in range(steps):
        grad_w, grad_b = torch.autograd.grad(value(w, b, theta), (w, b))
        with torch.no_grad():
            w += lr_d * grad_w  # the discriminator climbs
            b += lr_d * grad_b
        (grad_theta,) = torch.autograd.grad(value(w, b, theta), theta)
        with torch.no_grad():
            theta -= lr_g * grad_theta  # the generator descends
        path.append((theta.item(), w.item(), b.item()))
    return torch.tensor(path)


# %% [markdown]
# > **Predict.** $\theta$ starts at 0, the data sit at 3. Draw the curve of $\theta$ over the steps. Where does it end, and
# > does it get there on a straight road?

# %%
path = play(steps=1_200, lr_d=0.1, lr_g=0.1)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
left.plot(path[:, 0], label="generator: mean θ")
left.plot(path[:, 1], label="discriminator: slope w")
left.axhline(3, color="black", linestyle=":", linewidth=1)
left.set(xlabel="step", ylabel="weight")
left.legend()
right.plot(path[:, 0], path[:, 1], linewidth=1)
right.plot(3, 0, "k*", markersize=10)
right.set(xlabel="θ", ylabel="w")
show(
    fig,
    alt="Left: the mean overshoots three and oscillates around it ever less, the slope swings around zero. Right: the same as a spiral that winds into the point (3, 0)",
)

# %% [markdown]
# Not a straight road. $\theta$ runs past 3, because the discriminator still remembers that "larger is more real" ($w > 0$)
# when the generator has long arrived; then $w$ turns, and the generator is called back. The two chase each other on a spiral.
# In the end they come to rest. What do they rest at?

# %%
for step in (0, 60, 120, 240, 1_199):
    theta, w, b = path[step]
    print(
        f"step {step:5d}: θ = {theta:5.2f}, w = {w:6.3f}, D(0) = {b.sigmoid():.2f}, V = {value(w, b, theta, 200_000):.4f}"
    )
print(f"                                        −log 4 = {-math.log(4):.4f}")

# %%
theta, w, b = path[-100:].mean(dim=0)
assert path[:, 0].max() > 3.3, "it overshoots"
assert abs(theta - 3) < 0.2
assert abs(b.sigmoid() - 0.5) < 0.1
assert abs(value(w, b, theta, n=200_000) + math.log(4)) < 0.02

# %% [markdown]
# The generator has found the data, the discriminator says ½ to everything (it has nothing left to say), and the value of the
# game is $-\log 4$. (An expert who knows *nothing* has that value, too, as at step 0. The evidence is $\theta = 3$.) Sections 3.4 and 3.5 prove that this is no accident of the example. But first: why the spiral?
#
# ## 3.3 Why players circle
#
# Take the game down to its skeleton: one number a player, $f(x, y) = xy$; $x$ wants it small, $y$ wants it large. The only
# point where neither gains by moving is $(0, 0)$. The gradient steps of size $\eta$ are
#
# $$(x, y) \;\leftarrow\; (x - \eta\, y,\; y + \eta\, x). \tag{3.3}$$
#
# The arrow $(-y, x)$ stands at a right angle to the position $(x, y)$: together the players never step towards the goal. What happens
# depends on details that do not matter in ordinary training. We compare three ways to play:
#
# - **simultaneous**: both use the other's old position;
# - **alternating**: $y$ sees where $x$ has just gone (what GANs do);
# - **extra-gradient** (Korpelevich, 1976): take a trial step, then step from the old point with the gradient *found there*.
#
# > **Predict.** From $(1, 0)$ with $\eta = 0.2$: which of the three comes home, which runs away, and which stays on a closed ring?


# %%
def simultaneous(x, y, eta):
    return x - eta * y, y + eta * x


# %%
def alternating(x, y, eta):
    x = x - eta * y
    return x, y + eta * x


# %%
def extra_gradient(x, y, eta):
    trial_x, trial_y = x - eta * y, y + eta * x
    return x - eta * trial_y, y + eta * trial_x


# %%
eta, orbits = 0.2, {}
for step in (simultaneous, alternating, extra_gradient):
    position, orbit = (1.0, 0.0), [(1.0, 0.0)]
    for _ in range(100):
        position = step(*position, eta)
        orbit.append(position)
    orbits[step.__name__.replace("_", "-")] = torch.tensor(orbit, dtype=torch.float64)

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 3))
for ax, (name, orbit) in zip(axes, orbits.items(), strict=True):
    ax.plot(orbit[:, 0], orbit[:, 1], marker=".", markersize=3, linewidth=0.8)
    ax.plot(0, 0, "k*", markersize=10)
    limit = max(1.3, orbit.abs().max().item() * 1.05)
    ax.set(title=name, xlabel="x", ylabel="y", xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
fig.tight_layout()
show(
    fig,
    alt="Three orbits around the star at the origin: simultaneous steps spiral outwards, alternating steps keep to one closed ring, extra-gradient steps spiral inwards",
)

# %% [markdown]
# Each of the three is a linear map, $(x, y) \mapsto M (x, y)$, applied again and again, so its fate is written in the eigenvalues
# $\lambda$ of $M$: with $|\lambda| > 1$ it runs away, with $|\lambda| < 1$ it comes home. A real $2 \times 2$ matrix whose eigenvalues are
# a complex pair has $|\lambda|^2 = \det M$. For simultaneous steps $M$ has the rows $(1, -\eta)$ and $(\eta, 1)$, and
# $\det M = 1 + \eta^2$. In the same way,
#
# $$|\lambda|^2 = 1 + \eta^2 \ \text{(simultaneous)}, \qquad |\lambda|^2 = 1\ \text{(alternating, } \eta < 2), \qquad
# |\lambda|^2 = 1 - \eta^2 + \eta^4 \ \text{(extra-gradient)}. \tag{3.4}$$
#
# Simultaneous steps run away at *every* step size, however small: no tuning helps. Alternating ones neither approach nor
# leave. Looking one step ahead ($\eta < 1$) is what turns the arrow inwards.

# %%
by_hand = {"simultaneous": 1 + eta**2, "alternating": 1.0, "extra-gradient": 1 - eta**2 + eta**4}
for step in (simultaneous, alternating, extra_gradient):
    columns = [torch.tensor(step(*unit, eta), dtype=torch.float64) for unit in ((1.0, 0.0), (0.0, 1.0))]
    eigenvalues = torch.linalg.eigvals(torch.stack(columns, dim=1))
    name = step.__name__.replace("_", "-")
    print(f"{name:15s} |λ|² = {eigenvalues[0].abs() ** 2:.4f}, distance after 100 steps {orbits[name][-1].norm():.3f}")
    torch.testing.assert_close(eigenvalues.abs() ** 2, torch.full((2,), by_hand[name], dtype=torch.float64))

# %% [markdown]
# The shift game of section 3.2 did come home under alternating steps. What damped it? There the discriminator's reward is
# *curved* in its own weights: if both heaps lie on top of each other, any conviction, $w \ne 0$, costs it reward, so $w$ is pulled back
# while it circles. Give the skeleton such a curvature, $f(x, y) = xy - \tfrac{c}{2} y^2$, and alternate: now $\det M = 1 - \eta c$.

# %%
c, x, y = 0.5, 1.0, 0.0
for _ in range(100):
    x = x - eta * y
    y = y + eta * (x - c * y)
print(
    f"distance after 100 alternating steps with curvature: {math.hypot(x, y):.4f}; √(1 − ηc)¹⁰⁰ = {(1 - eta * c) ** 50:.4f}"
)
assert math.hypot(x, y) < 3 * (1 - eta * c) ** 50

# %% [markdown]
# A little curvature, and the circle becomes a spiral inwards. Real GANs lie somewhere between, and nothing guarantees that the damping
# wins (Mescheder et al., 2018, work out which games converge). Keep the picture: **a GAN is not a descent, it is a dance**, and a
# loss curve that does not fall is no sign of failure.
#
# ## 3.4 The best discriminator
#
# Fix the generator and ask for the best answer to it. The pictures $G(z)$ are draws from $p_g$, so (3.1) is one integral over $x$,
#
# $$V(D, G) = \int \bigl[\, p_\text{data}(x) \log D(x) + p_g(x) \log\bigl(1 - D(x)\bigr)\bigr]\, dx. \tag{3.5}$$
#
# A flexible enough $D$ may choose its value at every $x$ by itself, so maximise under the integral, point by point. For
# $a \log y + b \log(1 - y)$ the derivative $a/y - b/(1-y)$ vanishes at $y = a/(a+b)$, and the second derivative is
# negative, so this is the maximum:
#
# $$D^*(x) = \frac{p_\text{data}(x)}{p_\text{data}(x) + p_g(x)}. \tag{3.6}$$
#
# Read it aloud: *of all the things that look like this, in a heap that is half real and half made, the share that is real.* Two consequences. Where the generator equals the
# data, $D^* = \tfrac12$ everywhere. And the logit of $D^*$ is $\log p_\text{data}(x) - \log p_g(x)$: a classifier trained on samples
# alone has learned the **ratio of two densities**, without ever seeing either.
#
# Here is the test. Two distributions on a line, both known; a small network sees samples of each, and its loss is $-V$.


# %%
def mixture(weights, means, stds):
    parts = distributions.Normal(torch.tensor(means), torch.tensor(stds))
    return distributions.MixtureSameFamily(distributions.Categorical(torch.tensor(weights)), parts)


# %%
p_data = mixture([0.3, 0.7], [-2.0, 1.5], [0.5, 0.8])
p_g = mixture([1.0], [0.0], [1.5])


# %%
def train_discriminator(p, q, steps=1_200, n=512):
    net = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    for _ in range(steps):
        real, fake = p.sample((n, 1)), q.sample((n, 1))
        loss = -(F.logsigmoid(net(real)).mean() + F.logsigmoid(-net(fake)).mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    return net


# %% [markdown]
# > **Predict.** Where is $D^*$ closest to 1, where to 0, and what does it tend to far out on the right, where both densities
# > vanish?

# %%
net = train_discriminator(p_data, p_g)
axis = torch.linspace(-5, 5, 401)
by_formula = p_data.log_prob(axis).sub(p_g.log_prob(axis)).sigmoid()  # (3.6), in log space
with torch.no_grad():
    trained = net(axis[:, None]).sigmoid().squeeze(1)

# %%
fig, ax = plt.subplots()
ax.fill_between(axis, p_data.log_prob(axis).exp(), alpha=0.25, label="density of the data")
ax.fill_between(axis, p_g.log_prob(axis).exp(), alpha=0.25, label="density of the generator")
ax.plot(axis, by_formula, color="black", label="D* by formula")
ax.plot(axis, trained, "--", color="#D55E00", label="D, trained on samples")
ax.set(xlabel="x", ylabel="density, or D(x)", ylim=(0, 1.02))
ax.legend(loc="upper left", fontsize=8, ncols=2)
show(
    fig,
    alt="Two densities on a line, and the discriminator over it: the trained curve lies on the formula wherever there are samples, high where the data dominate, low in the gap between their two modes and in the tails",
)

# %%
seen = (p_data.log_prob(axis).exp() + p_g.log_prob(axis).exp()) > 0.02  # where it had samples to learn from
print(f"mean distance where samples are: {(trained - by_formula)[seen].abs().mean():.3f}")
assert (trained - by_formula)[seen].abs().mean() < 0.06

# %%
same = train_discriminator(p_data, p_data, steps=600)
with torch.no_grad():
    at_equal = same(axis[seen][:, None]).sigmoid()
print(f"p = q: D between {at_equal.min():.3f} and {at_equal.max():.3f}")
assert (at_equal - 0.5).abs().mean() < 0.05

# %% [markdown]
# The network found (3.6) from samples, and ½ where there is nothing to tell. Far out on the right $D^*$ falls to 0, not to ½: both
# densities vanish there, but the generator's is the wider one and vanishes more slowly. The trained curve does not follow it all the way.
# Where less than one sample in a hundred falls, the network extrapolates, and nothing in the loss cares. That is harmless for a judge and bad for a teacher: a young generator lives exactly
# where there are no data, and the advice it gets about the way there is extrapolation.
#
# ## 3.5 What the generator really minimises
#
# Put the best discriminator back into the value. With $m = \tfrac12(p_\text{data} + p_g)$, the fraction in (3.6) is
# $p_\text{data}/(2m)$, $1 - D^*$ is $p_g/(2m)$, and each $\tfrac12$ contributes $-\log 2$:
#
# $$V(D^*, G) = \mathbb{E}_{p_\text{data}}\Bigl[\log \frac{p_\text{data}}{2m}\Bigr] + \mathbb{E}_{p_g}\Bigl[\log \frac{p_g}{2m}\Bigr]
# = -\log 4 + D_\text{KL}(p_\text{data}\Vert m) + D_\text{KL}(p_g \Vert m). \tag{3.7}$$
#
# Half the sum of these two divergences has a name, the **Jensen–Shannon divergence**,
# $\operatorname{JSD}(p\Vert q) = \tfrac12 D_\text{KL}(p\Vert m) + \tfrac12 D_\text{KL}(q\Vert m)$. Hence
#
# $$V(D^*, G) = -\log 4 + 2 \operatorname{JSD}(p_\text{data} \Vert p_g). \tag{3.8}$$
#
# A divergence is zero only if both sides are equal. So the forger who faces a perfect expert minimises a distance to the
# data, reaches $-\log 4 \approx -1.386$ exactly when $p_g = p_\text{data}$, and $D$ then says ½. This is the theorem of Goodfellow et al. (2014).
# It assumes a perfect $D$ at every moment and a $G$ that can become any distribution; a training run has neither.
#
# Our two densities are known, so (3.8) can be checked twice: by integrating, and from samples with the *trained* network,
# which is all a GAN ever has.


# %%
def jsd(p, q, axis):
    """Jensen–Shannon divergence (nats), by the trapezoid rule."""
    log_p, log_q = p.log_prob(axis), q.log_prob(axis)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    integrand = log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)
    return 0.5 * torch.trapezoid(integrand, axis)


# %%
def value_at_optimum(p, q, axis):
    """V(D*, G) as the integral (3.5), with D* from (3.6)."""
    logit = p.log_prob(axis) - q.log_prob(axis)
    integrand = p.log_prob(axis).exp() * F.logsigmoid(logit) + q.log_prob(axis).exp() * F.logsigmoid(-logit)
    return torch.trapezoid(integrand, axis)


# %%
wide = torch.linspace(-15, 15, 20_001)
by_integral = value_at_optimum(p_data, p_g, wide)
by_theorem = -math.log(4) + 2 * jsd(p_data, p_g, wide)
with torch.no_grad():
    real, fake = p_data.sample((200_000, 1)), p_g.sample((200_000, 1))
    by_samples = F.logsigmoid(net(real)).mean() + F.logsigmoid(-net(fake)).mean()

# %%
print(f"integral {by_integral:.4f}, −log 4 + 2 JSD {by_theorem:.4f}, trained D on samples {by_samples:.4f}")
torch.testing.assert_close(by_integral, by_theorem, rtol=0, atol=1e-4)
assert by_samples < by_integral + 0.01, "no discriminator beats D*"
assert by_integral - by_samples < 0.03

# %% [markdown]
# > **Predict.** Replace the trained network by one that had only 40 steps of training. Does the game's value look larger or smaller?

# %%
novice = train_discriminator(p_data, p_g, steps=40)
with torch.no_grad():
    by_novice = F.logsigmoid(novice(real)).mean() + F.logsigmoid(-novice(fake)).mean()
print(f"novice {by_novice:.4f}, expert {by_samples:.4f}, perfect {by_integral:.4f}")
assert by_novice < by_integral - 0.01

# %% [markdown]
# Smaller. Whatever discriminator we have earns at most what $D^*$ would. **Its reward is a lower bound on the truth**, so a weak expert makes the
# forger look better than it is.
#
# How does the distance look from far away? Slide one Gaussian away from another.
#
# > **Predict.** $\operatorname{JSD}$ between $\mathcal N(0, 1)$ and $\mathcal N(\theta, 1)$, for $\theta$ from 0 to 10: what is its largest possible
# > value, and what does that mean for the slope in $\theta$?

# %%
data = mixture([1.0], [0.0], [1.0])
shifts = torch.linspace(0, 10, 41)
distances = torch.stack([jsd(data, mixture([1.0], [shift.item()], [1.0]), wide) for shift in shifts])

# %%
fig, ax = plt.subplots(figsize=(7, 2.6))
ax.plot(shifts, distances)
ax.axhline(math.log(2), color="black", linestyle="--", linewidth=1, label="log 2")
ax.set(xlabel="shift θ between two unit Gaussians", ylabel="JSD (nats)")
ax.legend()
show(
    fig,
    alt="Jensen–Shannon divergence against the shift: rises from zero and flattens at log 2 from a shift of about five on",
)

# %%
slope = (distances[1:] - distances[:-1]) / (shifts[1] - shifts[0])
assert distances.max() <= math.log(2) + 1e-5
assert slope[-1] < 1e-4 < slope[8], "no slope left at a distance of ten"

# %% [markdown]
# It cannot exceed $\log 2$: logarithms of probabilities are at most 0, so $V \le 0$, and (3.8) does the rest. Once two distributions do
# not overlap, the expert is never wrong, and further away is no worse. A forger out there gets **next to no slope** to follow. Keep that in mind; chapter 04 begins there.

# %% [markdown]
# ## 3.6 The game as cross-entropy, from logits
#
# With label $y = 1$ for real and $y = 0$ for made pictures, the binary cross-entropy of a prediction $D$ is
# $-y \log D - (1 - y)\log(1 - D)$. Averaged over a real and a made batch and added, that is $-V$: the discriminator is an ordinary
# binary classifier. In code we let the network return the **logit** $s$, with $D = \sigma(s)$, and use
#
# $$-\log \sigma(s) = \operatorname{softplus}(-s), \qquad -\log(1 - \sigma(s)) = \operatorname{softplus}(s),
# \qquad \operatorname{softplus}(s) = \log(1 + e^s). \tag{3.9}$$


# %%
def discriminator_loss(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()  # −log D(x) − log(1 − D(G(z)))


# %%
real_logits, fake_logits = 3 * torch.randn(1_000), 3 * torch.randn(1_000)
ones, zeros = torch.ones(1_000), torch.zeros(1_000)
by_library = F.binary_cross_entropy_with_logits(real_logits, ones) + F.binary_cross_entropy_with_logits(
    fake_logits, zeros
)
torch.testing.assert_close(discriminator_loss(real_logits, fake_logits), by_library)

# %%
undecided = discriminator_loss(torch.zeros(5), torch.zeros(5))
print(f"a discriminator that says ½ to all: {undecided:.4f} = 2 log 2")
assert math.isclose(undecided, 2 * math.log(2), rel_tol=1e-6)

# %% [markdown]
# $2\log 2 = \log 4 = 1.386$: remember that number, it is where the loss of an undecided expert stands.
#
# Why so much ado about logits? Many listings end the discriminator in a `Sigmoid` and use `BCELoss`. It is the same formula.
#
# > **Predict.** The expert is quite wrong about a fake, $s = 20$. The loss should be $\operatorname{softplus}(20) \approx 20$ and its slope 1.
# > What do `log(1 - sigmoid(s))` and `BCELoss` make of it in float32? And at $s = 15$?

# %%
for s in (15.0, 20.0, 60.0):
    rows = {}
    for name, loss_of in {
        "by hand": lambda s: -torch.log(1 - torch.sigmoid(s)),
        "BCELoss": lambda s: F.binary_cross_entropy(torch.sigmoid(s), torch.zeros_like(s)),
        "from logits": F.softplus,
    }.items():
        logit = torch.tensor(s, requires_grad=True)
        loss = loss_of(logit)
        rows[name] = (loss.item(), torch.autograd.grad(loss, logit)[0].item())
    print(
        f"s = {s:.0f}: " + "; ".join(f"{name} {loss:.4f} (slope {slope:.3f})" for name, (loss, slope) in rows.items())
    )

# %%
assert rows["from logits"] == (60.0, 1.0)
assert rows["BCELoss"] == (100.0, 0.0)
assert math.isinf(rows["by hand"][0])
assert torch.sigmoid(torch.tensor(20.0)) == 1.0

# %% [markdown]
# At 20 the sigmoid rounds to exactly 1. By hand the loss is infinite; `BCELoss` cuts its logarithms off at $-100$, so the loss looks like a number and
# its slope is zero: the network is confidently wrong and learns nothing from it. (By hand the slope is `nan`, and one step with it turns
# every weight into `nan`.) At 15 the loss is already one per cent off.
# From logits nothing is lost.
#
# The generator's half needs one more decision. By (3.2) it should *descend* $\log(1 - D(G(z)))$. Almost everyone lets it instead descend $-\log
# D(G(z))$, as the original paper advises: the cross-entropy of its fakes with the label **real**. Both push a fake's logit the same way, with different
# strength. Strictly, the game is then no longer zero-sum, and (3.8) no longer describes it. That difference is the whole of chapter 04. Until
# then, take the second loss on trust:


# %%
def generator_loss(fake_logits):
    return F.softplus(-fake_logits).mean()  # −log D(G(z)), the non-saturating loss


torch.testing.assert_close(generator_loss(fake_logits), F.binary_cross_entropy_with_logits(fake_logits, ones))

# %% [markdown]
# ## 3.7 Two networks, two updates, and a wall between them
#
# For pictures both players become small networks. The generator ends in $\tanh$, so its pixels lie in $[-1, 1]$, and we bring the
# digits there, too. Batch normalisation (chapter 05 looks inside) keeps the outputs of each layer at a similar scale. Dropout silences
# three in ten of the expert's hidden units at every look. Its judgement then cannot hang on a few units, and it does not run so far ahead;
# in our trials that made a large difference (question 3).


# %%
class Generator(nn.Module):
    def __init__(self, latent_dim=64, hidden_dim=256):
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, hidden_dim),  # (n, latent_dim) => (n, hidden_dim)
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, 2 * hidden_dim),
            nn.BatchNorm1d(2 * hidden_dim),
            nn.ReLU(),
            nn.Linear(2 * hidden_dim, 784),
            nn.Tanh(),  # pixels are in [-1, 1]
            nn.Unflatten(1, (1, 28, 28)),  # => (n, 1, 28, 28)
        )

    def forward(self, z):
        return self.layers(z)


# %%
class Discriminator(nn.Module):
    def __init__(self, hidden_dim=256, dropout=0.3):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),  # (n, 1, 28, 28) => (n, 784)
            nn.Linear(784, 2 * hidden_dim),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(2 * hidden_dim, hidden_dim),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, 1),  # a logit; D(x) is its sigmoid
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)  # (n,)


# %% [markdown]
# Before any training, look at what an update touches. The discriminator's loss contains $D(G(z))$, so its gradient flows *through the
# pictures into the generator*, unless we stop it. `detach` is the wall: the same numbers, cut off from how they were made.
#
# > **Predict.** After `discriminator_loss(...).backward()`, with and without `detach`: which networks hold a gradient?


# %%
def gradient_norm(module):
    """Length of all gradients of a module taken together; 0 where there are none."""
    squares = [p.grad.square().sum() for p in module.parameters() if p.grad is not None]
    return math.sqrt(sum(squares)) if squares else 0.0


# %%
generator, discriminator = Generator().to(device), Discriminator().to(device)
discriminator.eval()  # no dropout, so that every look is the same
x = 2 * digits.train[:128] - 1
z = torch.randn(128, generator.latent_dim, device=device)
for wall in (True, False):
    generator.zero_grad()
    discriminator.zero_grad()
    fake = generator(z)
    discriminator_loss(discriminator(x), discriminator(fake.detach() if wall else fake)).backward()
    print(f"detach {wall!s:5}: gradient in D {gradient_norm(discriminator):.3f}, in G {gradient_norm(generator):.5f}")
    assert (gradient_norm(generator) == 0) == wall
leaked = torch.cat([p.grad.flatten() for p in generator.parameters()])

# %% [markdown]
# Without the wall the generator receives a gradient that it never asked for. Is it at least a *useful* one? It belongs to the
# discriminator's wish, that fakes be recognised. Hold it against the gradient that the generator wants, on the same noise:

# %%
generator.zero_grad()
discriminator.zero_grad()
generator_loss(discriminator(generator(z))).backward()
wanted = torch.cat([p.grad.flatten() for p in generator.parameters()])

cosine = F.cosine_similarity(leaked, wanted, dim=0)
print(f"cosine between the leaked and the wanted gradient: {cosine:.3f}")
print(f"and the generator's loss left a gradient in D: {gradient_norm(discriminator):.3f}")
assert cosine < -0.9
assert gradient_norm(discriminator) > 0

# %% [markdown]
# Opposite, and almost exactly so because this expert is untrained: it gives every fake about the same logit. (Later the two weigh the
# pictures differently, by $\sigma(s)$ and $1 - \sigma(s)$, but still with opposite signs.) Leaked gradients would train the forger to be caught. In most listings they do no harm, but only because
# the generator's `zero_grad` happens to stand before its own `backward` and sweeps them away; the computation was wasted all the same. The
# last line is the mirror image: the generator's loss passes through $D$ and leaves gradients there, pointing the wrong way for $D$. They, too, must
# be swept away before $D$'s next step.
#
# > **Common mistake.** Forgetting `detach` *and* reusing the fakes for the generator's loss. PyTorch then says *"Trying to backward through the
# > graph a second time"* and suggests `retain_graph=True`. That silences the message and keeps the leak. The cure is the wall.
#
# So, written out once, plainly. One real batch; one batch of noise, used for both halves:
#
# 1. $D$: loss on real pictures and on *detached* fakes; zero, backward, step.
# 2. $G$: the same fakes, judged by the $D$ that has just moved; zero, backward, step. $D$ is frozen meanwhile, so that no gradient is left in
#    it and no time is spent on computing one.
#
# Published loops differ in small ways. Documents 002 and 003 call `backward` twice, on the real half and on the made half: gradients **add up** until they are
# zeroed, so that is the same (and so a forgotten `zero_grad` adds the last batch's). Document 001 halves the sum: under Adam, which divides by the
# gradient's size, that changes next to nothing. It also lets $G$ go first. None of these matters much; the wall does.

# %%
real, made = F.softplus(-discriminator(x)).mean(), F.softplus(discriminator(generator(z).detach())).mean()
discriminator.zero_grad()
real.backward(retain_graph=True)
made.backward(retain_graph=True)
in_two = [p.grad.clone() for p in discriminator.parameters()]

discriminator.zero_grad()
(real + made).backward()
for two, p in zip(in_two, discriminator.parameters(), strict=True):
    torch.testing.assert_close(two, p.grad, rtol=1e-4, atol=1e-6)

# %% [markdown]
# ## 3.8 Training the forger
#
# The networks follow document 001's, smaller. One table of settings, two optimizers. The learning rates were found by
# trying; that the two players may have different ones is common (two time scales; Heusel et al., 2017). Adam's averaging factors `betas` are not its defaults; section 3.11 measures what those do.
# Besides the generator that plays, we keep a second one that does not: its weights are a running average of the player's. Since the
# game circles (section 3.3), the centre of the last few hundred positions is often a better place than any of them (Yazıcı et al., 2019).

# %%
settings = schedule.choose(
    # short, full
    steps=(2_500, 60_000),
    batch_size=(64, 64),
    lr_generator=(2e-3, 2e-4),
    lr_discriminator=(1e-3, 2e-4),
    betas=((0.5, 0.99), (0.5, 0.99)),
    document_steps=(400, 2_345),  # for section 3.10
    beta_steps=(500, 4_000),  # for section 3.11
)


# %%
def adam(module, lr):
    return torch.optim.Adam(module.parameters(), lr=lr, betas=settings.betas, fused=True)


seed_everything()
generator, discriminator = Generator().to(device), Discriminator().to(device)
averaged = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.998), use_buffers=True)
optimizer_g = adam(generator, settings.lr_generator)
optimizer_d = adam(discriminator, settings.lr_discriminator)

# %% [markdown]
# The learning rates stay constant for the first half and then fade to nothing: where a game circles, smaller steps make smaller circles.

# %%
so_far = []  # the losses, for the live picture
fade = [
    torch.optim.lr_scheduler.LambdaLR(one, lambda step: min(1.0, 2 * (1 - step / settings.steps)))
    for one in (optimizer_g, optimizer_d)
]


# %%
def gan_update(generator, discriminator, optimizer_g, optimizer_d, x, z, penalty=0.0):
    """One step of each player, on real pictures `x` in [-1, 1] and noise `z`."""
    fakes = generator(z)
    d_loss = discriminator_loss(discriminator(x), discriminator(fakes.detach()))
    optimizer_d.zero_grad()
    (d_loss + penalty).backward()
    optimizer_d.step()

    discriminator.requires_grad_(False)  # G's gradient passes through D and leaves nothing there
    g_loss = generator_loss(discriminator(fakes))
    optimizer_g.zero_grad()
    g_loss.backward()
    optimizer_g.step()
    discriminator.requires_grad_(True)
    return d_loss, g_loss


# %%
def update(x):
    z = torch.randn(len(x), generator.latent_dim, device=device)
    d_loss, g_loss = gan_update(generator, discriminator, optimizer_g, optimizer_d, 2 * x - 1, z)
    averaged.update_parameters(generator)
    for scheduler in fade:
        scheduler.step()
    so_far.append(torch.stack([d_loss, g_loss]).detach())
    return {"discriminator": d_loss, "generator": g_loss}


# %% [markdown]
# During training we look at the same thirty-two noise vectors again and again (**fixed noise**). New noise at every look would show new pictures
# whether or not the generator has changed. We also keep a score of quality, of which more below.
#
# > **Predict.** Two curves will be drawn. Where would the discriminator's lie if the theorem of section 3.5 held at every moment? Which way do you
# > expect the generator's to go while its pictures get better?

# %%
fixed_z = torch.randn(32, generator.latent_dim, device=device)
classifier = pretrained.load(f"classifier-{digits.source}")
real_features, _ = evaluation.features_and_probabilities(classifier, digits.test)
snapshots, on_the_way = Diary(), Diary()  # checkpoints keep them
picture = live_picture()


# %%
@torch.no_grad()
def draw(generator, z):
    """Pictures (n, 1, 28, 28) with pixels in [0, 1], in eval mode."""
    generator.eval()
    x = torch.cat([generator(chunk) for chunk in z.split(1_000)])
    generator.train()
    return (x + 1) / 2


# %%
def watch(step):
    snapshots[step] = draw(averaged, fixed_z)
    z = torch.randn(1_000, generator.latent_dim, device=device)
    on_the_way[step] = [
        evaluation.score(draw(one, z), real_features, classifier).inception_score for one in (generator, averaged)
    ]
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.5), width_ratios=(1, 1.4))
    if so_far:
        steps = range(step - len(so_far), step)
        left.plot(steps, torch.stack(so_far).cpu(), linewidth=0.5, label=["discriminator", "generator"])
        left.legend(loc="upper right")
    left.set(xlabel="training step", ylabel="loss", ylim=(0, 4))
    right.imshow(tile(snapshots[step], columns=8), vmin=0, vmax=1)
    right.set_axis_off()
    show(
        fig,
        alt="Left: both losses up to now. Right: thirty-two pictures drawn from the fixed noise, at this step",
        into=picture,
    )


# %%
history = train(
    update,
    digits.train,
    steps=settings.steps,
    batch_size=settings.batch_size,
    watch=watch,
    watch_every=settings.steps // 8,
    name="03_gan",
    state={
        "generator": generator, "discriminator": discriminator, "averaged": averaged, "snapshots": snapshots, "on_the_way": on_the_way,
        "optimizer_g": optimizer_g, "optimizer_d": optimizer_d, "fade_g": fade[0], "fade_d": fade[1],
    },
)  # fmt: skip

# %% [markdown]
# Here is the road it took. Each column is one noise vector; follow one down the page.

# %% tags=["picture"]
shown = [step for number, step in enumerate(snapshots) if number in (0, 1, 2, 3, 5, 8)]
show_images(
    {f"step {step:,}": snapshots[step][:16] for step in shown},
    alt="Rows of sixteen pictures drawn from the same noise after more and more steps: grey noise, blots, strokes, then digits that change shape less and less",
    columns=16,
    size=0.45,
)

# %% [markdown]
# Two things to notice. Nothing ties a noise vector to a digit: which column becomes which digit is invented on the way, and a column may change
# its mind. And these digits err in another way than those of chapter 02: there are speckles and broken strokes, but little of the VAE's
# cautious grey. An expert who never compares pixels has no reason to prefer grey. (The rows show the *averaged* generator, which lags a few
# hundred steps behind the player.)
#
# ## 3.9 What the curves tell

# %%
plot_history(
    history,
    alt="Losses against steps: the discriminator's stays below two log two, the generator's above log two; both drift and fluctuate",
    hlines={
        "2 log 2: a discriminator that cannot tell": 2 * math.log(2),
        "log 2: the generator's loss then": math.log(2),
    },
)

# %%
last = slice(-len(history["generator"]) // 4, None)
late_d, late_g = (sum(history[k][last]) / len(history[k][last]) for k in ("discriminator", "generator"))
print(f"last quarter: discriminator {late_d:.2f} (2 log 2 = 1.39), generator {late_g:.2f} (log 2 = 0.69)")
assert late_d < 2 * math.log(2), "the discriminator still sees a difference"
assert late_g > math.log(2)

# %% [markdown]
# The discriminator stays ahead: its loss remains under $2 \log 2$, so it still tells the heaps apart. What does the theorem say? A perfect expert's
# loss is $\log 4 - 2\operatorname{JSD}$ (3.8). Here that would be 0 to the end: our forger turns 64 numbers into pictures of 784, so its pictures lie on a thin
# sheet that has no density at all, and a perfect expert could always tell the sheet from the data (Arjovsky and Bottou, 2017). Our expert's loss is far from
# 0, because it is far from perfect. And $2\log 2$ would be no proof of success: a perfect forger gives that loss, and so does a blind expert. A
# loss here says how one player does *against the other, as the other is now*, like the score of a chess match between two pupils who improve together.
#
# To see quality we need a third party who does not play. We use a small classifier, trained beforehand on real digits, and two scores that
# chapter 06 will derive. The **inception score** (Salimans et al., 2016) is high when single pictures are classified with confidence *and* all
# classes occur: from 1 (every picture gets the same verdict) to 10. The **Fréchet distance** (Heusel et al., 2017) fits a Gaussian to the
# classifier's 64 features of real test digits and one to those of generated ones, and measures how far apart the two are; smaller is better, and 0
# is perfect. Both depend on the classifier: hold them against the rows beside them, never against published numbers.

# %%
curves = {name: smooth(values, 100) for name, values in history.items()}
quality = torch.tensor(list(on_the_way.values()))  # (looks, 2)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), sharex=True)
for name, values in curves.items():
    left.plot(range(100, len(values) + 100), values, label=name)
left.set(xlabel="training step", ylabel="loss, mean of 100 steps", ylim=(0, 3))
left.legend()
right.plot(list(on_the_way), quality, marker="o", label=["the player", "its running average"])
right.set(xlabel="training step", ylabel="inception score (1 to 10)", ylim=(1, 10))
right.legend()
fig.tight_layout()
show(
    fig,
    alt="Left: both losses, which drift within a narrow range after the start. Right: the inception score of the player and of its running average, both climbing to the end, where the average is above the player",
)

# %%
half = len(quality) // 2
assert quality[-1, 1] > quality[half, 1] > quality[0, 1], "the pictures improve, also in the second half"
assert quality[-1, 1] > quality[-1, 0], "the average is ahead of the player"

# %% [markdown]
# In the second half the losses drift a little, and the score still climbs. **The losses are not a measure of quality.** At the end the running
# average is ahead of the player whose weights it averages: the circle's centre is better than the points on it.
#
# ## 3.10 How good is it?
#
# Ten thousand pictures, beside three landmarks: real training digits in the role of a generator, pure noise, and the listing of document 000
# (one of the five texts that this course follows): wide layers without batch normalisation or dropout, a sigmoid with `BCELoss`,
# batches of 128, and Adam with its default averages, $\beta_1 = 0.9$. It gets the first sixth of its five epochs here; the full schedule of
# this chapter runs them all.


# %%
def mlp(*sizes):
    pairs = pairwise(sizes)
    return nn.Sequential(*[layer for a, b in pairs for layer in (nn.Linear(a, b), nn.LeakyReLU(0.2))][:-1])


# %%
seed_everything()
document_g = nn.Sequential(mlp(100, 256, 512, 1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))).to(device)
document_d = nn.Sequential(nn.Flatten(), mlp(784, 512, 256, 1), nn.Sigmoid()).to(device)
document_opt_g = torch.optim.Adam(document_g.parameters(), lr=2e-4)
document_opt_d = torch.optim.Adam(document_d.parameters(), lr=2e-4)


# %%
def document_update(x):
    ones, zeros = torch.ones(len(x), 1, device=device), torch.zeros(len(x), 1, device=device)
    fake = document_g(torch.randn(len(x), 100, device=device))
    d_loss = F.binary_cross_entropy(document_d(2 * x - 1), ones) + F.binary_cross_entropy(
        document_d(fake.detach()), zeros
    )
    document_opt_d.zero_grad()
    d_loss.backward()
    document_opt_d.step()
    g_loss = F.binary_cross_entropy(document_d(fake), ones)
    document_opt_g.zero_grad()
    g_loss.backward()
    document_opt_g.step()
    return {"discriminator": d_loss, "generator": g_loss}


# %%
document_history = train(document_update, digits.train, steps=settings.document_steps, batch_size=128)

# %%
noise_like = torch.randn(10_000, generator.latent_dim, device=device)
heaps = {
    "real training digits": digits.train[:10_000],
    "our GAN": draw(averaged, noise_like),
    "document 000's recipe": draw(document_g, torch.randn(10_000, 100, device=device)),
    "noise": torch.rand(10_000, 1, 28, 28, device=device),
}
# %%
scores = {name: evaluation.score(pictures, real_features, classifier) for name, pictures in heaps.items()}
for name, (inception, frechet) in scores.items():
    print(f"{name:24s} inception score {inception:5.2f}   Fréchet distance {frechet:7.1f}")

# %%
show_images(
    {name: pictures[:16] for name, pictures in heaps.items()},
    alt="Sixteen pictures of each kind: real digits; our generated digits; the document's recipe, black and white speckles in the same places in every picture; noise, different in each",
    columns=16,
    size=0.45,
)

# %%
ours, document = scores["our GAN"], scores["document 000's recipe"]
results.add(
    inception_score=ours.inception_score,
    frechet=ours.frechet,
    real_inception_score=scores["real training digits"].inception_score,
    real_frechet=scores["real training digits"].frechet,
    noise_frechet=scores["noise"].frechet,
    document_inception_score=document.inception_score,
)
# %%
assert scores["real training digits"].frechet < ours.frechet < min(document.frechet, scores["noise"].frechet)
assert ours.inception_score > 3 * document.inception_score

# %% [markdown]
# On MNIST our generator reaches an inception score of <!--03.inception_score-->5.3 and a Fréchet distance of <!--03.frechet-->322 (real
# digits <!--03.real_inception_score-->9.8 and <!--03.real_frechet-->4.0). The recipe's inception score is <!--03.document_inception_score-->1.0. Nor do more epochs save
# it: all five, with two seeds and another small classifier, gave 1.00 and 1.07.
#
# The recipe's row looks like noise, but look again: every picture has its speckles in the same places. The distance between one picture and the
# next tells the two apart.

# %%
for name, pictures in heaps.items():
    between = (pictures[:1_000] - pictures[1_000:2_000]).flatten(1).norm(dim=1).mean().item()
    spread = pictures[:1_000].flatten(1).std(dim=0).norm().item()
    print(f"{name:24s} distance of two pictures {between:6.2f}, spread around the mean picture {spread:6.2f}")

# %% [markdown]
# A generator that answers all noise with nearly the same picture has **collapsed**. This one does not even fool anybody: its expert's loss is close to 0, the
# match is over, and hardly any advice comes through (chapter 04). A milder form, a generator that makes a few kinds of picture very well and forgets the
# rest, has a chapter of its own (07).
#
# ## 3.11 Why Adam's first average matters
#
# What ails the recipe? More than one thing, but one of them is easily named. The same listing with `betas=(0.5, 0.999)`, which the other
# documents use, gave 2.82 after five epochs (one run, that other classifier). $\beta_1$ is momentum: the step follows a running average of about the last $1/(1-\beta_1)$
# gradients, ten for 0.9 and two for 0.5. In a valley that is a blessing. In a dance, an old gradient points to where the partner *was*.
#
# > **Predict.** We play the shift game of section 3.2 again, now with Adam. Which of $\beta_1 = 0$, 0.5, 0.9 comes home?


# %%
def play_with_adam(beta1, steps=800, lr=0.02):
    w, b, theta = (torch.zeros((), requires_grad=True) for _ in range(3))
    climb = torch.optim.Adam([w, b], lr=lr, betas=(beta1, 0.99), maximize=True)
    descend = torch.optim.Adam([theta], lr=lr, betas=(beta1, 0.99))
    path = []
    for _ in range(steps):
        for optimizer in (climb, descend):
            optimizer.zero_grad()
            value(w, b, theta, n=1_000).backward()
            optimizer.step()
        path.append(theta.item())
    return torch.tensor(path)


# %%
roads = {beta1: play_with_adam(beta1) for beta1 in (0.0, 0.5, 0.9)}

# %%
fig, ax = plt.subplots(figsize=(7, 2.8))
for beta1, road in roads.items():
    ax.plot(road, label=f"β₁ = {beta1}")
ax.axhline(3, color="black", linestyle=":", linewidth=1)
ax.set(xlabel="step", ylabel="generator's mean θ")
ax.legend()
show(
    fig,
    alt="The generator's mean against steps for three settings of Adam: with 0 and 0.5 it comes close to three and stays, with 0.9 it goes on swinging around three",
)

# %%
unrest = {beta1: (road[400:] - 3).abs().mean().item() for beta1, road in roads.items()}
print({beta1: round(distance, 3) for beta1, distance in unrest.items()})
assert unrest[0.9] > 4 * unrest[0.5]

# %% [markdown]
# With 0.9 the swinging goes on, in a game that plain gradient steps win easily. (Even with 0.5 a little unrest remains: Adam divides by the recent size of
# the gradient, so its steps do not shrink when the gradients do.) This holds for Adam at this learning rate; at a tenth of it, 0.9 comes home, too. What
# momentum does to games is not simple: Gidel et al. (2019) show that in alternating play of $xy$ a *negative* one converges. And the shift game is a caricature.
# Whether real networks suffer has to be measured: the networks of this chapter, the same seed, a few hundred steps, only $\beta_1$ differs.


# %%
def short_run(beta1, steps):
    seed_everything()
    g, d = Generator().to(device), Discriminator().to(device)
    opt_g, opt_d = (torch.optim.Adam(net.parameters(), lr=1e-3, betas=(beta1, 0.99), fused=True) for net in (g, d))

    def update(x):
        d_loss, g_loss = gan_update(g, d, opt_g, opt_d, 2 * x - 1, torch.randn(len(x), g.latent_dim, device=device))
        return {"discriminator": d_loss, "generator": g_loss}

    train(update, digits.train, steps=steps, batch_size=64)
    return evaluation.score(draw(g, torch.randn(5_000, g.latent_dim, device=device)), real_features, classifier)


# %%
calm, eager = short_run(0.5, settings.beta_steps), short_run(0.9, settings.beta_steps)
print(
    f"after {settings.beta_steps} steps  β₁ = 0.5: inception score {calm.inception_score:.2f}, Fréchet distance {calm.frechet:.0f}"
)
print(f"                 β₁ = 0.9: inception score {eager.inception_score:.2f}, Fréchet distance {eager.frechet:.0f}")
results.add(frechet_beta_low=calm.frechet, frechet_beta_high=eager.frechet)
assert calm.frechet < eager.frechet

# %% [markdown]
# The larger average is worse here, too: on MNIST a Fréchet distance of <!--03.frechet_beta_high-->1322 instead of <!--03.frechet_beta_low-->1001, in the mean of
# the recorded seeds. Radford et al. (2016) arrived at 0.5 in the same way, by trying.
#
# ## 3.12 A walk through the noise
#
# The generator is a continuous map, so a walk between two noise vectors is a film of pictures. If it had memorised a list of digits, the film
# would stand still and then jump.

# %%
stops = fixed_z[[0, 5, 9, 14, 0]]
steps_between = torch.linspace(0, 1, 9, device=device)[:-1, None]
walk = torch.cat([a + steps_between * (b - a) for a, b in pairwise(stops)])
film = draw(averaged, walk)
show_images(
    film,
    alt="Thirty-two pictures, read line by line: digits that turn into one another in small steps, passing through shapes between two digits",
    columns=16,
    size=0.45,
)

# %%
strides = (film[1:] - film[:-1]).flatten(1).norm(dim=1)
apart = (film[::8][1:] - film[::8][:-1]).flatten(1).norm(dim=1)
print(f"largest step between neighbours {strides.max():.1f}; from stop to stop {apart.mean():.1f} on average")
assert strides.max() < 0.8 * apart.max(), "no step of the film covers the whole way"

# %% [markdown]
# Small steps: no jump is as large as the way from one stop to the next. On the way there are shapes that are no digit at all. One reason:
# the midpoint of two random noise vectors is shorter than either, by a factor of about $\sqrt 2$, and noise that short is almost never drawn in training
# (chapter 05 walks along an arc instead).
#
# ## 3.13 Held against the recorded runs

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - A GAN is a sampler without a density, trained by a classifier that compares heaps of samples. The value (3.1) is the classifier's
#   negative cross-entropy.
# - The best discriminator is $p_\text{data}/(p_\text{data}+p_g)$ (3.6); its logit is the log-ratio of two densities. Against it the generator minimises
#   $-\log 4 + 2\operatorname{JSD}$ (3.8), and the optimum is $p_g = p_\text{data}$, $D = \tfrac12$.
# - The theorem assumes a perfect expert and densities that overlap. In practice two players take turns, and in the game $xy$ turn-taking circles (3.4). Curvature
#   damps the circle; Adam with a long average can keep it going.
# - Compute from logits. `detach` the fakes in $D$'s update; freeze $D$ in $G$'s.
# - The losses say how the match stands, not how well either plays. Look at fixed noise, and score with a third party.
#
# **Try it yourself.** (1) In `play`, let the discriminator take five steps for each of the generator's. What happens to the spiral, and why? (2)
# What does $D^*$ become if the real term of the loss is weighted by nine? Derive it as in section 3.4, then change `train_discriminator` and
# check. (3) Set `dropout=0` in the discriminator and compare scores. (4) Replace the running average by
# `generator` itself in `heaps`. What does the averaging buy?
#
# ## References
#
# - I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661): (3.1), (3.2), (3.5) to
#   (3.8).
# - G. M. Korpelevich, "The extragradient method for finding saddle points and other problems", *Ekonomika i Matematicheskie
#   Metody* 12, 1976.
# - M. Arjovsky and L. Bottou, "Towards principled methods for training generative adversarial networks", ICLR 2017,
#   [arXiv:1701.04862](https://arxiv.org/abs/1701.04862): why a perfect expert never loses.
# - A. Radford, L. Metz and S. Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
#   networks", ICLR 2016, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434): $\beta_1 = 0.5$.
# - L. Mescheder, A. Geiger and S. Nowozin, "Which training methods for GANs do actually converge?", ICML 2018,
#   [arXiv:1801.04406](https://arxiv.org/abs/1801.04406).
# - G. Gidel et al., "Negative momentum for improved game dynamics", AISTATS 2019, [arXiv:1807.04740](https://arxiv.org/abs/1807.04740).
# - Y. Yazıcı et al., "The unusual effectiveness of averaging in GAN training", ICLR 2019, [arXiv:1806.04498](https://arxiv.org/abs/1806.04498).
# - T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, [arXiv:1606.03498](https://arxiv.org/abs/1606.03498): the inception
#   score.
# - M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", NeurIPS 2017,
#   [arXiv:1706.08500](https://arxiv.org/abs/1706.08500): the Fréchet distance.
#
# ## What comes next
#
# - [Chapter 04](04_saturation.ipynb) takes up the loan of section 3.6: why the generator does not descend what the theory says.
# - The [debugging clinic](90_debugging_clinic.ipynb) breaks the loop of section 3.7 in every published way.
# - [Exercise 03](../exercises/ex03_minimax.ipynb): the optimal discriminator, a clinic, and an essay on what makes GANs hard to train.
