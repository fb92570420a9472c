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
# what pictures of its kind have in common. That is the first half of generation. This chapter builds such a
# network, finds out what it has learned, and ends with the question that it cannot answer: *which codes
# belong to a digit?*
#
# **You will be able to**
#
# - say what a generative model is, and what separates an explicit from an implicit one;
# - train an autoencoder, and choose the size of its code knowingly;
# - show that a linear autoencoder is principal component analysis in other words;
# - use reconstruction for cleaning noise and for finding anomalies, and know where each goes wrong;
# - explain, with a measurement, why an autoencoder alone does not generate.
#
# **Time.** Reading and thinking, about 60 minutes. Running all cells, about <!--01.seconds-->50
# seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** chapter 00, and from mathematics: matrices, eigenvectors, trace, expectation, covariance.
#
# ![Three rows of ten digits: the originals, and two reconstructions of each from 64 numbers.](images/01.png)
#
# *What you will make: test digits (top) rebuilt from 64 numbers each, by principal components (middle) and by
# the autoencoder of this chapter (bottom).*

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
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch import nn

from course_utils import schedule
from course_utils.data import batches, load_images
from course_utils.figures import plot_history, show, show_images
from course_utils.results import Results
from course_utils.schedule import seed_everything
from course_utils.training import train

# %%
seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("01", digits.source)

# %% [markdown]
# ## 1.1 What it means to generate
#
# You have met **supervised** learning: pictures with labels, and a network that learns the label of a picture
# it has not seen. Take the labels away and there is still much to learn. *Clustering* asks which pictures
# belong together. *Compression* asks how few numbers a picture needs. *Visualisation* asks for a map on which
# like lies near like. **Generation** asks the most: make a new one.
#
# To say what "new" and "one" mean, we need a little probability. Suppose that somewhere there is a
# distribution $p_\text{data}$ over all possible 28×28 pictures, high on things that look handwritten, almost
# zero everywhere else, and that our data set is a handful of draws from it. A **generative model** is another
# distribution, $p_\theta$, which we can fit to the draws (by choosing its parameters $\theta$) and then draw from ourselves.
# There are two kinds:
#
# | | you can compute | you can draw | in this course |
# |---|---|---|---|
# | **explicit** model | $p_\theta(x)$, or a bound on it | yes | variational autoencoders (VAEs, 02), autoregressive models (12), and the Gaussian below |
# | **implicit** model | nothing | yes: $x = G(z)$, from noise $z$ | generative adversarial networks (GANs, 03–05) |
#
# Why would anyone want one? To make pictures, sound and text; to enlarge a small training set; to fill in,
# sharpen or restyle; to notice what does *not* belong. All of these need a model of what is normal.
#
# ### Two models that fail, each in an instructive way
#
# Here is the smallest explicit model: a single Gaussian, fitted to all training digits. And here is the
# smallest way to cheat: a **memoriser**, which hands out training pictures.
#
# > **Predict.** What will samples of the Gaussian look like: digits, blurred digits, noise, or something else?

# %%
flat = digits.train.flatten(1).cpu().double()  # (n, 784)
mean = flat.mean(dim=0)
covariance = (flat - mean).T @ (flat - mean) / len(flat)  # (784, 784)

eigenvalues, eigenvectors = torch.linalg.eigh(covariance)  # ascending
eigenvalues, eigenvectors = eigenvalues.flip(0).clamp(min=0), eigenvectors.flip(1)  # largest first

# %%
noise = torch.randn(20, 784, dtype=torch.float64)
gaussian_samples = mean + (noise * eigenvalues.sqrt()) @ eigenvectors.T
memorised = digits.train[torch.randint(len(digits.train), (20,))]

# %%
show_images(
    {"samples of one Gaussian": gaussian_samples, "the memoriser": memorised},
    alt="Twenty samples of the Gaussian are grey smears with a hint of strokes; the memoriser's are crisp digits.",
)

# %% [markdown]
# Something else: smears that have the softness of strokes, but no stroke. The Gaussian has the right mean and the right
# correlation between any two pixels, and that is not enough: a digit is more than pairs of pixels. Still, it is an honest
# model. With a trace of noise on every pixel it has a density, and pictures that it never saw get their share.
#
# The memoriser looks perfect and has learned nothing. Every picture it makes was in the data set already:
# the nearest training picture to each of its samples lies at distance zero; none of the Gaussian's samples comes near
# one. Looking at samples alone would have told you the opposite story, and this is why chapter 06 is about measuring.


# %%
def distance_to_training_set(images):
    exact = "donot_use_mm_for_euclid_dist"  # the fast way loses precision when two pictures are equal
    return torch.cdist(images.flatten(1).cpu().float(), flat.float(), compute_mode=exact).amin(dim=1)


assert distance_to_training_set(memorised).max() < 1e-3
assert distance_to_training_set(gaussian_samples).min() > 1

# %% [markdown]
# ## 1.2 The data seen through principal components
#
# The eigenvectors that drew those smears deserve a second look. **Principal component analysis** (PCA) asks:
# if only $k$ numbers may be kept of every picture, and the rebuilding must be linear, which $k$ should they be?
# Write $\bar x$ for the mean picture and let the columns of $U$ (784 rows, $k$ columns, orthonormal) span the
# space we keep. Keeping $z = U^\top(x - \bar x)$ and rebuilding $\hat x = \bar x + U z$ costs on average
#
# $$\mathbb{E}\,\lVert x - \hat x\rVert^2
#   = \operatorname{tr} C - \operatorname{tr}\,(U^\top C\, U),
# \qquad C = \mathbb{E}\,(x-\bar x)(x-\bar x)^\top. \tag{1.1}$$
#
# (The **trace** $\operatorname{tr}$ sums a diagonal. For $y = x - \bar x$ and $U^\top U = I$,
# $\lVert y - UU^\top y\rVert^2 = \lVert y\rVert^2 - \lVert U^\top y\rVert^2$; the expectation of this is (1.1).) The first
# term is fixed, so we want the second as large as possible. In terms of the eigenvectors $v_j$ of $C$, with eigenvalues
# $\lambda_1 \ge \lambda_2 \ge \dots$, it is $\sum_j \lambda_j w_j$ with $w_j = \lVert U^\top v_j\rVert^2$. Each $w_j$
# lies between 0 and 1 and together they make $k$, so the best we can do is to put all the weight on the first $k$: keep the
# $k$ eigenvectors with the largest eigenvalues. What remains is what we threw away:
#
# $$\min_U\; \mathbb{E}\,\lVert x - \hat x\rVert^2 = \sum_{j>k} \lambda_j. \tag{1.2}$$
#
# Equation (1.2) makes a claim about numbers, so let us hold it to that: rebuild every training picture from
# $k$ components, and compare.


# %%
def pca_rebuild(images, k):
    """Images (n, 1, 28, 28) rebuilt from their first k principal components."""
    x = images.flatten(1).cpu().double() - mean
    U = eigenvectors[:, :k]
    return (mean + x @ U @ U.T).view(-1, 1, 28, 28)


# %%
for k in (2, 16, 64):
    lost = (digits.train.cpu() - pca_rebuild(digits.train, k)).flatten(1).square().sum(dim=1).mean()
    predicted = eigenvalues[k:].sum()
    torch.testing.assert_close(lost, predicted, rtol=1e-6, atol=0)
    print(f"k = {k:2d}: error {lost:9.5f}, discarded eigenvalues {predicted:9.5f}")

# %% [markdown]
# They agree to six digits. Now the pictures. With $k=2$ a picture becomes a point in the plane, and the whole
# data set a map; the colours are the labels, which PCA never saw.

# %%
position = (digits.test.flatten(1).cpu().double() - mean) @ eigenvectors[:, :2]

fig, ax = plt.subplots(figsize=(5.5, 4.2))
points = ax.scatter(*position[:3000].T, c=digits.test_labels[:3000].cpu(), cmap="tab10", s=5, alpha=0.7)
ax.set(xlabel="first principal component", ylabel="second principal component")
fig.colorbar(points, label="digit", ticks=range(10), boundaries=torch.arange(11) - 0.5)
show(
    fig,
    alt="Scatter of test digits on two principal components: the digits form overlapping clouds; only"
    " a few, such as 0 and 1, lie apart.",
)

# %%
show_images(
    {"original": digits.test[:10], **{f"{k} components": pca_rebuild(digits.test[:10], k) for k in (2, 16, 64)}},
    alt="Test digits and their reconstructions: two components give a blur, sixteen a recognisable "
    "smudge, sixty-four a digit with grey ghosts around it.",
)

# %% [markdown]
# Two straight axes cannot keep the ten digits apart, and even 64 leave ghosts around the strokes: a linear
# code can only *add up* fixed pictures, and no change of weights on 64 fixed pictures slides a stroke sideways. To follow
# strokes around, the code must be allowed to bend, that is, to depend nonlinearly on the picture.
#
# ## 1.3 The autoencoder
#
# An **autoencoder** keeps the plan (make it small, then rebuild it) and lets two networks do the work. The
# **encoder** $f$ turns a picture into a **code** $z = f(x)$, the **decoder** $g$ turns the code into a
# picture $\hat x = g(z)$, and both learn together to keep the **reconstruction loss** small:
#
# $$x \;\xrightarrow{\;f\;}\; z \;\xrightarrow{\;g\;}\; \hat x,
# \qquad L(x, \hat x) = \lVert x - \hat x\rVert^2 = \sum_{i=1}^{784} (x_i - \hat x_i)^2. \tag{1.3}$$
#
# The code has fewer numbers than the picture (64 instead of 784). Such an autoencoder is called
# **undercomplete**, and the narrow place is its whole point: were the code as wide as the picture, copying
# every pixel would be a perfect and useless solution.


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


# %% [markdown]
# Shapes first, always. A picture goes in, 64 numbers come out, a picture comes back:

# %%
autoencoder = Autoencoder().to(device)
code = autoencoder.encoder(digits.train[:5])
rebuilt = autoencoder.decoder(code)

print("code", tuple(code.shape), " rebuilt", tuple(rebuilt.shape))
assert code.shape == (5, 64)
assert rebuilt.shape == digits.train[:5].shape

# %% [markdown]
# Now the loss. `F.mse_loss` does not compute (1.3): it averages over *everything*, the batch and the
# 784 pixels, where (1.3) sums over the pixels. The two differ by the factor 784, which changes nothing about
# where the minimum lies, but everything about which numbers you may compare. From here on we quote
# `F.mse_loss`, the **mean squared error per pixel** (MSE), as most people do.

# %%
x, x_hat = digits.train[:5], rebuilt
per_picture = (x - x_hat).square().flatten(1).sum(dim=1)  # equation (1.3), one number a picture
torch.testing.assert_close(F.mse_loss(x_hat, x), per_picture.mean() / 784)

# %% [markdown]
# > **Predict.** The autoencoder's code has 64 numbers, like the 64 components above, whose error per pixel the
# > next cell prints. Will the trained autoencoder do worse, about as well, or better? By how much?

# %%
pca_mse = F.mse_loss(pca_rebuild(digits.test, 64), digits.test.cpu().double()).item()
print(f"PCA with 64 components, test MSE: {pca_mse:.5f}")

# %% [markdown]
# Training needs an optimizer, a number of steps, and the update itself. The table below has two columns: the
# short schedule, for a laptop, and the full one, for a GPU. The learning rate rises for the first third of the
# steps and then falls almost to zero (`OneCycleLR`): large steps first, fine adjustment at the end.

# %%
settings = schedule.choose(
    # short, full
    steps=(4_000, 20_000),
    batch_size=(128, 128),
    learning_rate=(6e-3, 4e-3),
)


# %%
def make_optimizer(model, steps, learning_rate=settings.learning_rate):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)


# %%
optimizer, scheduler = make_optimizer(autoencoder, settings.steps)


def update(x):
    loss = F.mse_loss(autoencoder(x), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    return {"MSE": loss}


# %% [markdown]
# `train` calls `update` on one shuffled batch after another, shows a progress bar and remembers the losses.
# There is no more to it (`course_utils/training.py`); because it has a name and a state, the run also survives
# being cut off, and goes on where it was when you run the cell again.

# %%
history = train(
    update,
    digits.train,
    steps=settings.steps,
    batch_size=settings.batch_size,
    name="01_autoencoder",
    state={"model": autoencoder, "optimizer": optimizer, "scheduler": scheduler},
)

# %%
plot_history(
    history,
    alt="Training error against steps on a logarithmic axis: it falls steeply at first, passes below "
    "the dashed PCA level, and keeps falling to the end.",
    ylabel="mean squared error per pixel",
    logy=True,
    hlines={"PCA, 64 components": pca_mse},
)


# %%
@torch.no_grad()
def test_error(model):
    return F.mse_loss(model(digits.test), digits.test).item()


test_mse = test_error(autoencoder)
results.add(test_mse=test_mse, pca_mse_64=pca_mse)
print(f"test MSE: autoencoder {test_mse:.5f}, PCA {pca_mse:.5f}, ratio {test_mse / pca_mse:.2f}")
assert test_mse < 0.75 * pca_mse, "with a code of the same size, the autoencoder should clearly beat PCA"

# %% tags=["picture"]
with torch.no_grad():
    rebuilt = autoencoder(digits.test[10:20])
rows = {"original": digits.test[10:20], "64 principal components": pca_rebuild(digits.test[10:20], 64)}
show_images(
    {**rows, "autoencoder, code of 64": rebuilt},
    alt="Ten test digits, their PCA reconstructions with grey ghosts, and the autoencoder's crisp reconstructions.",
)

# %% [markdown]
# The same 64 numbers, and the error per pixel on MNIST falls from <!--01.pca_mse_64-->0.0090 to <!--01.test_mse-->0.0041.
# The ghosts are gone too: the decoder knows that paper is blank away from strokes.
#
# > **Common mistake.** Judging an autoencoder on its training pictures. With 218 000 weights and a small data set, a low
# > *training* error may be memory. So compare the two:

# %%
with torch.no_grad():
    train_mse = F.mse_loss(autoencoder(digits.train[: len(digits.test)]), digits.train[: len(digits.test)]).item()

weights = sum(parameter.numel() for parameter in autoencoder.parameters())
print(f"{weights:,} weights; MSE on training pictures {train_mse:.5f}, on test pictures {test_mse:.5f}")
assert weights == 218_192
assert test_mse < 1.3 * train_mse

# %% [markdown]
# On MNIST they agree to about one per cent: 60 000 pictures are too many to memorise. The 1 437 scans behind the offline
# digits are not quite as safe.
#
# ## 1.4 What the code looks like
#
# What does the encoder do with those 64 numbers? Nothing in (1.3) says how codes should be arranged: any
# arrangement that the decoder can undo is as good as any other. So let us look at what training happened
# to choose. The codes of the test digits, along some of their coordinates and mapped by *their own* PCA:

# %%
with torch.no_grad():
    codes = autoencoder.encoder(digits.test).cpu()  # (n, 64)

directions = torch.linalg.eigh(codes.T.cov()).eigenvectors[:, [-1, -2]]
code_map = (codes - codes.mean(dim=0)) @ directions  # the codes' own first two principal components
off_diagonal = codes.T.corrcoef() - torch.eye(64)
print(f"largest correlation between two coordinates: {off_diagonal.abs().max():.2f}")
assert off_diagonal.abs().max() > 0.3

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
for j in range(4):
    left.hist(codes[:, j], bins=60, histtype="step", density=True, label=f"$z_{{{j + 1}}}$")
left.set(xlabel="value of the coordinate", ylabel="density")
left.legend()
points = right.scatter(*code_map[:3000].T, c=digits.test_labels[:3000].cpu(), cmap="tab10", s=4)
right.set(xlabel="first direction of the codes", ylabel="second direction")
fig.colorbar(points, label="digit", ticks=range(10), boundaries=torch.arange(11) - 0.5)
show(
    fig,
    alt="Left: histograms of four code coordinates, of different centres, widths and shapes. Right: "
    "map of the codes, digits forming overlapping clouds.",
)

# %% [markdown]
# Every coordinate has a centre, a width and a shape of its own, and they are correlated. Keep this picture in
# mind: in section 1.9 we shall want to *draw* codes, and will not know from where.
#
# A code is still better than pixels for one thing. Half-way between two pictures, pixel by pixel, lies a double
# exposure. Half-way between their codes lies, for this pair at least, something that one pen might have drawn:

# %%
first, last = digits.test[3], digits.test[2]
weight = torch.linspace(0, 1, 10, device=device).view(-1, 1)
with torch.no_grad():
    ends = autoencoder.encoder(torch.stack([first, last]))
    between = autoencoder.decoder((1 - weight) * ends[:1] + weight * ends[1:])
mixed = (1 - weight.view(-1, 1, 1, 1)) * first + weight.view(-1, 1, 1, 1) * last

# %%
show_images(
    {"mixing pixels": mixed, "mixing codes": between},
    alt="Two rows that turn one digit into another: mixed pixels show both digits at once; mixed "
    "codes bend strokes, though the middle is faint.",
)

# %% [markdown]
# ## 1.5 How large should the code be?
#
# A larger code can only help the best attainable reconstruction; a smaller one forces the network to find structure.
# How fast does the error fall?
#
# > **Predict.** PCA needs $k$ numbers for a certain error. How many does the autoencoder need for the same: about as
# > many, half as many, or a quarter?
#
# Five smaller autoencoders, each trained for a third of the time above, and the one of section 1.3, against PCA:


# %%
def train_quickly(model, loss_of, steps, learning_rate=settings.learning_rate):
    """Train without checkpoint or history: for the small experiments."""
    optimizer, scheduler = make_optimizer(model, steps, learning_rate)
    for x in batches(digits.train, settings.batch_size, steps=steps, seed=schedule.seed()):
        loss = loss_of(model, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    return model


def reconstruction_error(model, x):
    return F.mse_loss(model(x), x)


# %%
sizes = [2, 4, 8, 16, 32, 64]
by_pca = [F.mse_loss(pca_rebuild(digits.test, k), digits.test.cpu().double()).item() for k in sizes]
by_autoencoder = []
for k in sizes[:-1]:
    small = train_quickly(Autoencoder(latent_dim=k).to(device), reconstruction_error, settings.steps // 3)
    by_autoencoder.append(test_error(small))
by_autoencoder.append(test_mse)

for k, ours, pca in zip(sizes, by_autoencoder, by_pca, strict=True):
    print(f"code of {k:2d}: autoencoder {ours:.4f}, PCA {pca:.4f}")

# %%
fig, ax = plt.subplots()
ax.loglog(sizes, by_pca, "s--", label="PCA")
ax.loglog(sizes[:-1], by_autoencoder[:-1], "o-", color="C1", label="autoencoder")
ax.loglog(
    sizes[-1], by_autoencoder[-1], "o", color="C1", markerfacecolor="none", label="autoencoder, three times the steps"
)
ax.set(xlabel="numbers in the code", ylabel="test MSE per pixel", xticks=sizes, xticklabels=sizes)
ax.minorticks_off()
ax.legend()
show(
    fig,
    alt="Test error against code size, both axes logarithmic: both curves fall, the autoencoder's "
    "lies below PCA's throughout.",
)

assert all(ours < pca for ours, pca in zip(by_autoencoder, by_pca, strict=True))
assert by_pca == sorted(by_pca, reverse=True)
assert by_autoencoder[0] < by_pca[1] * 1.1, "2 numbers of the autoencoder carry about as much as 4 of PCA"
assert by_autoencoder[1] < by_pca[2], "4 carry more than 8"
assert by_autoencoder[2] < by_pca[3], "8 carry more than 16"
results.add(**{f"mse_code_{k}": error for k, error in zip(sizes, by_autoencoder, strict=True)})

# %% [markdown]
# About half as many: read across, and 2 numbers of the autoencoder do about what 4 of PCA do, 4 beat 8, and 8 beat 16. A
# caution about such curves: a point tells of the *training* as much as of the code, and the last one had three times as many
# steps.
#
# How large, then? That depends on the purpose: two for a map, the bend of the curve for compression. Never choose by the
# reconstruction error alone, which always asks for more.
#
# ## 1.6 PCA is an autoencoder without bends
#
# We said that a linear code "can only add up fixed pictures". Conversely, what does an autoencoder become when
# we take its bends away? Remove the ReLUs, the biases and the sigmoid, and centre the data: $\hat x = W_g W_f x$,
# with $W_f$ of size $k\times784$ and $W_g$ of size $784\times k$. The output lies in a space of $k$ dimensions, and
# nothing there is nearer to $x$ than its projection, so the error cannot be below (1.2). Baldi and Hornik (1989) proved more: this loss, though not
# convex, has no local minima other than the global ones. Gradient descent should therefore *find PCA*. Does it?

# %%
k = 16
centre = mean.float().to(device).view(1, 1, 28, 28)
linear = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, k, bias=False),
    nn.Linear(k, 784, bias=False),
    nn.Unflatten(1, (1, 28, 28)),
).to(device)


# %%
def centred_error(model, x):
    return F.mse_loss(model(x - centre), x - centre)


linear = train_quickly(linear, centred_error, settings.steps // 2, learning_rate=4e-3)

# %%
with torch.no_grad():
    linear_mse = centred_error(linear, digits.train).item()
optimum = (eigenvalues[k:].sum() / 784).item()

print(f"linear autoencoder {linear_mse:.6f}, PCA {optimum:.6f}: {linear_mse / optimum - 1:+.2%}")
assert optimum * (1 - 1e-4) < linear_mse < 1.01 * optimum

# %% [markdown]
# Within one per cent (the tolerance we assert), and never below: the bound (1.2) holds. Is it the same *code*?
# Not quite. Any invertible $k\times k$ matrix $A$ may stand between the two layers, $W_g A^{-1}\,A W_f$, without
# changing the output, so nothing forces the learned directions to be orthogonal or sorted. What must agree is
# the *space* they span. The cosines of the **principal angles** between two subspaces are the singular values
# of $Q^\top U$, where $Q$ is an orthonormal basis of the one and $U$ of the other; 1 means a shared direction.

# %%
decoder_weight = linear[2].weight.detach().cpu().double()  # (784, k)
Q = torch.linalg.qr(decoder_weight).Q
cosines = torch.linalg.svdvals(Q.T @ eigenvectors[:, :k])

axes = decoder_weight / decoder_weight.norm(dim=0)  # the learned directions, unit length
nearest = (axes.T @ eigenvectors[:, :k]).abs().amax(dim=1)  # cosine to the nearest principal axis
print(f"cosines between the spaces: {cosines.min():.3f} to {cosines.max():.3f}")
print(f"a learned axis lies at best at cosine {nearest.max():.2f} from a principal axis")
print("neighbouring eigenvalues:", ", ".join(f"{value:.3f}" for value in eigenvalues[k - 2 : k + 2]))
assert cosines.square().mean() > 0.9
assert nearest.max() < 0.97

# %% [markdown]
# The space is PCA's but for the last directions, where neighbouring eigenvalues lie close together and it hardly
# matters to the error which of them is kept. The axes are others. The same freedom exists in every autoencoder, bent or not: *the code is
# defined only up to what the decoder can undo*. Chapter 02 takes most of
# that freedom away.
#
# ## 1.7 Cleaning up noise
#
# Nothing says that the input must be the target. Feed in a damaged picture and ask for the clean one, and the
# network must learn what digits are like *in order to* tell ink from damage (Vincent et al., 2008). The change
# is one call: the network sees `add_noise(x)`, and the target stays the clean `x`.


# %%
def add_noise(x):
    return (x + 0.5 * torch.randn_like(x)).clamp(0, 1)


def denoising_error(model, x):
    return F.mse_loss(model(add_noise(x)), x)


denoiser = train_quickly(Autoencoder().to(device), denoising_error, settings.steps // 2)

# %%
with torch.no_grad():
    noisy = add_noise(digits.test)
    errors = {
        "no model": F.mse_loss(noisy, digits.test).item(),
        "plain autoencoder": F.mse_loss(autoencoder(noisy), digits.test).item(),
        "denoising autoencoder": F.mse_loss(denoiser(noisy), digits.test).item(),
    }
    cleaned = denoiser(noisy[:10])

# %%
for name, error in errors.items():
    print(f"{name:22s} {error:.4f}")
assert errors["plain autoencoder"] < 0.8 * errors["no model"]
assert errors["denoising autoencoder"] < 0.5 * errors["plain autoencoder"]
results.add(denoised_mse=errors["denoising autoencoder"])

# %%
show_images(
    {"noisy": noisy[:10], "cleaned": cleaned, "original": digits.test[:10]},
    alt="Ten digits under heavy grain, the denoiser's clean versions, and the originals, which they "
    "match but for softened details.",
)

# %% [markdown]
# The plain autoencoder already helps, because its code has little room for grain; the denoiser, trained for it, leaves
# less than half as much error. It has learned *this* damage, though. Give it another kind, a black bar, and it does not
# know what it is looking at:

# %%
barred = digits.test.clone()
barred[:, :, 12:16, :] = 0
with torch.no_grad():
    after = F.mse_loss(denoiser(barred), digits.test).item()
print(f"error of the barred digits {F.mse_loss(barred, digits.test):.4f}, after the denoiser {after:.4f}")
assert after > 1.5 * errors["denoising autoencoder"]

# %% [markdown]
# Remember the denoiser when you meet diffusion models (chapter 11): they are this idea, repeated.
#
# ## 1.8 What does not belong
#
# A model of normal things can point at abnormal ones: whatever the autoencoder rebuilds badly is probably not
# a digit. Let us try five kinds of intruder and measure how well the error separates them from digits by the
# **area under the ROC curve** (AUC): the probability that a random intruder has a larger error than a random
# digit. 1 is perfect, ½ is useless, 0 is perfectly wrong.
#
# > **Predict.** Upside-down digits, negatives, scrambled pixels, pure noise, an empty sheet. For one of these
# > the detector is worse than a coin toss. Which, and why?

# %%
some = digits.test[:1000]
scramble = torch.randperm(784, generator=torch.Generator().manual_seed(0))
intruders = {
    "upside down": some.flip(2, 3),  # turned by 180°
    "negative": 1 - some,
    "scrambled pixels": some.flatten(1)[:, scramble.to(device)].view_as(some),
    "noise": torch.rand_like(some),
    "empty sheet": torch.zeros_like(some),
}


# %%
@torch.no_grad()
def error_of_each(images):
    return (autoencoder(images) - images).square().flatten(1).mean(dim=1).cpu()


# %%
auc = {}
normal = error_of_each(digits.test[1000:])
for name, images in intruders.items():
    unusual = error_of_each(images)
    is_intruder = torch.cat([torch.zeros_like(normal), torch.ones_like(unusual)])
    auc[name] = roc_auc_score(is_intruder, torch.cat([normal, unusual]))
    print(f"{name:17s} AUC {auc[name]:.3f}")

# %%
with torch.no_grad():
    shown = torch.cat([images[1:3] for images in intruders.values()])
    rebuilt = autoencoder(shown)
show_images(
    {"intruders": shown, "rebuilt": rebuilt},
    alt="Pairs of upside-down digits, negatives, scrambled pixels, noise and empty sheets, and their "
    "reconstructions: the empty sheet comes back nearly empty, negatives and noise not at all.",
)
assert min(auc["negative"], auc["scrambled pixels"], auc["noise"]) > 0.95
assert 0.5 < auc["upside down"] < min(auc["negative"], auc["scrambled pixels"], auc["noise"])
assert auc["empty sheet"] < 0.95
if digits.source == "mnist":
    assert auc["empty sheet"] < 0.05
results.add(auc_upside_down=auc["upside down"])

# %% [markdown]
# On MNIST the empty sheet is rebuilt better than practically every digit: there is nothing on it to get wrong, and a
# detector that looks for *large* errors is then perfectly wrong about it. (On the offline digits it comes out anywhere
# between wrong and mediocre, from one training run to the next.) Reconstruction error
# measures how hard a picture is, not how likely. Upside-down digits are the other warning: they are made of
# strokes, and strokes are what the code describes, so many pass. (Some still are digits: 0, 1 and 8, and
# a 6 becomes a 9.) What we would really like to ask is
# "how probable is this picture?", and an autoencoder has no answer. (Nor would the answer settle everything: models that
# do give probabilities also rank some simple intruders above real data; Nalisnick et al., 2019.)
#
# ## 1.9 Why this does not generate yet
#
# So far we have a model of neither kind in the table of section 1.1: an autoencoder gives no probability and no way to
# draw. But it has a decoder that turns codes into digits. Generation should be easy: draw a code, decode it. But draw it
# *from where*? Two guesses: a standard normal, and a Gaussian with the mean and covariance of the training codes.
#
# > **Predict.** Recall the histograms of section 1.4. Which guess gives digits, if either?

# %%
with torch.no_grad():
    training_codes = autoencoder.encoder(digits.train).cpu().double()
    code_mean, code_cov = training_codes.mean(dim=0), training_codes.T.cov()
    fitted = torch.distributions.MultivariateNormal(code_mean, code_cov + 1e-6 * torch.eye(64))  # never singular

    standard_samples = autoencoder.decoder(torch.randn(2000, 64, device=device))
    fitted_samples = autoencoder.decoder(fitted.sample((2000,)).float().to(device))

# %%
show_images(
    {"codes from a standard normal": standard_samples[:20], "codes from a fitted Gaussian": fitted_samples[:20]},
    alt="Samples of codes from a standard normal are shapeless smudges; from a fitted Gaussian they "
    "are tangles of strokes, a few of them close to digits.",
)

# %% [markdown]
# Neither. The standard normal misses the codes altogether. The fitted Gaussian has them inside it, but together
# with a great deal of empty space, codes that no picture has: presumably the codes of digits fill a thin, curved part
# of the 64 dimensions.
#
# "Neither" was a judgement by eye. Here is a measurement, and an idea that you will meet again: let *another*
# network try to tell samples from real pictures. If it does no better than guessing, 50 %, the samples are good
# as far as it can see. If it is always right, they are not.


# %%
shuffled = digits.train[torch.randperm(len(digits.train))[:4000]]
real, more_real = shuffled[:2000], shuffled[2000:]


# %%
def told_apart(samples):
    """Accuracy, on fresh pictures, of a small network that learns to tell samples from real digits."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 1)).to(device)
    optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3)
    x = torch.cat([samples[:1000], real[:1000]])
    y = torch.cat([torch.ones(1000, 1), torch.zeros(1000, 1)]).to(device)
    for images, targets in batches(x, 100, labels=y, steps=400):
        loss = F.binary_cross_entropy_with_logits(critic(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = (critic(samples[1000:]) > 0).sum() + (critic(real[1000:]) <= 0).sum()
    return right.item() / 2000


# %%
accuracies = {
    "real digits (a control)": told_apart(more_real),
    "codes from a standard normal": told_apart(standard_samples),
    "codes from a fitted Gaussian": told_apart(fitted_samples),
}

# %%
for name, accuracy in accuracies.items():
    print(f"{name:30s} told apart with accuracy {accuracy:.3f}")
assert accuracies["real digits (a control)"] < 0.58
assert accuracies["codes from a standard normal"] > 0.95
assert accuracies["codes from a fitted Gaussian"] > 0.65
results.add(told_apart_standard=accuracies["codes from a standard normal"])
results.add(told_apart_fitted=accuracies["codes from a fitted Gaussian"])

# %% [markdown]
# The control matters: real against real gives about one half, so the critic is not simply good at everything.
# The standard normal's samples are recognised nearly always, and the fitted Gaussian's most of the time.
#
# What is missing is a *contract* between encoder and decoder: codes must be spread as a distribution that we
# can draw from, without gaps. Chapter 02 writes that contract into the loss, and calls it the **KL term**.
# (And the critic of this section? Let it be trained *against* the generator, and you have chapter 03.)

# %% [markdown]
# ## Your numbers
#
# The bands come from runs with three seeds. Yours should lie inside; if you have changed a setting, the table
# shows what your change did.

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - A generative model is a distribution fitted to data that one can draw from. Explicit models can also score
#   a picture; implicit ones cannot.
# - PCA is the best linear code, and its error is the sum of the discarded eigenvalues (1.2). A linear
#   autoencoder finds the same space, in other axes.
# - With bends, a code of the same size does clearly better: on MNIST, 64 numbers leave less than half of PCA's error.
# - Trained to undo damage, an autoencoder becomes a denoiser. Its error finds some anomalies and misses others:
#   it measures difficulty, not probability.
# - Nothing tells us where the codes of digits lie. That is why sampling fails, and why chapter 02 exists.
#
# ## References
#
# - P. Baldi and K. Hornik, "Neural networks and principal component analysis: learning from examples without
#   local minima", *Neural Networks* 2 (1989): the theorem of section 1.6.
# - G. Hinton and R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", *Science* 313
#   (2006): deep autoencoders against PCA.
# - P. Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML 2008.
# - E. Nalisnick et al., "Do deep generative models know what they don't know?", ICLR 2019,
#   [arXiv:1810.09136](https://arxiv.org/abs/1810.09136).
# - D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017: the critic of section 1.9,
#   as a proper test.
#
# ## What comes next
#
# - [Exercise 01](../exercises/ex01_autoencoders.ipynb): a convolutional autoencoder, from its sizes to its test error.
# - On to [chapter 02, VAEs and the KL term](02_vae.ipynb).
