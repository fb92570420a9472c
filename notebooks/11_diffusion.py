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
# # 11 · Diffusion and flow matching
#
# **You will be able to**
#
# - train a network that walks from noise to pictures, by ordinary regression;
# - say what a *perfect* network would answer, and check formulas and schedules by it;
# - read one network in four ways, and convert between papers' conventions;
# - choose sampler, steps and guidance by measurement;
# - put the method on the codes of a VAE, as Stable Diffusion does.
#
# **Time.** About 75 minutes to read without the sections marked *Further*. All cells run in two and a half
# minutes on two CPU cores.
#
# **You need** chapter 02's loss and its VAE, and the two scores of chapter 03.
#
# ![A sheet of handwritten digits in ten columns, one for each digit from 0 to 9.](images/11.png)
#
# *What you will make: noise turns into these, in each column the digit that was asked for.*

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
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import schedule
from course_utils.data import load_images
from course_utils.figures import show_images
from course_utils.game import fading_adam
from course_utils.results import Results, holds
from course_utils.training import train

schedule.seed_everything()
device, digits = schedule.device(), load_images("mnist")
results = Results("11", digits.source)

# %% [markdown]
# ## 11.1 From noise to a picture, a little at a time · 7 min
#
# A GAN makes a picture in one stroke. **Diffusion models** (Sohl-Dickstein et al., 2015; Ho et al., 2020) take many small ones: from pure noise
# they take a little away, again and again. **Flow matching** (Lipman et al., 2023; Liu et al., 2023) does it on the simplest road, a straight line:
#
# $$x_t = (1 - t)\,x + t\,\varepsilon, \qquad \varepsilon \sim \mathcal N(0, I), \quad 0 \le t \le 1. \tag{11.1}$$
#
# At **time** $t = 0$ stands the picture $x$, at $t = 1$ the noise $\varepsilon$; on the way the **velocity** is constant, $\varepsilon - x$. A network sees $x_t$ and $t$, but
# neither end, and is to guess the velocity. To sample, we walk back from noise along its guesses.


# %%
def to_path(pixels):
    return 2 * pixels - 0.25  # mean about 0, as the noise has it


def to_pixels(x):
    return ((x + 0.25) / 2).clamp(0, 1)


def mix(x, noise, t):
    t = t.view(-1, *[1] * (x.ndim - 1))
    return (1 - t) * x + t * noise


# %%
times = torch.linspace(0, 1, 10, device=device)
show_images(
    to_pixels(mix(to_path(digits.test[:1]), torch.randn(1, 1, 28, 28, device=device), times)),
    alt="One digit in ten steps from left to right, clean at first, ever more drowned in noise, at last noise alone.",
)

# %% [markdown]
# The network turns a picture into a picture, on small maps: two by two pixels become four channels of 14×14. Every block reads time and
# digit in a **note** of 64 numbers, and computes from it how to scale and shift its maps. (`GroupNorm` is batch norm over maps of one picture.)
#
# ![Diagram of the network: the noisy picture becomes 16 maps of 14 by 14, 32 maps of 7 by 7, 16 maps of 14 by 14 and the
# velocity; a note with time and label reaches every block.](images/11_network.svg)


# %%
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, width), nn.GroupNorm(4, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.told = nn.Linear(64, 2 * width)
        nn.init.zeros_(self.conv2.weight)  # a new block hands on what it gets

    def forward(self, h, note):
        scale, shift = self.told(note)[:, :, None, None].chunk(2, dim=1)
        inner = self.conv1(F.silu(self.norm1(h)))
        inner = self.norm2(inner) * (1 + scale) + shift
        return h + self.conv2(F.silu(inner))


def waves(t):
    angles = t[:, None] * torch.logspace(0, 2, 16, device=t.device)
    return torch.cat([angles.sin(), angles.cos()], dim=1)  # (n, 32): t as a chord of slow and fast waves


# %%
class FlowNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        w = width
        self.time = nn.Sequential(nn.Linear(32, 64), nn.SiLU(), nn.Linear(64, 64))
        self.label = nn.Embedding(11, 64)  # ten digits, and "not told"
        self.stem = nn.Conv2d(4, w, 3, padding=1)
        self.before = Block(w)
        self.down = nn.Conv2d(w, 2 * w, 2, stride=2)
        self.deep = nn.ModuleList([Block(2 * w), Block(2 * w)])
        self.up = nn.ConvTranspose2d(2 * w, w, 2, stride=2)
        self.after = Block(w)
        self.out = nn.Conv2d(w, 4, 3, padding=1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x, t, y):  # (n, 1, 28, 28), (n,), (n,)
        note = F.silu(self.time(waves(t)) + self.label(y))  # (n, 64)
        h = self.before(self.stem(F.pixel_unshuffle(x, 2)), note)  # (n, 16, 14, 14)
        low = self.down(h)  # (n, 32, 7, 7)
        for block in self.deep:
            low = block(low, note)
        h = self.after(h + self.up(low), note)  # (n, 16, 14, 14)
        return F.pixel_shuffle(self.out(h), 2)  # (n, 1, 28, 28)


print(f"{sum(p.numel() for p in FlowNet().parameters()):,} weights")

# %% [markdown]
# ## 11.2 A minute of training · 3 min
#
# Draw a picture, noise and a time; mix; let the network guess; square the error:
#
# $$L = \mathbb E_{x, \varepsilon, t}\,\bigl\lVert v_\theta(x_t, t, y) - (\varepsilon - x) \bigr\rVert^2 / 784. \tag{11.2}$$
#
# No second network, no game. One label in ten is hidden, so that the network also learns to draw without one.

# %%
NO_LABEL = 10


def flow_loss(model, x, y, hide=0.1):
    noise, t = torch.randn_like(x), torch.randn(len(x), device=x.device).sigmoid()
    y = torch.where(torch.rand(len(x), device=x.device) < hide, NO_LABEL, y)
    with schedule.autocast():
        v = model(mix(x, noise, t), t, y)
    return (v.float() - (noise - x)).square().mean()


# %%
# short, full
settings = schedule.choose(steps=(2_800, 60_000), width=(16, 64), batch_size=(32, 128), rate=(4e-3, 1e-3))
print(vars(settings))

# %%
model = FlowNet(settings.width).to(device)
optimizer, fade = fading_adam(model, settings.rate, settings.steps, betas=(0.9, 0.99))
print(f"loss before training: {flow_loss(model, to_path(digits.test[:500]), digits.test_labels[:500]):.3f}")


# %% [markdown]
# **Start it, and read on**; on an idle laptop it takes a minute.


# %%
def update(x, y):
    loss = flow_loss(model, to_path(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    fade.step()
    return {"loss": loss}


# %%
size = {"steps": settings.steps, "batch_size": settings.batch_size}
state = {"model": model, "optimizer": optimizer, "fade": fade}
history = train(update, digits.train, labels=digits.train_labels, name="11_flow", state=state, **size)
model = model.eval()

# %% [markdown]
# (Two details. `fading_adam` holds the rate for half of the steps and then lets it fall to nothing. And times are drawn as $\sigma(\text{normal})$, with $\sigma$ the sigmoid, so that the middle of the road is practised most (as in Esser et al., 2024).)
#
# ## 11.3 The walk · 8 min
#
# Sampling is Euler's method. From time $t$ to an earlier $s$, go as far as the velocity at $t$ says:
#
# $$x_s = x_t + (s - t)\,v_\theta(x_t, t, y). \tag{11.3}$$
#
# **Guidance** sharpens the wish (Ho and Salimans, 2022). Ask the network twice, with the label and without, and go further in the direction in which the label moved the answer:
#
# $$v = v_\text{without} + w\,(v_\text{with} - v_\text{without}). \tag{11.4}$$
#
# $w = 0$ ignores the label, $w = 1$ obeys it, $w = 2$ exaggerates. (What exaggeration costs, 11.9 measures. The branch `heun` waits for 11.10.)


# %%
def guided(model, y, w=1.0):
    def velocity(x, t):
        t = torch.full((len(x),), t, device=x.device)
        with_label = model(x, t, y)
        if w == 1:
            return with_label
        without = model(x, t, torch.full_like(y, NO_LABEL))
        return without + w * (with_label - without)

    return velocity


# %%
from itertools import pairwise


@torch.no_grad()
def walk(velocity, x, steps, heun=False):
    for t, s in pairwise(torch.linspace(1, 0, steps + 1).tolist()):
        v = velocity(x, t)
        if heun and s > 0:
            v = (v + velocity(x + (s - t) * v, s)) / 2
        x = x + (s - t) * v
    return x


# %%
def draw(n, w=1.0, steps=16, told=True, **options):
    """n pictures: the digits 0 to 9 in turn, or (told=False) whatever comes."""
    y = (torch.arange(n, device=device) % 10) if told else torch.full((n,), NO_LABEL, device=device)
    noise = torch.randn(n, 1, 28, 28, device=device, generator=torch.Generator(device).manual_seed(schedule.seed()))
    parts = [
        walk(guided(model, a, w), b, steps, **options) for a, b in zip(y.split(500), noise.split(500), strict=True)
    ]
    return to_pixels(torch.cat(parts))


# %% tags=["picture"]
samples = draw(2_000, w=2.0, steps=8)
show_images(
    samples[:60],
    columns=10,
    size=0.6,
    alt="Six rows of ten generated digits, columns for 0 to 9; nearly all are the digit of their column, in varied hands.",
)

# %% [markdown]
# Sixteen calls of a network with 71,000 weights for each picture: eight steps, two questions a step. Here are two of twenty walks to a 2, and under each what the network *believes* at every
# step: the picture that lies at the end of the line it points along, $\hat x = x_t - t\,v$.


# %%
@torch.no_grad()
def film(y, steps=8, w=1.0):
    x, frames, beliefs = torch.randn(len(y), 1, 28, 28, device=device), [], []
    velocity = guided(model, y, w)
    for t, s in pairwise(torch.linspace(1, 0, steps + 1).tolist()):
        v = velocity(x, t)
        frames.append(x)
        beliefs.append(x - t * v)
        x = x + (s - t) * v
    return to_pixels(torch.stack([*frames, x])), to_pixels(torch.stack([*beliefs, x]))


# %%
frames, beliefs = film(torch.full((20,), 2, device=device))
rows = {
    "a walk": frames[:, 0],
    "its beliefs": beliefs[:, 0],
    "another": frames[:, 1],
    "its beliefs, too": beliefs[:, 1],
}
show_images(rows, columns=9, size=0.6, alt="Four rows of nine: two walks from noise to a 2, each above its beliefs.")

# %%
spread = [one.std(dim=0).mean().item() for one in (beliefs[0], beliefs[-1])]
holds("the first beliefs differ less than the finished pictures", spread[0] < spread[1], *spread)

# %% [markdown]
# At the start the belief is a blur: in training every noise stood at the end of the roads of *all* twos, so the best guess there is their mean, the same for every noise. Our network comes near it, with some grain of the noise left in. On the way the belief becomes
# *one* picture. One step would have ended in the blur (section 11.13, no. 2).

# %% [markdown]
# ## 11.4 How good is it? · 4 min
#
# Chapter 03's two scores, 2,000 pictures a row; beside them the generators that come with the course: the VAE of chapter 02, the DCGAN of chapter 05 (trained longer than here).

# %%
from course_utils import pretrained
from course_utils.taught import evaluation

classifier = pretrained.load(f"classifier-{digits.source}")
real_features, _ = evaluation.features_and_probabilities(classifier, digits.test)
contenders = {
    "real": digits.train[:2_000],
    "guided, w = 2": samples,
    "label, no guidance": draw(2_000),
    "no label": draw(2_000, told=False),
    "VAE (shipped)": pretrained.sample(f"vae-{digits.source}", 2_000),
    "DCGAN (shipped)": pretrained.sample(f"dcgan-{digits.source}", 2_000),
    "noise": torch.rand(2_000, 1, 28, 28, device=device),
}

# %%
scores = {name: evaluation.score(x, real_features, classifier) for name, x in contenders.items()}
for name, score in scores.items():
    print(f"{name:20s} inception {score.inception_score:5.2f}   Fréchet {score.frechet:7.1f}")
results.add(inception_score=scores["guided, w = 2"].inception_score, frechet=scores["guided, w = 2"].frechet)
results.add(real_inception_score=scores["real"].inception_score, real_frechet=scores["real"].frechet)
results.add(told_frechet=scores["label, no guidance"].frechet, noise_frechet=scores["noise"].frechet)
results.add(untold_inception_score=scores["no label"].inception_score, untold_frechet=scores["no label"].frechet)

# %%
best, plain, untold, noise = (scores[name] for name in ("guided, w = 2", "label, no guidance", "no label", "noise"))
holds(
    "sixteen calls: inception score at least 7, Fréchet at most 100", best.inception_score >= 7 and best.frechet <= 100
)
holds("score: labels help, guidance helps more", untold.inception_score < plain.inception_score < best.inception_score)
holds("distance: labels help", plain.frechet < untold.frechet, plain.frechet, untold.frechet)
holds("and far from noise", max(best.frechet, untold.frechet) < noise.frechet / 4)

# %% [markdown]
# Be fair: two of our rows are told the digit, and their ten digits come in equal shares. The GAN and the VAE of
# the table are not told; the row to set beside them is *no label*. On MNIST it stays below an inception score of 7 and above a Fréchet distance of 100: *after a minute of training, our network
# draws well only what it is asked for.* (It practised without a label in one picture of ten. What it would reach if it never saw one we have not measured.)

# %% [markdown]
# ## 11.5 What would a perfect network say? · 7 min
#
# Squared error has a known best answer $g$, the mean of the targets $V$: $\mathbb E(g-V)^2 = (g - \mathbb E V)^2 + \operatorname{var} V$. For (11.2) it is the mean of $\varepsilon - x$ over all pairs that could have led to this $x_t$. If the data are *finitely many* points
# $x^{(1)}, \dots, x^{(N)}$ with weights $\pi_i$, Bayes' rule gives it in closed form. More generally let $x_t = a_t x + \sigma_t \varepsilon$ (here $a_t = 1 - t$, $\sigma_t = t$; from now on $\sigma_t$ is a number, not the sigmoid). Then the best guess of the picture is
#
# $$\hat x(x_t) = \sum_i p_i\, x^{(i)}, \qquad p = \operatorname{softmax}_i\!\Bigl(\log \pi_i - \frac{\lVert x_t - a_t x^{(i)} \rVert^2}{2\sigma_t^2}\Bigr), \tag{11.5}$$
#
# and the velocity is $(x_t - \hat x)/t$, since the line from $\hat x$ through $x_t$ reaches the noise at time 1. No network, no training: an **oracle** for every formula of this chapter.

# %%
points = torch.tensor([[-3.0], [-1.0], [0.5], [2.5]], dtype=torch.float64)
shares = torch.tensor([0.1, 0.4, 0.3, 0.2], dtype=torch.float64)


def best_guess(x, a, sigma, points=points, shares=shares):
    """(11.5): x (n, d) and points (N, d) give (n, d)."""
    distances = (
        (x[:, None] - a * points).square().sum(dim=2) if points.shape[1] == 1 else torch.cdist(x, a * points) ** 2
    )
    return (shares.log() - distances / (2 * sigma**2)).softmax(dim=1) @ points


def perfect(x, t):
    return (x - best_guess(x, 1 - t, t)) / t


# %% [markdown]
# > **❓ Predict.** The noise is a bell around 0, the four points stand at −3, −1, 0.5 and 2.5. The walks are deterministic. Which share of them ends at which point?

# %% jupyter={"outputs_hidden": true}
start = torch.randn(50_000, 1, dtype=torch.float64)
ends = walk(perfect, start, steps=200)
nearest = (ends - points.T).abs().argmin(dim=1)
counted = torch.bincount(nearest, minlength=4) / len(ends)
print("shares:", [round(share, 3) for share in counted.tolist()])

# %% jupyter={"outputs_hidden": true}
holds("the four shares, within 0.01", (counted - shares).abs().max() < 0.01, (counted - shares).abs().max())
holds("and every walk ends on a point", (ends - points[nearest]).abs().max() < 1e-6)

# %%
import matplotlib.pyplot as plt

from course_utils.figures import show

paths, x = [start[:60]], start[:60]
for t, s in pairwise(torch.linspace(1, 0, 101).tolist()):
    x = x + (s - t) * perfect(x, t)
    paths.append(x)
fig, ax = plt.subplots(figsize=(7, 2.8))
ax.plot(torch.linspace(1, 0, 101), torch.cat(paths, dim=1).T, color="#0072B2", linewidth=0.6)
ax.set(xlabel="time t, from noise (left) to data (right)", ylabel="x", xlim=(1, 0))
show(fig, alt="Sixty smooth curves from a bell of noise at the left that part and run into four points at the right.")

# %%
order = torch.cat(paths, dim=1).T
holds("paths do not cross", (order[:, order[0].argsort()].diff(dim=1) > -1e-9).all())

# %% [markdown]
# The roads (11.1) of pairs cross; the walks do not, because at one place and time there is only one velocity. So the lowest tenth of the noise ends at −3 and the highest fifth at 2.5: in one dimension the walk sorts.
#
# Now the same oracle with *pictures*: 2,000 training digits as the points.

# %%
memory = to_path(digits.train[:2_000]).flatten(1)
even = torch.full((len(memory),), 1 / len(memory), device=device)


def by_heart(x, t):
    return (x - best_guess(x, 1 - t, t, memory, even)) / t


recalled = walk(by_heart, torch.randn(10, 784, device=device), steps=30)
distance, which = torch.cdist(recalled, memory).min(dim=1)
rows = {"walks of the perfect network": recalled, "nearest training picture": memory[which]}
show_images(
    {name: to_pixels(x.view(-1, 1, 28, 28)) for name, x in rows.items()}, alt="Two rows of ten digits, which agree."
)
holds("the perfect network returns training pictures", distance.max() < 0.1, distance.max())

# %%
everything = to_path(digits.train).flatten(1)
ours, unseen = (torch.cdist(to_path(x[:200]).flatten(1), everything).min(dim=1).values for x in (samples, digits.test))
holds("ours does not", ours.min() > 1, ours.min())
holds("nor nearly, as test digits go", ours.median() > 0.7 * unseen.median(), ours.median(), unseen.median())

# %% [markdown]
# (The last line: the middle distance from the nearest training picture, for 200 of ours and 200 test digits.) The loss (11.2) has a best solution, and the best solution *learns the training set by heart*. That our network draws new digits is owed to what it cannot represent or has not had the time
# to learn. How networks fail in just this useful way is a question of current research; large models do reproduce some training pictures (Carlini et al., 2023).

# %% [markdown]
# ## 11.6 One guess, four names · 3 min
#
# Papers train networks to guess the noise $\varepsilon$, the picture $x$, a velocity, or the **score** $\nabla \log p_t(x_t)$, the direction in which the density $p_t$ of noisy pictures grows fastest. Given $x_t = a_t x + \sigma_t\varepsilon$, a guess of one is a guess of all:
#
# $$\hat\varepsilon = \frac{x_t - a_t\hat x}{\sigma_t}, \qquad v = \hat\varepsilon - \hat x, \qquad \nabla \log p_t(x_t) = -\frac{\hat\varepsilon}{\sigma_t}. \tag{11.6}$$
#
# The last one is Tweedie's formula. We ask the oracle, whose $p_t$ is a known mixture of four bells, and autograd.

# %%
x, a, sigma = torch.linspace(-3, 3, 50, dtype=torch.float64)[:, None].requires_grad_(), 0.6, 0.5
log_p = (shares.log() - (x - a * points.T) ** 2 / (2 * sigma**2)).logsumexp(dim=1)
(score,) = torch.autograd.grad(log_p.sum(), x)
eps_hat = (x - a * best_guess(x, a, sigma)) / sigma
holds("the score is −ε̂/σ", torch.allclose(score, -eps_hat.detach() / sigma))

# %% [markdown]
# For one noisy picture, where $x_t$ is known, the errors are tied, too. On the straight road
#
# $$\lVert \hat x - x \rVert^2 = t^2\, \lVert \hat v - v \rVert^2, \qquad \lVert \hat\varepsilon - \varepsilon \rVert^2 = (1-t)^2\, \lVert \hat v - v \rVert^2. \tag{11.7}$$
#
# So the three losses are *one loss with different weights for different times*. A fourth belongs to them: the name *v-prediction* in papers mostly means
# $u = a\,\varepsilon - \sigma x$ (Salimans and Ho, 2022), whose squared error is $\bigl((1-t)^2 + t^2\bigr)^2$ times ours. One trained network, read in four ways:


# %%
@torch.no_grad()
def errors(t, x, y):
    """Mean squared errors per pixel of one network's guess, read as v, as x, as ε, as u, at one time."""
    noise = torch.randn_like(x)
    x_t = mix(x, noise, torch.full((len(x),), t, device=device))
    v = guided(model, y)(x_t, t)
    x_hat, eps_hat = x_t - t * v, x_t + (1 - t) * v
    u_hat, u = (1 - t) * eps_hat - t * x_hat, (1 - t) * noise - t * x
    pairs = (v, noise - x), (x_hat, x), (eps_hat, noise), (u_hat, u)
    return [(guess - truth).square().mean().item() for guess, truth in pairs]


# %%
test = to_path(digits.test[:256]), digits.test_labels[:256]
for t in (0.1, 0.5, 0.9):
    read, weights = torch.tensor(errors(t, *test)), torch.tensor([1, t**2, (1 - t) ** 2, ((1 - t) ** 2 + t**2) ** 2])
    print(f"t = {t}: " + ", ".join(f"as {name} {error:.4f}" for name, error in zip("vxεu", read, strict=True)))
    holds("  equal up to the weights", ((read / weights / read[0] - 1).abs() < 0.01).all())

# %% [markdown]
# What differs is which times the training attends to, and what the network must say when $x_t$ is all noise or all picture. Guessing $\varepsilon$ at $t = 1$ is copying, and then $\hat x$ is nothing divided by nothing. Guessing $x$ at $t=0$ is copying.
# The velocity is never a copy.

# %% [markdown]
# ## 11.7 One ladder for DDPM and DDIM · 6 min
#
# Ho et al. (2020) do not walk a straight road. Their *denoising diffusion probabilistic model*, **DDPM**, climbs a ladder of $T$ rungs. On each, a little noise is added, with variance $\beta_k$, and the picture shrinks to make room:
#
# $$x_k = \sqrt{1-\beta_k}\,x_{k-1} + \sqrt{\beta_k}\,\varepsilon_k \quad\Rightarrow\quad x_k = a_k x + \sigma_k\varepsilon, \qquad a_k^2 = \prod_{j \le k} (1-\beta_j) = 1 - \sigma_k^2. \tag{11.8}$$
#
# (The literature writes $\bar\alpha_k$ for $a_k^2$.) Downwards, from $(a, \sigma)$ to any lower rung $(a', \sigma')$, one formula holds two famous samplers:
#
# $$x' = a'\hat x + \sqrt{\sigma'^2 - r^2}\;\hat\varepsilon + r\,\varepsilon_\text{new}, \qquad r = \eta\,\frac{\sigma'}{\sigma}\sqrt{\sigma^2 - \bigl(\tfrac{a}{a'}\bigr)^2 \sigma'^2}. \tag{11.9}$$
#
# With $\eta = 1$ this is DDPM: some of the guessed noise is replaced by fresh noise. With $\eta = 0$ it is **DDIM** (*implicit* models; Song et al., 2021): nothing random after the start.


# %%
def step_down(x, x_hat, now, then, eta=0.0):
    """(11.9): from the rung now = (a, σ) to the rung then = (a', σ')."""
    (a, sigma), (a2, sigma2) = now, then
    eps_hat = (x - a * x_hat) / sigma
    fresh = eta * sigma2 / sigma * max(sigma**2 - (a / a2) ** 2 * sigma2**2, 0.0) ** 0.5
    return a2 * x_hat + (sigma2**2 - fresh**2) ** 0.5 * eps_hat + fresh * torch.randn_like(x)


# %%
x_t, y = mix(to_path(digits.test[:64]), torch.randn(64, 1, 28, 28, device=device), torch.full((64,), 0.7)), test[1][:64]
with torch.no_grad():
    v = guided(model, y)(x_t, 0.7)
euler = x_t + (0.5 - 0.7) * v
ddim = step_down(x_t, x_t - 0.7 * v, (0.3, 0.7), (0.5, 0.5))
holds("an Euler step on the straight road is a DDIM step", torch.allclose(euler, ddim, atol=1e-5))

# %% [markdown]
# So the walk of 11.3 *is* DDIM, on other rungs. Rungs can be changed without training: $x_t$ divided by $\sqrt{a_t^2 + \sigma_t^2}$ lies on DDPM's ladder, and DDPM's $x_k$ divided by $a_k + \sigma_k$ lies on the straight road, at time
# $t = \sigma_k/(a_k+\sigma_k)$. So (11.9) could take our network down DDPM's ladder, too.
#
# ### A ladder that is too short
#
# Ho et al. let $\beta$ grow evenly from $10^{-4}$ to $0.02$ over $T = 1000$ rungs. Several public projects for small machines keep the two numbers and take fewer rungs, 400, 100 or 50.


# %%
def ladder(T, scale=1.0):
    """The rungs (a_k, σ_k), the lowest first."""
    kept = (1 - (scale * torch.linspace(1e-4, 0.02, T, dtype=torch.float64)).clamp(max=0.999)).cumprod(dim=0)
    return list(zip(kept.sqrt().tolist(), (1 - kept).sqrt().tolist(), strict=True))


def climb_down(rungs, n=20_000, eta=1.0):
    x = torch.randn(n, 1, dtype=torch.float64)
    for now, then in pairwise([*rungs[::-1], (1.0, 0.0)]):
        x = step_down(x, best_guess(x, *now), now, then, eta)
    return torch.bincount((x - points.T).abs().argmin(dim=1), minlength=4) / n


print(f"left at the top of the published ladder: {ladder(1000)[-1][0]:.4f}")


# %% [markdown]
# > **❓ Predict.** At the top of the ladder everything should be noise, since sampling starts from noise. How much of the picture is left, $a_T$, with the same $\beta$s and $T = 50$? What will the *perfect* network do then?


# %% jupyter={"outputs_hidden": true}
off, found = {}, {}
for T, scale in ((1000, 1), (200, 1), (50, 1), (50, 20)):
    rungs = ladder(T, scale)
    found[T, scale] = counted = climb_down(rungs)
    off[T, scale] = (counted - shares).abs().max().item()
    print(
        f"T = {T:4d}, β × {scale:2d}: signal left {rungs[-1][0]:.3f}, shares {[round(c, 3) for c in counted.tolist()]}"
    )

# %% jupyter={"outputs_hidden": true}
holds("T = 1000: right within 0.015", off[1000, 1] < 0.015, off[1000, 1])
holds("T = 50: three quarters of the signal are left, and a share is off by a tenth", off[50, 1] > 0.08, off[50, 1])
holds("T = 50 with β scaled by 1000/50: much better", off[50, 20] < 0.03, off[50, 20])
kept = (found[50, 1] / shares)[[0, 3]]
holds("the outer points keep less than half and less than two thirds", kept[0] < 0.5 and kept[1] < 0.67, *kept)
results.add(oracle_off_short_ladder=off[50, 1])

# %% [markdown]
# With 50 unscaled rungs 78 % of the signal is left at the top, and the sampler, which starts from *nothing but* noise, starts in the wrong place. The point at −3 loses more than half of its share, the one at 2.5 more than a third. No network is to blame. (Lin et al., 2024, find a milder form of the fault in Stable Diffusion.) "More rungs are better" is then true for the wrong reason. Print $a_T$ before you train.

# %% [markdown]
# ## 11.8 Is it trained? The loss, time by time · 5 min
#
# My loss is flat; is it done? The single number says little, because times differ so much. Look at the loss for each $t$, between two bounds that need no network.
#
# *Above*, what **linear** guessing can do, pixel by pixel: if pixels were independent bells with the means and variances $q_j$ of the data, the best velocity would be linear, and its error $q_j / ((1-t)^2 q_j + t^2)$ for pixel $j$. A network must beat this. *Below*, on training pictures, the
# perfect network that knows them by heart: no network that is not told the label can have a lower training loss, and nobody should want it.

# %%
grid, few = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.95), 40
variance = everything.var(dim=0)
even = torch.full((len(everything),), 1 / len(everything), device=device)


def heart_loss(x, t):
    noise = torch.randn_like(x)
    x_hat = best_guess((1 - t) * x + t * noise, 1 - t, t, everything, even)
    return (x_hat - x).square().mean().item() / t**2  # by (11.7)


held_out = to_path(digits.test[:few]).flatten(1)

# %%
curves = {
    "linear guess": [(variance / ((1 - t) ** 2 * variance + t**2)).mean().item() for t in grid],
    "our network, test pictures": [errors(t, *test)[0] for t in grid],
    "by heart, training pictures": [heart_loss(everything[:few], t) for t in grid],
    "by heart, test pictures": [heart_loss(held_out, t) for t in grid],
}
for name, curve in curves.items():
    print(f"{name:28s}", " ".join(f"{one:6.3f}" for one in curve))

# %%
fig, ax = plt.subplots(figsize=(7, 3.2))
for (name, curve), style in zip(curves.items(), ("--", "-", ":", "-."), strict=True):
    ax.plot(grid, curve, style, label=name, marker=".")
ax.set(xlabel="time t", ylabel="loss (11.2) at this time", ylim=(0, 2))
ax.legend(fontsize=8)
show(
    fig, alt="Loss against time for four guessers: linear, the network, and by heart on training and on test pictures."
)

# %%
linear, network, heart, heart_test = (torch.tensor(curve) for curve in curves.values())
holds("the network beats linear guessing at every time from 0.1 on", (network < linear)[1:].all())
holds("by heart is unbeatable on training pictures at small times", (heart < network)[:5].all(), heart[2], network[2])
holds("and useless on test pictures there", (heart_test > network)[:5].all(), heart_test[2])
results.add(loss_at_half=network[4].item())

# %% [markdown]
# The band between the bounds is narrow at the right: near $t = 1$ the best anybody can do is to answer $\varepsilon - \bar x$, and the loss is the variance of the pictures. Our network is told the label, so that for it only the variance *within* a digit is left: there it may fall below both.
# The room for learning is in the middle and at the left; compare two runs there, time by time, and not by the mean over all times alone. And the two curves *by heart* show in one picture what 11.5 said: perfection on training pictures is memory, and on other pictures memory is worse than a network.

# %% [markdown]
# ## 11.9 Guidance: how loud is the wish? · 4 min
#
# Two measures: the share of pictures that the classifier takes for the digit asked for, and the *variety*, the spread of its features within a digit.


# %%
def accuracy_and_variety(pictures, y):
    features, probabilities = evaluation.features_and_probabilities(classifier, pictures)
    spread = torch.stack([features[y == d].var(dim=0).sum() for d in range(10)]).mean().sqrt()
    return (probabilities.argmax(dim=1) == y).double().mean().item(), spread.item()


real_thousand, y = digits.test[1_000:2_000], torch.arange(1_000, device=device) % 10
_, real_spread = accuracy_and_variety(real_thousand, digits.test_labels[1_000:2_000])
print(f"variety of real digits: {real_spread:.2f}, which shall count as 1")

# %% [markdown]
# > **❓ Predict.** From $w = 0$ to $4$: which of the two rises, which falls, and where is the Fréchet distance smallest?


# %% jupyter={"outputs_hidden": true}
table = {}
for w in (0.0, 1.0, 2.0, 4.0):
    pictures = draw(1_000, w=w, steps=8)
    accuracy, spread = accuracy_and_variety(pictures, y)
    frechet = evaluation.score(pictures, real_features, classifier).frechet
    table[w] = accuracy, spread / real_spread, frechet
    print(f"w = {w:.0f}: requested digit {accuracy:.3f}, variety {spread / real_spread:.2f}, Fréchet {frechet:6.1f}")

# %% jupyter={"outputs_hidden": true}
accuracies, varieties, _ = (torch.tensor(column) for column in zip(*table.values(), strict=True))
holds("without the wish, one digit in ten is the right one", 0.05 < accuracies[0] < 0.16, accuracies[0])

# %% jupyter={"outputs_hidden": true}
holds("w = 2 obeys better than w = 1", accuracies[2] > accuracies[1])
holds("and varies less", varieties[2] < varieties[1], varieties[1], varieties[2])
holds("w = 4 varies least", varieties[3] == varieties[1:].min(), varieties[3])
holds("too loud a wish: w = 4 is farther from real digits than w = 2", table[4.0][2] > table[2.0][2])
results.add(
    label_accuracy=accuracies[1].item(), guided_accuracy=accuracies[2].item(), guided_variety=varieties[2].item()
)

# %% [markdown]
# The wish is paid for with variety. (At $w = 0$ the digits are mixed, so the variety *within* what was asked for means nothing there.) Where the Fréchet distance is smallest depends on the data: of these four, at $w = 2$ on MNIST, where at $w = 1$ about one picture in six
# is not what was asked for, and at $w = 1$ on the embedded digits. From $w = 2$ to $4$ it grows on both.
#
# > **⚠ Common mistake.** Taking $w$ from a paper. Ho and Salimans write $\hat\varepsilon = (1 + w')\,\hat\varepsilon_\text{with} - w'\,\hat\varepsilon_\text{without}$: there 0 means no guidance, and their
# > $w'$ is our $w - 1$. Hugging Face's `diffusers` calls ours `guidance_scale`. Since (11.6) is affine, it makes no difference whether $v$, $\varepsilon$ or $x$ is guided:

# %%
with torch.no_grad():
    told, untold_v = guided(model, test[1][:64])(x_t, 0.7), guided(model, test[1][:64], w=0.0)(x_t, 0.7)
    ours = x_t + 0.3 * guided(model, test[1][:64], w=2.5)(x_t, 0.7)  # the noise that our v means
eps_with, eps_without = x_t + 0.3 * told, x_t + 0.3 * untold_v
theirs = (1 + 1.5) * eps_with - 1.5 * eps_without
holds("our w = 2.5 is their w' = 1.5, in ε as in v", torch.allclose(ours, theirs, atol=1e-4))

# %% [markdown]
# ## 11.10 Steps, calls, seconds · 5 min
#
# Euler's method keeps the velocity of the beginning of a step. **Heun's** tries the step, asks again at its end, and goes with the mean of both: two calls a step, and an error that falls with the square of the step. (Our last step, into $t = 0$, stays Euler's.) And $\eta = 1$
# adds fresh noise, as DDPM does. What does a *call* buy? 1,000 pictures a row, $w = 1$:


# %%
@torch.no_grad()
def draw_ddpm(n, steps):
    """As draw, on the straight road, with η = 1."""
    y, x = torch.arange(n, device=device) % 10, torch.randn(n, 1, 28, 28, device=device)
    for t, s in pairwise(torch.linspace(1, 0, steps + 1).tolist()):
        x = step_down(x, x - t * guided(model, y)(x, t), (1 - t, t), (1 - s, s), eta=1.0)
    return to_pixels(x)


# %%
import time

rows = [("Euler", k, lambda k: draw(1_000, steps=k)) for k in (2, 4, 8, 16)]
rows += [("Heun", k, lambda k: draw(1_000, steps=(k + 1) // 2, heun=True)) for k in (3, 7, 15, 31)]
rows += [("fresh noise", k, lambda k: draw_ddpm(1_000, k)) for k in (4, 16)]
by_calls = {}
for name, calls, how in rows:
    begun = time.process_time()
    pictures = how(calls)
    seconds, score = time.process_time() - begun, evaluation.score(pictures, real_features, classifier)
    by_calls.setdefault(name, {})[calls] = score.frechet
    print(
        f"{name:12s} {calls:2d} calls {seconds:5.1f} s  inception {score.inception_score:.2f}  Fréchet {score.frechet:.0f}"
    )

# %%
fig, ax = plt.subplots(figsize=(6, 2.8))
for name, curve in by_calls.items():
    ax.plot(list(curve), list(curve.values()), marker="o", label=name)
ax.set(xlabel="calls of the network for each picture", ylabel="Fréchet distance", yscale="log")
ax.legend()
show(fig, alt="Fréchet distance against the number of calls, on a logarithmic axis, for Euler, Heun and fresh noise.")

# %%
euler, heun, fresh = by_calls.values()
holds("more Euler steps are better, up to 8", euler[2] > euler[4] > euler[8], *euler.values())
holds("Heun with 7 calls is about as good as Euler with 16", heun[7] < 1.15 * euler[16], heun[7], euler[16])
holds("four times as many calls gain Heun less than a fifth", heun[31] > 0.8 * heun[7], heun[7], heun[15], heun[31])
holds("with 16 calls, fresh noise does no harm", fresh[16] < 1.15 * euler[16], fresh[16], euler[16])
results.add(euler_16=euler[16], heun_15=heun[15], fresh_16=fresh[16], euler_4=euler[4])

# %% [markdown]
# From some number of calls on more of them gain little, and the distance that is left is the network's own. Fresh noise surprises: an exact network would not need it, and here, with 16 calls,
# it does no harm; on MNIST it helps. A plausible reason is that it overwrites earlier errors. Karras et al. (2022) argue so, and find that it depends: noise helps networks that were trained less well, and no longer helps their best one on CIFAR-10. We have not tested the reason.

# %% [markdown]
# ## 11.11 Latent flow: the same walk, in the VAE's codes · 7 min
#
# Codes drawn from the prior fall into holes between a VAE's own codes (chapter 02). **Latent diffusion** (Rombach et al., 2022), the method of Stable Diffusion, walks in the codes of an
# autoencoder and decodes at the end. Our codes are 20 numbers, the network is dense, and training takes seconds. `mix` and `walk` stay as they are.

# %%
vae = pretrained.load(f"vae-{digits.source}")
with torch.no_grad():
    mu, logvar = vae.encode(digits.train)
    codes = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
centre, scale = codes.mean(dim=0), codes.std(dim=0)
print(f"{len(codes):,} codes of {codes.shape[1]} numbers, with spreads from {scale.min():.2f} to {scale.max():.2f}")


# %%
class CodeFlow(nn.Module):
    def __init__(self, dim=20, width=256):
        super().__init__()
        inner = [nn.Linear(dim + 32, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)]
        self.layers = nn.Sequential(*inner, nn.SiLU(), nn.Linear(width, dim))

    def forward(self, z, t):
        return self.layers(torch.cat([z, waves(t)], dim=1))


# %%
code_flow = CodeFlow().to(device)
plan = schedule.choose(steps=(5_000, 20_000))
adam, fade_code = fading_adam(code_flow, 3e-3, plan.steps, betas=(0.9, 0.99))
print(f"{sum(p.numel() for p in code_flow.parameters()):,} weights")


# %%
def update_codes(z):
    noise, t = torch.randn_like(z), torch.rand(len(z), device=device)
    loss = (code_flow(mix(z, noise, t), t) - (noise - z)).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    fade_code.step()
    return loss


# %%
begun, standard = time.process_time(), (codes - centre) / scale
losses = [update_codes(standard[torch.randint(len(codes), (128,), device=device)]).item() for _ in range(plan.steps)]
seconds = time.process_time() - begun
print(
    f"{plan.steps:,} steps in {seconds:.0f} s of computing; loss {sum(losses[:100]) / 100:.3f} → {sum(losses[-100:]) / 100:.3f}"
)

# %%
code_velocity = lambda z, t: code_flow(z, torch.full((len(z),), t, device=device))  # noqa: E731
z = walk(code_velocity, torch.randn(2_000, 20, device=device), steps=16, heun=True) * scale + centre
with torch.no_grad():
    latent = vae.decode(z).sigmoid().view(-1, 1, 28, 28)
    rebuilt = vae.decode(vae.encode(digits.test[:2_000])[0]).sigmoid().view(-1, 1, 28, 28)
    bell = centre + torch.randn(2_000, 20, device=device) @ torch.linalg.cholesky(torch.cov(codes.T)).T
    fitted = vae.decode(bell).sigmoid().view(-1, 1, 28, 28)
show_images(
    {"codes from the prior": contenders["VAE (shipped)"][:10], "codes from the flow": latent[:10]},
    alt="Two rows of ten pictures from the same decoder: with codes from the prior, and with codes from the flow.",
)

# %%
prior, flow = scores["VAE (shipped)"], evaluation.score(latent, real_features, classifier)
limit = evaluation.score(rebuilt, real_features, classifier)
one_bell = evaluation.score(fitted, real_features, classifier)
rows = {"the VAE's prior": prior, "one bell, fitted": one_bell, "latent flow": flow, "rebuilt test pictures": limit}
for name, score in rows.items():
    print(f"{name:22s} inception {score.inception_score:5.2f}   Fréchet {score.frechet:6.1f}")

# %%
holds("at most two thirds of the prior's distance", flow.frechet < 0.67 * prior.frechet, flow.frechet / prior.frechet)
holds(
    "a bell with the codes' mean and covariance does not do it",
    flow.frechet < 0.75 * one_bell.frechet,
    one_bell.frechet,
)
results.add(latent_frechet=flow.frechet, prior_frechet=prior.frechet, latent_inception_score=flow.inception_score)

# %% [markdown]
# Same decoder, other codes, and no label. The last row is what the autoencoder loses by itself, however good the codes; the distance from there to *latent flow* is the flow's.

# %% [markdown]
# ## 11.12 Diffusion against the earlier GANs · 3 min
#
# One of our source documents, document 000 (a chapter on generative models for a PyTorch book), ends with a research task: *explore StyleGAN or diffusion models and summarise their advantages over traditional GANs*. On this course's own numbers:

# %%
for name in ("no label", "guided, w = 2", "DCGAN (shipped)"):
    print(f"  {name:18s} inception {scores[name].inception_score:5.2f}   Fréchet {scores[name].frechet:6.1f}")

# %%
begun = time.process_time()
pretrained.sample(f"dcgan-{digits.source}", 1_000)
gan_seconds, begun = time.process_time() - begun, time.process_time()
draw(1_000, steps=8)
print(
    f"1,000 pictures: DCGAN {gan_seconds:.2f} s, flow with 8 calls {(flow_seconds := time.process_time() - begun):.2f} s"
)

# %%
tail = [sum(history["loss"][k : k + 300]) / 300 for k in (0, settings.steps // 2, settings.steps - 300)]
holds("the flow's loss falls, and means something", tail[0] > tail[1] > tail[2], *tail)
holds("without labels the shipped DCGAN is nearer to real digits", scores["DCGAN (shipped)"].frechet < untold.frechet)
holds("a picture of the flow costs more than one of the GAN", flow_seconds > gan_seconds, flow_seconds / gan_seconds)

# %% [markdown]
# - **For diffusion:** the loss is a regression that falls and can be compared between runs (11.8); there is no second network to keep in balance; labels come in by an embedding, and guidance (11.9) is free at training; steps can be traded for quality after training
#   (11.10); a bound on the likelihood exists (section 11.16).
# - **Against it:** many calls for a picture. And with *one minute of a laptop* and no labels, the GAN of chapter 05 wins on the Fréchet distance (<!--05.frechet-->54 in the recorded runs of its chapter, trained as briefly; the row above was trained for longer). Published large-scale comparisons go
#   the other way (Dhariwal and Nichol, 2021), with labels, guidance and days of computing. We have not measured that here, and we have no StyleGAN.

# %% [markdown]
# ## 11.13 Your turn · 2 min
#
# > **✎ Your turn.** Three changes. Each has a number to hit; a solution is folded under it.
#
# **1. Inpainting.** Write `complete(known, mask, y, steps=16)`: a walk in which, after every step to time $s$, the pixels with `mask == 1` are replaced by `mix(known, noise, s)`. Keep the upper half of test pictures and ask for the lower one. The known
# half must come back exactly (error below 0.001), and the classifier should recognise more than 80 % of the pictures.
#
# <details><summary>A solution</summary>
#
# ```python
# @torch.no_grad()
# def complete(known, mask, y, steps=16):
#     noise, velocity = torch.randn_like(known), guided(model, y, 2.0)
#     x = noise
#     for t, s in pairwise(torch.linspace(1, 0, steps + 1).tolist()):
#         x = x + (s - t) * velocity(x, t)
#         x = torch.where(mask == 1, (1 - s) * known + s * noise, x)
#     return x
# ```
#
# The walk is told about the known half through $x_t$ only. Fresh noise in place of the fixed one works, too.
#
# </details>
#
# **2. One step.** Draw 100 pictures of the digit 2 in *one* Euler step, $w = 1$, and 100 in eight. What will the first hundred look like? Compute for both the standard deviation of each pixel over the pictures, averaged over
# the pixels: the first should be below nine tenths of the second.
#
# <details><summary>A solution</summary>
#
# ```python
# twos, noise = torch.full((100,), 2, device=device), torch.randn(100, 1, 28, 28, device=device)
# for steps in (1, 8):
#     print(steps, to_pixels(walk(guided(model, twos), noise, steps)).std(dim=0).mean())
# ```
#
# One step goes to the first belief of 11.3. For a perfect network that is the mean of all twos, whatever the noise was: a blurred two, a hundred times. Ours leaves some grain of the noise in it.
#
# </details>
#
# **3. The other direction.** Walk *from a picture to noise*: Euler from $t = 0.02$ to 1. Then walk back with 50 steps. The mean squared difference per pixel from the beginning (on the road's scale) should be below 0.005. With fresh noise it cannot be. Why?
#
# <details><summary>A solution, and why</summary>
#
# ```python
# def along(x, times):
#     for t, s in pairwise(times.tolist()):
#         x = x + (s - t) * velocity(x, t)
#     return x
#
# x, velocity = to_path(digits.test[:100]), guided(model, digits.test_labels[:100])
# with torch.no_grad():
#     noise = along(x, torch.linspace(0.02, 1, 51))
#     print((along(noise, torch.linspace(1, 0.02, 51)) - x).square().mean())
# ```
#
# With $\eta = 0$ the walk is a differential equation, and has an inverse; every picture has *its* noise. Fresh noise forgets where it came from.
#
# </details>

# %% [markdown]
# ## 11.14 On one page · 5 min
#
# The whole model in plain PyTorch, to take home; a smaller network, and labels as an embedding added to the maps.

# %%
import torch
from torch import nn

images = digits.train  # or torchvision.datasets.MNIST("data", download=True).data[:, None] / 255
labels = digits.train_labels  # or ….targets


class Net(nn.Module):
    def __init__(self, w=32):
        super().__init__()
        self.note = nn.Embedding(10, w)
        self.inward = nn.Conv2d(16 + 3, w, 3, padding=1)  # 4×4 pixels become 16 channels; three for the time
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(4, w), nn.SiLU(), nn.Conv2d(w, w, 3, padding=1), nn.SiLU(), nn.Conv2d(w, w, 1))
            for _ in range(4)
        )
        self.outward = nn.Conv2d(w, 16, 3, padding=1)

    def forward(self, x, t, y):
        t = t.view(-1, 1, 1, 1).expand(-1, 1, 7, 7)
        h = torch.cat([nn.functional.pixel_unshuffle(x, 4), t, (6.28 * t).sin(), (6.28 * t).cos()], dim=1)
        h = self.inward(h) + self.note(y)[:, :, None, None]
        for block in self.blocks:
            h = h + block(h)
        return nn.functional.pixel_shuffle(self.outward(h), 4)


net = Net().to(images.device)
print(sum(p.numel() for p in net.parameters()), "weights")

# %%
adam = torch.optim.Adam(net.parameters(), 3e-3)
for _ in range(150):  # 5000 take two minutes, and two digits in three can be read
    pick = torch.randint(len(images), (64,))
    x, y, t = 2 * images[pick] - 0.25, labels[pick], torch.randn(64, device=images.device).sigmoid()
    noise = torch.randn_like(x)
    x_t = (1 - t.view(-1, 1, 1, 1)) * x + t.view(-1, 1, 1, 1) * noise
    loss = (net(x_t, t, y) - (noise - x)).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()

with torch.no_grad():
    y, x, steps = torch.arange(20, device=images.device) % 10, torch.randn(20, 1, 28, 28, device=images.device), 16
    for k in range(steps, 0, -1):
        x = x - net(x, torch.full((20,), k / steps, device=images.device), y) / steps
print(f"loss {loss:.3f}")
show_images(((x + 0.25) / 2).clamp(0, 1), alt="Twenty samples of the short training on one page, in two rows.")

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - Mix picture and noise (11.1), regress on the velocity (11.2), walk back along the guesses (11.3).
# - The best guess is a posterior mean; on finitely many points it has a closed form (11.5), which checks formulas, and which knows the training set by heart.
# - Noise, picture, velocity and score are one guess (11.6); their losses differ by weights over time (11.7).
# - DDPM, DDIM and Euler's walk are one formula (11.9). A ladder must end in noise: scale $\beta$ when you shorten it.
# - Judge training by the loss at each time, between its bounds.
# - Guidance (11.4) trades variety for obedience; mind the convention. Here, more than a dozen calls gained little.
# - The same walk in a VAE's codes takes seconds: latent diffusion.

# %% [markdown]
# ## What comes next
#
# - [Exercise 11](../exercises/ex11_diffusion.ipynb): the sampler, a schedule to repair, and a report with numbers.
# - Chapter 12 writes pictures pixel by pixel, and sets all families of the course in one table.
#
# What follows is for a second reading.

# %% [markdown]
# ## 11.15 Further: two formulas that were not proved · 5 min
#
# **The posterior in (11.9).** Given the picture $x$ and the place $x_t$ on one rung, where was the walker on a lower rung? Both $x'$ given $x$ and $x_t$ given $x'$ are bells, so Bayes' rule gives a bell; with $g = a/a'$ and $c^2 = \sigma^2 - g^2\sigma'^2$, the noise that was added between the two,
#
# $$\operatorname{var} = \frac{\sigma'^2 c^2}{\sigma^2}, \qquad \operatorname{mean} = \frac{g\,\sigma'^2\,x_t + c^2 a'\,x}{\sigma^2}. \tag{11.10}$$
#
# That (11.9) with $\eta = 1$ and $\hat x = x$ has this mean and variance, a million draws must confirm; a walk up the ladder must arrive where (11.8) says; and any $\eta$ must keep the marginal $\mathcal N(a'x, \sigma'^2)$.

# %%
(a, sigma), (a2, sigma2), x0 = (0.4, (1 - 0.16) ** 0.5), (0.8, 0.6), 1.7
gain, x_t = a / a2, torch.full((1_000_000,), 0.9, dtype=torch.float64)
added = sigma**2 - gain**2 * sigma2**2
mean, var = (gain * sigma2**2 * 0.9 + added * a2 * x0) / sigma**2, sigma2**2 * added / sigma**2
drawn = step_down(x_t, x0, (a, sigma), (a2, sigma2), eta=1.0)
holds("η = 1 draws from the posterior", abs(drawn.mean() - mean) < 0.005 and abs(drawn.var() - var) < 0.005, mean, var)

# %%
rungs, x = ladder(50, 20.0), torch.full((200_000,), x0, dtype=torch.float64)
for (a_low, _), (a_high, _) in pairwise([(1.0, 0.0), *rungs[:25]]):  # a_high / a_low is the root of 1 − β
    x = a_high / a_low * x + (1 - (a_high / a_low) ** 2) ** 0.5 * torch.randn_like(x)
a_25, sigma_25 = rungs[24]
holds(
    "(11.8): 25 rungs up, one by one, as in one leap",
    abs(x.mean() - a_25 * x0) < 0.01 and abs(x.std() - sigma_25) < 0.01,
)

# %%
for eta in (0.0, 0.5, 1.0):
    places = a * x0 + sigma * torch.randn(1_000_000, dtype=torch.float64)
    lower = step_down(places, x0, (a, sigma), (a2, sigma2), eta)
    assert abs(lower.mean() - a2 * x0) < 0.005
    holds(f"η = {eta}: the marginal is kept", abs(lower.std() - sigma2) < 0.005, lower.std())

# %% [markdown]
# (The variance here is what the literature calls $\tilde\beta$. Ho et al. also used $\beta$ itself, which is larger; with many rungs the two hardly differ. Code that splices one into the formula of the other is a reported fault.)
#
# **Heun's order.** For data from one bell $\mathcal N(m, c^2)$ everything is known: the velocity is linear in $x$, and the walk from noise $\varepsilon$ ends at $m + c\,\varepsilon$.


# %%
def bell_velocity(x, t, m=0.5, c=0.4):
    return (t - (1 - t) * c**2) / ((1 - t) ** 2 * c**2 + t**2) * (x - (1 - t) * m) - m


start = torch.linspace(-2, 2, 9, dtype=torch.float64)
missed = {
    heun: [(walk(bell_velocity, start, k, heun=heun) - (0.5 + 0.4 * start)).abs().max().item() for k in (16, 32, 64)]
    for heun in (False, True)
}
for heun, column in missed.items():
    print("Heun " if heun else "Euler", [f"{one:.5f}" for one in column])
ratios = {heun: column[1] / column[2] for heun, column in missed.items()}

# %%
holds(
    "twice the steps: half the error, and a quarter",
    1.7 < ratios[False] < 2.3 and 3.2 < ratios[True] < 5,
    *ratios.values(),
)

# %% [markdown]
# ## 11.16 Further: a likelihood in nats · 10 min
#
# Diffusion models are hierarchical VAEs with a fixed encoder, and so they have an ELBO (Kingma et al., 2021). On the straight road, with ever more rungs, the price of all of them together becomes an integral of the loss that we already have:
#
# $$-\log p(x) \;\le\; \int_{t_0}^{1} \frac{1-t}{t}\; \mathbb E\,\lVert \hat v - v \rVert^2\, dt \;-\; \mathbb E \log p(x \mid x_{t_0}). \tag{11.11}$$
#
# (In general the weight of $\lVert \hat x - x\rVert^2$ is half the loss of signal-to-noise $a^2/\sigma^2$ from rung to rung; (11.7) turns it into this. At $t = 1$ nothing is left of $x$, and no price is paid there.) The oracle can check it: for four points $-\log p$ is known, and
# on average it is their entropy, $-\sum \pi_i \log \pi_i$.

# %%
t_0, n_times, price = 0.02, 200, 0.0
for k in range(n_times):  # the middles of 200 parts
    t = t_0 + (1 - t_0) * (k + 0.5) / n_times
    x0 = points[torch.multinomial(shares, 4_000, replacement=True)]
    noise = torch.randn_like(x0)
    error = (perfect(mix(x0, noise, torch.full((4_000,), t)), t) - (noise - x0)).square().mean().item()
    price += (1 - t) / t * error * (1 - t_0) / n_times
entropy = -(shares * shares.log()).sum().item()
print(f"the integral {price:.4f}, the entropy {entropy:.4f} nats")
holds("for the oracle the bound is tight", abs(price - entropy) < 0.02, price - entropy)

# %% [markdown]
# (At $t_0 = 0.02$ the four points cannot be confused any more, so the last term is 0.)
#
# **What may be compared?** A likelihood belongs to a kind of data. Chapter 02's nats are of digits made *black and white* by tossing a coin for each pixel, afresh each time; so are the *dynamic* ones of chapter 12. Our network has learned grey digits: a density, in units that depend on the scale of the grey values, and no
# conversion makes the two comparable. So we train a copy for a few seconds on black-and-white digits. For these, pixels are −0.25 or 1.75, and at $t_0 = 0.15$ the noise cannot turn one into the other: the last term is again 0, to many digits.

# %%
import copy

binary_model = copy.deepcopy(model)
retrain = schedule.choose(steps=(400, 10_000))
adam, fade_binary = fading_adam(binary_model, 1e-3, retrain.steps, betas=(0.9, 0.99))


def update_binary(x, y):
    loss = flow_loss(binary_model, to_path(torch.bernoulli(x)), y, hide=1.0)
    adam.zero_grad()
    loss.backward()
    adam.step()
    fade_binary.step()
    return {"loss": loss}


# %%
train(update_binary, digits.train, labels=digits.train_labels, steps=retrain.steps, batch_size=settings.batch_size)
binary_model = binary_model.eval()


# %%
@torch.no_grad()
def bound_in_nats(network, x, n_times=16, t_0=0.15):
    """(11.11) for black-and-white pictures on the road's scale: one number a picture, an average over times."""
    total, y = torch.zeros(len(x), device=device), torch.full((len(x),), NO_LABEL, device=device)
    for k in range(n_times):  # every picture gets a time in each of n_times equal parts
        t = t_0 + (1 - t_0) * (k + torch.rand(len(x), device=device)) / n_times
        noise = torch.randn_like(x)
        error = (network(mix(x, noise, t), t, y) - (noise - x)).square().flatten(1).sum(dim=1)
        total += (1 - t) / t * error * (1 - t_0) / n_times
    return total


# %%
binary = torch.bernoulli(digits.test[:1_000])
nats = bound_in_nats(binary_model, to_path(binary))
from_grey = bound_in_nats(model, to_path(binary[:300])).mean().item()
results.add(diffusion_bound_nats=nats.mean().item())
print(f"black-and-white test digits: at most {nats.mean():.1f} ± {nats.std() / 1000**0.5:.1f} nats a picture")
print(f"the network that knows grey digits only: {from_grey:.1f}")

# %%
holds("a network must be trained on the data it is scored on", from_grey > nats.mean())

# %% [markdown]
# Chapter 02's VAE on the same pictures, with two priors. Its own is $\mathcal N(0, I)$. The latent flow of 11.11 is another, and a flow has not only a bound but a *density*: along the walk $\log p$ changes by the divergence of the velocity,
#
# $$\log p(z) = \log \mathcal N(z_1) + \int_0^1 \operatorname{div} v(z_t, t)\, dt, \tag{11.12}$$
#
# walking from $z$ to the noise $z_1$. In 20 dimensions the divergence is 20 derivatives. First a test on a bell whose density is known.

# %%
from torch.func import jacrev, vmap

from course_utils.taught.vae import log_normal, reconstruction_loss


def log_density(velocity, z, steps=30):
    """(11.12) by the midpoint rule: z (n, d) gives (n,)."""
    total = torch.zeros(len(z), dtype=z.dtype, device=z.device)
    for t, s in pairwise(torch.linspace(0, 1, steps + 1).tolist()):
        middle, half = z + (s - t) / 2 * velocity(z, t), (s + t) / 2
        jacobian = vmap(jacrev(lambda one, at=half: velocity(one[None], at)[0]))(middle)
        z = z + (s - t) * velocity(middle, half)
        total += (s - t) * jacobian.diagonal(dim1=1, dim2=2).sum(dim=1)
    return log_normal(z, 0.0, torch.ones((), device=z.device)) + total


# %%
known = 0.5 + 0.4 * torch.randn(50, 3, dtype=torch.float64)
gap = (log_density(bell_velocity, known, 60) - log_normal(known, 0.5, torch.tensor(0.16))).abs().max()
holds("(11.12) on a bell", gap < 0.02, gap)

# %%
grey, x = digits.test[:500], binary[:500].flatten(1)
with torch.no_grad():
    mu, logvar = vae.encode(grey)
    z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
    cost = reconstruction_loss(vae.decode(z), x) + log_normal(z, mu, logvar.exp())
    own = (cost - log_normal(z, 0.0, torch.ones((), device=device))).mean().item()
    density = log_density(code_velocity, (z - centre) / scale) - scale.log().sum()
    learned = (cost - density).mean().item()
print(f"nats a picture, upper bounds: VAE with its prior {own:.1f}, with the flow as prior {learned:.1f}")
print(f"                              diffusion on pixels {nats[:500].mean():.1f}")
results.add(vae_nats=own, latent_flow_nats=learned)

# %%
holds("the learned prior gains", learned < own, own - learned)

# %% [markdown]
# All three are bounds for the same 500 pictures, so they may stand in one column; chapter 12's autoregressive models, which need no bound, are at home in it too. Nats are a different question from pictures: the weight
# $(1-t)/t$ in (11.11) counts small times most, and (11.2) practises them least. How much of the diffusion's disadvantage is due to this, and how much to the short training of the copy, we have not measured.

# %% [markdown]
# ## 11.17 Further: cases · 8 min
#
# Faults that were reported in public code. In each case the program runs, and something comes out.
#
# **An average that remembers the beginning.** Much diffusion code samples from averaged weights (chapter 05), often with $\lambda = 0.9999$, as Ho et al. did for their 800,000 steps. After ten thousand steps the first, random weights still weigh $0.9999^{10000} = 37$ %.

# %%
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

code_flow = CodeFlow().to(device)
adam, fade_code = fading_adam(code_flow, 2e-3, 600, betas=(0.9, 0.99))
averages = {decay: AveragedModel(code_flow, multi_avg_fn=get_ema_multi_avg_fn(decay)) for decay in (0.9999, 0.98)}
for average in averages.values():
    average.update_parameters(code_flow)  # the first call copies the first weights
for _ in range(600):
    update_codes(standard[torch.randint(len(codes), (256,), device=device)])
    for average in averages.values():
        average.update_parameters(code_flow)

# %%
z, noise, t = standard[:4_000], torch.randn(4_000, 20, device=device), torch.rand(4_000, device=device)
with torch.no_grad():
    measured = {
        name: (network(mix(z, noise, t), t) - (noise - z)).square().mean().item()
        for name, network in {"last weights": code_flow, **averages}.items()
    }
print(", ".join(f"{name}: loss {loss:.3f}" for name, loss in measured.items()))

# %%
holds("0.9999 is still at the beginning", measured[0.9999] > 1.15 * measured["last weights"])
holds("0.98 is not", measured[0.98] < 1.05 * measured["last weights"])

# %% [markdown]
# **A root too many.** DDIM's $\eta$ multiplies the *standard deviation* of (11.9). Somebody took $\eta^2 (1 - a'^2)$-like terms for the variance: with $\eta = 1$ and all of $\sigma^2$ as fresh noise, more noise is added than the rung below can hold, and a clamp hides the root of a negative number.

# %%
rungs, picked = ladder(1000), torch.linspace(999, 0, 20).long().tolist()
room = [rungs[k2][1] ** 2 - rungs[k][1] ** 2 for k, k2 in pairwise(picked)]
holds("negative in every step", max(room) < 0, f"{sum(one < 0 for one in room)} of {len(room)}")

# %% [markdown]
# **A picture that is cut, a noise that is not.** Guesses $\hat x$ outside the range of pixels are cut off; most code does it (the sampling algorithm in Ho et al.'s paper does not say so). Then $\hat\varepsilon$ must be computed *from the cut* $\hat x$. With the old one, $a\hat x + \sigma\hat\varepsilon$ is no longer $x_t$: the sampler has moved before it moves.

# %%
t = 0.8
noise = torch.randn(256, 1, 28, 28, device=device)
x_t = mix(test[0], noise, torch.full((256,), t, device=device))
with torch.no_grad():
    v = guided(model, test[1], w=4.0)(x_t, t)
x_hat, eps_hat = x_t - t * v, x_t + (1 - t) * v
cut = x_hat.clamp(-0.25, 1.75)
mixed = ((1 - t) * cut + t * eps_hat - x_t).square().mean().sqrt().item()
right = ((1 - t) * cut + t * (x_t - (1 - t) * cut) / t - x_t).square().mean().sqrt().item()
outside = (cut != x_hat).double().mean().item()
print(f"guidance 4, t = {t}: {outside:.2f} of the pixels are cut; the sampler has moved by {mixed:.4f} a pixel")
holds("recomputed noise leads back to x_t", right < 1e-5 < mixed)

# %% [markdown]
# (In a VAE's codes there is no range to cut to; cutting there is a fault of its own.)
#
# **All times look alike.** The waves of transformers have frequencies from 1 down to $10^{-4}$, made for positions 0, 1, 2, …, 1000. Fed with $t$ between 0 and 1, they hardly move.


# %%
def slow_waves(t):
    angles = t[:, None] * torch.logspace(0, -4, 16)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


ends = torch.tensor([0.1, 0.9])
likeness = {
    name: F.cosine_similarity(*how(ends), dim=0).item() for name, how in {"ours": waves, "slow": slow_waves}.items()
}
print("cosine of the embeddings of t = 0.1 and t = 0.9:", {name: round(one, 3) for name, one in likeness.items()})
holds("slow waves: nearly the same note", likeness["slow"] > 0.9 > likeness["ours"])

# %% [markdown]
# The remedy is to multiply $t$ by 1000 or to choose other frequencies. A network trained with slow waves is not blind, since a linear layer can enlarge small differences; that it learns *worse* we have not measured.
#
# **The last rung.** Loops that end at $k = 2$ return $x_1$, which is still noisy; loops that add fresh noise in the last step do, too. With 50 scaled rungs and the oracle:

# %%
x, rungs = torch.randn(5_000, 1, dtype=torch.float64), ladder(50, 20.0)
for now, then in pairwise(rungs[::-1]):
    x = step_down(x, best_guess(x, *now), now, then, eta=1.0)
left = (x - points.T).abs().min(dim=1).values.mean()
last = step_down(x, best_guess(x, *rungs[0]), rungs[0], (1.0, 0.0))
done = (last - points.T).abs().min(dim=1).values.mean()
holds("one rung too early, the points are missed", left > 100 * done, left, done)

# %% [markdown]
# ## 11.18 Further: a palette · 4 min
#
# Nothing here is about digits. The three numbers of a colour are a code as good as any: we take the pixels of a photograph as data, and the dense network of 11.11 with `dim=3`.

# %%
from sklearn.datasets import load_sample_image

photograph = torch.tensor(load_sample_image("flower.jpg"))[::4, ::4].reshape(-1, 3).float().to(device) / 255
middle, width = photograph.mean(dim=0), photograph.std(dim=0)
print(f"{len(photograph):,} pixels, mean colour {[round(one, 2) for one in middle.tolist()]}")
standard, code_flow = (photograph - middle) / width, CodeFlow(dim=3, width=128).to(device)
adam, fade_code = fading_adam(code_flow, 3e-3, 1_500, betas=(0.9, 0.99))
for _ in range(1_500):
    update_codes(standard[torch.randint(len(standard), (256,), device=device)])

# %%
drawn = (walk(code_velocity, torch.randn(4_000, 3, device=device), 20, heun=True) * width + middle).clamp(0, 1)
some = photograph[torch.randint(len(photograph), (4_000,), device=device)]
bell = (middle + torch.randn(4_000, 3, device=device) @ torch.linalg.cholesky(torch.cov(photograph.T)).T).clamp(0, 1)
rows = {"pixels of the photograph": some, "drawn by the flow": drawn, "drawn from one bell": bell}
for name, colours in rows.items():
    rows[name] = colours[:200][colours[:200].mean(dim=1).argsort()].view(-1, 3, 1, 1).expand(-1, 3, 8, 8)
show_images(
    rows,
    columns=50,
    size=0.18,
    alt="Three blocks of two hundred small squares of colour, each sorted from dark to bright.",
)

# %% [markdown]
# Which of the two made palettes is better? Compare the share of colours in each of 64 boxes (four by four by four) with the photograph's: the total variation, 0 if equal, 1 if disjoint.


# %%
def boxes(colours):
    index = (colours * 4).long().clamp(0, 3) @ torch.tensor([16, 4, 1], device=device)
    return torch.bincount(index, minlength=64) / len(colours)


apart = [(boxes(one) - boxes(photograph)).abs().sum().item() / 2 for one in (some, drawn, bell)]
print("total variation: other pixels {:.3f}, flow {:.3f}, one bell {:.3f}".format(*apart))
holds("the flow is nearer than a bell with the right mean and covariance", apart[1] < apart[2], *apart[1:])

# %%
results.check()

# %% [markdown]
# ## References
#
# - J. Sohl-Dickstein et al., "Deep unsupervised learning using nonequilibrium thermodynamics", ICML 2015, [arXiv:1503.03585](https://arxiv.org/abs/1503.03585).
# - J. Ho, A. Jain and P. Abbeel, "Denoising diffusion probabilistic models", NeurIPS 2020, [arXiv:2006.11239](https://arxiv.org/abs/2006.11239): DDPM.
# - J. Song, C. Meng and S. Ermon, "Denoising diffusion implicit models", ICLR 2021, [arXiv:2010.02502](https://arxiv.org/abs/2010.02502): DDIM, (11.9).
# - Y. Song et al., "Score-based generative modeling through stochastic differential equations", ICLR 2021, [arXiv:2011.13456](https://arxiv.org/abs/2011.13456): the walk as a differential equation, (11.12).
# - D. P. Kingma et al., "Variational diffusion models", NeurIPS 2021, [arXiv:2107.00630](https://arxiv.org/abs/2107.00630): (11.11).
# - Y. Lipman et al., "Flow matching for generative modeling", ICLR 2023, [arXiv:2210.02747](https://arxiv.org/abs/2210.02747).
# - X. Liu, C. Gong and Q. Liu, "Flow straight and fast", ICLR 2023, [arXiv:2209.03003](https://arxiv.org/abs/2209.03003).
# - T. Salimans and J. Ho, "Progressive distillation for fast sampling of diffusion models", ICLR 2022, [arXiv:2202.00512](https://arxiv.org/abs/2202.00512): v-prediction.
# - J. Ho and T. Salimans, "Classifier-free diffusion guidance", 2022, [arXiv:2207.12598](https://arxiv.org/abs/2207.12598).
# - R. Rombach et al., "High-resolution image synthesis with latent diffusion models", CVPR 2022, [arXiv:2112.10752](https://arxiv.org/abs/2112.10752).
# - P. Dhariwal and A. Nichol, "Diffusion models beat GANs on image synthesis", NeurIPS 2021, [arXiv:2105.05233](https://arxiv.org/abs/2105.05233).
# - T. Karras et al., "Elucidating the design space of diffusion-based generative models", NeurIPS 2022, [arXiv:2206.00364](https://arxiv.org/abs/2206.00364): Heun's method.
# - P. Esser et al., "Scaling rectified flow transformers for high-resolution image synthesis", ICML 2024, [arXiv:2403.03206](https://arxiv.org/abs/2403.03206): times as the sigmoid of a normal.
# - S. Lin et al., "Common diffusion noise schedules and sample steps are flawed", WACV 2024, [arXiv:2305.08891](https://arxiv.org/abs/2305.08891).
# - N. Carlini et al., "Extracting training data from diffusion models", USENIX Security 2023, [arXiv:2301.13188](https://arxiv.org/abs/2301.13188).
