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
# # 01 · Autoencoders
#
# A network that squeezes a picture through a narrow place and rebuilds it on the other side has to find out
# what pictures of its kind have in common. That is the first half of generation. You train such a network in
# the first minutes, find out what it has learned and what it is good for, and end with the question that it
# cannot answer: *which codes belong to a digit?*
#
# **You will be able to**
#
# - train an autoencoder, and choose the size of its code knowingly;
# - hold it against principal component analysis, the best that a linear code can do;
# - say what the squared error assumes, and show where that assumption fails;
# - use codes for search, reconstruction for cleaning and for finding intruders, and know where each goes wrong;
# - say what a generative model is, and show by a measurement why an autoencoder alone is none.
#
# **Time.** Reading and thinking, about 70 minutes; the sections called *Further* take 20 more and can wait.
# Running all cells, about <!--01.seconds-->50 seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** Python, the basics of PyTorch, and from mathematics: matrices, eigenvectors, expectation,
# covariance. [The probability that the course uses](00_start_here.ipynb), one page, stands at the end of chapter 00;
# [symbols and terms](notation.md) have a page of their own.
#
# ![Five rows of ten digits: the originals, and four reconstructions of each, from 2, 16 and 64 principal components
# and from the 64 numbers of the autoencoder.](images/01.png)
#
# *What you will make: test digits (top), rebuilt from 2, 16 and 64 principal components, and (bottom) from 64
# numbers by the autoencoder of this chapter.*

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

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_image
from sklearn.metrics import roc_auc_score
from torch import nn

from course_utils import schedule
from course_utils.data import batches, load_images
from course_utils.figures import live_picture, plot_history, show, show_images
from course_utils.results import Results, holds
from course_utils.schedule import seed_everything
from course_utils.training import Diary, train

# %%
seed_everything()
device = schedule.device()
digits = load_images("mnist")  # pictures (n, 1, 28, 28), from 0 (black) to 1 (white)
results = Results("01", digits.source)

# %% [markdown]
# ## 1.1 Squeeze and rebuild · 11 min
#
# An **autoencoder** is two networks in a row. The **encoder** $f$ turns a picture $x$ into a **code**
# $z = f(x)$, a short list of numbers. The **decoder** $g$ turns the code into a picture
# $\hat x = g(z)$. Both learn together to make $\hat x$ like $x$.
#
# ![A picture of 784 pixels goes through the encoder into a code of 64 numbers and through the decoder into a rebuilt
# picture of 784 pixels; training makes the two pictures alike.](images/01_autoencoder.svg)
#
# The code has fewer numbers than the picture: 64 instead of 784. Such an autoencoder is called **undercomplete**,
# and the narrow place is its point. Were the code as wide as the picture, copying every pixel would be a
# perfect and useless solution.


# %%
class Autoencoder(nn.Module):
    def __init__(self, latent_dim=64, hidden_dim=128):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(),  # (n, 1, 28, 28) => (n, 784)
            nn.Linear(784, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, latent_dim),  # => (n, latent_dim), the code
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, 784),
            nn.Sigmoid(),  # pixels are in [0, 1]
            nn.Unflatten(1, (1, 28, 28)),  # => (n, 1, 28, 28)
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


# %%
autoencoder = Autoencoder().to(device)
code = autoencoder.encoder(digits.train[:5])
rebuilt = autoencoder.decoder(code)
holds("five pictures become five codes of 64", code.shape == (5, 64), str(tuple(code.shape)))
holds("and pictures again", rebuilt.shape == (5, 1, 28, 28), str(tuple(rebuilt.shape)))

# %% [markdown]
# The loss is the **mean squared error** (MSE): the difference between a pixel and its rebuilt value, squared, and
# averaged over all pixels of all pictures. The optimizer is Adam. Its learning rate rises during the first third of
# the steps and then falls almost to zero (`OneCycleLR`): large steps first, fine adjustment at the end. The table
# has two columns: the short schedule, for a laptop, and the full one, for a GPU.

# %%
settings = schedule.choose(steps=(4_000, 20_000), batch_size=(128, 128), learning_rate=(6e-3, 4e-3))


def make_optimizer(model, steps, learning_rate=settings.learning_rate):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    schedulers = torch.optim.lr_scheduler
    return optimizer, schedulers.OneCycleLR(optimizer, learning_rate, total_steps=steps)


optimizer, scheduler = make_optimizer(autoencoder, settings.steps)
print(f"{settings.steps:,} steps of {settings.batch_size} pictures, learning rate up to {settings.learning_rate}")


# %%
def update(x):
    loss = F.mse_loss(autoencoder(x), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    return {"MSE": loss}


# %% [markdown]
# `train` calls `update` on one shuffled batch after another, shows a progress bar and remembers the losses. There is no
# more to it (`course_utils/training.py`), except that a run that was cut off goes on where it was. Now and then it
# calls `watch`, which looks at ten digits that are not trained on.

# %%
rows = Diary({"test digits": digits.test[:10]})  # a dictionary that a checkpoint keeps


@torch.no_grad()
def watch(step):
    if step in (0, 100, 300, 1_000, settings.steps):
        rows[f"rebuilt after {step:,} steps"] = autoencoder(digits.test[:10])
        show_images(rows, alt="Ten test digits; in the rows below, rebuilt as training goes on.", into=screen)


# %% [markdown]
# > **❓ Predict.** 4 000 steps of 128 pictures. After how many will you be able to read the rebuilt digits: 100, 300,
# > 1 000, or only at the end?

# %% jupyter={"outputs_hidden": true}
screen = live_picture()
history = train(
    update,
    digits.train,
    steps=settings.steps,
    batch_size=settings.batch_size,
    watch=watch,
    watch_every=100,
    name="01_autoencoder",
    state={"model": autoencoder, "optimizer": optimizer, "scheduler": scheduler, "rows": rows},
)

# %% [markdown]
# While it runs, read on. When it is done, put what you saw into numbers: how much do the ten pictures of a row differ?

# %%
variety = {name: row.std(dim=0).mean() for name, row in rows.items()}  # how much the ten of a row differ
*_, end = variety.values()
early = [variety.get(f"rebuilt after {n} steps", end) for n in ("100", "1,000")]
after_100, after_1000 = (one / variety["test digits"] for one in early)
holds("after 100 steps the ten are much alike: their variety, of 1 for the digits, is", after_100 < 0.5, after_100)
holds("after 1,000 steps it is", after_1000 > 0.7, after_1000)

# %% [markdown]
# First the network learns what all digits have in common; what tells them apart comes later. Now see how the error
# fell, and what is left of it on the test digits. A low error on *training* pictures may be memory: the network has
# 218 000 weights. So compare the two.

# %%
plot_history(
    history,
    alt="Training error against the training step, the error on a logarithmic axis.",
    ylabel="mean squared error per pixel",
    logy=True,
)


# %%
@torch.no_grad()
def error_on(model, images):
    return F.mse_loss(model(images), images).item()


# %%
test_mse = error_on(autoencoder, digits.test)
train_mse = error_on(autoencoder, digits.train[: len(digits.test)])
weights = sum(parameter.numel() for parameter in autoencoder.parameters())
results.add(test_mse=test_mse)
print(f"{weights:,} weights; MSE in training {train_mse:.5f}, on test {test_mse:.5f}")
holds("the test error is less than a third above the training error", test_mse < 1.33 * train_mse, test_mse / train_mse)

# %% [markdown]
# > **⚠ Common mistake.** Judging an autoencoder on its training pictures. Here the two errors agree, after this many
# > steps and with this many pictures; nothing guarantees it for yours.
#
# %% [markdown]
# ## 1.2 The yardstick: the best linear code · 6 min
#
# Is <!--01.test_mse-->0.0041 good? A number alone does not say. The yardstick is **principal component analysis**
# (PCA). It asks: if $k$ numbers may be kept of every picture, and rebuilding must be linear, which $k$ should they
# be? Write $\bar x$ for the mean picture, and let the columns of $U$ (784 rows, $k$ columns, orthonormal) span the
# space we keep. Keeping $z = U^\top(x - \bar x)$ and rebuilding $\hat x = \bar x + U z$ costs on average
#
# $$\mathbb{E}\,\lVert x - \hat x\rVert^2
#   = \operatorname{tr} C - \operatorname{tr}\,(U^\top C\, U),
# \qquad C = \mathbb{E}\,(x-\bar x)(x-\bar x)^\top. \tag{1.1}$$
#
# (The **trace** $\operatorname{tr}$ sums a diagonal. For $y = x - \bar x$ and $U^\top U = I$,
# $\lVert y - UU^\top y\rVert^2 = \lVert y\rVert^2 - \lVert U^\top y\rVert^2$; take expectations.) The first term is
# fixed, so the second should be as large as possible. Let $v_j$ be the eigenvectors of $C$ (orthonormal), with
# eigenvalues $\lambda_1 \ge \lambda_2 \ge \dots$ Then the second term is $\sum_j \lambda_j w_j$ with
# $w_j = \lVert U^\top v_j\rVert^2$. Two things are known about these weights. Each is the squared length of the
# shadow of a unit vector, so $0 \le w_j \le 1$. And they sum to $k$: the $v_j$ form an orthonormal basis, so
# $\sum_j \lVert U^\top v_j \rVert^2$ is the sum of all squared entries of $U$, and each of its $k$ columns has
# length 1. With $k$ to give away and at most 1 for each, the best is to give it to the $k$ largest eigenvalues.
# What remains is what was thrown away:
#
# $$\min_U\; \mathbb{E}\,\lVert x - \hat x\rVert^2 = \sum_{j>k} \lambda_j. \tag{1.2}$$

# %%
flat = digits.train.flatten(1).cpu().double()  # (n, 784)
mean = flat.mean(dim=0)
covariance = (flat - mean).T @ (flat - mean) / len(flat)  # (784, 784)
eigenvalues, eigenvectors = torch.linalg.eigh(covariance)  # ascending
eigenvalues, eigenvectors = eigenvalues.flip(0).clamp(min=0), eigenvectors.flip(1)  # largest first
print(f"the first two of 784 components carry {eigenvalues[:2].sum() / eigenvalues.sum():.0%} of the variance")


# %%
def pca_rebuild(images, k):
    """Images (n, 1, 28, 28) rebuilt from their first k principal components."""
    y = images.flatten(1).cpu().double() - mean
    U = eigenvectors[:, :k]
    return (mean + y @ U @ U.T).view(-1, 1, 28, 28)


for k in (2, 16, 64):
    difference = digits.train.cpu() - pca_rebuild(digits.train, k)
    lost = difference.flatten(1).square().sum(dim=1).mean()
    discarded = eigenvalues[k:].sum()
    holds(f"k = {k}: the error is what the eigenvalues say", abs(lost / discarded - 1) < 1e-6, lost, discarded)

# %% [markdown]
# Formula and measurement agree, as they must: this is an identity. (Summed over the 784 pixels, not averaged.)
#
# > **❓ Predict.** On the test digits, per pixel: what do 64 principal components leave, if the autoencoder's 64
# > numbers leave <!--01.test_mse-->0.0041? About as much, a half more, or twice as much?

# %% jupyter={"outputs_hidden": true}
pca_mse = F.mse_loss(pca_rebuild(digits.test, 64), digits.test.cpu().double()).item()
results.add(pca_mse_64=pca_mse)
holds("the autoencoder leaves less than three quarters of PCA's error", test_mse < 0.75 * pca_mse, test_mse, pca_mse)

# %% tags=["picture"] jupyter={"outputs_hidden": true}
some = digits.test[10:20]
by_components = {f"{k} principal components": pca_rebuild(some, k) for k in (2, 16, 64)}
with torch.no_grad():
    comparison = {"original": some, **by_components, "autoencoder, code of 64": autoencoder(some)}
show_images(comparison, alt="Ten test digits, rebuilt from 2, 16, 64 components and by the autoencoder.")

# %% [markdown]
# On MNIST, less than half (mean of the recorded runs: <!--01.test_mse-->0.0041 against <!--01.pca_mse_64-->0.0090).
# Look at the rows: two components leave blurs, 64 a digit among grey ghosts. The ghosts
# can be measured: how grey is the paper, where the original is blank?

# %%
blank = digits.test == 0
with torch.no_grad():
    ours = autoencoder(digits.test)[blank].mean()
pcas = pca_rebuild(digits.test, 64).to(device)[blank].abs().mean()
holds("on blank paper the autoencoder leaves less than half of PCA's grey", ours < 0.5 * pcas, ours, pcas)

# %% [markdown]
# Why can't PCA do better? Its decoder is linear: it *adds up* 64 fixed pictures, some with a minus sign, and what does
# not cancel is a ghost. Everything it can paint lies in one flat space of 64 dimensions, and nothing in that space is
# nearer to $x$ than the projection. So **no encoder helps**, however clever: as long as the decoder is linear, (1.2) is
# the floor. It is the decoder that must bend. (Section 1.10 trains all four combinations.) That a deep
# autoencoder beats PCA with a code of the same size is what Hinton and Salakhutdinov (2006) showed; ours has one
# hidden layer on each side.

# %% [markdown]
# ## 1.3 What the squared error assumes · 6 min
#
# Two losses go by the same name. The **reconstruction error** of one picture sums over its pixels,
#
# $$L(x, \hat x) = \lVert x - \hat x\rVert^2 = \sum_{i=1}^{784} (x_i - \hat x_i)^2, \tag{1.3}$$
#
# and `F.mse_loss` averages, over the batch *and* the 784 pixels. The factor between them moves no minimum, but it
# decides which numbers may be compared, and in chapter 02 it will decide whether a model learns at all.

# %%
x = digits.test[:100]
with torch.no_grad():
    x_hat = autoencoder(x)
per_picture = (x - x_hat).square().flatten(1).sum(dim=1)  # (1.3), one number a picture
average = F.mse_loss(x_hat, x)
holds(
    "F.mse_loss is (1.3), averaged over pictures, divided by 784",
    torch.isclose(average, per_picture.mean() / 784),
    average,
    per_picture.mean(),
)

# %% [markdown]
# Why squares? Read the decoder's output as the *mean of a Gaussian*: given the code, pixel $i$ is $\hat x_i$ plus
# noise of standard deviation $s$, the same for every pixel, and independent. The negative logarithm of that density is
#
# $$-\log p(x \mid z) = \frac{\lVert x - \hat x\rVert^2}{2 s^2} + \frac{784}{2} \log\,(2\pi s^2). \tag{1.4}$$
#
# For a fixed $s$ the second term is a constant: **least squares is maximum likelihood with Gaussian noise**, that is,
# the choice of weights under which the pictures are most probable, given their codes. (For a model of the pictures
# alone, maximum likelihood would be the least Kullback–Leibler divergence from the data to the model, as
# [chapter 00](00_start_here.ipynb) shows in section 0.10. Here each code was read off the very picture that it is to
# explain, so (1.4) is half of such a model. Chapter 02 adds the other half.) Which $s$ is best? Put the derivative of
# (1.4) to zero: $s^2$ is the MSE.

# %%
gaussian = torch.distributions.Normal(x_hat, 0.1)
by_torch = -gaussian.log_prob(x).flatten(1).sum(dim=1)
by_hand = per_picture / (2 * 0.1**2) + 392 * math.log(2 * math.pi * 0.1**2)
holds("(1.4) is torch's Gaussian, summed over pixels", torch.allclose(by_torch, by_hand, rtol=1e-4), by_hand.mean())

scales = average.sqrt() * torch.linspace(0.5, 2, 301, device=device)
negative_log = average * 784 / (2 * scales**2) + 392 * (2 * math.pi * scales**2).log()
best = scales[negative_log.argmin()]
holds("the best s is the root of the MSE", torch.isclose(best, average.sqrt(), rtol=0.01), best, average.sqrt())

# %% [markdown]
# So whoever minimises squares says: *errors in different pixels have nothing to do with each other*. Is that so?
# Here is part of a photograph, then the same moved to the left by a single pixel, then with a black hole in it.
#
# > **❓ Predict.** Which of the two is farther from the first, by the mean squared error? By what factor?

# %% jupyter={"outputs_hidden": true}
photograph = torch.tensor(load_sample_image("china.jpg"))  # (427, 640, 3), 0 to 255
photograph = photograph.permute(2, 0, 1) / 255  # (3, 427, 640), 0 to 1
part = photograph[:, 110:270, 200:400]
shifted = photograph[:, 110:270, 201:401]
masked = part.clone()
masked[:, 64:96, 80:112] = 0
show_images(
    torch.stack([part, shifted, masked]),
    alt="A pavilion, three times: as it is, moved by a pixel, with a black square.",
    columns=3,
    size=2.5,
)
shift_error, mask_error = F.mse_loss(shifted, part), F.mse_loss(masked, part)
holds("the shift costs more than twice as much as the hole", shift_error > 2 * mask_error, shift_error, mask_error)

# %% [markdown]
# The shift that nobody sees costs nearly three times as much as the hole that everybody sees. A shift changes all
# pixels near an edge *together*, and the squared error cannot tell that from as many separate accidents. It also
# rewards blur. Who does not know which of the two places is right had better paint the average of both:

# %%
blur = (part + shifted) / 2
blur_error, wrong_place = F.mse_loss(blur, part), F.mse_loss(shifted, part)
holds("the average costs a quarter of that", torch.isclose(blur_error, wrong_place / 4), blur_error, wrong_place)

# %% [markdown]
# Always a quarter, so half as much as guessing a place and being wrong every second time.

# %% [markdown]
# ## 1.4 How many numbers? · 6 min
#
# A larger code can only help the best attainable reconstruction. How fast does the error fall with the size? For PCA
# we know the error for *every* $k$ at once: what the first $k$ components catch of the test pictures, subtracted
# from what there is.


# %%
def train_quickly(model, loss_of, steps, learning_rate=settings.learning_rate):
    """The loop of section 1.1, without checkpoint and picture."""
    optimizer, scheduler = make_optimizer(model, steps, learning_rate)

    def update(x):
        loss = loss_of(model, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        return {"MSE": loss}

    train(update, digits.train, steps=steps, batch_size=settings.batch_size)
    return model


# %% [markdown]
# > **❓ Predict.** Five more autoencoders, with codes of 2, 4, 8, 16 and 32 numbers, each trained for a third of the
# > steps above. How many principal components does it take to match each: about as many, twice as many, or four
# > times?


# %% jupyter={"outputs_hidden": true}
def reconstruction_error(model, x):
    return F.mse_loss(model(x), x)


sizes = [2, 4, 8, 16, 32, 64]
by_size = {}
for k in sizes[:-1]:
    smaller = Autoencoder(latent_dim=k).to(device)
    by_size[k] = train_quickly(smaller, reconstruction_error, settings.steps // 3)
by_size[64] = autoencoder

# %% jupyter={"outputs_hidden": true}
y = digits.test.flatten(1).cpu().double() - mean
caught = (y @ eigenvectors).square().mean(dim=0).cumsum(dim=0)
by_pca = (y.square().sum(dim=1).mean() - caught) / 784  # [k - 1]: of k components
needed = {}
for k, model in by_size.items():
    error = error_on(model, digits.test)
    results.add(**{f"mse_code_{k}": error})
    needed[k] = 1 + (by_pca > error).sum().item()
    print(f"code of {k:2d}: {error:.4f}, PCA {by_pca[k - 1]:.4f}, needs {needed[k]} for the same")
times = [needed[k] / k for k in sizes]
holds("PCA needs more than that: times", 1.2 <= min(times) <= max(times) <= 4, min(times), max(times))

# %% jupyter={"outputs_hidden": true}
fig, ax = plt.subplots()
ax.loglog(range(2, 129), by_pca[1:128], "--", label="PCA")
errors = [results.numbers[f"mse_code_{k}"] for k in sizes]
ax.loglog(sizes[:-1], errors[:-1], "o-", color="C1", label="autoencoder")
ax.loglog(64, errors[-1], "o", color="C1", markerfacecolor="none", label="autoencoder, three times the steps")
ticks = [0.005, 0.01, 0.02, 0.05]
ax.set(xlabel="numbers in the code", ylabel="test MSE per pixel", xticks=sizes, xticklabels=sizes)
ax.set(yticks=ticks, yticklabels=ticks)
ax.minorticks_off()
ax.legend()
show(fig, alt="Test error against the size of the code, both axes logarithmic.")

# %% [markdown]
# A caution about such curves: a point tells of the *training* as much as of the code. The last one had three times as
# many steps; the others would move with more. And how large should a code be, then? That depends on what it is for: two
# for a map, more for a faithful copy. The reconstruction error alone will not tell you, since it always asks for more.

# %% [markdown]
# ## 1.5 Search by code · 5 min
#
# A code is an address. To find pictures like a given one among the training digits, compare codes instead of pixels:
# a twelfth of the numbers to store and to read.

# %%
picked = torch.randperm(len(digits.test))[:1000].to(device)
query, right = digits.test[picked], digits.test_labels[picked]
U = eigenvectors[:, :64].float().to(device)
views = {
    "784 pixels": lambda images: images.flatten(1),
    "64 principal components": lambda images: images.flatten(1) @ U,
    "code of 64": lambda images: autoencoder.encoder(images),
}


def labels_agree(index):
    return (digits.train_labels[index] == right).double().mean().item()


# %% [markdown]
# > **❓ Predict.** For each of 1 000 test digits, take the nearest training digit: by pixels, by 64 principal
# > components, by code. How often does it show the same digit? Order the three.

# %% jupyter={"outputs_hidden": true}
found, agreement = {}, {}
for name, view in views.items():
    with torch.no_grad():
        distances = torch.cdist(view(query), view(digits.train))  # (1000, n)
    found[name] = distances.topk(9, largest=False).indices  # (1000, 9)
    agreement[name] = labels_agree(found[name][:, 0])
    print(f"{name:23s} the nearest shows the same digit: {agreement[name]:.1%}")

# %% jupyter={"outputs_hidden": true}
holds("by code, the nearest shows the same digit in nine cases of ten or more", agreement["code of 64"] > 0.9)
spans = max(agreement.values()) - min(agreement.values())
holds("the three are within five points of one another", spans < 0.05, spans)
hits = {f"query, its nearest by {name}": digits.train[index[0]] for name, index in found.items()}
hits = {title: torch.cat([query[:1], images]) for title, images in hits.items()}
show_images(hits, alt="A test digit and its nine nearest training digits, by each of the three.")

# %% [markdown]
# So a twelfth of the numbers is enough, and PCA's will do. Whoever searches among millions saves memory and time. And
# where is the code worse? Put grain on the *queries* only, and search again.

# %%
grainy = (query + 0.5 * torch.randn_like(query)).clamp(0, 1)
under_grain = {}
for name, view in views.items():
    with torch.no_grad():
        first = torch.cdist(view(grainy), view(digits.train)).argmin(dim=1)
    under_grain[name] = labels_agree(first)
    print(f"{name:23s} the nearest shows the same digit: {under_grain[name]:.1%}")
cost = {name: agreement[name] - under_grain[name] for name in views}
holds("grain costs the code more than it costs the pixels", cost["code of 64"] > cost["784 pixels"])

# %% [markdown]
# The pixels lose less. A likely reason, not tested here: independent noise lengthens the way to *every* candidate by
# about the same amount, and keeps the order. Trust a code on pictures like those it was trained on.

# %% [markdown]
# ## 1.6 Undoing damage · 4 min
#
# Nothing says that the input must be the target. Feed in a damaged picture, ask for the clean one, and the network
# has to learn what digits are like *in order to* tell ink from damage (Vincent et al., 2008). The change is one
# call: the network sees `add_noise(x)`, and the target stays the clean `x`.


# %%
def add_noise(x):
    return (x + 0.5 * torch.randn_like(x)).clamp(0, 1)


def denoising_error(model, x):
    return F.mse_loss(model(add_noise(x)), x)


denoiser = train_quickly(Autoencoder().to(device), denoising_error, settings.steps // 2)

# %% [markdown]
# Three inputs, each given to no model, to the autoencoder of section 1.1, and to the denoiser: grain like that of the
# training, a black bar across the digit, and, as the control for both, *no damage at all*.
#
# > **❓ Predict.** What will the denoiser make of an undamaged digit: leave it as it is, or harm it?

# %% jupyter={"outputs_hidden": true}
barred = digits.test.clone()
barred[:, :, 12:16, :] = 0
inputs = {"no damage": digits.test, "grain": add_noise(digits.test), "black bar": barred}
models = {"no model": nn.Identity(), "autoencoder": autoencoder, "denoiser": denoiser}
error = {}
print("error of a barred digit, left as it is:", F.mse_loss(barred, digits.test).item())

# %% jupyter={"outputs_hidden": true}
with torch.no_grad():
    for damage, images in inputs.items():
        for name, model in models.items():
            error[damage, name] = F.mse_loss(model(images), digits.test).item()
        print(f"{damage:10s}", *(f"{name} {error[damage, name]:.4f} " for name in models))
results.add(denoised_mse=error["grain", "denoiser"])

# %% jupyter={"outputs_hidden": true}
clean, grain, bar = (error[damage, "denoiser"] for damage in inputs)
holds("against grain it leaves less than half of the autoencoder's error", grain < 0.5 * error["grain", "autoencoder"])
holds("undamaged digits come out worse than grainy ones", clean > grain, clean / grain)
holds("a third or more of its error on barred digits is there without a bar", clean > bar / 3, clean / bar)

# %% jupyter={"outputs_hidden": true}
with torch.no_grad():
    outputs = {f"{damage}, denoised": denoiser(images[:10]) for damage, images in inputs.items()}
shown = {"grain": inputs["grain"][:10], **outputs, "original": digits.test[:10]}
show_images(shown, alt="Ten grainy digits; the denoiser's of undamaged, grainy and barred ones; the originals.")

# %% [markdown]
# The denoiser learned to undo *this* damage. Without the control we should have blamed the bar alone, also for what the
# denoiser does to any digit that comes without grain. And the squared error is not the last word: look at the row
# of barred digits.

# %% [markdown]
# ## 1.7 What does not belong · 5 min
#
# A model of normal things might point at abnormal ones: whatever the autoencoder rebuilds badly is probably no
# digit. Take five kinds of intruder, and measure how well the error separates them from digits by the **area under the
# ROC curve** (AUC): the probability that a random intruder has a larger error than a random digit. 1 is perfect, ½ is
# useless, 0 is perfectly wrong.

# %%
some = digits.test[:1000]
scramble = torch.randperm(784, generator=torch.Generator().manual_seed(0)).to(device)
intruders = {
    "upside down": some.flip(2, 3),  # turned by 180°
    "negative": 1 - some,
    "scrambled pixels": some.flatten(1)[:, scramble].view_as(some),
    "noise": torch.rand_like(some),
    "empty sheet": torch.zeros_like(some),
}


# %%
@torch.no_grad()
def error_of_each(images):
    return (autoencoder(images) - images).square().flatten(1).mean(dim=1).cpu()


# %% [markdown]
# > **❓ Predict.** Upside-down digits, negatives, scrambled pixels, pure noise, an empty sheet. For which of the
# > five is the detector worst, and why?

# %% jupyter={"outputs_hidden": true}
auc, normal = {}, error_of_each(digits.test[1000:])
for name, images in intruders.items():
    unusual = error_of_each(images)
    is_intruder = torch.cat([torch.zeros_like(normal), torch.ones_like(unusual)])
    auc[name] = roc_auc_score(is_intruder, torch.cat([normal, unusual]))
    print(f"{name:17s} AUC {auc[name]:.3f}")
results.add(auc_upside_down=auc["upside down"])

# %% jupyter={"outputs_hidden": true}
easy = [auc[name] for name in ("negative", "scrambled pixels", "noise")]
holds("negatives, scrambles and noise are found nearly always", min(easy) > 0.95, min(easy))
holds("upside-down digits less often", 0.5 < auc["upside down"] < min(easy), auc["upside down"])
holds("an empty sheet is not found reliably", auc["empty sheet"] < 0.95, auc["empty sheet"])
if digits.source == "mnist":
    holds("on MNIST the detector is wrong about it nearly always", auc["empty sheet"] < 0.05)

# %% jupyter={"outputs_hidden": true}
with torch.no_grad():
    shown = torch.cat([images[1:3] for images in intruders.values()])
    show_images(
        {"intruders": shown, "rebuilt": autoencoder(shown)},
        alt="Pairs of intruders of the five kinds, and below them their rebuilt versions.",
    )

# %% [markdown]
# An empty sheet has nothing on it to get wrong. On MNIST it is rebuilt better than practically every digit, and a
# detector that looks for *large* errors is then perfectly wrong about it. (On the offline digits the figure changes
# from one training to the next.) Reconstruction error measures how hard a picture is, not how unlikely. Upside-down
# digits are the other warning: they are made of strokes, and strokes are what the code describes. (Some still are
# digits: 0, 1 and 8, and a 6 becomes a 9.) What we would like to ask is "how probable is this picture?", and an
# autoencoder has no answer. Nor would the answer settle everything: models that do give probabilities also rank
# some simple intruders above real data (Nalisnick et al., 2019).

# %% [markdown]
# ## 1.8 What it means to generate · 4 min
#
# You know **supervised** learning: pictures with labels, and a network that learns the label of a picture that it
# has not seen. Take the labels away and there is still much to learn. *Compression* asks how few numbers a picture
# needs; *visualisation* asks for a map; *clustering* asks which pictures belong together. **Generation** asks the
# most: make a new one.
#
# To say what "new" and "one" mean, suppose a distribution $p_\text{data}$ over all 28×28 pictures, high on things
# that look handwritten, almost zero elsewhere, and that our data set is a handful of draws from it. A **generative
# model** is another distribution, $p_\theta$, which is fitted to the draws by its parameters $\theta$, and from
# which we draw ourselves. The families differ in what they give up:
#
# | family | the density $p_\theta(x)$ | drawing | in this course |
# |---|---|---|---|
# | one Gaussian | exact | in one go | below |
# | autoregressive models | exact | one pixel after another | 12 |
# | normalising flows | exact | in one go, through an invertible network | – |
# | variational autoencoders (VAEs) | a lower bound | in one go: draw a code, decode | 02 |
# | diffusion models | a lower bound | in many small steps from noise | 11 |
# | energy-based models | known up to a factor: it can only be compared | by a long random walk | – |
# | generative adversarial networks (GANs) | none | in one go: $x = G(z)$, from noise $z$ | 03 to 05 |
#
# Those above the last line are called **explicit**, the last **implicit**. Why would anyone want one? To make pictures,
# sound and text; to enlarge a small training set; to fill in, sharpen or restyle; to notice what does not belong.
#
# Two models that fail, each in its own way: a single Gaussian, with mean and covariance of the training digits; and a
# **memoriser**, which hands out training pictures.
#
# > **❓ Predict.** What will samples of the Gaussian look like: digits, blurred digits, noise, or something else?

# %% jupyter={"outputs_hidden": true}
noise = torch.randn(20, 784, dtype=torch.float64)
gaussian_samples = mean + (noise * eigenvalues.sqrt()) @ eigenvectors.T
gaussian_samples = gaussian_samples.float().to(device)
memorised = digits.train[torch.randint(len(digits.train), (20,))]
show_images(
    {"samples of one Gaussian": gaussian_samples, "the memoriser": memorised},
    alt="Twenty samples of a Gaussian fitted to the digits, and the memoriser's twenty.",
)

# %% [markdown]
# Something else: smears with the softness of strokes, but without a stroke. The Gaussian has the right mean and the
# right correlation between any two pixels, and a digit is more than pairs of pixels. The memoriser looks perfect
# and has learned nothing. Looking at samples would have told you the opposite. A number tells them apart, if it
# comes with a yardstick: how far is it to the nearest training picture, and how far from *test* digits, which are
# new and real?


# %%
def distance_to_training_set(images):
    return torch.cdist(images.flatten(1), digits.train.flatten(1)).amin(dim=1).cpu()


fresh = distance_to_training_set(digits.test[picked[:200]])
smears = distance_to_training_set(gaussian_samples)
print(f"test digits: {fresh.min():.1f} to {fresh.max():.1f}, median {fresh.median():.1f}")
print(f"samples of the Gaussian: {smears.min():.1f} to {smears.max():.1f}")
holds("the memoriser's are training pictures, up to rounding", distance_to_training_set(memorised).max() < 0.1)
holds(
    "four test digits in five are nearer than the nearest of the Gaussian's",
    (fresh < smears.min()).double().mean() > 0.8,
)

# %% [markdown]
# A model that has learned the digits would be near where test digits are: not at zero, and not as far as the
# smears. That is one number; chapter 06 is about measuring.

# %% [markdown]
# ## 1.9 Why this does not generate yet · 9 min
#
# An autoencoder is in no row of the table: it gives no density and no way to draw. But its decoder turns
# codes into digits. Draw a code, decode it! *From where*, though? Look at the codes.

# %%
with torch.no_grad():
    codes = autoencoder.encoder(digits.train).cpu().double()  # (n, 64)
    plane = by_size[2].encoder(digits.train).cpu().double()  # (n, 2), of section 1.4
print("standard deviations of the 64 numbers:", f"{codes.std(dim=0).min():.1f} to {codes.std(dim=0).max():.1f}")

# %%
angle = torch.linspace(0, 2 * torch.pi, 200, dtype=torch.float64)
ellipse = torch.stack([angle.cos(), angle.sin()], dim=1) @ torch.linalg.cholesky(plane.T.cov()).T
fig, (left, right_) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for j in range(4):
    left.hist(codes[:, j], bins=60, histtype="step", density=True, label=f"number {j + 1}")
left.set(xlabel="value of the coordinate", ylabel="density")
left.legend()
right_.scatter(*plane[:5000].T, s=2, alpha=0.4)
for radius in (1, 2, 3):
    right_.plot(*(plane.mean(dim=0) + radius * ellipse).T, color="C1")
right_.set(xlabel="first number of the code", ylabel="second number")
show(
    fig,
    alt="Left: histograms of four of the 64 numbers of the codes. Right: a scatter plot of codes of two numbers,"
    " with ellipses: one, two and three standard deviations of the Gaussian with their mean and covariance.",
)

# %% [markdown]
# Nothing in the loss says how codes should be spread: any arrangement that the decoder can undo is as good as any
# other. Two guesses, then: a standard normal, and a Gaussian with the mean and the covariance of the codes.
#
# > **❓ Predict.** Which of the two gives digits, if either?

# %% jupyter={"outputs_hidden": true}
code_covariance = codes.T.cov() + 1e-6 * torch.eye(64)  # never singular
fitted = torch.distributions.MultivariateNormal(codes.mean(dim=0), code_covariance)
standard_codes, fitted_codes = torch.randn(2000, 64).double(), fitted.sample((2000,))
with torch.no_grad():
    standard_samples = autoencoder.decoder(standard_codes.float().to(device))
    fitted_samples = autoencoder.decoder(fitted_codes.float().to(device))
show_images(
    {"codes from a standard normal": standard_samples[:20], "codes from a fitted Gaussian": fitted_samples[:20]},
    alt="Pictures decoded from codes drawn in the two ways, twenty each.",
)

# %% [markdown]
# Neither, though some of the second kind come close. Compare with the codes of *new* digits: how far is it from
# each to the nearest code of a training digit?

# %%
with torch.no_grad():
    new_codes = autoencoder.encoder(digits.test[:2000]).cpu().double()
kinds = {"test digits": new_codes, "standard normal": standard_codes, "fitted Gaussian": fitted_codes}
nearest = {name: torch.cdist(z.float(), codes.float()).amin(dim=1).median() for name, z in kinds.items()}
farther = min(nearest["standard normal"], nearest["fitted Gaussian"]) / nearest["test digits"]
holds("draws of both kinds lie farther from any code than new digits do, by a factor of", farther > 1.2, farther)

# %% [markdown]
# Both fall between the codes, each in its own way (section 1.11). The codes of digits are not spread like a
# Gaussian; in the map of two numbers, look for places well inside the ellipses where hardly a code lies.
#
# "Neither" was a judgement by eye. Here is a second measurement, with an idea that you will meet again: let a
# *second* network try to tell samples from real pictures. If it does no better than guessing, 50 %, the samples are
# good as far as it can see. If it is always right, they are not.

# %%
shuffled = digits.train[torch.randperm(len(digits.train))[:4000]]
real, more_real = shuffled[:2000], shuffled[2000:]


def told_apart(samples):
    """Accuracy, on fresh pictures, of a network trained to tell samples from digits."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 1))
    critic = critic.to(device)
    optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3)
    x = torch.cat([samples[:1000], real[:1000]])
    y = torch.cat([torch.ones(1000, 1), torch.zeros(1000, 1)]).to(device)
    for images, targets in batches(x, 100, labels=y, steps=400):
        loss = F.binary_cross_entropy_with_logits(critic(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        hits = (critic(samples[1000:]) > 0).sum() + (critic(real[1000:]) <= 0).sum()
    return hits.item() / 2000


# %%
candidates = {"real digits": more_real, "standard normal": standard_samples, "fitted Gaussian": fitted_samples}
accuracy = {name: told_apart(samples) for name, samples in candidates.items()}
for name, value in accuracy.items():
    print(f"{name:16s} told apart with accuracy {value:.3f}")
holds("real against real, the control: hardly better than guessing", accuracy["real digits"] < 0.58)
holds("the standard normal's samples are nearly always recognised", accuracy["standard normal"] > 0.95)
holds("the fitted Gaussian's, two times in three or more", accuracy["fitted Gaussian"] > 0.65)
results.add(told_apart_standard=accuracy["standard normal"], told_apart_fitted=accuracy["fitted Gaussian"])

# %% [markdown]
# What is missing is a *contract* between encoder and decoder: codes are to be spread as a distribution that we can
# draw from, without gaps. Chapter 02 writes that contract into the loss, and calls it the **KL term**. (And the
# critic of this section? Train it *against* the generator, and you have chapter 03.)

# %% [markdown]
# ## Your turn · 1 min
#
# > **✎ Your turn.** `torch.cdist` found the neighbours of section 1.5. Write `nearest(queries, gallery)` without it
# > and without a loop: for each row of `queries` (n, d) the index of the nearest row of `gallery` (m, d), from
# > $\lVert a - b\rVert^2 = \lVert a\rVert^2 - 2\,a^\top b + \lVert b\rVert^2$. Which of the three terms can you
# > leave out? *To hit:* the same index as `found["code of 64"][:, 0]` for at least 995 of the 1 000 queries.
#
# <details><summary>A solution</summary>
#
# ```python
# def nearest(queries, gallery):
#     return (gallery.square().sum(dim=1) - 2 * queries @ gallery.T).argmin(dim=1)
#
# with torch.no_grad():
#     same = nearest(autoencoder.encoder(query), autoencoder.encoder(digits.train)) == found["code of 64"][:, 0]
# print(same.sum())
# ```
#
# $\lVert a\rVert^2$ is the same for every row of the gallery and moves no minimum. Rounding may swap two neighbours
# that are equally far away, hence not always all 1 000.
# </details>
#
# > **✎ Your turn.** The denoiser of section 1.6 was trained on grain and is no help against a bar. Write
# > `bar_error(model, x)`, a loss for which a random block of four neighbouring rows of `x` is black and the target
# > is whole, and train a new `Autoencoder` on it with `train_quickly`, as many steps as the denoiser had. *To hit:*
# > an error of 0.015 or less on MNIST's `barred`; left as they are, theirs is printed in section 1.6.
#
# <details><summary>A solution</summary>
#
# ```python
# def bar_error(model, x):
#     top = torch.randint(0, 25, (len(x), 1, 1, 1), device=x.device)
#     row = torch.arange(28, device=x.device).view(1, 1, 28, 1)
#     bar = (row >= top) & (row < top + 4)
#     return F.mse_loss(model(x.masked_fill(bar, 0)), x)
#
# mender = train_quickly(Autoencoder().to(device), bar_error, settings.steps // 2)
# with torch.no_grad():
#     print(F.mse_loss(mender(barred), digits.test))
# ```
#
# With two seeds on MNIST: 0.0136 and 0.0135, from 0.0256 for the barred digits as they are.
# </details>

# %% [markdown]
# ## On one page · 3 min
#
# The model and its training in plain PyTorch: what to take home. The first two lines choose the data; in a file of its own
# it needs this chapter's imports of `torch`, `F` and `nn`, and `import torchvision`.

# %%
images = digits.train  # or torchvision.datasets.MNIST("data", download=True).data[:, None] / 255
unseen = digits.test  # or the same with train=False
n, pixels, steps = len(images), images[0].numel(), 2_000

encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 128), nn.ReLU(), nn.Linear(128, 64))
decoder = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, pixels), nn.Sigmoid(), nn.Unflatten(1, images.shape[1:])
)
model = nn.Sequential(encoder, decoder).to(images.device)
optimizer = torch.optim.Adam(model.parameters())
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=steps)

# %%
for step in range(steps):
    x = images[torch.randint(n, (128,))]
    loss = F.mse_loss(model(x), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 500 == 499:
        print(f"step {step + 1}: training MSE {loss.item():.4f}")

with torch.no_grad():
    print(f"test MSE {F.mse_loss(model(unseen), unseen).item():.4f}")

# %% [markdown]
# ## Your numbers · 1 min
#
# The bands come from runs with several seeds. Yours should lie inside; if you changed a setting, the table shows
# what your change did.

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - An autoencoder squeezes a picture into a code and rebuilds it; the narrow place makes it choose what to keep.
# - PCA is the best code with a linear decoder, and its error is the sum of the discarded eigenvalues (1.2). A decoder
#   that bends gets below that with the same number of numbers.
# - The squared error is a Gaussian likelihood with independent pixels (1.4). A shift by one pixel shows what that
#   misses.
# - Codes serve for search; training on damage makes a denoiser of *that* damage; the error finds some
#   intruders and misses others, since it measures difficulty, not probability.
# - A generative model is a distribution fitted to data from which one can draw. Nothing tells us how the codes of
#   digits are spread, so an autoencoder is none. That is why chapter 02 exists.

# %% [markdown]
# ## What comes next
#
# - [Exercise 01](../exercises/ex01_autoencoders.ipynb): a convolutional autoencoder, from its sizes to its test error.
# - On to [chapter 02, VAEs and the KL term](02_vae.ipynb); of this chapter it needs sections 1.1, 1.3 and 1.9.
# - Remember the denoiser when you meet diffusion models (chapter 11): they are that idea, repeated.

# %% [markdown]
# ## 1.10 Further: without bends, an autoencoder is PCA · 7 min
#
# Take the bends away: no ReLU, no biases, no sigmoid, centred data. Then $\hat x = W_g W_f\, x$, with $W_f$ of size
# $k\times784$ and $W_g$ of size $784\times k$, and the error cannot be below (1.2). Baldi and Hornik (1989) proved
# more, for an invertible $C$ with distinct eigenvalues: all minima of this loss, which is not convex, are global;
# every other stationary point is a saddle, from which a way leads down. Our $C$ is not invertible (some border
# pixels are black in every picture), and Adam is not the gradient descent of textbooks. So theory suggests that
# training *finds PCA*, and does not promise it. Does it?

# %%
k = 16
print(f"rank of C: {torch.linalg.matrix_rank(covariance)} of 784")
centre = mean.float().to(device).view(1, 1, 28, 28)
linear = nn.Sequential(
    nn.Flatten(), nn.Linear(784, k, bias=False), nn.Linear(k, 784, bias=False), nn.Unflatten(1, (1, 28, 28))
).to(device)


def centred_error(model, x):
    return F.mse_loss(model(x - centre), x - centre)


linear = train_quickly(linear, centred_error, settings.steps // 2, learning_rate=4e-3)

# %%
with torch.no_grad():
    linear_mse = centred_error(linear, digits.train).item()
floor = (eigenvalues[k:].sum() / 784).item()
holds("within one per cent of PCA, and never below", floor * (1 - 1e-4) < linear_mse < 1.01 * floor, linear_mse, floor)

# %% [markdown]
# Is it the same *code*? Not quite. Any invertible $k\times k$ matrix $A$ may stand between the two layers,
# $W_g A^{-1}\,A W_f$, without changing the output, so nothing makes the learned directions orthogonal or sorted.
# What must agree is the *space* that they span. Two spaces are compared by **principal angles**: the angle between
# the two directions, one from each space, that lie closest; then the same among what is orthogonal to these; and so
# on. With an orthonormal basis $Q$ of the one (from `qr`) and $U$ of the other, their cosines are the singular
# values of $Q^\top U$; 1 means a shared direction.

# %%
decoder_weight = linear[2].weight.detach().cpu().double()  # (784, k)
Q = torch.linalg.qr(decoder_weight).Q
cosines = torch.linalg.svdvals(Q.T @ eigenvectors[:, :k])
axes = decoder_weight / decoder_weight.norm(dim=0)  # of unit length
nearest_axis = (axes.T @ eigenvectors[:, :k]).abs().amax(dim=1)  # cosine
holds("the spaces agree but for a little", cosines.square().mean() > 0.9, cosines.min(), cosines.max())
holds("no learned direction is a principal axis", nearest_axis.max() < 0.97, nearest_axis.max())
print("neighbouring eigenvalues:", ", ".join(f"{value:.3f}" for value in eigenvalues[k - 2 : k + 2]))

# %% [markdown]
# The space is PCA's. Where it differs at all, expect directions whose eigenvalues lie close together: which of those is
# kept hardly matters to the error. The axes are others. The same freedom exists in every
# autoencoder: *the code is defined only up to what the decoder can undo*. Chapter 02 takes most of that freedom
# away.
#
# ### Which half must bend?
#
# Section 1.2 argued that the decoder must. The experiment has four combinations, each with a code of 64 and a third
# of the main training's steps: a bend (ReLU) in the encoder or none, and in the decoder one (with the sigmoid) or none.


# %%
class HalfBent(nn.Module):
    def __init__(self, encoder_bends, decoder_bends):
        super().__init__()
        bend = nn.ReLU() if encoder_bends else nn.Identity()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), bend, nn.Linear(128, 64))
        self.decoder = nn.Linear(64, 784)
        if decoder_bends:
            self.decoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 784), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x)).view_as(x)


bent = {}
for pair in ((False, False), (True, False), (False, True), (True, True)):
    model = train_quickly(HalfBent(*pair).to(device), reconstruction_error, settings.steps // 3)
    bent[pair] = error_on(model, digits.train)

# %%
floor = (eigenvalues[64:].sum() / 784).item()
print(f"PCA with 64 components, training pictures: {floor:.5f}")
for (in_encoder, in_decoder), error_here in bent.items():
    print(f"bend in the encoder: {in_encoder!s:5}  in the decoder: {in_decoder!s:5}  {error_here:.5f}")
holds("a linear decoder stays above PCA, whatever the encoder", min(bent[False, False], bent[True, False]) > floor)
holds("a bent decoder gets below, with a linear encoder", bent[False, True] < floor)
holds("a bend in the encoder gives nothing on top, in so few steps", bent[True, True] > bent[False, True])
holds("the main training, with both, ends lower than all four", train_mse < min(bent.values()), train_mse)

# %% [markdown]
# It is the decoder, as argued. That a second bend costs more than it gives is a measurement of *this* width and
# this number of steps; the main training had three times as many.

# %% [markdown]
# ## 1.11 Further: where the codes are · 5 min
#
# The two guesses of section 1.9 fail differently. How far is it from a drawn code to the centre of all codes, in
# units of *their* spread (the Mahalanobis distance)?


# %%
def spread(z):
    """Squared Mahalanobis distance; 64 on average for the fitted Gaussian."""
    root = torch.linalg.cholesky(fitted.covariance_matrix)
    scaled = torch.linalg.solve_triangular(root, (z - fitted.mean).T, upper=False)
    return scaled.square().sum(dim=0)


spreads = {name: spread(z) for name, z in kinds.items()}
for name, values in spreads.items():
    print(f"{name:16s} {values.min():6.0f} {values.median():6.0f} {values.max():6.0f}  (smallest, median, largest)")
gap = spreads["standard normal"].min() / spreads["test digits"].median()
holds("the least spread draw of the standard normal is beyond half of the codes", gap > 1, gap)
ratio = spreads["fitted Gaussian"].median() / spreads["test digits"].median()
holds("the fitted Gaussian's have the spread of codes, within a third", 0.67 < ratio < 1.5, ratio)

# %% [markdown]
# The standard normal misses the codes: it knows nothing of their spread. The fitted Gaussian has it, and its draws
# fall between the codes all the same. Centre and covariance are not enough, as they were not enough for pixels.
#
# ### Two maps
#
# Two numbers make a map. The colours are the labels, which neither method has seen.

# %%
maps = {"PCA": (y @ eigenvectors[:, :2]), "autoencoder": by_size[2].encoder(digits.test).detach().cpu()}
labels = digits.test_labels.cpu()


def own_centre(points):
    """How often a point lies nearest to the centre of its own label's points."""
    centres = torch.stack([points[labels == label].mean(dim=0) for label in range(10)])
    return (torch.cdist(points, centres).argmin(dim=1) == labels).double().mean().item()


fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for ax, (name, points) in zip(axes, maps.items(), strict=True):
    dots = ax.scatter(*points[:1500].T, c=labels[:1500], cmap="tab10", s=4, alpha=0.7)
    ax.set(
        xlabel="first number", ylabel="second number", title=f"{name}: {own_centre(points):.0%} nearest to their own"
    )
fig.colorbar(dots, label="digit", ticks=range(10), boundaries=torch.arange(11) - 0.5)
show(
    fig,
    alt="Two scatter plots of test digits, coloured by label: by two principal components"
    " and by an autoencoder's two numbers. Titles: how many lie nearest to their own label's centre.",
)
holds(
    "on neither map do nine in ten lie nearest to their own label's centre", max(map(own_centre, maps.values())) < 0.9
)

# %% [markdown]
# ## 1.12 Further: half-way between two codes · 3 min
#
# Half-way between two pictures, pixel by pixel, lies a double exposure. What lies half-way between their *codes*?

# %%
with torch.no_grad():
    z = autoencoder.encoder(digits.test[:1000])
    first, second = digits.test[:500], digits.test[500:1000]
    mixed = (first + second) / 2
    between = autoencoder.decoder((z[:500] + z[500:]) / 2)
    ends = autoencoder(first)
show_images(
    {"one digit": first[:10], "another": second[:10], "pixels mixed": mixed[:10], "codes mixed": between[:10]},
    alt="Four rows: ten test digits, ten others, the pixels of each pair averaged, and the pictures decoded from"
    " the average of their codes.",
)

# %%
apart = {
    "a digit, rebuilt": distance_to_training_set(ends).median(),
    "codes mixed": distance_to_training_set(between).median(),
    "pixels mixed": distance_to_training_set(mixed).median(),
}
for name, distance in apart.items():
    print(f"{name:17s} distance to the nearest training digit, median: {distance:.2f}")
holds("codes mixed are nearer to digits than pixels mixed", apart["codes mixed"] < apart["pixels mixed"])
holds("and farther than a rebuilt digit", apart["codes mixed"] > apart["a digit, rebuilt"])

# %% [markdown]
# A little nearer to digits, then, and in many of the pairs still a double exposure. Nothing in the loss asked for
# more: the decoder was trained on codes of digits, not on what lies between them. Chapter 02 walks in a space that
# was made for it.

# %% [markdown]
# ## 1.13 Further: PCA as a generative model · 3 min
#
# PCA becomes a member of the table in section 1.8 by two additions: the code gets a distribution,
# $z \sim \mathcal{N}(0, I)$ in $k$ dimensions, and the rebuilt picture gets noise,
# $x = \bar x + W z + s\,\varepsilon$. This is **probabilistic PCA** (Tipping and Bishop, 1999). Then $x$ is
# Gaussian with covariance $W W^\top + s^2 I$, and maximum likelihood has a solution in closed form:
#
# $$W = U\,(\Lambda_k - s^2 I)^{1/2}, \qquad s^2 = \frac{1}{784 - k} \sum_{j>k} \lambda_j. \tag{1.5}$$

# %%
k = 64
noise_variance = eigenvalues[k:].mean()
W = eigenvectors[:, :k] * (eigenvalues[:k] - noise_variance).sqrt()
model_covariance = W @ W.T + noise_variance * torch.eye(784)
holds(
    "the variances along the first 64 axes are the data's",
    torch.allclose((eigenvectors[:, :k].T @ model_covariance @ eigenvectors[:, :k]).diag(), eigenvalues[:k]),
)
holds("and so is the total", torch.isclose(model_covariance.trace(), eigenvalues.sum()), eigenvalues.sum())


def log_likelihood(model):
    """The average over the training pictures, of which a Gaussian needs only the covariance."""
    spread_out = torch.linalg.solve(model, covariance).trace() + torch.linalg.slogdet(model).logabsdet
    return -0.5 * (spread_out + 784 * torch.log(torch.tensor(2 * torch.pi)))


best = log_likelihood(model_covariance)
others = [log_likelihood(f * W @ W.T + noise_variance * torch.eye(784)) for f in (0.9, 1.1)]
others += [log_likelihood(W @ W.T + f * noise_variance * torch.eye(784)) for f in (0.9, 1.1)]
holds("another scale of W, or of the noise, is less probable", best > max(others), best, *others)

# %% [markdown]
# It has everything the autoencoder lacks: a density, and a way to draw. It draws smears like those of section 1.8,
# since it is one Gaussian. Chapter 02 keeps the distribution of the code and lets the decoder bend.

# %% [markdown]
# ## 1.14 Further: the second knob · 2 min
#
# `OneCycleLR` moves a knob of which its name says nothing: Adam's $\beta_1$, the share of the old direction that a step
# keeps. Chapter 03 has a game in which that knob decides, so look at it once.

# %%
_, rehearsal = make_optimizer(nn.Linear(1, 1), steps=1_000)
knobs = []
for _ in range(1_000):
    group = rehearsal.optimizer.param_groups[0]
    knobs.append((group["lr"], group["betas"][0]))
    rehearsal.optimizer.step()
    if len(knobs) < 1_000:
        rehearsal.step()
for step in (0, 300, 999):
    rate, beta = knobs[step]
    print(f"step {step:3d}: learning rate {rate:.1e}, beta 1 {beta:.3f}")
holds("as the rate rises, beta 1 falls from 0.95 to 0.85, and comes back", [b for _, b in knobs][::999] == [0.95, 0.95])

# %%
results.check()

# %% [markdown]
# ## References
#
# - P. Baldi and K. Hornik, "Neural networks and principal component analysis: learning from examples without
#   local minima", *Neural Networks* 2 (1989): the theorem of section 1.10.
# - M. Tipping and C. Bishop, "Probabilistic principal component analysis", *Journal of the Royal Statistical
#   Society B* 61 (1999).
# - G. Hinton and R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", *Science* 313
#   (2006): deep autoencoders against PCA.
# - P. Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML 2008.
# - E. Nalisnick et al., "Do deep generative models know what they don't know?", ICLR 2019,
#   [arXiv:1810.09136](https://arxiv.org/abs/1810.09136).
# - D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017: the critic of section 1.9,
#   as a proper test.
