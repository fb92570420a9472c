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
# # 04 · The saturation fix
#
# Chapter 03 wrote the game down in one way and played it in another: the formula has $\log(1 - D(G(z)))$, the code has
# $-\log D(G(z))$. It promised a reason. The reason is a flat place in the first loss, where a generator stands as soon as the discriminator is ahead. This chapter measures how flat it is, repairs it, and asks what the repair costs. It also asks a question that
# is often passed over: if Adam rescales every gradient anyway, why should a small one matter?
#
# **You will be able to**
#
# - derive the slope of both generator losses by hand, and say where each of them vanishes;
# - recognise the same disease in logistic regression (*Further*), and say why the same cure changes more here;
# - show how saturation starves a generator under plain gradient descent, and what is left of it under Adam;
# - write GAN losses that neither overflow nor hide an overflow;
# - say what label smoothing does to the discriminator, and what the non-saturating loss minimises (both *Further*).
#
# **Time.** The core, about 70 minutes (the digits wait in 4.5; 4.1, 4.5 and 4.6 can be read alone); what stands under *Further*, about 25 more. Running all
# cells, about <!--04.seconds-->70 seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** from chapter 03 the two losses, the best discriminator $D^* = p/(p+q)$ and its value; derivatives, the
# chain rule, Gaussian densities.
#
# ![Samples of three generators after the same training. With the saturating loss: grey noise. With the non-saturating and
# the hinge loss: rough strokes, the first hints of digits.](images/04.png)
#
# *What you will make: three generators with the same start, the same optimiser, and a discriminator that is far ahead of
# each. Only the losses differ.*

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
import copy
import math

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import distributions, nn

from course_utils import pretrained, schedule
from course_utils.data import batches, load_images
from course_utils.figures import COLOURS, show, show_images, smooth
from course_utils.results import Results, holds
from course_utils.schedule import seed_everything
from course_utils.taught import evaluation
from course_utils.taught.gan import Discriminator, Generator, discriminator_loss, generator_loss
from course_utils.training import train

# %%
seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("04", digits.source)

# %% [markdown]
# ## 4.1 Why the generator starves · 5 min
#
# At the start the discriminator has the easier job. Fakes are noise, digits are not, and a few dozen steps suffice to
# tell them apart with great confidence. The generator knows nothing yet; this is when it needs advice most. What advice
# does its loss give?
#
# All advice passes through one number, the **logit** $s$ that the discriminator gives to a fake, $D(G(z)) = \sigma(s)$.
# The slope of the loss in $s$ multiplies everything that comes after it in the chain rule. So we look at that slope. With
# $\sigma' = \sigma(1-\sigma)$,
#
# $$\frac{d}{ds}\,\log\bigl(1-\sigma(s)\bigr) = \frac{-\sigma(s)\,(1-\sigma(s))}{1-\sigma(s)} = -\sigma(s),
# \qquad
# \frac{d}{ds}\,\bigl(-\log\sigma(s)\bigr) = -\bigl(1-\sigma(s)\bigr). \tag{4.1}$$
#
# The first is the slope of the loss in the minimax game, the second of the one that chapter 03 trained with. Both are
# negative: descending either raises $s$, which is what a forger wants. But look at their sizes.
#
# > **❓ Predict.** The discriminator gives a fake a probability of one in four hundred of being real, $s = -6$. How many times
# > larger is the second slope than the first? And what if $s = -12$?

# %% jupyter={"outputs_hidden": true}
for s in (0.0, -6.0, -12.0):
    s = torch.tensor(s, requires_grad=True)
    (minimax,) = torch.autograd.grad(-F.softplus(s), s)  # log(1 − σ(s)), written safely: section 4.4
    (other,) = torch.autograd.grad(F.softplus(-s), s)  # −log σ(s)
    print(f"s = {s:5.0f}: slopes {minimax:.6f} and {other:.6f}, ratio {other / minimax:10.0f}")
    holds("their ratio is exp(−s)", torch.isclose(other / minimax, (-s).exp()))

# %% [markdown]
# The ratio is $(1-\sigma(s))/\sigma(s) = e^{-s}$: four hundred at $s=-6$, and a hundred and sixty thousand at $s = -12$. Every
# unit of confidence that the discriminator gains makes the first loss another $e$ times quieter. A loss that goes flat
# where the answer is wrong is said to **saturate**. The other one is called the **non-saturating** loss (Goodfellow et
# al., 2014, suggest it in the same paper that introduces the game).
#
# That (4.1) holds for every $s$ we check in two ways: by autograd, and by finite differences, which know no calculus.

# %%
s = torch.linspace(-12, 12, 241, dtype=torch.float64, requires_grad=True)
losses = {"log(1 − D), saturating": lambda s: -F.softplus(s), "−log D, non-saturating": lambda s: F.softplus(-s)}
slopes = {"log(1 − D), saturating": -torch.sigmoid(s), "−log D, non-saturating": -(1 - torch.sigmoid(s))}  # (4.1)


# %%
for name, loss in losses.items():
    (by_autograd,) = torch.autograd.grad(loss(s).sum(), s)
    by_difference = (loss(s + 1e-5) - loss(s - 1e-5)) / 2e-5
    torch.testing.assert_close(by_autograd, slopes[name])
    error = (by_difference - slopes[name]).abs().max().item()
    holds(f"(4.1) for {name}: by autograd, and by differences", error < 1e-8, error)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for name, slope in slopes.items():
    left.plot(s.detach(), losses[name](s).detach(), label=name)
    right.plot(s.detach(), slope.detach().abs(), label=name)
left.set(xlabel="logit $s$ of a fake", ylabel="generator's loss", ylim=(-8, 8), xlim=(-8, 8))
right.set(xlabel="logit $s$ of a fake", ylabel="size of the slope", xlim=(-8, 8), ylim=(0, 1.15))
right.annotate("D is sure: fake", (-7.8, 1.05), fontsize=9)
right.annotate("D is fooled", (4.2, 1.05), fontsize=9)
left.legend(fontsize=9)
show(
    fig,
    alt="Two panels over the logit of a fake: left the two losses, right the size of their slopes.",
)

# %% [markdown]
# The two curves on the right are mirror images, and they meet at $s = 0$, where both are one half. The minimax loss speaks
# loudest to a generator that has already won; the other, to one that is losing.
#
# > **⚠ Common mistake.** "The loss is near zero, so the generator is doing well." At $s = -6$ the minimax loss is
# > $\log(1 - 0.0025) \approx -0.0025$. It is near zero because the generator has *everything* still to do: the best values of
# > this loss are at minus infinity.

# %% [markdown]
# ## 4.2 A sign is easily lost · 3 min
#
# Before we repair the loss, let us write down with care what it is, because there are two players, each with a cost of
# its own, and one minus sign between them. The discriminator minimises
#
# $$J_D = -\sum_{x} \log D(x) - \sum_{z} \log\bigl(1 - D(G(z))\bigr),
# \qquad
# J_G = -J_D = \text{const} + \sum_{z} \log\bigl(1 - D(G(z))\bigr). \tag{4.2}$$
#
# In a **zero-sum** game, what one player gains the other loses, so the generator minimises $J_G = -J_D$. The first sum does
# not depend on $G$; for the generator it is a constant. The second changes its sign on the way from $J_D$ to $J_G$, and is
# *plus*. One also finds it with a minus. Combined with a maximisation, that is the same game again; combined with
# gradient descent, it is not. We let both signs take one step of descent on the logits of 64 fakes.

# %%
real_logits, fake_logits = 2 + torch.randn(64), (torch.randn(64) - 2).requires_grad_()
j_d = F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()
constant, second_sum = -F.softplus(-real_logits).sum(), -F.softplus(fake_logits).sum()
torch.testing.assert_close(-j_d, constant + second_sum)  # (4.2)

# %%
before = torch.sigmoid(fake_logits).mean()

for sign, j_g in (("plus", constant + second_sum), ("minus", constant - second_sum)):
    (slope,) = torch.autograd.grad(j_g, fake_logits, retain_graph=True)
    after = torch.sigmoid(fake_logits - slope).mean()
    print(f"{sign:5s}: mean D(G(z)) goes from {before:.3f} to {after:.3f}")
    assert (after > before) == (sign == "plus")

# %% [markdown]
# With the plus, the fakes look more real after the step. With the minus, the generator makes itself *easier* to recognise:
# it now descends a part of $J_D$, and the two networks work together against the forgery. A good habit: after writing a
# generator's loss, take one step, and see whether $D(G(z))$ went up.
#
# And now the repair: the generator takes $-\log D(G(z))$ instead. It is one of two players, and only it changes its loss. Afterwards
# $J_G \ne -J_D$, and the game is **no longer zero-sum**: there is no single $V(D, G)$ any more that one player raises
# and the other lowers, and the theorem about the JSD from chapter 03 no longer says what the generator descends. What
# stays is the **fixed point**. If $p_g = p_{\text{data}}$, the best discriminator is one half everywhere, its logit is
# flat in $x$, and neither loss pushes anywhere. So: same fixed point, different dynamics. The next section shows both.

# %% [markdown]
# ## 4.3 A game small enough to see · 10 min
#
# Let the data be $p = \mathcal N(0, 1)$ and let the generator have a single parameter, a shift: $G(z) = \theta + z$ with
# $z\sim\mathcal N(0,1)$, so that its distribution is $q = \mathcal N(\theta, 1)$. It should find $\theta = 0$. The optimal
# discriminator is known (chapter 03), $D^* = p/(p+q)$, and its logit is a straight line:
#
# $$s^*(x) = \log\frac{p(x)}{q(x)} = -\frac{x^2}{2} + \frac{(x-\theta)^2}{2} = \frac{\theta^2}{2} - \theta x. \tag{4.3}$$
#
# The generator moves its fakes while the discriminator holds still: in $s^*$ the $\theta$ of (4.3) is now a constant, and only
# $x$ moves. The chain has three links. The loss changes with the logit by (4.1), by $-\sigma(s)$ or $-(1-\sigma(s))$. The
# logit changes with the fake, $ds^*/dx = -\theta$. The fake $x = \theta + z$ changes with the parameter, $dx/d\theta = 1$.
# Multiply, and average over the fakes:
#
# $$g_{\text{sat}}(\theta) = \theta\;\mathbb{E}_q[D^*(x)],
# \qquad
# g_{\text{non}}(\theta) = \theta\;\mathbb{E}_q[1 - D^*(x)]. \tag{4.4}$$
#
# Both vanish at $\theta = 0$, the fixed point. Far away, $\mathbb{E}_q[D^*]$ measures how much of the fakes passes for
# real. We can bound it. First $p + q \ge 2\sqrt{pq}$, since $(\sqrt p - \sqrt q)^2 \ge 0$. Then complete the square in the exponent of
# $\sqrt{pq}$: $-\tfrac14\bigl(x^2 + (x-\theta)^2\bigr) = -\tfrac12(x-\tfrac\theta2)^2 - \tfrac{\theta^2}{8}$, which is $e^{-\theta^2/8}$ times the
# density of $\mathcal N(\theta/2, 1)$. Its integral is $e^{-\theta^2/8}$, hence
#
# $$\mathbb{E}_q[D^*] = \int \frac{p\,q}{p+q}\,dx \le \frac12 \int\!\sqrt{p\,q}\,dx = \tfrac12\, e^{-\theta^2/8}. \tag{4.5}$$
#
# > **❓ Predict.** Draw both gradients over $\theta$ from 0 to 8 before you run the next cells. Where is the saturating one
# > largest?

# %% jupyter={"outputs_hidden": true}
t = torch.linspace(-30, 40, 14_001, dtype=torch.float64)  # a grid to integrate on
standard = distributions.Normal(torch.zeros((), dtype=torch.float64), 1.0)


def gradients(theta):
    """(4.4) by integration: the saturating and the non-saturating gradient at the optimal discriminator."""
    q = (standard.log_prob(t - theta)).exp()
    logit = theta**2 / 2 - theta * t  # (4.3)
    torch.testing.assert_close(logit, standard.log_prob(t) - standard.log_prob(t - theta))
    passes = torch.trapezoid(q * torch.sigmoid(logit), t)
    return theta * passes, theta * (1 - passes)


theta = torch.linspace(0, 8, 161, dtype=torch.float64)
saturating, non_saturating = torch.stack([torch.stack(gradients(value)) for value in theta]).T
print(f"the saturating gradient is largest at θ = {theta[saturating.argmax()]:.2f}")
for place in (20, 60, 120, 160):
    print(f"θ = {theta[place]:.0f}: {saturating[place]:9.6f} and {non_saturating[place]:.6f}")


# %% jupyter={"outputs_hidden": true}
bound = theta / 2 * (-(theta**2) / 8).exp()
holds("the bound (4.5) holds at every θ", (saturating <= bound + 1e-12).all())
holds("far away nothing is left of it", saturating[-1] < 0.001, saturating[-1])
holds("the other grows with the distance", (non_saturating.diff() > 0).all(), non_saturating[-1])

# %% [markdown]
# Integrals on a grid are not what a training loop computes. So we also do it as a loop would: draw fakes, let a fixed
# discriminator judge them, call autograd. And since at the optimal discriminator the value of the game is
# $-\log 4 + 2\,\mathrm{JSD}(p\Vert q)$, the saturating gradient must be the derivative of $2\,\mathrm{JSD}$. (In the JSD the
# discriminator moves along with $\theta$; in the loop it holds still. To first order that makes no difference: $D^*$ maximises
# the value, and at a maximum the value is flat in $D$.)

# %%
at = torch.tensor(2.0, dtype=torch.float64)
shift = at.clone().requires_grad_()
fakes = shift + torch.randn(1_000_000, dtype=torch.float64)
logits = at**2 / 2 - at * fakes  # the discriminator's `at` is a constant: no gradient flows through it
(by_sampling_sat,) = torch.autograd.grad(-F.softplus(logits).mean(), shift, retain_graph=True)
(by_sampling_non,) = torch.autograd.grad(F.softplus(-logits).mean(), shift)
print(
    f"by sampling {by_sampling_sat:.3f} and {by_sampling_non:.3f}, by integration", *(f"{g:.3f}" for g in gradients(at))
)

# %%
by_sampling = torch.stack([by_sampling_sat, by_sampling_non])
error = (by_sampling - torch.stack(gradients(at))).abs().max()
holds("a million fakes and autograd agree with (4.4)", error < 0.01, error)


# %%
def jsd(theta, scale=1.0):
    """Jensen–Shannon divergence between N(0, 1) and N(θ, scale²), in nats, by integration."""
    log_p = standard.log_prob(t)
    log_q = standard.log_prob((t - theta) / scale) - torch.as_tensor(scale).log()
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    return 0.5 * torch.trapezoid(log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m), t)


slope_of_jsd = (2 * jsd(at + 1e-4) - 2 * jsd(at - 1e-4)) / 2e-4
agrees = torch.isclose(slope_of_jsd, gradients(at)[0], rtol=1e-4, atol=0)
holds("the saturating gradient is the slope of 2 JSD", agrees, slope_of_jsd)
print(f"JSD at θ = 2, 4, 8: {jsd(2.0):.4f}, {jsd(4.0):.4f}, {jsd(8.0):.4f}; log 2 = {math.log(2):.4f}")

# %% [markdown]
# Here is a second way to understand saturation. The JSD never exceeds $\log 2$, and two distributions that hardly overlap
# are already there: moving one of them changes nothing. A perfect discriminator and a flat loss are one fact seen twice
# (Arjovsky and Bottou, 2017, make it precise for distributions in high dimensions). Now let both generators walk.

# %%
walks = {}
for number, name in enumerate(("saturating", "non-saturating")):
    place, walks[name] = torch.tensor(8.0, dtype=torch.float64), []
    for _ in range(100):
        walks[name].append(place.item())
        place = place - 0.3 * gradients(place)[number]

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.plot(theta, saturating, label="saturating")
left.plot(theta, non_saturating, label="non-saturating")
left.set(xlabel="distance $\\theta$ of the fakes from the data", ylabel="gradient in $\\theta$")
left.legend()
for name, walk in walks.items():
    right.plot(walk, label=name)
right.set(xlabel="step of gradient descent", ylabel="$\\theta$", ylim=(-0.5, 9))
show(
    fig,
    alt="Left, both losses' gradients against the distance theta of the fakes; right, "
    "theta against 100 steps of descent from 8.",
)


# %%
holds("the saturating walk stays", walks["saturating"][-1] > 7.9, walks["saturating"][-1])
holds("the other is home", abs(walks["non-saturating"][-1]) < 0.01, walks["non-saturating"][-1])

# %% [markdown]
# Two generators with the same optimal adversary, the same start, the same fixed point. One walks home; the other sees
# next to nothing to walk along. The saturating gradient has a hump (its place was printed
# above); the bound $\tfrac{\theta}{2}\,e^{-\theta^2/8}$ has one, too, at $\theta = 2$. A bound says how high the curve can be, not
# where it is highest. Near home they agree: at $\theta\to0$ half of the fakes pass, and the two gradients of (4.4) both
# become $\theta/2$.
#
# Notice also that the two gradients add up to exactly $\theta$. That is no accident; section 4.10 says what it is.

# %%
near = torch.tensor(0.01, dtype=torch.float64)
halves = torch.allclose(torch.stack(gradients(near)), near / 2, rtol=1e-3, atol=0)
holds("near home both are θ/2", halves)
holds("everywhere they add up to θ", torch.allclose(saturating + non_saturating, theta))

# %% [markdown]
# ## 4.4 Logarithms that do not break · 5 min
#
# The formulas contain $\log\sigma(s)$ and $\log(1-\sigma(s))$; the code contains neither. Section 3.10 showed why: in float32 the
# second, written literally, fails as soon as the discriminator is sure that a fake is real. Here we look for the place
# where it breaks, and at the generator's side. The function `softplus`, $\log(1+e^s)$, is both of them with a
# minus sign, $-\log(1-\sigma(s))$ and, at $-s$, $-\log\sigma(s)$, and it is computed without going through a rounded
# probability. A third way is `torch.nn.BCELoss`, which takes probabilities. Its documentation says that it clamps its
# logarithms at −100, so that the loss stays finite. Does that help? Take $-\log(1-\sigma(s))$, the discriminator's loss on a
# fake:
#
# > **❓ Predict.** The discriminator is wrong about a fake, with $s = 17$. What loss and what gradient does each of the three
# > return? (The truth: 17.00000004 and 0.99999996.)


# %% jupyter={"outputs_hidden": true}
def value_and_slope(loss, s):
    s = torch.tensor(s, requires_grad=True)
    value = loss(s)
    (slope,) = torch.autograd.grad(value, s)
    return value.item(), slope.item()


zero, one = torch.tensor(0.0), torch.tensor(1.0)
on_a_fake = {
    "literal": lambda s: -torch.log(1 - torch.sigmoid(s)),
    "BCELoss": lambda s: nn.BCELoss()(torch.sigmoid(s), zero),
    "softplus": F.softplus,
}

for s in (5.0, 16.0, 17.0, 40.0):
    found = {name: value_and_slope(loss, s) for name, loss in on_a_fake.items()}
    print(f"s = {s:3.0f}", *(f"  {name}: loss {v:6.2f}, slope {g:4.2f}" for name, (v, g) in found.items()))

# %% jupyter={"outputs_hidden": true}
(value, slope) = found["literal"]
holds("at s = 40, literal: infinite loss, no slope", math.isinf(value) and math.isnan(slope))
holds("BCELoss: a loss of 100 and no slope", found["BCELoss"] == (100.0, 0.0))
holds("softplus: 40 and 1, the truth", found["softplus"] == (40.0, 1.0))

# %% [markdown]
# In float32, $\sigma(17)$ comes out as exactly 1, because $1 + e^{-17}$ rounds to 1. The literal version then returns infinity, and the gradient is not a
# number: one such fake, and every weight of the network is lost. That is bad, but you will notice. The clamped
# version returns a loss of 100 and a gradient of *zero*: the run goes on, and the worst mistake in the batch teaches
# nothing. The flat place is back, made of rounding this time. On the other side, for the generator's
# $-\log\sigma(s)$ with its target 1, the slope fades more gradually (the chain rule asks for a division by
# $\sigma(1-\sigma)$, and `BCELoss` divides by no less than about $10^{-12}$, as the numbers show):

# %%
for s in (-20.0, -30.0, -40.0, -120.0):
    clamped = value_and_slope(lambda s: nn.BCELoss()(torch.sigmoid(s), one), s)
    safe = value_and_slope(lambda s: F.softplus(-s), s)
    print(
        f"s = {s:4.0f}   BCELoss: loss {clamped[0]:6.1f}, slope {clamped[1]:9.2e}   softplus: {safe[0]:6.1f}, {safe[1]:.2f}"
    )

# %%
holds("at s = −120 BCELoss has no slope left", abs(clamped[1]) < 1e-6, clamped[1])
holds("softplus has all of it", safe == (120.0, -1.0), safe[1])

# %% [markdown]
# > **⚠ Common mistake.** A sigmoid at the end of the discriminator, and `BCELoss` behind it. Choosing the non-saturating loss
# > and then computing it this way makes it saturate again, a little later. Let the network return logits, and use
# > `softplus`, `logsigmoid`, or `BCEWithLogitsLoss`; they agree:

# %%
s = torch.linspace(-60, 60, 121)
torch.testing.assert_close(F.softplus(-s), -F.logsigmoid(s))
torch.testing.assert_close(generator_loss(s), nn.BCEWithLogitsLoss()(s, torch.ones(121)))
both = F.softplus(s).mean() + nn.BCEWithLogitsLoss()(s, torch.ones(121))
holds("the safe ways agree", torch.isclose(discriminator_loss(s, s), both), both)

# %% [markdown]
# ## 4.5 Digits, with a discriminator that is ahead · 20 min
#
# Now the networks of chapter 03 (narrower on the short schedule), on digits. To see starvation we give the discriminator a head start: it trains alone, against a
# generator that does not move. Then the game begins. A third pair of losses joins in, the **hinge** losses (Lim and
# Ye, 2017; used by Miyato et al., 2018),
#
# $$L_D = \mathbb{E}\max\bigl(0, 1 - s_{\text{real}}\bigr) + \mathbb{E}\max\bigl(0, 1 + s_{\text{fake}}\bigr),
# \qquad L_G = -\mathbb{E}\, s_{\text{fake}}. \tag{4.6}$$
#
# The generator's slope in $s$ is $-1$, whoever is ahead: nothing can saturate there. And the discriminator stops pushing once
# a real picture has a logit above 1 and a fake one below −1, so its logits have no reason to run away.


# %%
def saturating_loss(fake_logits):
    return -F.softplus(fake_logits).mean()  # log(1 − D(G(z)))


def hinge_discriminator_loss(real_logits, fake_logits):
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


def hinge_generator_loss(fake_logits):
    return -fake_logits.mean()


games = {
    "saturating": (discriminator_loss, saturating_loss),
    "non-saturating": (discriminator_loss, generator_loss),
    "hinge": (hinge_discriminator_loss, hinge_generator_loss),
}

reals, fakes = torch.tensor([3.0, 0.5]), torch.tensor([-4.0, 0.25], requires_grad=True)
by_hand = (0 + 0.5) / 2 + (0 + 1.25) / 2
holds("D's hinge loss by hand", hinge_discriminator_loss(reals, fakes).item() == by_hand, by_hand)
(slope,) = torch.autograd.grad(hinge_generator_loss(fakes), fakes)
holds("G's slope is −1 for each fake, averaged over two", slope.tolist() == [-0.5, -0.5])

# %%
settings = schedule.choose(
    # short, full
    hidden_dim=(64, 256),
    batch_size=(32, 64),
    head_start=(300, 300),
    long_head_start=(2_000, 2_000),
    sgd_steps=(300, 2_000),
    adam_steps=(400, 6_000),
    late_steps=(200, 200),
)

latent_dim = 32
real = 2 * digits.train - 1  # pixels in [−1, 1], as the generator makes them
game_seeds = [10 * schedule.seed() + k for k in range(3)]


# %%
def give_head_start(loss, seed, stops, generator=None):
    """Train a discriminator while the generator stands still; {stop: (generator, discriminator, optimizer)}."""
    torch.manual_seed(seed)
    generator = generator or Generator(latent_dim, settings.hidden_dim).to(device)
    discriminator = Discriminator(settings.hidden_dim).to(device)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.99), fused=True)
    copies = {}
    for step, x in enumerate(batches(real, settings.batch_size, steps=max(stops), seed=seed), start=1):
        with torch.no_grad():
            fake = generator(torch.randn(len(x), latent_dim, device=device))
        d_loss = loss(discriminator(x), discriminator(fake))
        optimizer.zero_grad()
        d_loss.backward()
        optimizer.step()
        if step in stops:
            copies[step] = copy.deepcopy((generator, discriminator, optimizer))
    return copies


stops = [1, 10, 30, 100, settings.head_start, 1_000, settings.long_head_start]
ahead, ahead_hinge = {}, {}
for seed in game_seeds:
    ahead[seed] = give_head_start(discriminator_loss, seed, stops)
    ahead_hinge[seed] = give_head_start(hinge_discriminator_loss, seed, [settings.head_start])

# %% [markdown]
# The game itself is chapter 03's loop: one step for the discriminator, one for the generator. At every step we write down the
# norm of the generator's gradient, all its weights together. The generator's optimiser is an argument, and first it is
# the plainest there is, stochastic gradient descent (SGD). The discriminator keeps its own, Adam.


# %%
def play(start, name, make_optimizer, steps, seed):
    generator, discriminator, d_optimizer = copy.deepcopy(start)
    g_optimizer = make_optimizer(generator.parameters())
    d_loss_of, g_loss_of = games[name]
    torch.manual_seed(seed)

    def update(x):
        fake = generator(torch.randn(len(x), latent_dim, device=device))
        d_loss = d_loss_of(discriminator(x), discriminator(fake.detach()))
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        logits = discriminator(fake)
        g_optimizer.zero_grad()
        g_loss_of(logits).backward()
        norm = nn.utils.get_total_norm([weight.grad for weight in generator.parameters()])
        g_optimizer.step()
        return {"gradient norm": norm, "logit of fakes": logits.mean()}

    print(f"{name}, seed {seed}: ", end="")
    return generator, train(update, real, steps=steps, batch_size=settings.batch_size, seed=seed)


# %%
def play_all(make_optimizer, steps):
    """All three games for every seed, from the short head start: {(name, seed): (generator, history)}."""
    runs = {}
    for name in games:
        for seed in game_seeds:
            start = (ahead_hinge if name == "hinge" else ahead)[seed][settings.head_start]
            runs[name, seed] = play(start, name, make_optimizer, steps, seed)
    return runs


# %% [markdown]
# > **❓ Predict.** All three generators start from the same weights, and the saturating and the non-saturating one face the very
# > same discriminator, 300 steps ahead. By which factor do their first gradients differ: ten, a thousand, more? And what will
# > the factor be at the end of the game?


# %% jupyter={"outputs_hidden": true}
def sgd(weights, lr=0.1):
    return torch.optim.SGD(weights, lr=lr)


sgd_runs = play_all(sgd, settings.sgd_steps)


# %% jupyter={"outputs_hidden": true}
COLOUR_OF = dict(zip(("saturating", "non-saturating", "hinge", "saturating, ε = 1e-16"), COLOURS, strict=False))


def plot_norms(ax, runs):
    for (name, seed), (_, history) in runs.items():
        norms = smooth(history["gradient norm"], 10)
        label = name if seed == game_seeds[0] else None
        ax.plot(range(10, 10 + len(norms)), norms, color=COLOUR_OF[name], linewidth=1.2, label=label)
    ax.set(xlabel="step of the game", ylabel="norm of generator's gradient", yscale="log")


fig, ax = plt.subplots()
plot_norms(ax, sgd_runs)
ax.legend(loc="center right")
show(
    fig,
    alt="The norm of the generator's gradient under SGD against the step of the game, "
    "logarithmic: three losses, three seeds each.",
)

# %% jupyter={"outputs_hidden": true}
for seed in game_seeds:
    norms = {name: torch.tensor(sgd_runs[name, seed][1]["gradient norm"]) for name in games}
    first = {name: values[0].item() for name, values in norms.items()}
    late = {name: values[-50:].median().item() for name, values in norms.items()}
    print(f"seed {seed}, first:", *(f"{name} {value:.1e}  " for name, value in first.items()))
    print("      at the end:", *(f"{name} {value:.1e}  " for name, value in late.items()))
    factor, later = (min(r["non-saturating"], r["hinge"]) / r["saturating"] for r in (first, late))
    holds("the saturating gradient is thousands of times smaller", factor > 2_000, factor)
    holds("and a hundred times or more at the end", later > 100, later)

# %% [markdown]
# Roughly a hundred thousand between the first two, and 300 steps do not heal it. The starving generator hardly moves, and the discriminator, which
# goes on learning, has no reason to become less sure.
#
# What do the samples look like? Beside each game stand two scores, taken with a digit classifier of the course
# (chapter 06 is about them): the **inception score**, from 1 to 10, higher is better, and the **Fréchet distance**, lower is
# better. Rows for real digits, for noise and for the untrained generator say what the numbers mean.

# %%
classifier = pretrained.load(f"classifier-{digits.source}")


@torch.no_grad()
def sample(generator, n=2_000):
    torch.manual_seed(schedule.seed())
    generator.eval()
    return (generator(torch.randn(n, latent_dim, device=device)) + 1) / 2  # to [0, 1]


real_features, _ = evaluation.features_and_probabilities(classifier, digits.test[:2_000])


def scores_of(images):
    return evaluation.score(images, real_features, classifier)


untrained = [scores_of(sample(ahead[seed][settings.head_start][0])) for seed in game_seeds]
real_scores, noise_scores = scores_of(digits.train[:2_000]), scores_of(torch.rand(2_000, 1, 28, 28, device=device))
for name, row in {"real digits": real_scores, "noise": noise_scores, "untrained": untrained[0]}.items():
    print(f"{name:12s} inception score {row.inception_score:5.2f}   Fréchet distance {row.frechet:6.0f}")


# %%
def table(runs):
    """Print the scores of all runs, and return the Fréchet distances {name: [one a seed]}."""
    distances = {}
    for name in dict.fromkeys(name for name, _ in runs):
        rows = [scores_of(sample(runs[name, seed][0])) for seed in game_seeds]
        distances[name] = [row.frechet for row in rows]
        inception = "  ".join(f"{row.inception_score:4.2f}" for row in rows)
        print(f"{name:24s} inception {inception}   Fréchet", "  ".join(f"{row.frechet:5.0f}" for row in rows))
    return distances


sgd_distances = table(sgd_runs)
results.add(
    real_inception_score=real_scores.inception_score,
    real_frechet=real_scores.frechet,
    noise_frechet=noise_scores.frechet,
    **{f"sgd_{name.replace('-', '_')}_frechet": sum(row) / 3 for name, row in sgd_distances.items()},
)

# %% tags=["picture"]
show_images(
    {f"{name} loss": sample(sgd_runs[name, game_seeds[0]][0])[:10] for name in games},
    alt="Three rows: ten samples of each generator after the game with SGD, saturating, non-saturating and hinge.",
)

# %%
for k, start in enumerate(untrained):
    ratio = {name: sgd_distances[name][k] / start.frechet for name in games}
    holds("saturating: as far away as it began", 0.8 < ratio["saturating"] < 1.2, ratio["saturating"])
    moved = max(ratio["non-saturating"], ratio["hinge"])
    holds("the two others: less than 0.6 of the way is left", moved < 0.6, moved)

# %% [markdown]
# A few in the second and third row could pass for a digit, most could not: three hundred steps of SGD are a beginning. But
# they *are* a beginning. The first row is still noise, and its score is that of the untrained generator, for each of the three seeds.

# %% [markdown]
# ## 4.6 But Adam rescales · 17 min
#
# GANs are rarely trained with SGD. Adam divides each gradient by a running estimate of its own size,
#
# $$w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \epsilon}, \tag{4.7}$$
#
# where $\hat m$ is a running mean of the gradient and $\hat v$ one of its square, both corrected for the start, and
# $\epsilon = 10^{-8}$. Make all gradients a thousand times smaller, and $\hat m$ and $\sqrt{\hat v}$ both shrink by a thousand:
# the step stays what it was. So a gradient that is ten thousand times smaller is *not* a step that is ten
# thousand times smaller. Is saturation a problem of the past?
#
# > **❓ Predict.** One weight, constant gradient $c$, ten steps of Adam with $\eta = 0.01$. How far does it get for $c=1$, and for
# > $c = 10^{-4}, 10^{-8}, 10^{-10}$?


# %% jupyter={"outputs_hidden": true}
def adam_distance(c, steps=10):
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.01)
    for _ in range(steps):
        w.grad = torch.full_like(w, c)
        optimizer.step()
    return -w.item()


for c in (1.0, 1e-4, 1e-8, 1e-10):
    print(f"gradient {c:5.0e}: Adam has moved by {adam_distance(c):.5f}, SGD would have moved by {0.1 * c:.0e}")
    assert math.isclose(adam_distance(c), 0.1 * c / (c + 1e-8), rel_tol=1e-3)  # (4.7): m = √v = c

# %% [markdown]
# Four orders of magnitude leave no trace. Only when the gradient of a *single weight* falls to about $\epsilon$ does Adam
# slow down. So there are two questions. How small do the gradients become? And does saturation spoil anything else about them,
# apart from their size? For the second, look at a batch of $n$ fakes,
#
# $$\nabla_\theta L = \frac1n\sum_{i=1}^n w_i\, \nabla_\theta s_i,
# \qquad \text{effective share} = \frac{\bigl(\sum_i w_i\bigr)^2}{n \sum_i w_i^2}, \tag{4.8}$$
#
# where $w_i$, no longer a weight of the network, is the slope of the loss at the logit $s_i$: by (4.1), $-\sigma(s_i)$ or $-(1-\sigma(s_i))$. The share is Kish's
# **effective sample size**, divided by $n$: a weighted mean of $n$ independent terms scatters as the plain mean of
# $(\sum w_i)^2/\sum w_i^2$ of them. If all weights are equal, the share is 1. If one fake holds all the weight, it is $1/n$. At $s \ll 0$ the saturating weights are
# about $-e^{s_i}$, so a fake whose logit is four higher counts fifty times as much. The batch listens to its few best
# fakes and forgets the rest, and no rescaling repairs that: it changes the common size of the weights, not their ratios.
#
# We kept the discriminator at seven moments of its head start, for three seeds. At each of them we measure the gradient, the
# share, and the first step that Adam would take, which is $\eta\,g/(|g|+\epsilon)$ for each weight, as a fraction of $\eta$.


# %%
def probe(start, loss_of, n=512):
    """Gradient norm; root mean square of Adam's first step, in units of η; effective share (4.8); mean logit."""
    generator, discriminator, _ = copy.deepcopy(start)
    torch.manual_seed(schedule.seed())
    logits = discriminator(generator(torch.randn(n, latent_dim, device=device)))
    loss = loss_of(logits)
    (w,) = torch.autograd.grad(loss, logits, retain_graph=True)
    g = torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(generator.parameters()))])
    share = w.sum() ** 2 / (n * w.square().sum())
    return torch.stack([g.norm(), (g / (g.abs() + 1e-8)).square().mean().sqrt(), share, logits.mean()]).detach().cpu()


def probe_all(loss_of):
    return torch.stack([torch.stack([probe(copies[stop], loss_of) for stop in stops]) for copies in ahead.values()])


probes = {name: probe_all(games[name][1]) for name in ("saturating", "non-saturating")}  # each (seeds, stops, 4)

averages = {name: measured.mean(dim=0) for name, measured in probes.items()}
print("head start   logit  |  saturating: norm, Adam's step, share  |  non-saturating")
for k, stop in enumerate(stops):
    (a, b, c, logit), (d, e, f, _) = averages["saturating"][k], averages["non-saturating"][k]
    print(f"{stop:10d}  {logit:6.1f}  |  {a:22.0e} {b:7.2f} {c:6.2f}  |  {d:6.0e} {e:5.2f} {f:5.2f}")

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
titles = ("norm of the gradient", "Adam's first step, in units of $\\eta$", "effective share of the batch")
for number, (ax, title) in enumerate(zip(axes, titles, strict=True)):
    for name, color in zip(probes, COLOURS, strict=False):
        ax.plot(stops, probes[name][:, :, number].T, color=color, alpha=0.5, linewidth=1)
        ax.plot(stops, averages[name][:, number], "o-", color=color, markersize=3, label=name)
    ax.set(xscale="log", xlabel="head start, steps")
    ax.set_title(title, fontsize=10)
axes[0].set_yscale("log")
axes[1].legend(fontsize=9, loc="lower left")
show(
    fig,
    alt="Three panels over the length of the discriminator's head start: the norm of "
    "the gradient, Adam's first step, and the effective share of the batch, each "
    "for the saturating and the non-saturating loss.",
)

# %%
norm, first_step, share, _ = probes["saturating"].unbind(dim=-1)  # each (seeds, stops)
short, long = stops.index(settings.head_start), stops.index(settings.long_head_start)
fallen = norm[:, short] / norm[:, 0]
holds("after 300 steps: less than 1 % of the gradient", (fallen < 0.01).all(), fallen.max())
holds("and more than 60 % of Adam's step", (first_step[:, short] > 0.6).all(), first_step[:, short].min())
holds("after 2000 steps ε wins", (first_step[:, long] < 0.3).all(), first_step[:, long].max())
holds("the share falls from above 0.9 …", (share[:, 0] > 0.9).all(), share[:, 0].min())
holds("… to below 0.6 after 300 steps", (share[:, short] < 0.6).all(), share[:, short].max())
kept = probes["non-saturating"][..., 1:3].min()
holds("non-saturating: step and share stay above 0.9", kept > 0.9, kept)


# %%
fall = (probes["non-saturating"][:, short, 0] / norm[:, short]).log10().mean()
results.add(orders_of_magnitude=fall, effective_share=share[:, short].mean())
print(f"after 300 steps {fall:.1f} orders of magnitude apart, share {share[:, short].mean():.2f}")

# %% [markdown]
# Three effects, worth keeping apart. *Size:* after 300 steps the saturating gradient is orders of magnitude below the other one (<!--04.orders_of_magnitude-->4.9 on average over the recorded runs). SGD starves on it, as we saw; Adam hardly
# notices. *Direction:* the effective share of the batch is down to a few per cent (<!--04.effective_share-->0.05 on average), and that Adam
# cannot repair. *The wall of $\epsilon$:* after 2000 steps the gradient of a typical weight lies below $\epsilon$, and Adam's first step is
# a small part of the full one. (Arjovsky and Bottou, 2017, measured the fall of the gradient in the same
# way, on a DCGAN.)
#
# How much does each of them matter in the game? First the short head start, now with Adam for the generator.
#
# > **❓ Predict.** Three losses, three seeds, Adam. Does the saturating one still stand at its start? And which of the three comes
# > last?


# %% jupyter={"outputs_hidden": true}
def adam(weights, eps=1e-8):
    return torch.optim.Adam(weights, lr=1e-3, betas=(0.5, 0.99), eps=eps, fused=True)


adam_runs = play_all(adam, settings.adam_steps)

# %% jupyter={"outputs_hidden": true}
adam_distances = table(adam_runs)
results.add(**{f"adam_{name.replace('-', '_')}_frechet": sum(row) / 3 for name, row in adam_distances.items()})

# %% jupyter={"outputs_hidden": true}
for k, start in enumerate(untrained):
    left = max(row[k] for row in adam_distances.values()) / start.frechet
    holds("all three have left their start", left < 0.6, left)
    late_logits = adam_runs["saturating", game_seeds[k]][1]["logit of fakes"][-100:]
    mean = sum(late_logits) / 100
    holds("the saturating fakes are no longer rejected with confidence", mean > -8, mean)
last = [max(games, key=lambda name: adam_distances[name][k]) for k in range(3)]
print("last, seed by seed:", ", ".join(last))

# %% jupyter={"outputs_hidden": true}
show_images(
    {f"{name} loss": sample(adam_runs[name, game_seeds[0]][0])[:10] for name in games},
    alt="Three rows: ten samples of each generator after the game with Adam, saturating, non-saturating and hinge.",
)

# %% [markdown]
# It stood still under SGD, and under Adam it trains. It also comes out last in most games: over the recorded runs on MNIST the mean
# distances are <!--04.adam_saturating_frechet-->903 for the saturating loss, <!--04.adam_non_saturating_frechet-->838 for the non-saturating one and <!--04.adam_hinge_frechet-->732 for the hinge losses, whose discriminator is another one, too. That is little beside the way which all three have covered, and how far
# the losses stand apart after long training, with settings tuned for each, three short runs cannot tell. But a text that shows you (4.1) and concludes that the minimax loss cannot be
# trained has left out the optimiser. Whether the small share of the batch did harm we cannot tell from these games; it is small only
# while the logits are far below zero, and the first steps bring them up.
#
# Now the long head start, where $\epsilon$ has the word. If it really is $\epsilon$ that stops Adam, then making $\epsilon$
# smaller must set the generator free. That is a prediction we can test, with everything else unchanged:

# %%
late_runs = {}
for label, name, eps in (
    ("saturating", "saturating", 1e-8),
    ("non-saturating", "non-saturating", 1e-8),
    ("saturating, ε = 1e-16", "saturating", 1e-16),
):
    for seed in game_seeds:
        start = ahead[seed][settings.long_head_start]
        late_runs[label, seed] = play(
            start, name, lambda weights, eps=eps: adam(weights, eps), settings.late_steps, seed
        )

fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
for ax, runs, lead in zip(axes, (adam_runs, late_runs), (settings.head_start, settings.long_head_start), strict=True):
    plot_norms(ax, runs)
    ax.set_title(f"Adam, head start of {lead} steps", fontsize=10)
    ax.set_xlim(0, settings.late_steps)
    ax.legend(loc="center left", fontsize=9)
axes[1].set_ylabel("")
show(
    fig,
    alt="Norms of the generator's gradient with Adam, logarithmic, in two panels: "
    "after head starts of 300 and of 2000 steps.",
)

# %%
for seed in game_seeds:
    logits = {label: torch.tensor(late_runs[label, seed][1]["logit of fakes"]) for label, _ in late_runs}
    early = {label: values[20:60].mean().item() for label, values in logits.items()}
    print(f"seed {seed}, mean logit in steps 20 to 60:", *(f"{label} {value:.1f}  " for label, value in early.items()))
    holds("with ε = 1e-8 still rejected with full confidence", early["saturating"] < -15, early["saturating"])
    freed = min(early["non-saturating"], early["saturating, ε = 1e-16"]) - early["saturating"]
    holds("the two others are at least 8 higher", freed > 8, freed)

# %% [markdown]
# With the usual $\epsilon$ the saturating generator waits. Fifty steps into the game its fakes are rejected with the
# confidence of the first step. From the same start, with the same loss, $\epsilon = 10^{-16}$ sets it free about as quickly as
# the non-saturating loss does. So it was $\epsilon$. The steps are tiny, but they are not zero, and how long the wait lasts
# is not the same for every seed. (Do not take this as advice to lower $\epsilon$. Changing the loss is simpler, and helped with both optimisers here.)
#
# To sum up these experiments, all with a discriminator that is ahead: under SGD the saturating loss failed in every run. Under Adam it trained; with the discriminator absurdly far ahead $\epsilon$ made it wait, in some runs to the end of our 200 steps. Whether saturation is behind the failure of a given GAN one can measure: log
# the generator's gradient norm, and the mean logit of its fakes.

# %% [markdown]
# ## Your turn · 2 min
#
# > **✎ Your turn.** Three changes, two of them with a number to hit.
#
# 1. Someone mixes the two losses, $\tfrac12\bigl(\log(1-D) - \log D\bigr)$. Write it as a function of $s$ with `softplus`, and find its
#    slope at $s = -12, 0, 12$ by autograd. *To hit: the same number at all three.*
# 2. In section 4.3, let the fakes have standard deviation 3 and stand at $\theta = 8$. Compute the saturating gradient in $\theta$ by
#    integration. *To hit: 0.068. For standard deviation 1 it was 0.0004.*
# 3. Give the generator of section 4.6 $\epsilon = 10^{-4}$ and a head start of 300 steps, and let the saturating loss play with Adam. First
#    predict from the table of probes what it will do; then look at the gradient norm after 200 steps.
#
# <details><summary>Solutions</summary>
#
# 1. `loss = lambda s: 0.5 * (F.softplus(-s) - F.softplus(s))`, which is $-s/2$: the slope is $-\tfrac12$ everywhere. It is the hinge
#    generator's loss, halved: nothing saturates, and nothing speaks louder to a loser.
# 2. `q = distributions.Normal(8.0, 3.0)`, then with $s^* = \log p - \log q$ integrate $-q\,\sigma(s^*)\,\tfrac{ds^*}{dx}$ over `t`. The wide fakes reach
#    the data, some pass, and their advice is heard.
# 3. The gradient of a single weight lies far below $10^{-4}$ after 300 steps (divide the norm by the root of the number of weights), so
#    Adam's step is cut down as $\epsilon = 10^{-8}$ cut it after 2000: it waits. `seed = game_seeds[0]; play(ahead[seed][settings.head_start], "saturating", lambda w: adam(w, 1e-4), 200, seed)`.
#
# </details>

# %% [markdown]
# The number of the second exercise, so that you can hold yours against it. Two more, without a number: Adam's $\hat v$ forgets
# slowly, over about $1/(1-\beta_2)$ steps. Give `adam_distance` gradients of 1 for a hundred steps and of $10^{-3}$ afterwards, and
# watch the single steps: how long until they have their old size? And make the head start of the hinge discriminator as long
# as you like: should its generator care? Predict from (4.6), then try.

# %%
wide, x = distributions.Normal(8.0, 3.0), t.clone().requires_grad_()
s = standard.log_prob(x) - wide.log_prob(x)
(slope,) = torch.autograd.grad(s.sum(), x)
by_wide = -torch.trapezoid(wide.log_prob(t).exp() * torch.sigmoid(s).detach() * slope, t)
holds("wide fakes are heard", 0.06 < by_wide < 0.08, by_wide)

# %% [markdown]
# ## On one page · 5 min
#
# The whole lesson without helpers: a discriminator that is ahead, two generators that differ in one line, and the norm of
# their gradients.

# %%
import torch
import torch.nn.functional as F
from torch import nn

images = digits.train  # or torchvision.datasets.MNIST("data", download=True).data[:, None] / 255
pictures = 2 * images.flatten(1) - 1  # (n, 784), pixels in [−1, 1]
g_losses = {
    "saturating": lambda s: -F.softplus(s).mean(),  # log(1 − D(G(z)))
    "non-saturating": lambda s: F.softplus(-s).mean(),  # −log D(G(z))
}


def networks():
    torch.manual_seed(0)
    g = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 784), nn.Tanh())
    d = nn.Sequential(nn.Linear(784, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))
    return g.to(pictures.device), d.to(pictures.device)


def d_step(g, d, optimizer):
    x = pictures[torch.randint(len(pictures), (64,), device=pictures.device)]
    fake = g(torch.randn(64, 32, device=pictures.device)).detach()
    loss = F.softplus(-d(x)).mean() + F.softplus(d(fake)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


# %%
for name, g_loss in g_losses.items():
    g, d = networks()
    d_optimizer = torch.optim.Adam(d.parameters(), 1e-3, betas=(0.5, 0.99))
    g_optimizer = torch.optim.SGD(g.parameters(), 0.1)
    for _ in range(200):  # the head start
        d_step(g, d, d_optimizer)
    norms = []
    for _ in range(100):
        d_step(g, d, d_optimizer)
        g_optimizer.zero_grad()
        g_loss(d(g(torch.randn(64, 32, device=pictures.device)))).backward()
        norms.append(nn.utils.get_total_norm([w.grad for w in g.parameters()]).item())
        g_optimizer.step()
    print(f"{name:15s} gradient norm, first {norms[0]:.1e}, last {norms[-1]:.1e}")

# %% [markdown]
# ## Your numbers · 1 min
#
# The bands come from runs with six seeds, on more than one machine: a GAN's numbers scatter. Yours should lie inside; if you have changed a setting, the table
# shows what your change did.

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - The slope of $\log(1-\sigma(s))$ is $-\sigma(s)$, that of $-\log\sigma(s)$ is $-(1-\sigma(s))$ (4.1). Their ratio is $e^{-s}$: the minimax
#   loss is flat exactly where the generator loses.
# - $J_G = -J_D$ has a *plus* before $\sum\log(1-D(G(z)))$ (4.2). After writing a generator's loss, take a step and look whether $D(G(z))$ rises.
# - The cure is a logarithm in the right place (*Further*: it is that of logistic regression). But it changes the game: the same fixed
#   point, other dynamics, and no longer zero-sum.
# - With SGD at our rate and a discriminator ahead, the saturating generator stood still for every seed. Adam hides the size of the
#   gradient until single weights have gradients of about $\epsilon$. It does not hide that few fakes of the batch are heard.
# - Compute on logits. `BCELoss` behind a sigmoid brings the flat place back, by rounding on one side and a clamped division on the other.
# - *Further*: one-sided smoothing leaves the gradient of $-\log D$ at the optimum as it was; two-sided smoothing makes it saturate.
# - *Further*: at the optimal discriminator, $-\log D$ descends $D_{\mathrm{KL}}(q\Vert p) - 2\,\mathrm{JSD}$ (4.12).

# %% [markdown]
# ## What comes next
#
# - [Exercise 04](../exercises/ex04_saturation.ipynb): the saturated gradient, derived and measured; a loss to repair.
# - Chapter 05 keeps the loss and changes the networks: DCGAN, with convolutions.

# %% [markdown]
# ## 4.7 Further: the same disease in logistic regression · 5 min
#
# Logistic regression answers with a probability, and one might train it to bring that
# probability close to the label $y$, in squared error. For a positive example ($y = 1$) the slopes in the logit are
#
# $$\frac{d}{ds}\,\bigl(1-\sigma(s)\bigr)^2 = -2\,\bigl(1-\sigma(s)\bigr)^2\,\sigma(s),
# \qquad
# \frac{d}{ds}\,\bigl(-\log\sigma(s)\bigr) = -\bigl(1-\sigma(s)\bigr). \tag{4.9}$$
#
# The squared error carries a factor $\sigma(s)$, as the minimax loss does. Where the model is confident *and wrong*, it
# cannot feel its mistake. Cross-entropy divides that factor away. Two hundred points on a line, one weight $w$ with $s = wx$,
# and a start at $w = -10$ that is wrong about all of them:

# %%
y = (torch.arange(200) % 2).float()
x = 2 * y - 1 + 0.15 * torch.randn(200)  # class 1 around +1, class 0 around −1
classifiers = {
    "squared error": lambda s: (torch.sigmoid(s) - y).square().mean(),
    "cross-entropy": lambda s: F.binary_cross_entropy_with_logits(s, y),
}


# %% [markdown]
# > **❓ Predict.** The right $w$ are the positive ones. Where is $w$ after 300 steps of gradient descent with learning rate 1,
# > for each of the two losses?

# %% jupyter={"outputs_hidden": true}
s = torch.linspace(-12, 12, 241, dtype=torch.float64, requires_grad=True)
(by_autograd,) = torch.autograd.grad((1 - torch.sigmoid(s)).square().sum(), s)
by_hand = -2 * (1 - torch.sigmoid(s)) ** 2 * torch.sigmoid(s)
holds("(4.9) is what autograd finds", torch.allclose(by_autograd, by_hand))

# %% jupyter={"outputs_hidden": true}
paths = {}
for name, loss in classifiers.items():
    w, paths[name] = torch.tensor(-10.0, requires_grad=True), []  # every point on the wrong side
    for _ in range(300):
        (gradient,) = torch.autograd.grad(loss(w * x), w)
        paths[name].append((w.item(), gradient.item()))
        w = (w - gradient).detach().requires_grad_()
    accuracy = ((w * x > 0) == (y > 0)).float().mean().item()
    print(f"{name}: first gradient {paths[name][0][1]:9.5f}, at the end w = {w:6.2f}, accuracy {accuracy:.2f}")

# %% jupyter={"outputs_hidden": true}
fig, ax = plt.subplots()
for name, path in paths.items():
    ax.plot([w for w, _ in path], label=name)
ax.axhline(0, color="black", linewidth=0.8, linestyle="--")
ax.annotate("above this line every point is right", (298, 0.4), ha="right", fontsize=9)
ax.set(xlabel="step of gradient descent", ylabel="weight $w$")
ax.legend(loc="center right")
show(
    fig,
    alt="The weight against 300 steps of descent from -10, with cross-entropy and with squared error.",
)


# %% jupyter={"outputs_hidden": true}
stuck, healed = paths["squared error"], paths["cross-entropy"]
holds("squared error: hardly a first gradient", abs(stuck[0][1]) < 0.01, stuck[0][1])
holds("after 300 steps it is where it was", stuck[-1][0] < -9, stuck[-1][0])
holds("cross-entropy: a first gradient near −1", abs(healed[0][1]) > 0.9, healed[0][1])
holds("and every point right at the end", healed[-1][0] > 2, healed[-1][0])

# %% [markdown]
# After 300 steps the squared error has hardly noticed. It is the same disease as the generator's: a good loss must be steep where
# the answer is wrong, and a loss that is bounded there cannot stay steep. (The squared error is at most 1 and the minimax loss at
# most 0, however wrong the answer.) It is also the same cure, a logarithm in the right place.

# %% [markdown]
# ## 4.8 Further: a larger rate, least squares, and what the repair costs · 5 min
#
# If the saturating gradient is a hundred thousand times too small, why not take a larger learning rate for it? For
# *one* position that would be right. But the size of this gradient changes by orders of magnitude as the
# game goes. A rate that suits $s = -12$ may throw the generator far off as soon as $s$ comes near 0. We try three larger rates:

# %%
at_rate = {}
for lr in (1.0, 10.0, 100.0):
    seed = game_seeds[0]
    start = ahead[seed][settings.head_start]
    generator, history = play(start, "saturating", lambda weights, lr=lr: sgd(weights, lr), settings.sgd_steps, seed)
    norms, at_rate[lr] = torch.tensor(history["gradient norm"]), scores_of(sample(generator)).frechet
    print(f"   rate {lr:g}: gradient norms from {norms.min():.0e} to {norms.max():.0e}, ", end="")
    print(f"Fréchet distance {at_rate[lr]:.0f}")
closest, other = min(at_rate.values()), sgd_distances["non-saturating"][0]
holds("none comes as near as the non-saturating loss at 0.1", closest > other, closest, other)

# %% [markdown]
# (Where the smallest norm is 0, no slope is left in float32. A `tanh` driven far enough would do that, it returns exactly ±1; we did not look whether it did.)
#
# Three rates and one seed prove nothing about all rates. What the repaired loss buys stands in the figure of section 4.5: a gradient that after some steps stays near 1, so that *one* rate can suit the whole game.

# %% [markdown] · 3 min
#
# A loss need not be a logarithm to be steep where the answer is wrong. **Least squares** (Mao et al., 2017) lets the
# discriminator's output $s$ be any number and asks for 1 on real pictures and 0 on fakes; the generator asks for 1:
#
# $$L_D = \tfrac12\,\mathbb{E}\,(s_{\text{real}}-1)^2 + \tfrac12\,\mathbb{E}\,s_{\text{fake}}^2,
# \qquad L_G = \tfrac12\,\mathbb{E}\,(s_{\text{fake}}-1)^2,
# \qquad s^*(x) = \frac{p(x)}{p(x)+q(x)}. \tag{4.10}$$
#
# The generator's slope is $s-1$: it grows with the distance from the goal. (Compare (4.9), where the square stands *behind* a
# sigmoid, which is what makes it flat.) The best $s$ is again chapter 03's ratio: at each $x$ the loss is a parabola in $s$, and one Newton step from 0 lands on its lowest point:

# %%
grid = torch.linspace(-4, 8, 121, dtype=torch.float64)
p, q = standard.log_prob(grid).exp(), standard.log_prob(grid - 4).exp()  # data at 0, fakes at 4
s = torch.zeros(121, dtype=torch.float64, requires_grad=True)
(slope,) = torch.autograd.grad((p * (s - 1) ** 2 / 2 + q * s**2 / 2).sum(), s)
best = -slope / (p + q)  # the slope is (p + q) s − p, and here s = 0
holds("the least-squares table is p/(p+q)", torch.allclose(best, p / (p + q)))

# %% [markdown]
# The repair has a price (Arjovsky and Bottou, 2017, section 2.2.2). The saturating loss multiplies the advice of an expert who rejects a fake by
# $\sigma(s)\approx0$, and with it whatever is *wrong* in that advice. The non-saturating loss passes it on in full. How
# much of it is wrong? Ask for a second opinion. We train two more discriminators against the same untrained
# generator, from other first weights, and compare what the three tell it: the cosines between the gradients of its weights.


# %%
def advice(generator, discriminator):
    """The gradient of the non-saturating loss in all of the generator's weights, as one row."""
    torch.manual_seed(schedule.seed())
    loss = generator_loss(discriminator(generator(torch.randn(512, latent_dim, device=device))))
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(generator.parameters()))])


moments = [10, 100, settings.head_start]
one = ahead[game_seeds[0]]
others = [give_head_start(discriminator_loss, seed, moments, one[1][0]) for seed in (901, 902)]
for stop in moments:
    rows = torch.stack([advice(one[stop][0], experts[stop][1]) for experts in (one, *others)])
    cosines = F.cosine_similarity(rows, rows.roll(1, dims=0))
    print(f"after {stop:4d} steps: cosines", *(f"{c:5.2f}" for c in cosines.tolist()))

# %% [markdown]
# Cosines of 1 would mean that all experts say the same. Here, against an untrained generator, they nearly do, so the price hardly shows; and experts that agree can still be wrong together. This is one generator and three discriminators, a first look and no law; chapter 07 asks what makes experts agree.

# %% [markdown]
# ## 4.9 Further: label smoothing · 8 min
#
# If the trouble is a discriminator that is too sure, one may forbid it to be sure. In **label smoothing** it is asked for
# $\alpha = 0.9$ instead of 1 on real pictures, and for $\beta$ instead of 0 on fakes. At a point $x$ its loss is then
#
# $$-p\,\bigl[\alpha\log D + (1-\alpha)\log(1-D)\bigr] - q\,\bigl[\beta\log D + (1-\beta)\log(1-D)\bigr],
# \qquad D^*(x) = \frac{\alpha\,p(x) + \beta\,q(x)}{p(x)+q(x)}. \tag{4.11}$$
#
# To see the second part, collect what multiplies $\log D$, namely $a = \alpha p+\beta q$, and what multiplies $\log(1-D)$, namely
# $p + q - a$, and use from chapter 03 that $a\log D + b \log(1-D)$ is largest at $D = a/(a+b)$. A discriminator that
# is simply a table, with a logit of its own for every $x$, learns the same from the loss alone:

# %%
grid = torch.linspace(-4, 8, 121, dtype=torch.float64)
p, q = standard.log_prob(grid).exp(), standard.log_prob(grid - 4).exp()  # the data at 0, the fakes at 4
schemes = {"none": (1.0, 0.0), "one-sided": (0.9, 0.0), "two-sided": (0.9, 0.1)}


def train_table(alpha, beta):
    logits = torch.zeros(121, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(1000):
        on_real = alpha * F.softplus(-logits) + (1 - alpha) * F.softplus(logits)
        on_fake = beta * F.softplus(-logits) + (1 - beta) * F.softplus(logits)
        optimizer.zero_grad()
        ((p * on_real + q * on_fake) / (p + q)).sum().backward()  # each x weighs 1: the minimum is the same
        optimizer.step()
    return torch.sigmoid(logits).detach()


tables = {name: train_table(*labels) for name, labels in schemes.items()}
for name, (alpha, beta) in schemes.items():
    error = (tables[name] - (alpha * p + beta * q) / (p + q)).abs().max()
    print(f"{name:10s} largest D {tables[name].max():.3f}, smallest D {tables[name].min():.3f}")
    holds("the table has learned (4.11)", error < 2e-3, error)

# %% [markdown]
# With $\beta = 0$, which Salimans et al. (2016) call **one-sided** smoothing, the answer is the old one times $\alpha$. With
# $\beta > 0$, the generator's density $q$ appears in the numerator, and they warn of it: where there are fakes and no
# data, $D^*$ is about $\beta$ and flat. What does that do to the generator? Write $D_0 = p/(p+q)$ for the discriminator
# without smoothing. Then $D^* = \beta + (\alpha-\beta)\,D_0$, always, and the slope of $-\log D^*$ in $x$ is
# $-D_0' / \bigl(\tfrac{\beta}{\alpha-\beta} + D_0\bigr)$.
#
# > **❓ Predict.** Put a fake far from the data, where $D_0$ is tiny. What becomes of this slope for $\beta = 0$? For $\beta = 0.1$?


# %% jupyter={"outputs_hidden": true}
def smoothed_gradient(theta, alpha, beta):
    """The non-saturating gradient in θ for the game of section 4.3, against the smoothed D*."""
    x = t.clone().requires_grad_()
    log_d0 = F.logsigmoid(theta**2 / 2 - theta * x)
    log_d = math.log(alpha) + log_d0 if beta == 0 else torch.log(beta + (alpha - beta) * log_d0.exp())
    (slope,) = torch.autograd.grad(-log_d.sum(), x)
    return torch.trapezoid(standard.log_prob(t - theta).exp() * slope, t)


curves = {name: torch.stack([smoothed_gradient(v, *labels) for v in theta]) for name, labels in schemes.items()}

fig, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.2), layout="constrained")
left.fill_between(grid, p, color="0.85", label="data")
left.fill_between(grid, q, color="0.65", label="fakes")
for (name, values), style in zip(tables.items(), ("-", "--", "-"), strict=True):
    left.plot(grid, values, style, label=f"$D^*$, {name}")
    right.plot(theta, curves[name], style, label=name)
left.set(xlabel="$x$", ylabel="density; $D^*(x)$")
left.legend(fontsize=8)
right.set(xlabel="distance $\\theta$ of the fakes from the data", ylabel="gradient of $-\\log D^*$ in $\\theta$")
right.legend(fontsize=9)
show(
    fig,
    alt="Left, the optimal discriminator over x for three kinds of target, with the "
    "densities of data and fakes; right, the generator's gradient over the "
    "distance for the three.",
)

# %% jupyter={"outputs_hidden": true}
torch.testing.assert_close(curves["none"], non_saturating, rtol=1e-6, atol=1e-9)
same = torch.allclose(curves["one-sided"], curves["none"], rtol=1e-6, atol=1e-9)
holds("one-sided: the generator's gradient is what it was", same)
holds("two-sided: it vanishes far away", curves["two-sided"][-1] < 0.01, curves["two-sided"][-1])
holds("too weak, but never in the wrong direction", (curves["two-sided"][1:] > 0).all())

# %% [markdown]
# Two findings. *Two-sided smoothing makes the non-saturating loss saturate again.* It does not pull the fakes the wrong
# way here, but it no longer pulls those that are far away. And *one-sided smoothing changes nothing for a generator with $-\log D$*, as long as the discriminator is optimal: the logarithm turns the factor $\alpha$ into a constant, and constants have no slope.
# So what is it good for? It bounds the logit of a perfect discriminator from above, by $\log\frac{\alpha}{1-\alpha}$, where without
# smoothing it is $\log(p/q)$ and has no bound. (In our table the perfect logit at $x=-4$ would be 24, by (4.3); after a thousand
# steps the table is still on its way there.)

# %%
log_odds = {name: torch.logit(values)[:20].max().item() for name, values in tables.items()}  # far on the data's side
print({name: round(value, 2) for name, value in log_odds.items()}, "bound:", round(math.log(0.9 / 0.1), 2))
holds("one-sided smoothing keeps to the bound", log_odds["one-sided"] < math.log(9) + 0.05)
holds("without it the logit goes on", log_odds["none"] > 5, log_odds["none"])

# %% [markdown]
# A real discriminator is a network, smooth and never optimal; one that need not climb to infinity on real pictures may also
# be less extreme elsewhere. That is the argument for it. It is about networks and not about (4.11), and nothing in this section
# tests it.

# %% [markdown]
# ## 4.10 Further: what does the non-saturating loss minimise? · 6 min
#
# With the optimal discriminator, the minimax loss descends $2\,\mathrm{JSD}$. What does $-\log D^*$ descend? The answer is a small
# surprise (Arjovsky and Bottou, 2017, Theorem 2.5). Let $D^*$ be optimal for a generator with density $q$, and hold it
# fixed. Two identities do everything:
#
# $$-\log D^* = \log\frac{q}{p} - \log(1-D^*),
# \qquad
# \nabla_\theta\,\mathbb{E}_{q_\theta}[-\log D^*] = \nabla_\theta\Bigl[D_{\mathrm{KL}}(q_\theta\Vert p) - 2\,\mathrm{JSD}(p\Vert q_\theta)\Bigr]. \tag{4.12}$$
#
# The first follows from $D^* = p/(p+q)$ and $1 - D^* = q/(p+q)$. For the second keep two densities apart: $q$, which made $D^*$
# and does not move, and $q_\theta$, from which the fakes are drawn and which does. Take expectations under $q_\theta$, and derivatives at
# the point where $q_\theta = q$. The term $\log(q/p)$ gives the gradient of $D_{\mathrm{KL}}(q_\theta\Vert p)$: the two differ by
# $D_{\mathrm{KL}}(q_\theta\Vert q)$, which is zero there, its smallest value, and so has no slope. The other term is minus the saturating
# loss at a fixed optimal discriminator, and its gradient is that of $-2\,\mathrm{JSD}$.
#
# For the shifted Gaussian, $D_{\mathrm{KL}}(q_\theta\Vert p) = \theta^2/2$ has the slope $\theta$, and so
# $g_{\text{non}} = \theta - g_{\text{sat}}$: that is why the two curves of section 4.3 added up to $\theta$. We check
# (4.12) with two parameters, shift and width, and autograd on integrals:


# %%
def theorem(shift, scale):
    """Gradients in (shift, scale) of E[−log D*] with D* fixed, of KL(q‖p), and of JSD(p‖q)."""
    where = torch.tensor([shift, scale], dtype=torch.float64, requires_grad=True)
    log_p, log_q = standard.log_prob(t), standard.log_prob((t - where[0]) / where[1]) - where[1].log()
    fixed_loss = F.softplus(log_q - log_p).detach()  # −log D*, whose logit is log p − log q
    terms = (
        torch.trapezoid(log_q.exp() * fixed_loss, t),
        torch.trapezoid(log_q.exp() * (log_q - log_p), t),
        jsd(*where),
    )
    return [torch.autograd.grad(term, where, retain_graph=True)[0] for term in terms]


for place in ((2.0, 1.0), (3.0, 0.5), (0.5, 1.5)):
    loss_slope, kl_slope, jsd_slope = theorem(*place)
    for parameter, *terms in zip(("shift", "scale"), loss_slope, kl_slope, 2 * jsd_slope, strict=True):
        print(f"{place}, slope in {parameter}: {terms[0]:7.4f} = {terms[1]:7.4f} − ({terms[2]:7.4f})")
    error = (loss_slope - (kl_slope - 2 * jsd_slope)).abs().max()
    holds("(4.12)", error < 1e-8, error)

# %% [markdown]
# What does that tell us? First, the JSD enters with a minus: taken alone, this part would drive the distributions *apart*. For the
# shift of section 4.3 the KL part outweighs it everywhere. For the width it need not: look at the second line above. At shift 2 and width 1
# the KL divergence has no slope in the width, the JSD would widen the fakes, and the loss makes them narrower than the data.
# Second, the KL divergence stands in the direction $D_{\mathrm{KL}}(q\Vert p)$, which
# punishes fakes where there are no data, and hardly punishes data that no fake resembles. Maximum
# likelihood, which chapter 02 approached from below, minimises the *other* direction. How different the two are shows
# a single Gaussian that must stand in for two peaks:

# %%
log_p = torch.logaddexp(standard.log_prob((t - 3) / 0.7), standard.log_prob((t + 3) / 0.7)) - math.log(2 * 0.7)
best = {}
for shift in torch.linspace(-4, 4, 33, dtype=torch.float64):
    for scale in torch.linspace(0.3, 4, 38, dtype=torch.float64):
        log_q = standard.log_prob((t - shift) / scale) - scale.log()
        reverse = torch.trapezoid(log_q.exp() * (log_q - log_p), t).item()
        forward = torch.trapezoid(log_p.exp() * (log_p - log_q), t).item()
        for name, value in (("KL(q‖p)", reverse), ("KL(p‖q)", forward)):
            best[name] = min(best.get(name, (math.inf,)), (value, shift.item(), scale.item()))


# %%
for name, (value, shift, scale) in best.items():
    print(f"{name}: best Gaussian at {shift:.2f} with standard deviation {scale:.2f}, divergence {value:.2f} nats")
one, both = best["KL(q‖p)"], best["KL(p‖q)"]
holds("KL(q‖p) sits on one peak", abs(abs(one[1]) - 3) < 0.3 and one[2] < 1, one[1])
holds("KL(p‖q) covers both", abs(both[1]) < 0.3 and both[2] > 2.5, both[2])

# %% [markdown]
# $D_{\mathrm{KL}}(q\Vert p)$ chooses one peak, pays 0.69 nats ($\log 2$) for leaving out half of the data, and is content (*mode-seeking*); $D_{\mathrm{KL}}(p\Vert q)$ covers both and the
# empty middle with them. It is tempting to conclude that the non-saturating loss *causes* generators to produce only some
# kinds of pictures (**mode collapse**, chapter 07). That does not follow. (4.12) is about one step against an
# *optimal* discriminator, and ours never is. Goodfellow (2016) notes that GANs trained towards the other
# direction of the divergence drop modes, too, and suspects the training and not the divergence. How much of it (4.12)
# explains is not known.

# %% [markdown]
# ## References
#
# - I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661): the
#   game, and in section 3 the loss that does not saturate.
# - X. Mao et al., "Least squares generative adversarial networks", ICCV 2017, [arXiv:1611.04076](https://arxiv.org/abs/1611.04076).
# - I. Goodfellow, "NIPS 2016 tutorial: generative adversarial networks", [arXiv:1701.00160](https://arxiv.org/abs/1701.00160).
# - M. Arjovsky and L. Bottou, "Towards principled methods for training generative adversarial networks", ICLR 2017,
#   [arXiv:1701.04862](https://arxiv.org/abs/1701.04862): saturation in high dimensions, and (4.12).
# - T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, [arXiv:1606.03498](https://arxiv.org/abs/1606.03498):
#   one-sided label smoothing, and the inception score.
# - J. H. Lim and J. C. Ye, "Geometric GAN", 2017, [arXiv:1705.02894](https://arxiv.org/abs/1705.02894): the hinge losses.
# - T. Miyato, T. Kataoka, M. Koyama and Y. Yoshida, "Spectral normalization for generative adversarial networks", ICLR 2018,
#   [arXiv:1802.05957](https://arxiv.org/abs/1802.05957): the hinge losses in use.
# - D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, [arXiv:1412.6980](https://arxiv.org/abs/1412.6980).
