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
# Two networks play. The **generator** turns noise into pictures. The **discriminator** is shown real pictures and made
# ones and says which it takes for real. Each learns from the other; no picture is ever compared with another, pixel by pixel.
# That is a **generative adversarial network** (GAN; Goodfellow et al., 2014).
#
# **You will be able to**
#
# - write a GAN's networks, losses and update, and say whose gradient goes where;
# - derive the best discriminator, and why it says ½ to everything once the generator is perfect;
# - prove what the generator then minimises, and say what the proof leaves out;
# - explain why two players may circle, and what the order of min and max decides;
# - say what a GAN's loss curves can and cannot tell.
#
# **Time.** The core, about 75 minutes, with the training started by minute 15; the sections called *Further*, about 20 more. Running all
# cells, about <!--03.seconds-->140 seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** cross-entropy, and the Kullback–Leibler divergence (chapter 02, sections 2.2 and 2.3).
#
# ![Rows of sixteen generated digits after more and more training steps: from grey noise through blots to digits, each column
# drawn from the same noise vector.](images/03.png)
#
# *What you will make: every column is one noise vector, every row a later moment of training.*

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
from course_utils.figures import live_picture, show_images
from course_utils.game import sample_gan
from course_utils.results import Results, holds
from course_utils.training import Diary, train

schedule.seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("03", digits.source)

# %% [markdown]
# ## 3.1 Two networks, one update · 10 min
#
# The generator $G$ takes 64 random numbers $z$ and returns a picture, with pixels from −1 to 1.


# %%
class Generator(nn.Module):
    def __init__(self, latent_dim=64, hidden_dim=256):
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, hidden_dim),  # (n, latent_dim) => (n, hidden_dim)
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, 2 * hidden_dim),  # => (n, 2 * hidden_dim)
            nn.BatchNorm1d(2 * hidden_dim),
            nn.ReLU(),
            nn.Linear(2 * hidden_dim, 784),  # => (n, 784)
            nn.Tanh(),  # pixels are in [-1, 1]
            nn.Unflatten(1, (1, 28, 28)),  # => (n, 1, 28, 28)
        )

    def forward(self, z):
        return self.layers(z)


# %% [markdown]
# The discriminator $D$ is a classifier. It returns one number $s$, the **logit**, and $D(x) = \sigma(s)$ is its probability that $x$ is real.
# (Dropout silences three in ten hidden units at every look. Batch normalisation, above, keeps a layer's outputs at one scale: chapter 05.)


# %%
class Discriminator(nn.Module):
    def __init__(self, hidden_dim=256, dropout=0.3):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),  # (n, 1, 28, 28) => (n, 784)
            nn.Linear(784, 2 * hidden_dim),  # => (n, 2 * hidden_dim)
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(2 * hidden_dim, hidden_dim),  # => (n, hidden_dim)
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, 1),  # a logit; D(x) is its sigmoid
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)  # (n,)


# %% [markdown]
# $D$ learns as every classifier does, by cross-entropy: it pays $-\log D(x)$ on real pictures and $-\log(1 - D(G(z)))$ on made ones. $G$ wants
# its pictures taken for real and pays $-\log D(G(z))$. In terms of the logit, $-\log\sigma(s) = \operatorname{softplus}(-s)$ and
# $-\log(1-\sigma(s)) = \operatorname{softplus}(s)$.


# %%
def discriminator_loss(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()  # −log D(x) − log(1 − D(G(z)))


def generator_loss(fake_logits):
    return F.softplus(-fake_logits).mean()  # −log D(G(z)), the non-saturating loss


# %% [markdown]
# One update is a step of each, on one batch of noise. `detach` keeps $D$'s loss away from $G$; $D$ is frozen while $G$'s gradient
# passes through it (section 3.9 takes both away).
#
# ![Diagram in two halves. The discriminator's step: real and made pictures enter D, a wall named detach stands between the made picture and
# D, the gradient flows from the loss to D only. The generator's step: the gradient flows from the loss through the frozen D and the picture to
# G.](images/03_two_updates.svg)


# %%
def gan_update(generator, discriminator, optimizer_g, optimizer_d, x, z, penalty=0.0):
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


# %% [markdown]
# (`penalty` waits for chapter 05.) That is the method. The rates were found by trying; they fade to nothing in the second half of the training.

# %%
settings = schedule.choose(steps=(2_500, 60_000), rate_g=(2e-3, 2e-4), rate_d=(1e-3, 2e-4))
generator, discriminator = Generator().to(device), Discriminator().to(device)
adam = {"betas": (0.5, 0.99), "fused": True}  # section 3.14 asks why 0.5
optimizer_g = torch.optim.Adam(generator.parameters(), settings.rate_g, **adam)
optimizer_d = torch.optim.Adam(discriminator.parameters(), settings.rate_d, **adam)


def fade(step):
    return min(1.0, 2 - 2 * step / settings.steps)


players = generator, discriminator, optimizer_g, optimizer_d
fading = [torch.optim.lr_scheduler.LambdaLR(one, fade) for one in players[2:]]


# %%
def update(x):
    z = torch.randn(len(x), generator.latent_dim, device=device)
    d_loss, g_loss = gan_update(*players, 2 * x - 1, z)
    for one in fading:
        one.step()
    return {"discriminator": d_loss, "generator": g_loss}


def watch(step):  # the same noise at every look: what changes is the generator
    looks[step] = sample_gan(generator, fixed_z)
    show_images(looks[step][:32], alt="Pictures made at this step", columns=16, into=picture)


# %% [markdown]
# Start it and read on below. It takes about a minute, and the picture changes as it goes.

# %%
fixed_z, looks, picture = torch.randn(1_000, 64, device=device), Diary(), live_picture()
keep = {str(k): one for k, one in enumerate([*players, *fading, looks])}  # to resume from
history = train(
    update, digits.train, steps=settings.steps, batch_size=64, name="03_gan",
    state=keep, watch=watch, watch_every=settings.steps // 8,
)  # fmt: skip

# %% [markdown]
# ## 3.2 While it runs: a sampler without a density · 2 min
#
# A model that is trained to make the data probable needs to know how probable they are. A generator only acts. It takes noise $z$ from a fixed simple
# distribution $p(z)$ and computes $x = G(z)$. Call the distribution of the results $p_g$. Drawing from it is easy, but for a network
# like ours nobody can write it down: the model is **implicit**.
#
# > **❓ Predict.** $z$ is uniform between 0 and 1, and $G(z) = -\log(1 - z)$. Which distribution is that? Sketch its histogram first.

# %% jupyter={"outputs_hidden": true}
import math

import matplotlib.pyplot as plt

from course_utils.figures import plot_history, show

x = -torch.log1p(-torch.rand(100_000, dtype=torch.float64))
fig, ax = plt.subplots(figsize=(7, 2.2))
ax.hist(x, bins=80, range=(0, 6), density=True)
ax.set(xlabel="x", ylabel="density")
show(fig, alt="Histogram of generated numbers from 0 to 6")

# %% jupyter={"outputs_hidden": true}
for t in (1, 2, 3):
    beyond = (x > t).double().mean()
    holds(f"P(G(z) > {t}) is exp(−{t})", abs(beyond - math.exp(-t)) < 0.01, beyond)

# %% [markdown]
# The exponential distribution. Here somebody knew the answer and wrote $G$ down. With half a million weights in $G$ nobody does, and
# what remains is to compare **samples with samples**: here is a set of real pictures, there a set of made ones. Could you tell from which of
# the two a picture comes? That question is a classification problem, and classification we can do. This is why the second
# player is a classifier.

# %% [markdown]
# ## 3.3 What came out · 8 min
#
# Each column is one noise vector; follow one down the page.

# %% tags=["picture"]
shown = [step for number, step in enumerate(looks) if number in (0, 1, 2, 3, 5, 8)]
show_images(
    {f"step {step:,}": looks[step][:16] for step in shown},
    alt="Rows of sixteen pictures from the same noise after more and more steps: "
    "grey noise, blots, strokes, then digits that change less and less",
    columns=16,
    size=0.45,
)

# %% [markdown]
# Nothing ties a noise vector to a digit: which column becomes which digit is invented on the way, and a column may change its mind.
#
# > **❓ Predict.** You have seen the pictures; here come the two losses. While noise turned into digits, did $D$'s loss fall? Did $G$'s? Where does
# > each stand at the end? Draw both curves before you run the cell.

# %% jupyter={"outputs_hidden": true}
plot_history(
    history,
    alt="Both losses against the step, dashed lines at two log two and log two",
    hlines={
        "2 log 2: D says ½ to everything": 2 * math.log(2),
        "log 2: G's loss when D says ½": math.log(2),
    },
)

# %% jupyter={"outputs_hidden": true}
first, last = history["discriminator"][0], sum(history["discriminator"][-100:]) / 100
early = sum(history["discriminator"][10:110]) / 100
level = 2 * math.log(2)
holds("before any training D's loss is 2 log 2, on noise", abs(first - level) < 0.1, first)
holds("soon D tells the two apart", early < first - 0.3, early)
holds("then it loses ground, not all of it", early + 0.2 < last < level, last)

# %% [markdown]
# Neither loss went to zero. $D$'s dropped at once and *climbed back* most of the way: $D$ did worse again, on a task that got harder. $G$'s shot up and came
# down, but not to $\log 2$. (The curves are means over 50 steps. In the run above $D$'s sinks again as the rates fade, and the pictures get no worse.) That is what success
# looks like here: $D$'s loss climbs towards where it began, $2\log 2 \approx 1.386$, the loss of a
# discriminator that answers ½ to everything. At the start it says ½ because it knows nothing. At the end of a perfect game it would say ½ because
# **there is nothing left to know**. That a perfect generator leaves exactly this answer is the theorem of this chapter (section 3.6).
#
# So the same loss can stand for noise and for digits: **the losses say how the match stands, not how well it is played**. Quality has to come
# from a third party. Two numbers, borrowed from chapter 06, look at the pictures through a classifier. The **inception score**
# (Salimans et al., 2016) is high when single pictures are classified with confidence *and* all classes occur, from 1 (every
# picture gets the same verdict) to 10. The **Fréchet distance** (Heusel et al., 2017) compares the mean and covariance of the classifier's 64
# features on real test digits with those on generated ones; 0 is perfect. Both depend on the classifier: hold them
# against the rows beside them, never against published numbers.

# %%
from course_utils import pretrained
from course_utils.taught import evaluation

classifier = pretrained.load(f"classifier-{digits.source}")
real_features, _ = evaluation.features_and_probabilities(classifier, digits.test)


def scores_of(pictures):
    return evaluation.score(pictures, real_features, classifier)


on_the_way = [scores_of(pictures).inception_score for pictures in looks.values()]
for step, quality in zip(looks, on_the_way, strict=True):
    print(f"step {step:6,}: inception score {quality:.2f}")
quarter, end = on_the_way[2], on_the_way[-1]
holds("after a quarter of the steps the pictures still improve", end > quarter + 0.5, quarter, end)

# %%
z = torch.randn(10_000, generator.latent_dim, device=device)
pictures = sample_gan(generator, z)
rows = {
    "real training digits": digits.train[:10_000],
    "the generator": pictures,
    "noise": torch.rand(10_000, 1, 28, 28, device=device),
}
scores = {name: scores_of(one) for name, one in rows.items()}
for name, (inception, frechet) in scores.items():
    print(f"{name:20s} inception score {inception:5.2f}, Fréchet distance {frechet:6.1f}")

# %%
real, made, noise = scores.values()
results.add(
    inception_score=made.inception_score, frechet=made.frechet, noise_frechet=noise.frechet,
    real_inception_score=real.inception_score, real_frechet=real.frechet,
)  # fmt: skip
holds("the generator is nearer to real digits than noise is", made.frechet < noise.frechet)
holds("and not there yet", real.frechet < made.frechet, real.frechet, made.frechet)

# %% [markdown]
# A minute's work, and not a finished one: many are broken or speckled. (On MNIST, mean of the recorded runs: inception
# score <!--03.inception_score-->5.3, Fréchet distance <!--03.frechet-->322; this run's stand above.)

# %% [markdown]
# ## 3.4 The game · 6 min
#
# Now the theory. Take $D$'s loss with the opposite sign and call it the **value** of the game:
#
# $$V(D, G) = \mathbb{E}_{x \sim p_\text{data}}\bigl[\log D(x)\bigr] + \mathbb{E}_{z \sim p(z)}\bigl[\log\bigl(1 - D(G(z))\bigr)\bigr]. \tag{3.1}$$
#
# $D$ wants $V$ large. Let $G$ want the same $V$ small: what one player gains, the other loses. What we look for is
#
# $$\min_G \max_D\, V(D, G). \tag{3.2}$$
#
# Read it from the inside: for each generator, find its best discriminator; that gives one number for each generator. Then choose the
# generator with the smallest. (By (3.2) $G$ descends $\log(1 - D(G(z)))$. The code descends $-\log D(G(z))$ instead, which pushes a logit the same way with
# another strength; why, and what it changes, is chapter 04. Until then the theory is about (3.2).)
#
# The smallest such game has three numbers in it. Real data come from $\mathcal N(3, 1)$. The generator shifts its noise,
# $G(z) = \theta + z$ with $z \sim \mathcal N(0, 1)$. The discriminator has the logit $s = wx + b$. Since $1 - \sigma(s) = \sigma(-s)$, the second term of
# (3.1) is $\log \sigma(-s)$. One gradient step up for $D$, one down for $G$, in turns.


# %%
def value(w, b, theta, n=2_000):
    """Equation (3.1), estimated from n real and n generated numbers."""
    real, fake = 3 + torch.randn(n), theta + torch.randn(n)
    return F.logsigmoid(w * real + b).mean() + F.logsigmoid(-(w * fake + b)).mean()


def play(steps, rate=0.1):
    w, b, theta = (torch.zeros((), requires_grad=True) for _ in range(3))
    path = [(0.0, 0.0, 0.0)]
    for _ in range(steps):
        slopes = torch.autograd.grad(value(w, b, theta), (w, b))
        with torch.no_grad():
            w += rate * slopes[0]  # the discriminator climbs
            b += rate * slopes[1]
        (slope,) = torch.autograd.grad(value(w, b, theta), theta)
        with torch.no_grad():
            theta -= rate * slope  # the generator descends
        path.append((theta.item(), w.item(), b.item()))
    return torch.tensor(path)


# %% [markdown]
# > **❓ Predict.** $\theta$ starts at 0, the data sit at 3. Draw the curve of $\theta$ over the steps. Where does it end, and
# > does it get there on a straight road?

# %% jupyter={"outputs_hidden": true}
path = play(steps=1_200)
for step in (0, 60, 120, 240, 1_200):
    theta, w, b = path[step]
    print(f"step {step:5d}: θ = {theta:5.2f}, w = {w:6.3f}, D(3) = {(3 * w + b).sigmoid():.2f}")

# %% jupyter={"outputs_hidden": true}
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8))
left.plot(path[:, 0], label="generator: mean θ")
left.plot(path[:, 1], label="discriminator: slope w")
left.axhline(3, color="black", linestyle=":", linewidth=1)
left.set(xlabel="step", ylabel="weight")
left.legend()
right.plot(path[:, 0], path[:, 1], linewidth=1)
right.plot(3, 0, "k*", markersize=10)
right.set(xlabel="θ", ylabel="w")
show(fig, alt="Left: θ and w against the step. Right: w against θ, a star at θ = 3, w = 0")

# %% jupyter={"outputs_hidden": true}
theta, w, b = path[-100:].mean(dim=0)
v = value(w, b, theta, n=200_000)
holds("θ overshoots 3", path[:, 0].max() > 3.3, path[:, 0].max())
holds("θ comes to rest near 3", abs(theta - 3) < 0.2, theta)
said = (3 * w + b).sigmoid()
holds("D says ½ there, at x = 3", abs(said - 0.5) < 0.05, said)
holds("V comes to rest near −log 4", abs(v + math.log(4)) < 0.02, v, -math.log(4))

# %% [markdown]
# Not a straight road. $\theta$ runs past 3, because the discriminator still holds "larger is more real" ($w > 0$) when the generator has
# long arrived; then $w$ turns, and the generator is called back. In the end they rest where the digits were heading, too: the generator equals
# the data, $D$ says ½, and $V = -\log 4$. (At step 0, where $D$ knows nothing, $V$ has the same value. The evidence is $\theta = 3$.)

# %% [markdown]
# ## 3.5 Why players circle · 4 min
#
# Take the game down to one number a player (no pictures in this section): $f(x, y) = xy$, where $x$ wants it small and $y$ wants it large. The only point
# where neither gains by moving is $(0, 0)$. Gradient steps of size $\eta$, both from the old position, are
#
# $$(x, y) \;\leftarrow\; (x - \eta\, y,\; y + \eta\, x). \tag{3.3}$$
#
# The step $\eta(-y, x)$ stands at a right angle to the position $(x, y)$. Square and add, and the mixed terms cancel:
#
# $$(x - \eta y)^2 + (y + \eta x)^2 = (1 + \eta^2)\,(x^2 + y^2). \tag{3.4}$$
#
# So **simultaneous** steps run away, at *every* step size. Our loop plays in **turns**: $y$ answers to where $x$ has just gone.
#
# > **❓ Predict.** From $(1, 0)$ with $\eta = 0.2$: does taking turns bring the players home?

# %% jupyter={"outputs_hidden": true}
eta, orbits = 0.2, {"simultaneous": [(1.0, 0.0)], "in turns": [(1.0, 0.0)]}
for _ in range(100):
    x, y = orbits["simultaneous"][-1]
    orbits["simultaneous"].append((x - eta * y, y + eta * x))
    x, y = orbits["in turns"][-1]
    x = x - eta * y
    orbits["in turns"].append((x, y + eta * x))
orbits = {name: torch.tensor(o, dtype=torch.float64) for name, o in orbits.items()}
print({name: round(orbit[-1].norm().item(), 2) for name, orbit in orbits.items()})

# %% jupyter={"outputs_hidden": true}
fig, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for ax, (name, orbit) in zip(axes, orbits.items(), strict=True):
    ax.plot(orbit[:, 0], orbit[:, 1], marker=".", markersize=3, linewidth=0.8)
    ax.plot(0, 0, "k*", markersize=10)
    ax.set(title=name, xlabel="x", ylabel="y", aspect="equal")
show(fig, alt="Two orbits of a hundred steps in the plane of x and y, a star at the origin")

# %% jupyter={"outputs_hidden": true}
x, y = orbits["simultaneous"].T
grown = (x**2 + y**2)[-1] / (1 + eta**2) ** 100
holds("simultaneous: squared distance / (1 + η²)¹⁰⁰ is 1", abs(grown - 1) < 1e-9, grown)

# %% jupyter={"outputs_hidden": true}
x, y = orbits["in turns"].T
kept = x**2 + y**2 - eta * x * y
holds("in turns: x² + y² − η x y never changes", kept.std() < 1e-12, kept[0], kept[-1])

# %% [markdown]
# No. In turns the players stay on one ring, an ellipse ($x^2 + y^2 - \eta xy$ keeps its value; try it on paper), neither nearer nor further. The shift game did
# come home. What is different there? Its $V$ is *curved* in $w$: where both sets lie on top of each other, any opinion, $w \ne 0$, costs $D$ reward, so $w$ is
# pulled back while it circles. Section 3.13 proves that near the goal this damping is enough, and shows a game without it. Keep the picture: **training a GAN
# is not a descent**, and a loss that does not fall is no sign of failure.

# %% [markdown]
# ## 3.6 The best discriminator · 8 min
#
# Fix the generator and ask for the best answer to it. The pictures $G(z)$ are draws from $p_g$, so (3.1) is one integral over $x$,
#
# $$V(D, G) = \int \bigl[\, p_\text{data}(x) \log D(x) + p_g(x) \log\bigl(1 - D(x)\bigr)\bigr]\, dx. \tag{3.5}$$
#
# A flexible enough $D$ may choose its value at every $x$ by itself, so maximise under the integral, point by point. For $p \log t + q \log(1 - t)$ the
# derivative $p/t - q/(1-t)$ vanishes at $t = p/(p+q)$, and the second derivative is negative, so this is the maximum:
#
# $$D^*(x) = \frac{p_\text{data}(x)}{p_\text{data}(x) + p_g(x)}. \tag{3.6}$$
#
# Read it aloud: *of all the things that look like this, half the set real and half made, the share that is real.* There is the answer to
# what you saw. **If $p_g = p_\text{data}$, then $D^* = \tfrac12$ everywhere.** Here is the test of (3.6): two distributions on a line, both known. A small network
# sees samples of each, and its loss is $-V$.


# %%
from torch import distributions


def mixture(weights, means, stds):
    parts = distributions.Normal(torch.tensor(means), torch.tensor(stds))
    shares = distributions.Categorical(torch.tensor(weights))
    return distributions.MixtureSameFamily(shares, parts)


def train_discriminator(p, q, steps=1_200, n=512, loss_of=discriminator_loss):
    hidden = nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh()
    net = nn.Sequential(*hidden, nn.Linear(64, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    for _ in range(steps):
        loss = loss_of(net(p.sample((n, 1))), net(q.sample((n, 1))))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    return net.requires_grad_(False)


# %% [markdown]
# > **❓ Predict.** The data have two humps, at −2 and at 1.5; the generator has one broad hump, $\mathcal N(0, 1.5^2)$. Where is $D^*$ closest to 1? Where closest to 0: far
# > left, far right, or in the gap between the humps?

# %% jupyter={"outputs_hidden": true}
p_data = mixture([0.3, 0.7], [-2.0, 1.5], [0.5, 0.8])
p_g = mixture([1.0], [0.0], [1.5])
net = train_discriminator(p_data, p_g)
axis = torch.linspace(-5, 5, 401)
log_p, log_q = p_data.log_prob(axis), p_g.log_prob(axis)
by_formula = (log_p - log_q).sigmoid()  # (3.6), from logarithms
trained = net(axis[:, None]).sigmoid().squeeze(1)
seen = (log_p.exp() + log_q.exp()) > 0.02
gap = (trained - by_formula)[seen].abs().mean()
holds("where samples fall, D lies on D* (mean distance)", gap < 0.06, gap)

# %% jupyter={"outputs_hidden": true}
fig, ax = plt.subplots()
ax.fill_between(axis, log_p.exp(), alpha=0.25, label="density of the data")
ax.fill_between(axis, log_q.exp(), alpha=0.25, label="density of the generator")
ax.plot(axis, by_formula, color="black", label="D* by formula")
ax.plot(axis, trained, "--", color="#D55E00", label="D, trained on samples")
ax.set(xlabel="x", ylabel="density, or D(x)", ylim=(0, 1.02))
ax.legend(loc="upper left", fontsize=8, ncols=2)
show(fig, alt="Two densities over x from -5 to 5, D* by formula, and D trained on samples")

# %% jupyter={"outputs_hidden": true}
top, ends = axis[by_formula.argmax()], by_formula[[0, -1]]
dip = by_formula[(axis > -1.5) & (axis < 0.5)].min()
holds("D* is largest just right of the right hump", abs(top - 2.1) < 0.1, top, by_formula.max())
holds("far out it falls towards 0, on both sides", ends.max() < 0.03, *ends)
holds("in the gap it falls to less than 0.1", dip < 0.1, dip)

# %%
same = train_discriminator(p_data, p_data, steps=600)
halves = same(axis[seen][:, None]).sigmoid()
off = (halves - 0.5).abs().mean()
holds("and with p_g = p_data, D says ½ (mean distance)", off < 0.05, off)

# %% [markdown]
# The network found (3.6) from samples, and ½ where there is nothing to tell. $D^*$ is not largest on top of a hump but beside one, at 2.1: what counts is not how many data there are but how many *for each made one*. Far
# out, on both sides, it falls to 0, not to ½, and lowest on the left. Both densities vanish there, but the generator's is the wider one and vanishes more slowly.
#
# (The curves are compared where the densities add up to more than 0.02. Beyond, samples are rare, and the dashed curve is extrapolation. A young
# generator lives exactly where there are no data.)
#
# ### The same thing, as a ratio
#
# Solve (3.6) for the ratio: $D^*/(1-D^*) = p_\text{data}/p_g$, so **the logit of $D^*$ is $\log p_\text{data} - \log p_g$**. A classifier that never saw a density has
# learned the ratio of two. With weights $e^{s(x)}$ the *generator's* samples give averages over the *data*,
# $\mathbb{E}_{p_g}[e^{s} h(x)] = \mathbb{E}_{p_\text{data}}[h(x)]$.

# %%
fake = p_g.sample((100_000, 1))
weight = net(fake).exp()
plain, weighted = fake.mean(), (weight * fake).mean() / weight.mean()
truth = 0.3 * -2.0 + 0.7 * 1.5
print(f"mean of the generator's samples {plain:.3f}, weighted by exp(s) {weighted:.3f}")
gap = abs(weighted - truth)
holds("the weights move the mean to that of the data", gap < 0.15, weighted, truth)

# %% [markdown]
# Seen this way, a GAN is two things in turns: *estimate the ratio* of two densities, *then move* the samples to where it is large. Other losses
# for the classifier estimate the same ratio and measure other distances with it (Nowozin et al., 2016).

# %% [markdown]
# ## 3.7 What the generator minimises · 6 min
#
# Put the best discriminator back into the value. With the mean of the two, $m = \tfrac12(p_\text{data} + p_g)$, the fraction in (3.6) is $p_\text{data}/(2m)$, and
# $1 - D^*$ is $p_g/(2m)$. Each $\tfrac12$ contributes $-\log 2$:
#
# $$\begin{aligned} V(D^*, G) &= \mathbb{E}_{p_\text{data}}\Bigl[\log \frac{p_\text{data}}{2m}\Bigr] + \mathbb{E}_{p_g}\Bigl[\log \frac{p_g}{2m}\Bigr] \\
# &= -\log 4 + D_\text{KL}(p_\text{data}\Vert m) + D_\text{KL}(p_g \Vert m). \end{aligned} \tag{3.7}$$
#
# Half the sum of these two divergences is the **Jensen–Shannon divergence**, $\operatorname{JSD}(p_\text{data}\Vert p_g)$. Hence
#
# $$V(D^*, G) = -\log 4 + 2 \operatorname{JSD}(p_\text{data} \Vert p_g). \tag{3.8}$$
#
# A divergence is zero only if both sides are equal. So a generator that faces a perfect discriminator minimises a divergence from the data, and reaches the
# least value, $-\log 4 \approx -1.386$, exactly when $p_g = p_\text{data}$; then $D$ says ½. This is the theorem of Goodfellow et al. (2014). (JSD is not itself a
# distance; its square root is one.) Both densities on our line are known, so (3.8) can be checked twice: by integrating, and from samples with the *trained*
# network, which is all that a GAN ever has.


# %%
def jsd(p, q, axis):
    """Jensen–Shannon divergence (nats), by the trapezoid rule."""
    log_p, log_q = p.log_prob(axis), q.log_prob(axis)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    integrand = log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)
    return 0.5 * torch.trapezoid(integrand, axis)


def value_from_samples(net, n=200_000):
    return -discriminator_loss(net(p_data.sample((n, 1))), net(p_g.sample((n, 1))))


# %%
wide = torch.linspace(-15, 15, 20_001)
log_p, log_q = p_data.log_prob(wide), p_g.log_prob(wide)
s = log_p - log_q  # the logit of D*
integrand = log_p.exp() * F.logsigmoid(s) + log_q.exp() * F.logsigmoid(-s)  # (3.5), (3.6)
by_integral = torch.trapezoid(integrand, wide)
by_theorem = -math.log(4) + 2 * jsd(p_data, p_g, wide)
gap = abs(by_integral - by_theorem)
holds("(3.8): the integral is −log 4 + 2 JSD", gap < 1e-4, by_integral, by_theorem)

# %%
by_samples = value_from_samples(net)
holds("the trained D comes within 0.03 from below",
      -0.01 < by_integral - by_samples < 0.03, by_samples)  # fmt: skip

# %% [markdown]
# > **❓ Predict.** Replace the trained network by one that had only 40 steps of training. Does the game's value look larger or smaller?

# %% jupyter={"outputs_hidden": true}
by_novice = value_from_samples(train_discriminator(p_data, p_g, steps=40))
lower = by_novice < by_samples - 0.005
holds("40 steps of training give less than 1,200", lower, by_novice, by_samples)

# %% [markdown]
# Smaller. Whatever discriminator we have earns at most what $D^*$ would: **its value is a lower bound on the truth**, and a weak one makes the generator
# look better than it is. Now slide one Gaussian away from another.
#
# > **❓ Predict.** $\operatorname{JSD}$ between $\mathcal N(0, 1)$ and $\mathcal N(\theta, 1)$, for $\theta$ from 0 to 10: what is its largest possible
# > value, and what does that mean for the slope in $\theta$?

# %% jupyter={"outputs_hidden": true}
still = mixture([1.0], [0.0], [1.0])
shifts = torch.linspace(0, 10, 41)
moved = [mixture([1.0], [shift.item()], [1.0]) for shift in shifts]
distances = torch.stack([jsd(still, one, wide) for one in moved])
holds("it never exceeds log 2", distances.max() <= math.log(2) + 1e-5, distances.max())

# %% jupyter={"outputs_hidden": true}
fig, ax = plt.subplots(figsize=(7, 2.4))
ax.plot(shifts, distances)
ax.axhline(math.log(2), color="black", linestyle="--", linewidth=1, label="log 2")
ax.set(xlabel="shift θ between two unit Gaussians", ylabel="JSD (nats)")
ax.legend()
show(fig, alt="Jensen–Shannon divergence against the shift from 0 to 10, dashed line at log 2")

# %% jupyter={"outputs_hidden": true}
slope = (distances[1:] - distances[:-1]) / (shifts[1] - shifts[0])
holds("no slope is left at θ = 10", slope[-1] < 1e-4 < slope[8], slope[8], slope[-1])

# %% [markdown]
# It cannot exceed $\log 2$: logarithms of probabilities are at most 0, so $V \le 0$, and (3.8) does the rest. Once two distributions do not overlap, the best
# discriminator is never wrong, and further away is no worse. A generator out there gets **next to no slope** from (3.8). Chapter 04 begins there.
#
# > **ⓘ Aside.** *What the proof leaves out.* (1) Our $G$ maps 64 numbers into 784, so its pictures lie on a thin sheet and $p_g$ has *no density* in the space of
# > pictures. The theorem survives: read both as distributions and take their densities with respect to their mean $m$, which always exist ($p_\text{data}$ and
# > $p_g$ are each at most $2m$); (3.6) to (3.8) then hold word for word. But thin sheets may hardly overlap, and then JSD sits at $\log 2$ (Arjovsky and
# > Bottou, 2017). (2) It assumes a perfect $D$ at every moment and a $G$ that can become any distribution. Goodfellow et al. add that in the space of *distributions* small steps
# > then lead to the optimum: for each $D$ the value is linear in $p_g$, and a maximum of linear functions is convex. In the space of *weights* none of this is left.
# > (3) It is about (3.2), not about the loss that the code descends.

# %% [markdown]
# ## 3.8 In which order? · 8 min
#
# (3.2) says $\min_G \max_D$: the generator is chosen knowing that the best discriminator will answer. Swap the two. In $\max_D \min_G$ the discriminator commits itself first, and
# $G$ answers a $D$ that stands still. Does it matter?
#
# For the *value*, no. The best answer to a fixed $D$ puts all pictures where $D$ is largest; say it is $t$ there. The value is then
# $\mathbb{E}_{p_\text{data}}[\log D] + \log(1 - t) \le \log t + \log(1-t) \le -\log 4$, and $D = \tfrac12$ reaches it. Both orders give $-\log 4$. For the *generator* it is
# everything. Against $D = \tfrac12$ all generators do equally well; against a $D$ with preferences the best answer makes **only what $D$ likes best**, as a rule one picture for all noise
# (Goodfellow, 2016). And a program that takes steps in turns does not say which order it means.
#
# An experiment in the plane, on eight narrow Gaussians on a ring. The two networks play in turns, with our `gan_update`; then
# $D$ learns alone for 200 steps. Now $G$ takes 800 large steps: once against this $D$, which stands still, and once, as a control, against one that answers.

# %%
import copy
from itertools import pairwise

from course_utils.data import toydata


def mlp(*sizes):
    layers = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


ring = toydata.ring(50_000, seed=schedule.seed())
points, centres = ring.samples / 1.5, ring.centres / 1.5  # within the reach of tanh
g = nn.Sequential(mlp(2, 64, 64, 2), nn.Tanh())
d = nn.Sequential(mlp(2, 64, 64, 1), nn.Flatten(0))
opt_g = torch.optim.Adam(g.parameters(), 1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(d.parameters(), 2e-3, betas=(0.5, 0.99))


# %%
def held(made):
    """How many centres have at least one point in a hundred within 0.2."""
    distance, which = torch.cdist(made, centres).min(dim=1)
    near = torch.bincount(which[distance < 0.2], minlength=8)
    return int((near > len(made) / 100).sum())


def batch():
    return points[torch.randint(len(points), (256,))], torch.randn(256, 2)


z, clouds = torch.randn(2_500, 2), {"real points": points[:2_500]}

# %% [markdown]
# > **❓ Predict.** How many of the eight will the generator hold after playing in turns? After 800 steps against the $D$ that stands still? Against the one that answers?

# %% jupyter={"outputs_hidden": true}
for _ in range(1_000):  # in turns
    gan_update(g, d, opt_g, opt_d, *batch())
clouds["made in turns"] = g(z).detach()
for _ in range(200):  # D alone
    x, noise = batch()
    opt_d.zero_grad()
    discriminator_loss(d(x), d(g(noise).detach())).backward()
    opt_d.step()


# %% jupyter={"outputs_hidden": true}
def play_on(rate_d):
    """What G makes after 800 large steps against a copy of D that learns at this rate."""
    player, judge = copy.deepcopy((g, d))
    pairs = ((player, 1e-2), (judge, rate_d))
    adams = [torch.optim.Adam(net.parameters(), rate, betas=(0.5, 0.99)) for net, rate in pairs]
    for _ in range(800):
        gan_update(player, judge, *adams, *batch())
    return player(z).detach()


clouds["made while D stands still"], clouds["made while D answers"] = play_on(0.0), play_on(2e-3)
turns, still, answered = (held(cloud) for cloud in list(clouds.values())[1:])
holds("in turns G holds most of the eight", turns >= 6, turns)
holds("against a D that stands still it ends on few", still <= 3, still)
holds("against one that answers it holds most", answered >= 6, answered)

# %% jupyter={"outputs_hidden": true}
before, after = (d(clouds[f"made {how}"]).sigmoid().mean() for how in ("in turns", "while D stands still"))
holds("D, where it stood still, takes more of it for real", after > before + 0.05, before, after)

# %% jupyter={"outputs_hidden": true}
fig, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
for ax, (name, cloud) in zip(axes, clouds.items(), strict=True):
    ax.scatter(*cloud.T, s=2)
    ax.set(title=name, aspect="equal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
show(fig, alt="Points in the plane: real ones, made in turns, made while D stands still, made while D answers")

# %% [markdown]
# Against a $D$ that stands still the generator gives up most of what it had and crowds where $D$ says "real". Nothing in its loss asks for variety: **what kept
# the generator varied was a discriminator that answered**: in the control $D$ began as far ahead and $G$'s steps were as large. Making a few kinds of picture and dropping the
# rest is called **mode collapse** (chapter 07).

# %% [markdown]
# ## 3.9 Whose gradient goes where · 4 min
#
# Back to the code, to what an update touches. $D$'s loss contains $D(G(z))$, so its gradient flows *through the picture into the generator*, unless we stop it.
# `detach` is the wall: the same numbers, cut off from how they were made.


# %%
def gradient(network):
    """All gradients of a network in one row; zeros where there are none."""
    weights = list(network.parameters())
    rows = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
    return torch.cat([row.flatten() for row in rows])


# %% [markdown]
# > **❓ Predict.** After `discriminator_loss(...).backward()`, with and without `detach`: which networks hold a gradient? And is the gradient that leaks into $G$ at least
# > a useful one?

# %% jupyter={"outputs_hidden": true}
g, d = Generator().to(device), Discriminator().to(device)
d.eval()  # no dropout: every look is the same
x, z = 2 * digits.train[:128] - 1, fixed_z[:128]
leaked = {}
for wall in (True, False):
    g.zero_grad()
    d.zero_grad()
    fakes = g(z).detach() if wall else g(z)
    discriminator_loss(d(x), d(fakes)).backward()
    leaked[wall] = gradient(g)
    in_d, in_g = gradient(d).norm(), leaked[wall].norm()
    print(f"detach {wall!s:5}: gradient in D {in_d:.3f}, in G {in_g:.5f}")
reached = [leaked[wall].norm() > 0 for wall in (True, False)]
holds("only without detach does D's loss reach G", reached == [False, True])

# %% jupyter={"outputs_hidden": true}
g.zero_grad()
d.zero_grad()
generator_loss(d(g(z))).backward()
cosine = F.cosine_similarity(leaked[False], gradient(g), dim=0)
holds("and what leaks is opposite to what G wants (cosine)", cosine < -0.9, cosine)
holds("G's own loss leaves a gradient in D, unless D is frozen", gradient(d).norm() > 0)
logits = d(g(z))
holds("this D gives all fakes nearly one logit (spread)", logits.std() < 0.1, logits.std())

# %% [markdown]
# Opposite, and almost exactly so because this $D$ is untrained and gives every picture about the same logit. (Later the two losses weigh the pictures
# differently, by $\sigma(s)$ and $1 - \sigma(s)$, still with opposite signs.) A leaked gradient would train the generator to be caught. It does no harm where the generator's `zero_grad`
# happens to stand before its own `backward` and sweeps it away.
#
# > **⚠ Common mistake.** Forgetting `detach` *and* reusing the fakes for the generator's loss. PyTorch then says *"Trying to backward through the
# > graph a second time"* and suggests `retain_graph=True`. That silences the message and keeps the leak. The cure is the wall.

# %% [markdown]
# ## 3.10 Why the code speaks in logits · 4 min
#
# Many listings end the discriminator in a `Sigmoid` and use `BCELoss`. It is the same formula, and $2 \log 2$ for a $D$ that says ½. But
#
# $$-\log \sigma(s) = \operatorname{softplus}(-s), \qquad -\log(1 - \sigma(s)) = \operatorname{softplus}(s) = \log(1 + e^s) \tag{3.9}$$
#
# are equal on paper, not in float32.
#
# > **❓ Predict.** $D$ is quite wrong about a fake, $s = 20$. The loss should be $\operatorname{softplus}(20) \approx 20$ and its slope 1. What do
# > `log(1 - sigmoid(s))` and `BCELoss` make of it? And at $s = 15$?

# %% jupyter={"outputs_hidden": true}
table = {}
for s in (15.0, 20.0, 60.0):
    logit = torch.tensor(s, requires_grad=True)
    ways = {
        "by hand": -torch.log(1 - torch.sigmoid(logit)),
        "BCELoss": F.binary_cross_entropy(torch.sigmoid(logit), torch.zeros(())),
        "from logits": F.softplus(logit),
    }
    for name, loss in ways.items():
        (slope,) = torch.autograd.grad(loss, logit)
        table[s, name] = loss.item(), slope.item()
        print(f"s = {s:2.0f}  {name:12s} loss {loss:8.4f}, slope {slope:.3f}")

# %% jupyter={"outputs_hidden": true}
loss, slope = table[60.0, "by hand"]
holds("by hand: an infinite loss, a slope that is no number", loss == math.inf and slope != slope)
holds("BCELoss: a loss of 100, a slope of 0", table[60.0, "BCELoss"] == (100.0, 0.0))
holds("and at 15 both are already off", table[15.0, "BCELoss"][0] < 14.9, table[15.0, "BCELoss"][0])
holds("from logits: loss 60, slope 1", table[60.0, "from logits"] == (60.0, 1.0))

# %%
real_logits, fake_logits = 3 * torch.randn(1_000), 3 * torch.randn(1_000)
ones, zeros = torch.ones(1_000), torch.zeros(1_000)
bce = F.binary_cross_entropy_with_logits
library = bce(real_logits, ones) + bce(fake_logits, zeros), bce(fake_logits, ones)
own = discriminator_loss(real_logits, fake_logits), generator_loss(fake_logits)
equal = torch.allclose(torch.stack(own), torch.stack(library))
holds("both losses are PyTorch's cross-entropy with logits, labels 1 and 0", equal)

# %% [markdown]
# At 20 the sigmoid rounds to exactly 1. By hand the loss is infinite, and one step with its slope turns every weight into `nan`. `BCELoss` cuts its logarithms off at $-100$: the loss looks like a number,
# its slope is zero, and the network that is confidently wrong learns nothing from it. At 15 the loss is already one per cent off.

# %% [markdown]
# ## 3.11 Has it only memorised? · 3 min
#
# For each generated picture we look up the nearest training picture, pixel by pixel. A copy would lie at
# distance 0. The yardstick is a picture that is new and real: how near do *test* digits come to a training digit?


# %%
def nearest(images):
    """The distance to the nearest training picture, and that picture."""
    flat = digits.train.flatten(1)
    distance, index = torch.cdist(images.flatten(1), flat).min(dim=1)
    return distance, digits.train[index]


made, test = pictures[:300], digits.test[torch.randperm(len(digits.test))[:300]]
(to_made, neighbours), (to_test, _) = nearest(made), nearest(test)
show_images(
    {"generated": made[:16], "the nearest training pictures": neighbours[:16]},
    alt="Sixteen generated pictures, and below each the nearest training picture",
    columns=16,
    size=0.45,
)  # fmt: skip

# %%
shares = torch.tensor([0.05, 0.5], device=device)
near, new = to_made.quantile(shares), to_test.quantile(shares)
holds("generated pictures lie further off than new real ones (medians)", near[1] > new[1], near[1], new[1])
holds("so do the nearest of them (lowest twentieth)", near[0] > new[0], near[0], new[0])

# %% [markdown]
# Copies are not what it draws. (A copy with speckles would lie some way off as well: compare the pairs above stroke by stroke. Chapter 06 has a test for memory that can fail.) The generator has never touched a training
# picture; all it knows of them came through $D$'s gradient.

# %%
results.check()

# %% [markdown]
# ## Your turn · 2 min
#
# > **✎ Your turn.** *1. From logits to a divergence.* `kl_from_logits(net, samples)`: the mean of $\log p_\text{data} - \log p_g$ over samples of the data is
# > $D_\text{KL}(p_\text{data} \Vert p_g)$. Estimate it from `net` of section 3.6, without any density. The number to hit stands in the next cell; come within 0.05.

# %%
kl = torch.trapezoid(log_p.exp() * (log_p - log_q), wide)
print(f"D_KL(p_data ‖ p_g) by integration: {kl:.3f}")

# %% [markdown]
# <details><summary>Solution</summary>
#
# The logit *is* the log-ratio, so the mean of the logits over the data is the divergence:
#
# ```python
# def kl_from_logits(net, samples):
#     return net(samples).mean()
#
# kl_from_logits(net, p_data.sample((200_000, 1)))
# ```
#
# </details>
#
# > **✎ Your turn.** *2. The centre of the ring.* No position in `orbits["in turns"]` is near the goal. Write `mean_of_last(orbit, n)`, the mean of the last $n$ positions, and find the $n \le 40$ whose mean is nearest to
# > $(0, 0)$. Distance to hit: 0.012. Why just this $n$?
#
# <details><summary>Solution</summary>
#
# ```python
# def mean_of_last(orbit, n):
#     return orbit[-n:].mean(dim=0)
#
# min((mean_of_last(orbits["in turns"], n).norm().item(), n) for n in range(1, 41))  # (0.0121, 31)
# ```
#
# One turn of the ring takes about $2\pi/\eta = 31.4$ steps, and the mean of a full turn is the centre. This is why many GANs draw with a running average of the generator's weights (Yazıcı et al., 2019). Chapter 05 does so, and measures
# whether it pays.
#
# </details>
#
# > **✎ Your turn.** *3. Other losses, the same ½.* Replace the two losses by squares: $D$ pays $(s - 1)^2$ on real and $s^2$ on made, $G$ pays $(s-1)^2$ (Mao et al.,
# > 2017). Which $s^*(x)$ is best, and what is it when $p_g = p_\text{data}$? What does $D$'s loss stand at then? Train a network with it (`loss_of=`) on `p_data` and `p_g`, and hold it against `by_formula`: mean distance below 0.06, where `seen`.
#
# <details><summary>Solution</summary>
#
# Point by point, $p\,(s-1)^2 + q\,s^2$ is least at $s = p/(p+q)$: the right-hand side of (3.6) again, now without the sigmoid, and ½ when both are equal. The loss is then
# $\tfrac14 + \tfrac14 = \tfrac12$.
#
# ```python
# def squared_loss(real, fake):
#     return (real - 1).square().mean() + fake.square().mean()
#
# squares = train_discriminator(p_data, p_g, loss_of=squared_loss)
# (squares(axis[:, None]).squeeze(1) - by_formula)[seen].abs().mean()  # below 0.06, as before
# ```
#
# </details>

# %% [markdown]
# ## On one page · 5 min
#
# A whole GAN, without this course's helpers and the fading rates, stopped after 400 steps, too early for most digits. Take it home.

# %%
import torch
import torch.nn.functional as F
from torch import nn

images = digits.train  # or torchvision.datasets.MNIST("data", download=True).data[:, None] / 255
device = images.device
G = nn.Sequential(
    nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(),  # (n, 64) => (n, 256)
    nn.Linear(256, 512), nn.BatchNorm1d(512), nn.ReLU(),  # => (n, 512)
    nn.Linear(512, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)),  # => (n, 1, 28, 28)
).to(device)  # fmt: skip
D = nn.Sequential(
    nn.Flatten(),  # => (n, 784)
    nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Dropout(0.3),  # => (n, 512)
    nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3),  # => (n, 256)
    nn.Linear(256, 1),  # a logit
).to(device)  # fmt: skip

# %%
adam_g = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.99))
adam_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))
for step in range(400):  # thousands make better digits
    x = 2 * images[torch.randint(len(images), (64,))] - 1
    fakes = G(torch.randn(64, 64, device=device))

    d_loss = F.softplus(-D(x)).mean() + F.softplus(D(fakes.detach())).mean()
    adam_d.zero_grad()
    d_loss.backward()
    adam_d.step()

    D.requires_grad_(False)
    g_loss = F.softplus(-D(fakes)).mean()
    adam_g.zero_grad()
    g_loss.backward()
    adam_g.step()
    D.requires_grad_(True)
    if step % 100 == 0:
        print(f"step {step}: D's loss {d_loss:.3f}, G's loss {g_loss:.3f}")
with torch.no_grad():
    sheet = (G.eval()(torch.randn(32, 64, device=device)) + 1) / 2  # pixels from 0 to 1

# %%
show_images(sheet, alt="Thirty-two pictures of the one-page GAN", columns=16, size=0.45)

# %% [markdown]
# ## Summary
#
# - A GAN is a sampler without a density, trained by a classifier that compares samples with samples. The value (3.1) is the classifier's negative cross-entropy.
# - The best discriminator is $p_\text{data}/(p_\text{data}+p_g)$ (3.6); its logit is the log-ratio of two densities. If the generator is perfect, it says ½ to everything.
# - Against it the generator minimises $-\log 4 + 2\operatorname{JSD}$ (3.8). In practice two players take turns, and in the game $xy$ turn-taking circles.
# - The order matters: against a discriminator that stands still, a generator's best answer has no variety.
# - `detach` the fakes in $D$'s update; freeze $D$ in $G$'s; compute from logits.
# - The losses say how the match stands, not how well it is played. Look at fixed noise, and score with a third party.

# %% [markdown]
# ## What comes next
#
# - [Chapter 04](04_saturation.ipynb) takes up the loan of section 3.4: why the generator does not descend what the theory says.
# - The [debugging clinic](90_debugging_clinic.ipynb) breaks the update of section 3.1 in ways that were published.
# - [Exercise 03](../exercises/ex03_minimax.ipynb): the optimal discriminator, a clinic, and an essay on what makes GANs hard to train.

# %% [markdown]
# ## 3.12 Further: three ways to play, by eigenvalues · 3 min
#
# Each way to play $xy$ is a linear map, $(x, y) \mapsto M(x, y)$, applied again and again. You need one fact from linear algebra. If the $2\times 2$ matrix
# $M$ has the eigenvalues $\lambda_1, \lambda_2$, then $\lambda_1\lambda_2 = \det M$; if the two are a complex pair, both have $|\lambda|^2 = \det M$, and $|\lambda|$ is the factor by which
# the orbit grows or shrinks each step, on the whole. A third way to play joins the two of section 3.5: the **extra-gradient** step (Korpelevich, 1976) takes a trial step, then steps from the
# old point with the gradient *found there*. The determinants:
#
# $$\begin{aligned} \text{simultaneous:}\quad & \det M = 1 + \eta^2, \\ \text{in turns:}\quad & \det M = 1 \quad (\eta < 2), \\
# \text{extra-gradient:}\quad & \det M = 1 - \eta^2 + \eta^4. \end{aligned} \tag{3.10}$$


# %%
def simultaneous(x, y, eta=0.2):
    return x - eta * y, y + eta * x


def in_turns(x, y, eta=0.2):
    x = x - eta * y
    return x, y + eta * x


def extra_gradient(x, y, eta=0.2):
    trial_x, trial_y = simultaneous(x, y, eta)
    return x - eta * trial_y, y + eta * trial_x


# %% [markdown]
# > **❓ Predict.** Which of the three comes home from $(1, 0)$ with $\eta = 0.2$?

# %% jupyter={"outputs_hidden": true}
by_hand = {simultaneous: 1 + 0.2**2, in_turns: 1.0, extra_gradient: 1 - 0.2**2 + 0.2**4}
for step, determinant in by_hand.items():
    M = torch.tensor([step(1.0, 0.0), step(0.0, 1.0)], dtype=torch.float64).T
    sizes = torch.linalg.eigvals(M).abs() ** 2
    position = (1.0, 0.0)
    for _ in range(100):
        position = step(*position)
    right = torch.allclose(sizes, torch.full_like(sizes, determinant))
    holds(f"{step.__name__}: |λ|² by hand and by eigvals; distance after 100 steps",
          right, determinant, *sizes, math.hypot(*position))  # fmt: skip

# %% [markdown]
# Only the extra-gradient step does: looking one step ahead turns the arrow inwards. (Simultaneous steps are what Mescheder et al., 2017, analyse as
# the usual way to train a GAN; our loop takes turns. It is not one or the other that "GANs do".)

# %% [markdown]
# ## 3.13 Further: when does a game come home? · 5 min
#
# Beyond $xy$: near a resting point every smooth game is linear. Let the players drift with small steps, $\dot\theta = -\partial V/\partial\theta$ and $\dot w = +\partial V/\partial w$, and write
# the drift near the resting point as a matrix $J$. All that is needed of eigenvalues: the game comes home if both have a negative real part, and
#
# $$J = \begin{pmatrix} 0 & a \\ -a & -c \end{pmatrix} \quad\text{has}\quad \lambda^2 + c\,\lambda + a^2 = 0,
# \qquad \lambda = -\tfrac{c}{2} \pm \sqrt{\tfrac{c^2}{4} - a^2}. \tag{3.11}$$
#
# So everything hangs on $c$, the curvature of $V$ in $D$'s own weight. Take the shift game with data around 0, of standard deviation $\varsigma$, a generator of the same spread, and $D$ with the logit
# $wx$. At rest ($\theta = 0$, $w = 0$) the second derivatives of (3.1) are easily found, with $\sigma'(0) = \tfrac14$:
#
# $$a = \tfrac12, \qquad c = \tfrac14\bigl(\mathbb{E}_{p_\text{data}}[x^2] + \mathbb{E}_{p_g}[x^2]\bigr) = \tfrac12\varsigma^2. \tag{3.12}$$
#
# The spread of the data damps the circle. Without any, $\varsigma = 0$ (one point against one point, the *Dirac GAN* of Mescheder et al., 2018), nothing does. A penalty of
# $\tfrac{\gamma}{2} w^2$ for a steep $D$, which chapter 05 will charge, adds $\gamma$ to $c$.


# %%
e = torch.linspace(-8, 8, 401, dtype=torch.float64)  # the noise, and its density
density = torch.exp(-0.5 * e**2) / math.sqrt(2 * math.pi)


def expected_value(point, spread, gamma):
    """(3.1) for this game, integrated over the noise, less the penalty."""
    theta, w = point
    terms = F.logsigmoid(w * spread * e) + F.logsigmoid(-w * (theta + spread * e))
    return torch.trapezoid(density * terms, e) - gamma / 2 * w**2


def drift(point, spread, gamma):  # θ descends, w climbs
    slopes = torch.func.grad(expected_value)(point, spread, gamma)
    return torch.stack([-slopes[0], slopes[1]])


print("drift at (1, 0):", drift(torch.tensor([1.0, 0.0], dtype=torch.float64), 1.0, 0.0))


# %% [markdown]
# > **❓ Predict.** Three games from the same start: spread 1; spread 0; spread 0 with $\gamma = \tfrac12$. Which come home?

# %% jupyter={"outputs_hidden": true}
ends, games = {}, {"spread 1": (1.0, 0.0), "spread 0": (0.0, 0.0)}
games["spread 0, penalty ½"] = (0.0, 0.5)
fig, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
for ax, (name, game) in zip(axes, games.items(), strict=True):
    orbit = [torch.tensor([1.0, 0.0], dtype=torch.float64)]
    for turn in range(800):  # small steps, in turns
        mover = torch.tensor([1.0 - turn % 2, turn % 2], dtype=torch.float64)
        orbit.append(orbit[-1] + 0.05 * mover * drift(orbit[-1], *game))
    ends[name] = orbit[-1].norm()
    ax.plot(*torch.stack(orbit).T)
    ax.plot(0, 0, "k*", markersize=10)
    ax.set(title=name, xlabel="θ", ylabel="w", aspect="equal")
show(fig, alt="Three orbits in the plane of θ and w from (1, 0), a star at the origin")

# %% jupyter={"outputs_hidden": true}
origin = torch.zeros(2, dtype=torch.float64)
for name, (spread, gamma) in games.items():
    J = torch.func.jacrev(drift)(origin, spread, gamma)
    c = spread**2 / 2 + gamma
    by_hand = torch.tensor([[0, 0.5], [-0.5, -c]], dtype=torch.float64)
    slowest, distance = torch.linalg.eigvals(J).real.max(), ends[name]
    right = torch.allclose(J, by_hand, atol=1e-4) and abs(slowest + c / 2) < 1e-4
    holds(f"{name}: J as in (3.12); real part, last distance", right, slowest, distance)
    holds("  it comes home" if c else "  it does not", (distance < 0.05) == (c > 0))

# %% [markdown]
# As (3.12) says: spread or penalty, either damps, and without both the players circle for good. Digits lie on a thin sheet, nearer to the second game
# than to the first; that is a reason, by analogy only, for penalties on $D$'s slope: nothing here was proved for our networks.

# %% [markdown]
# ## 3.14 Further: a recipe that fails, and Adam's first average · 9 min
#
# One of the five texts that this course grew from (document 000; the table in chapter 00 lists them) prints a GAN with wide layers, without batch normalisation or dropout, batches of 128, Adam with a
# rate of $2 \cdot 10^{-4}$ and its default average, $\beta_1 = 0.9$, and says that it will start producing digits. We run the first eighth of its five epochs (the full schedule runs them all), and
# beside it the same with one number changed: $\beta_1 = 0.5$, which the other texts use.


# %%
def recipe(beta1, steps):
    schedule.seed_everything()
    last = nn.Tanh(), nn.Unflatten(1, (1, 28, 28))
    g = nn.Sequential(mlp(100, 256, 512, 1024, 784), *last).to(device)
    d = nn.Sequential(nn.Flatten(), mlp(784, 512, 256, 1), nn.Flatten(0)).to(device)
    options = {"lr": 2e-4, "betas": (beta1, 0.999), "fused": True}
    both = g, d, *(torch.optim.Adam(one.parameters(), **options) for one in (g, d))

    def update(x):
        z = torch.randn(len(x), 100, device=device)
        d_loss, g_loss = gan_update(*both, 2 * x - 1, z)
        return {"discriminator": d_loss, "generator": g_loss}

    losses = train(update, digits.train, steps=steps, batch_size=128)
    return g, d, sum(losses["discriminator"][-50:]) / 50


# %% [markdown]
# > **❓ Predict.** Same seed, same networks, same data. Which of the two draws digits by then? In which is $D$ far ahead?

# %% jupyter={"outputs_hidden": true}
steps = schedule.choose(steps=(300, 2_345)).steps
runs, sheets, shut = {beta1: recipe(beta1, steps) for beta1 in (0.9, 0.5)}, {}, {}
for beta1, (g, _, d_loss) in runs.items():
    sheets[beta1] = sample_gan(g, torch.randn(5_000, 100, device=device))
    shut[beta1] = (2 * sheets[beta1] - 1).abs().gt(0.999).float().mean().item()
    inception = scores_of(sheets[beta1]).inception_score
    print(f"β₁ = {beta1}: inception score {inception:.2f}, D's loss {d_loss:.3f}, shut {shut[beta1]:.2f}")

# %% jupyter={"outputs_hidden": true}
show_images(
    {f"β₁ = {beta1}": sheet[:16] for beta1, sheet in sheets.items()},
    alt="Sixteen pictures of each of the two runs, β₁ = 0.9 and β₁ = 0.5",
    columns=16,
    size=0.45,
)

# %% jupyter={"outputs_hidden": true}
results.add(document_inception_score=scores_of(sheets[0.9]).inception_score)
for beta1, (_, _, d_loss) in runs.items():
    print(f"β₁ = {beta1}: D's loss {d_loss:.3f}, {shut[beta1]:.0%} of G's pixels shut")
holds("neither draws digits yet", scores_of(sheets[0.9]).inception_score < 4)

# %% [markdown]
# In the run above neither draws digits, and with $\beta_1 = 0.9$ the discriminator is far ahead: its loss, a mean over 50 steps, is the lower one (the last step alone, printed during training, can lie far off); *shut* is the share of pixels beyond 0.999 in size, where
# the slope of G's $\tanh$ is below 0.002. A tempting explanation is that there D's advice is lost on the way. We have measured it on
# MNIST, outside this notebook, as the size of the slope of G's loss in front of the $\tanh$, with $\beta_1 = 0.9$. In two runs it grew
# four and seven times between step 10 and step 300, although about half of the pixels were shut by then: D's slopes had grown by more.
# In a third it was less than half of what it had been at the start. So shut pixels can make G quiet, and need not. (And Adam divides by
# the size anyway.) What keeps this $G$ from drawing digits, these figures do not tell.
#
# What has $\beta_1$ to do with it? It is momentum: the step follows a running average over about the last $1/(1-\beta_1)$ gradients, ten for 0.9 and two for 0.5. In a game an old gradient points to where the opponent *was*.


# %%
def play_with_adam(beta1, steps=800, rate=0.02):
    w, b, theta = (torch.zeros((), requires_grad=True) for _ in range(3))
    climb = torch.optim.Adam([w, b], lr=rate, betas=(beta1, 0.99), maximize=True)
    descend = torch.optim.Adam([theta], lr=rate, betas=(beta1, 0.99))
    road = []
    for _ in range(steps):
        for optimizer in (climb, descend):
            optimizer.zero_grad()
            value(w, b, theta, n=1_000).backward()
            optimizer.step()
        road.append(theta.item())
    return torch.tensor(road)


# %% [markdown]
# > **❓ Predict.** We play the shift game of section 3.4 again, now with Adam. Which of $\beta_1 = 0$, 0.5, 0.9 comes home?

# %% jupyter={"outputs_hidden": true}
roads = {beta1: play_with_adam(beta1) for beta1 in (0.0, 0.5, 0.9)}
unrest = {beta1: (road[400:] - 3).abs().mean().item() for beta1, road in roads.items()}
print("mean distance from 3, second half:", {k: round(v, 3) for k, v in unrest.items()})
holds("0.9 swings more than four times as far as 0.5", unrest[0.9] > 4 * unrest[0.5])

# %% jupyter={"outputs_hidden": true}
fig, ax = plt.subplots(figsize=(7, 2.6))
for beta1, road in roads.items():
    ax.plot(road, label=f"β₁ = {beta1}")
ax.axhline(3, color="black", linestyle=":", linewidth=1)
ax.set(xlabel="step", ylabel="generator's mean θ")
ax.legend()
show(fig, alt="The generator's mean against the step, for three settings of Adam")

# %% [markdown]
# With 0.9 the swinging goes on, in a game that plain gradient steps win easily. This holds for Adam at this rate; what momentum does to games is not simple (Gidel et al., 2019, show that in alternating play of
# $xy$ a *negative* one converges), and the shift game is a caricature of the recipe. Radford et al. (2016) arrived at 0.5 by trying.

# %% [markdown]
# ## 3.15 Further: the same update in other listings · 3 min
#
# Published loops differ in small ways. Some call `backward` twice in $D$'s step, on the real half and on the made half: gradients **add up** until they are zeroed, so that is the same
# (and so a forgotten `zero_grad` adds the last batch's). Some halve the sum: under Adam, which divides by the gradient's size, that changes next to nothing. Some let $G$ go first.

# %%
g, d = Generator().to(device), Discriminator().to(device).eval()
x, fakes = 2 * digits.train[:128] - 1, g(fixed_z[:128]).detach()
F.softplus(-d(x)).mean().backward()
F.softplus(d(fakes)).mean().backward()
in_two = gradient(d)
d.zero_grad()
discriminator_loss(d(x), d(fakes)).backward()
apart = (in_two - gradient(d)).norm() / in_two.norm()
holds("two backward calls add up (relative difference)", apart < 1e-4, apart)


# %%
moved = []
for factor in (1.0, 0.5):
    schedule.seed_everything()
    d = Discriminator().to(device).eval()
    before = [w.detach().clone() for w in d.parameters()]
    optimizer = torch.optim.Adam(d.parameters(), 1e-3, betas=(0.5, 0.99))
    for _ in range(5):
        optimizer.zero_grad()
        (factor * discriminator_loss(d(x), d(fakes))).backward()
        optimizer.step()
    after = zip(d.parameters(), before, strict=True)
    moved.append(torch.cat([(w.detach() - old).flatten() for w, old in after]))
apart = (moved[0] - moved[1]).norm() / moved[0].norm()
holds("under Adam half the loss makes the same steps (after five)", apart < 0.05, apart)

# %%
results.check()

# %% [markdown]
# ## References
#
# - I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661): (3.1), (3.2), (3.5) to
#   (3.8), and the convergence argument in the space of distributions.
# - I. Goodfellow, "NIPS 2016 tutorial: generative adversarial networks", 2016, [arXiv:1701.00160](https://arxiv.org/abs/1701.00160): the order of min and max, and mode collapse.
# - G. M. Korpelevich, "The extragradient method for finding saddle points and other problems", *Ekonomika i Matematicheskie
#   Metody* 12, 1976.
# - S. Nowozin, B. Cseke and R. Tomioka, "f-GAN: training generative neural samplers using variational divergence minimization", NeurIPS 2016,
#   [arXiv:1606.00709](https://arxiv.org/abs/1606.00709).
# - M. Arjovsky and L. Bottou, "Towards principled methods for training generative adversarial networks", ICLR 2017,
#   [arXiv:1701.04862](https://arxiv.org/abs/1701.04862): thin sheets, and why a perfect discriminator teaches nothing.
# - X. Mao et al., "Least squares generative adversarial networks", ICCV 2017, [arXiv:1611.04076](https://arxiv.org/abs/1611.04076).
# - A. Radford, L. Metz and S. Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
#   networks", ICLR 2016, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434): $\beta_1 = 0.5$.
# - L. Mescheder, S. Nowozin and A. Geiger, "The numerics of GANs", NeurIPS 2017, [arXiv:1705.10461](https://arxiv.org/abs/1705.10461): simultaneous steps, and the drift as a matrix.
# - L. Mescheder, A. Geiger and S. Nowozin, "Which training methods for GANs do actually converge?", ICML 2018,
#   [arXiv:1801.04406](https://arxiv.org/abs/1801.04406): the Dirac GAN.
# - G. Gidel et al., "Negative momentum for improved game dynamics", AISTATS 2019, [arXiv:1807.04740](https://arxiv.org/abs/1807.04740).
# - Y. Yazıcı et al., "The unusual effectiveness of averaging in GAN training", ICLR 2019, [arXiv:1806.04498](https://arxiv.org/abs/1806.04498).
# - T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, [arXiv:1606.03498](https://arxiv.org/abs/1606.03498): the inception
#   score.
# - M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", NeurIPS 2017,
#   [arXiv:1706.08500](https://arxiv.org/abs/1706.08500): the Fréchet distance.
