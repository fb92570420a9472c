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
# # 91 · Appendix: scores
#
# Chapter 06 uses the inception score, the Fréchet distance, and precision with its kin. This appendix proves what it states, adds a
# distance without bias, says what even a perfect model scores, shows three more traps, and ends with the number that papers report.
# The sections can be read one by one.
#
# **You will be able to**
#
# - prove the formula of the Fréchet distance, and say for which distributions it is only a bound;
# - estimate a kernel distance without bias, and explain and predict the bias of the Fréchet distance;
# - say what a perfect model scores, and why one huge ball can fake precision;
# - size three more traps: resizing, file formats, the choice of the reference;
# - set up the score that papers report, and say what its features favour;
# - (further) count modes, and know how many a perfect sample would show.
#
# **Time.** Reading, about an hour and a half, in any order. Running all cells, about 60 seconds on two CPU cores
# (not yet timed on a GPU).
#
# **You need** chapter 06. Section 91.1 uses eigenvalues of symmetric matrices and the singular value decomposition, section 91.3 the
# independence of samples, the others nothing new.
#
# ![A row of three scatter plots with equal means and covariances: a round cloud, two clumps, a skewed cloud.](images/91.png)
#
# *Three clouds with no Fréchet distance between them. Which of them does the kernel distance of 91.3 tell apart?*

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
import warnings

import matplotlib.pyplot as plt
import scipy.linalg
import torch
import torch.nn.functional as F
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from course_utils import CourseError, pretrained, require, schedule
from course_utils.data import load_images, toydata
from course_utils.figures import show, show_images
from course_utils.results import Results, holds
from course_utils.schedule import seed_everything
from course_utils.taught.evaluation import (
    NeighbourScores,
    features_and_probabilities,
    frechet_distance,
    inception_score,
    neighbour_scores,
)

seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("91", digits.source)

# %% [markdown]
# The pictures are those of chapter 06: as many from each model as real ones from the test set, in random order, and their features by the
# classifier that comes with the course.

# %%
settings = schedule.choose(
    # short, full
    samples=(5_000, 10_000),  # pictures from each model
    neighbours=(2_500, 5_000),  # pictures for scores that compare all pairs
    repetitions=(240, 400),  # of small experiments
)
n = min(settings.samples, len(digits.test))
chosen = torch.randperm(len(digits.test))[:n]
real = digits.test[chosen]
shipped = {"autoencoder": "autoencoder", "VAE": "vae", "GAN": "gan", "DCGAN": "dcgan"}
samples = {
    name: pretrained.sample(f"{weights}-{digits.source}", n, seed=schedule.seed()) for name, weights in shipped.items()
}
classifier = pretrained.load(f"classifier-{digits.source}")
test_features, test_probabilities = features_and_probabilities(classifier, digits.test)
real_features, real_probabilities = test_features[chosen], test_probabilities[chosen]
train_part = digits.train[torch.randperm(len(digits.train))[:n]]
features = {"other real": features_and_probabilities(classifier, train_part)[0]}
for name, pictures in samples.items():
    features[name], _ = features_and_probabilities(classifier, pictures)
good = frechet_distance(features["DCGAN"], real_features)
print(f"Fréchet distance of the DCGAN, by which we measure: {good:.1f}")

# %% [markdown]
# ## 91.1 Why it is the cheapest plan · 5 min
#
# Let $X$ have mean $m_1$ and covariance $A$, and $Y$ have $m_2$ and $B$. A plan of who goes where decides one more thing about them: the
# $d \times d$ matrix $C = \operatorname{Cov}(X, Y)$. Expanding the square,
#
# $$\mathbb{E}\,\lVert X - Y\rVert^2 = \lVert m_1 - m_2\rVert^2 + \operatorname{tr} A + \operatorname{tr} B - 2\operatorname{tr} C. \tag{91.1}$$
#
# Only the last term can be chosen, and we want it large. What limits it?
#
# **Step 1: standard form.** Put $\tilde X = A^{-1/2}(X - m_1)$ and $\tilde Y = B^{-1/2}(Y - m_2)$, where $A^{1/2}$ is the symmetric root of
# $A$. Both have covariance $I$. (Let $A$ and $B$ be invertible; otherwise add $\epsilon I$ and let $\epsilon \to 0$.) Let
# $R = \operatorname{Cov}(\tilde X, \tilde Y)$. Undoing the two changes of variables, $C = A^{1/2} R\, B^{1/2}$, and since a trace does not mind
# when its factors go round, $\operatorname{tr} C = \operatorname{tr}(R\, N)$ with $N = B^{1/2} A^{1/2}$.
#
# **Step 2: a limit on R.** For vectors $u$ and $v$ of length 1, $u^\top \tilde X$ and $v^\top \tilde Y$ are two numbers of variance 1, and
# $u^\top R\, v$ is their covariance. So it is at most 1.
#
# **Step 3: the trace.** Every square matrix is a stretch along some axes between two rotations, its singular value decomposition:
# $N = U S V^\top$ with orthogonal $U, V$ and a diagonal $S \ge 0$. With $u_j$ and $v_j$ the columns of $U$ and $V$,
#
# $$\operatorname{tr} C = \operatorname{tr}\bigl(R\, U S V^\top\bigr) = \operatorname{tr}\bigl(V^\top R\, U\, S\bigr)
# = \sum_j S_{jj}\; v_j^\top R\, u_j \;\le\; \sum_j S_{jj}. \tag{91.2}$$
#
# **Step 4: it is reached.** Equality holds for $R = V U^\top$, and there is a plan with this $R$: set $\tilde Y = R^\top \tilde X$. And the
# singular values $S_{jj}$ of $N$ are the roots of the eigenvalues of $N^\top N = A^{1/2} B A^{1/2}$. Altogether, the cheapest plan costs
#
# $$F^2 = \lVert m_1 - m_2\rVert^2 + \operatorname{tr} A + \operatorname{tr} B
# - 2 \operatorname{tr}\bigl(A^{1/2} B A^{1/2}\bigr)^{1/2}. \tag{91.3}$$
#
# If $X$ is Gaussian, so is this $Y$, and the plan goes from $\mathcal N(m_1, A)$ to $\mathcal N(m_2, B)$: for Gaussians, (91.3) is $W_2^2$ exactly.
# For any other two distributions the limit on $R$ holds as well, only the plan may not exist. Then (91.3) is a *lower bound* on $W_2^2$
# (Gelbrich, 1990).
#
# Written out, the plan moves $X - m_1$ by the symmetric matrix $T = A^{-1/2} (A^{1/2} B A^{1/2})^{1/2} A^{-1/2}$. Does it arrive where it should,
# at the price of (91.3)? And do other plans that arrive there cost more?


# %%
def symmetric_root(matrix, power=0.5):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values**power @ vectors.T


# %%
a = torch.randn(3000, 8, dtype=torch.float64) @ torch.randn(8, 8, dtype=torch.float64)
b = torch.randn(2000, 8, dtype=torch.float64) @ torch.randn(8, 8, dtype=torch.float64) + 1
A, B = torch.cov(a.T), torch.cov(b.T)
root, centred = symmetric_root(A), a - a.mean(0)
T = symmetric_root(A, -0.5) @ symmetric_root(root @ B @ root) @ symmetric_root(A, -0.5)


# %%
def price(plan):
    """What it costs to move each row of `a` by the matrix `plan` around its mean, and then to the mean of b."""
    way = centred - centred @ plan.T
    return (way.square().sum() / (len(a) - 1) + (a.mean(0) - b.mean(0)).square().sum()).item()


# %%
best = frechet_distance(a, b)
holds("the plan arrives with the covariance of b", torch.allclose(T @ A @ T.T, B))
holds("at the price of (91.3)", math.isclose(price(T), best, rel_tol=1e-8), price(T), best)
others = []
for _ in range(20):  # others that arrive: a rotation Q between the standard forms
    Q, _ = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64))
    other = symmetric_root(B) @ Q @ symmetric_root(A, -0.5)
    assert torch.allclose(other @ A @ other.T, B)
    others.append(price(other))

# %%
holds("twenty other plans that arrive cost more", min(others) > best, min(others))
by_scipy = scipy.linalg.sqrtm((A @ B).numpy()).real.trace()
shift = (a.mean(0) - b.mean(0)).square().sum() + A.trace() + B.trace()
holds("with the root of AB, as papers write: the same", math.isclose(shift - 2 * by_scipy, best, rel_tol=1e-8))

# %% [markdown]
# And the lower bound. On a line we know the best plan also for distributions that are not Gaussian, an exponential one for instance: in
# order.

# %%
x = -torch.rand(200_000, dtype=torch.float64).log()
y = 3 + 2 * torch.randn(200_000, dtype=torch.float64)
cheapest = (x.sort().values - y.sort().values).square().mean()
by_moments = frechet_distance(x.view(-1, 1), y.view(-1, 1))
holds("the two moments give less than the cheapest plan", by_moments < 0.97 * cheapest, by_moments, cheapest)

# %% [markdown]
# ## 91.2 Why float64 · 2 min
#
# The network itself is content with float32. The covariance of 30 pictures in 64 dimensions has at most 29 eigenvalues above zero. The
# other 35 should vanish, and come out as rounding errors, some positive. In float32 such an error is about $10^{-7}$ of the largest
# eigenvalue, which is nothing, until a *root* is taken: $\sqrt{10^{-7}}$ is $3\cdot 10^{-4}$, and there are 35 of them.
#
# > **❓ Predict.** Thirty pictures against themselves, in float32. (For equal covariances $A^{1/2} A A^{1/2} = A^2$, so one line will do.) Is the
# > result 0, a little above, or a little below?

# %% jupyter={"outputs_hidden": true}
itself = {}
for size, dtype in ((30, torch.float32), (30, torch.float64), (n, torch.float32)):
    A = torch.cov(real_features[:size].T.cpu().to(dtype))
    overlap = torch.linalg.eigvalsh(A @ A).clamp(min=0).sqrt().sum()
    itself[size, dtype] = (2 * A.trace() - 2 * overlap).item()
    print(f"{size:4d} to themselves in {str(dtype).removeprefix('torch.')}: {itself[size, dtype]:+.5f}")
holds("in float32 a negative squared distance", itself[30, torch.float32] < -0.1)
holds("in float64 nearly 0", abs(itself[30, torch.float64]) < 1e-3)
holds("thousands of pictures help", abs(itself[n, torch.float32]) < 0.5 * abs(itself[30, torch.float32]))

# %% [markdown]
# Spurious roots add to the overlap, and the overlap is subtracted. (In float64 the same happens with $10^{-16}$.) With thousands of pictures
# hardly a direction stays empty. But of Inception's 2048 directions, a thousand pictures leave more than half empty.

# %% [markdown]
# ## 91.3 A distance without bias: KID · 10 min
#
# Bińkowski et al. (2018) compare the clouds in another way. Choose a **kernel** $\kappa(x, y)$, a number that says how alike two points are. If
# the clouds are the same, a point of one is on average as much like its own kind as it is like the other:
#
# $$\operatorname{MMD}^2 = \mathbb{E}\,\kappa(x, x') + \mathbb{E}\,\kappa(y, y') - 2\,\mathbb{E}\,\kappa(x, y), \tag{91.4}$$
#
# with $x, x'$ drawn independently from the one and $y, y'$ from the other: the squared **maximum mean discrepancy** (Gretton et al., 2012). The
# kernel of KID, the *kernel inception distance*, is a polynomial, with $d$ the number of features:
#
# $$\kappa(x, y) = \Bigl(\tfrac1d\, x^\top y + 1\Bigr)^3 = \sum_{j=0}^{3} \binom3j\, d^{-j}\, (x^\top y)^j. \tag{91.5}$$
#
# What does it see? $(x^\top y)^j$ is the inner product of all products of $j$ coordinates of $x$ with those of $y$: for instance
# $(x^\top y)^2 = \sum_{ab} x_a x_b\, y_a y_b$. Put this into (91.4), and the expectations move inside:
#
# $$\operatorname{MMD}^2 = \sum_{j=1}^{3} \binom3j\, d^{-j}\, \bigl\lVert \mathbb{E}\,x^{\otimes j} - \mathbb{E}\,y^{\otimes j} \bigr\rVert^2, \tag{91.6}$$
#
# where $x^{\otimes j}$ is the array of all those products. So KID compares the first, second *and third* moments. It is zero if and only if all
# of these agree.
#
# To *estimate* (91.4), average over pairs. The trap is in the pairs: in the first two averages, those within a kind, leave out the pair of a
# sample with itself. $\kappa(x, x)$ is not what $\mathbb{E}\,\kappa(x, x')$ means, and it is larger on average. Without them, each of the three
# averages has the right expectation, and so has their sum: the estimate is **unbiased**, for any number of samples. The price is that it can
# come out negative.


# %%
def kernel_distance(a, b):
    """Squared maximum mean discrepancy with the kernel (x·y/d + 1)³, without bias; near 0 it may be negative.

    Bińkowski et al. (2018), who call it KID. `a` (n, d) and `b` (m, d): features.
    """
    a, b = require.features(a, b)

    def total(x, y):  # the sum over all pairs, a million at a time
        return sum(((part @ y.T / x.shape[1] + 1) ** 3).sum() for part in x.split(1 + 1_000_000 // len(y)))

    def without_itself(x):  # the mean over pairs of different samples
        itself = ((x.square().sum(dim=1) / x.shape[1] + 1) ** 3).sum()
        return (total(x, x) - itself) / (len(x) * (len(x) - 1))

    return (without_itself(a) + without_itself(b) - 2 * total(a, b) / (len(a) * len(b))).item()


# %%
x, y = torch.randn(40, 3, dtype=torch.float64), torch.randn(30, 3, dtype=torch.float64).exp()
squared = [
    (x.mean(dim=0) - y.mean(dim=0)).square().sum(),
    (torch.einsum("na,nb->ab", x, x) / 40 - torch.einsum("na,nb->ab", y, y) / 30).square().sum(),
    (torch.einsum("na,nb,nc->abc", x, x, x) / 40 - torch.einsum("na,nb,nc->abc", y, y, y) / 30).square().sum(),
]
by_moments = sum(math.comb(3, j) / 3**j * squared[j - 1] for j in (1, 2, 3))


# %%
def mean_kernel(x, y):
    return ((x @ y.T / 3 + 1) ** 3).mean()


# %%
all_pairs = mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y)  # each beside itself, too
holds("(91.6), for the two heaps themselves", torch.isclose(all_pairs, by_moments), all_pairs, by_moments)

# %% [markdown]
# Now our function against torchmetrics. The library draws subsets (100 of 1000 by default) and averages; we ask for one subset, of everything.

# %%
m = settings.neighbours
pair = features["DCGAN"][:m].cpu().double(), real_features[:m].cpu().double()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns that it keeps all features
    library = KernelInceptionDistance(nn.Identity(), subsets=1, subset_size=min(m, n))
library.update(pair[1], real=True)
library.update(pair[0], real=False)
ours, theirs = kernel_distance(*pair), library.compute()[0].item()
holds("as torchmetrics has it", math.isclose(ours, theirs, rel_tol=1e-6), ours, theirs)

# %% [markdown]
# What do the two distances see? Here are three clouds. `with_moments_of` moves any cloud, linearly, to the exact mean and covariance of another.


# %%
def with_moments_of(x, target):
    """x, changed linearly so that it has the mean and the covariance of the rows of `target`."""
    whitened = (x - x.mean(dim=0)) @ symmetric_root(torch.cov(x.T), -0.5)
    return whitened @ symmetric_root(torch.cov(target.T)) + target.mean(dim=0)


# %%
gaussian = torch.randn(2000, 2, dtype=torch.float64)
side = 2 * torch.randint(2, (2000, 1)) - 1
clumps = torch.cat([side + 0.15 * torch.randn(2000, 1), torch.randn(2000, 1)], dim=1).double()
skewed = -torch.rand(2000, 2, dtype=torch.float64).log()  # two independent exponential variables
clouds = {
    "a Gaussian": gaussian,
    "two clumps": with_moments_of(clumps, gaussian),
    "skewed": with_moments_of(skewed, gaussian),
}
nothing = all(abs(frechet_distance(cloud, gaussian)) < 1e-9 for cloud in clouds.values())
holds("there is no Fréchet distance between the three", nothing)

# %% tags=["picture"]
fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.6), sharex=True, sharey=True, constrained_layout=True)
for ax, (name, cloud) in zip(axes, clouds.items(), strict=True):
    ax.plot(*cloud[:500].T, ".", markersize=3)
    ax.set(title=name, xlim=(-4, 5), ylim=(-4, 5), aspect="equal")
show(
    fig,
    alt="Three scatter plots with the same mean and covariance: a round Gaussian cloud; two separate"
    " vertical clumps; a cloud pressed into a corner with long tails to the right and to the top.",
)

# %% [markdown]
# > **❓ Predict.** The two clumps and the skewed cloud: will KID notice both, one (which?) or neither? (91.6) has the answer, if you ask it about
# > symmetry.

# %% jupyter={"outputs_hidden": true}
fresh = torch.randn(4000, 2, dtype=torch.float64)
kernel = {name: kernel_distance(cloud, fresh) for name, cloud in clouds.items()}
for name, value in kernel.items():
    print(f"{name:10s} KID to a fresh Gaussian {value:7.4f}")
least = max(abs(kernel["a Gaussian"]), abs(kernel["two clumps"]))
holds("the skew is seen, the clumps are not", kernel["skewed"] > 10 * least)

# %% [markdown]
# The third moments of the clumps are zero, as those of the Gaussian are, by symmetry: left and right cancel. Those of the skewed cloud are not.
# (With a Gaussian kernel, MMD would see any difference at all, given samples enough, and one has to choose a width.) Now our models:

# %%
scores = {name: kernel_distance(f[:m], real_features[:m]) for name, f in features.items()}
for name, value in scores.items():
    print(f"{name:12s} KID {value:10.1f}")
holds("other real pictures are nearest", scores["other real"] < min(scores[name] for name in samples))
results.add(dcgan_kernel=scores["DCGAN"])
length = (real_features.square().sum(dim=1) / 64).mean().item()
print(f"mean of |x|² / d: {length:.0f}; its third power: {length**3:,.0f}")

# %% [markdown]
# The last line says why the numbers are so large: not normalised features enter with their sixth power. Only their order means something.

# %% [markdown]
# ## 91.4 The bias of the Fréchet distance · 10 min
#
# Take two disjoint heaps of *real* pictures. They come from the same source, so the true distance is 0, whichever we use.
#
# > **❓ Predict.** The Fréchet distance of 50 real pictures to 50 others: what becomes of it when both heaps are doubled? And what does KID say,
# > on average over many repetitions?

# %% jupyter={"outputs_hidden": true}
all_real = torch.cat([real_features, features["other real"]])[torch.randperm(2 * n)]  # one source
sizes, trials = (25, 50, 100, 200, 400), {}
for size in sizes:
    picks = [torch.randperm(2 * n)[: 2 * size].chunk(2) for _ in range(settings.repetitions)]
    trials[size] = torch.tensor([
        [distance(all_real[i], all_real[j]) for i, j in picks]
        for distance in (frechet_distance, kernel_distance)
    ])  # (2, repetitions)  # fmt: skip
means = torch.stack([trials[size].mean(dim=1) for size in sizes], dim=1)  # (2, sizes)
errors = torch.stack([trials[size].std(dim=1) for size in sizes], dim=1) / math.sqrt(settings.repetitions)
for k, size in enumerate(sizes):
    print(f"n = {size:3d}: Fréchet {means[0, k]:6.1f} ± {errors[0, k]:.1f}", end="   ")
    print(f"KID {means[1, k]:7.1f} ± {errors[1, k]:.1f}")

# %% jupyter={"outputs_hidden": true}
fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.4), constrained_layout=True)
for ax, mean, error, name in zip(axes, means, errors, ("Fréchet distance", "KID"), strict=True):
    ax.errorbar(sizes, mean, 2 * error, fmt="o-", capsize=3)
    ax.axhline(0, color="k", linestyle="--", linewidth=1)
    ax.set(xlabel="pictures in each heap", ylabel=name, xscale="log", xticks=sizes, xticklabels=sizes)
    ax.minorticks_off()
show(
    fig,
    alt="Two panels against the number of pictures, 25 to 400, with error bars: the Fréchet distance of real"
    " to real pictures, and KID.",
)
products = means[0] * torch.tensor(sizes)
print("Fréchet distance times n:", products.round().int().tolist())

# %% jupyter={"outputs_hidden": true}
holds("the Fréchet distance is far from 0 everywhere", (means[0] > 10 * errors[0]).all())
holds("it falls nearly like 1/n", products.max() / products.min() < 1.4, products.max() / products.min())
holds("KID is 0, give or take", (means[1].abs() < 5 * errors[1]).all())
results.add(frechet_of_50_real=means[0, 1], frechet_of_400_real=means[0, 4])

# %% [markdown]
# The bias is nearly proportional to $1/n$. Its origin: estimated means and covariances scatter, a squared difference counts scatter in every
# direction as distance, and nothing subtracts it. KID has no bias; it has *variance*, and for few pictures much of it. An unbiased estimate is
# not an accurate one.
#
# How large is the bias? The means contribute $\operatorname{tr}(A)\cdot 2/n$ exactly, for heaps of $n$ each. For Gaussians the part of the
# covariances can be worked out, too. Let both sets be $n$ samples of $\mathcal N(0, I)$ in $d$ dimensions. The covariances are $I + E_1$ and
# $I + E_2$ with small errors, and for such the covariance term of (91.3) is $\tfrac14 \lVert E_1 - E_2\rVert^2$ to second order. An entry of $E_i$ off
# the diagonal has variance $1/n$, one on it $2/n$, so that $\mathbb E \lVert E_i \rVert^2 = (d^2 + d)/n$. Together:
#
# $$\mathbb E\,\widehat{F^2} \;\approx\; \frac{2d}{n} + \frac{d^2 + d}{2n}, \qquad \text{where the true distance is } 0. \tag{91.7}$$
#
# > **❓ Predict.** For $d = 64$ and 1000 samples on each side: 0.02, 0.2, 2 or 20? And for Inception's $d = 2048$ and $n = 10\,000$?

# %% jupyter={"outputs_hidden": true}
size = 50
picks = [torch.randperm(2 * n)[: 2 * size].chunk(2) for _ in range(500)]
excess = torch.tensor([(all_real[i].mean(0) - all_real[j].mean(0)).square().sum() for i, j in picks])
predicted = 2 * torch.cov(all_real.T).trace().item() / size
holds("the part of the means, real pictures", abs(excess.mean() / predicted - 1) < 0.1, excess.mean(), predicted)
d = 64
for size in (500, 1000, 2000, 4000):
    measured = sum(frechet_distance(*torch.randn(2, size, d)) for _ in range(5)) / 5
    predicted = 2 * d / size + (d**2 + d) / (2 * size)
    near = abs(measured / predicted - 1) < (0.15 if size < 4000 else 0.05)
    holds(f"(91.7), n = {size}", near, measured, predicted)
print(f"d = 2048, n = 10,000: {2 * 2048 / 1e4 + (2048**2 + 2048) / 2e4:.0f}")

# %% [markdown]
# With 2048 features, two sets of 10,000 Gaussian samples each, *from the same distribution*, would lie about 210 apart, if all features had variance
# 1. Inception's do not: its features vary little (good models of small photographs are published at two or three units in all; Ho et al., 2020,
# have 3.17). But it is a reason to use many, 50,000 by custom, and why a score from 5,000 must never stand beside one from 50,000.
#
# The bias is proportional to $1/n$. So plot a model's score over $1/n$, draw a line, and read it off at $1/n = 0$: an estimate of the distance that
# infinitely many samples would have (Chong and Forsyth, 2020).

# %%
many = pretrained.sample(f"dcgan-{digits.source}", 2 * n, seed=schedule.seed() + 1)
many_features, _ = features_and_probabilities(classifier, many)
sizes = [n // 8, n // 4, n // 2, n]
curve = torch.tensor([
    [frechet_distance(many_features[torch.randperm(2 * n)[:size]], real_features) for _ in range(8)]
    for size in sizes
])  # fmt: skip
one_over_n = 1 / torch.tensor(sizes, dtype=torch.float64)
design = torch.stack([one_over_n**0, one_over_n], dim=1)
line = torch.linalg.lstsq(design, curve.double().mean(dim=1)).solution
fig, ax = plt.subplots(figsize=(6, 2.8))
ax.errorbar(one_over_n, curve.mean(dim=1), curve.std(dim=1), fmt="o", capsize=3, label="8 draws each")
ax.plot([0, one_over_n[0]], [line[0], line[0] + line[1] * one_over_n[0]], "--", label="the line")
ax.plot(0, line[0], "s", color="k", label=f"at 1/n = 0: {line[0]:.1f}")
ax.set(xlabel="1/n, n generated pictures", ylabel="Fréchet distance", xlim=(-2e-5, None))
ax.legend()
show(
    fig,
    alt="The Fréchet distance of the DCGAN over 1/n for four sizes, with error bars, and a line through the"
    " points that is continued to 1/n = 0.",
)

# %%
results.add(frechet_extrapolated=line[0])
holds("the line rises with 1/n", line[1] > 0, line[1])

# %% [markdown]
# (The line removes the bias of the generated side. The reference has one too, since it is finite; it is nearly the same for similar models.)

# %% [markdown]
# ## 91.5 What a perfect model scores · 8 min
#
# Let the model draw from the very distribution of the data, $n$ samples of each. For coverage there is an exact answer, whatever the distribution,
# if no two distances are equal. Stand at a real sample. Around it lie $n - 1$ other real samples and $n$ generated ones, all from the same
# distribution, so every order of their distances is equally likely. The ball stays empty if the $k$ nearest of them are all real. Hence
#
# $$\mathbb{E}[\text{coverage}] = 1 - \prod_{i=0}^{k-1} \frac{n-1-i}{2n-1-i} \;\approx\; 1 - 2^{-k}. \tag{91.8}$$
#
# The same argument gives the mean density. Before the $k$-th real sample in that order come, on average, $k$ generated ones: there are $n$ of them, and
# each is equally likely to fall into any of the $n$ gaps that $n-1$ real samples leave, of which $k$ are near enough. So each real ball holds $k$
# generated samples on average, and the mean density is exactly 1. For precision and recall there is no such answer: they depend on the distribution.
#
# > **❓ Predict.** $\mathcal N(0, I)$ against itself, in 2, 16 and 64 dimensions: what becomes of precision? And with eight times as many samples?

# %% jupyter={"outputs_hidden": true}
itself = {}
for d, size, runs in ((2, 500, 8), (16, 500, 8), (64, 500, 8), (16, 4000, 2), (64, 4000, 2)):
    found = [neighbour_scores(torch.randn(size, d), torch.randn(size, d)) for _ in range(runs)]
    itself[d, size] = NeighbourScores(*torch.tensor(found).mean(dim=0).tolist())
    numbers = "  ".join(f"{name} {value:.3f}" for name, value in itself[d, size]._asdict().items())
    print(f"d = {d:2d}, n = {size:4d}: {numbers}")
exact = 1 - math.prod((499 - i) / (999 - i) for i in range(5))

# %% jupyter={"outputs_hidden": true}
holds("coverage: (91.8)", all(abs(one.coverage - exact) < 0.02 for one in itself.values()), exact, 1 - 2**-5)
holds("density: 1, nearly", all(abs(one.density - 1) < 0.15 for one in itself.values()))
holds("precision: nearly 1 in two dimensions", itself[2, 500].precision > 0.97, itself[2, 500].precision)
holds("far from 1 in 64", itself[64, 500].precision < 0.8, itself[64, 500].precision)
more = itself[64, 4000].precision - itself[64, 500].precision

# %% jupyter={"outputs_hidden": true}
holds("where eight times the samples do not mend it", more < 0.03, more)
results.add(perfect_precision_500=itself[64, 500].precision)

# %% [markdown]
# On average each generated sample lies in $k$ balls, but very unevenly: those near the middle lie in many, those far out often in none. (Eight
# times the samples change little in 16 dimensions; in 64 they lowered it.) The conclusion is that of chapter 06: print the row of *real against real*, and read the others against it.
#
# ### One stray sample
#
# Precision has another weakness. One stray real sample has its neighbours far away, so its ball is huge, and everything in it counts as "real":

# %%
crowd = torch.randn(1000, 2)
with_stray = torch.cat([crowd, torch.tensor([[30.0, 0.0]])])
nonsense = torch.tensor([[15.0, 0.0]]) + 0.1 * torch.randn(1000, 2)
without, found = neighbour_scores(crowd, nonsense), neighbour_scores(with_stray, nonsense)
holds("nonsense far from the crowd has no precision", without.precision == 0)
holds("with one stray real sample: all of it", found.precision == 1)
holds("density is 1/k there, coverage next to nothing", found.density < 0.25 and found.coverage < 0.01)

# %% [markdown]
# That is why Naeem et al. (2020) proposed density and coverage.
#
# ### A precision too good to be true
#
# On MNIST the autoencoder of chapter 01, whose pictures are tangles, has a precision as high as the DCGAN's or higher (chapter 06). We leave out the
# twentieth part of the real samples whose balls are the largest. And because it may depend on which real samples are there, we do it for eight
# references, drawn from the test set.
#
# > **❓ Predict.** What becomes of the precision of other real pictures, and of the autoencoder's? And which of them depends more on the reference?

# %% jupyter={"outputs_hidden": true}
names, m = ("other real", "autoencoder", "DCGAN"), min(settings.neighbours, len(test_features) // 4)
table = {name: [] for name in names}  # precision by all balls, and by the usual ones
reach = {name: [] for name in names}
for _ in range(8):
    centres = test_features[torch.randperm(len(test_features))[:m]]
    radius = torch.cdist(centres, centres).kthvalue(6).values  # the nearest is the point itself
    usual = radius <= radius.quantile(0.95)
    for name in names:
        hits = torch.cdist(features[name][:m], centres) < radius
        table[name].append([part.any(dim=1).float().mean().item() for part in (hits, hits[:, usual])])
        reach[name].append(((hits * radius).sum() / hits.sum() / radius.median()).item())
for name, values in table.items():
    (all_low, usual_low), (all_high, usual_high) = torch.tensor(values).aminmax(dim=0)
    print(f"{name:12s} precision {all_low:.2f} to {all_high:.2f}, by usual balls {usual_low:.2f} to", end=" ")
    print(f"{usual_high:.2f}; balls around it {sum(reach[name]) / 8:.1f} times the median one")

# %% jupyter={"outputs_hidden": true}
mean = {name: torch.tensor(values).mean(dim=0).tolist() for name, values in table.items()}
kept = {name: usual_balls / all_balls for name, (all_balls, usual_balls) in mean.items()}
holds("the autoencoder loses most", kept["autoencoder"] < 0.85 * kept["other real"], kept["autoencoder"])
holds("it lies in larger balls", sum(reach["autoencoder"]) > 1.2 * sum(reach["other real"]))
results.add(autoencoder_precision_8=mean["autoencoder"][0], usual_balls_precision_8=mean["autoencoder"][1])
if digits.source == "mnist":
    over = {name: torch.tensor(values)[:, 0].std().item() for name, values in table.items()}
    holds("and depends most on the reference", over["autoencoder"] > max(over["DCGAN"], over["other real"]))
    trainings = pretrained.records()["autoencoder-mnist"]["measured"]["precision"]
    ratio = over["autoencoder"] / torch.tensor(trainings).std().item()
    holds("more than three trainings let one think", ratio > 2, over["autoencoder"], ratio)

# %% [markdown]
# The balls that hold the autoencoder's features are larger than usual: they belong to odd pictures, far from their neighbours. A part of its precision is the
# stray sample again, in real data; and which odd pictures are in the reference is luck. Chapter 06's table has the warning in another column: its coverage.
# And the ± of that table, which is over trainings with one reference, is far too small for this column.

# %% [markdown]
# ## 91.6 The machine takes your test · 4 min
#
# Real or generated? Instead of a reader, a machine can answer. As a statistical test this is the **classifier two-sample test** (Lopez-Paz and Oquab, 2017).
# Train a classifier on half of both heaps, count its right answers on the other half, $m$ pictures. If the two distributions are the same, it can only
# guess, and its accuracy is one half, give or take
#
# $$\sqrt{\tfrac14 / m}. \tag{91.9}$$
#
# Ours asks, for each picture of the second half, its 15 nearest neighbours in the first half (by features), and goes with the majority.


# %%
def told_apart(a, b):
    """Accuracy, on the second half of the features a and b, of 15 nearest neighbours among the first half."""
    h = min(len(a), len(b)) // 2
    known, judged = torch.cat([a[:h], b[:h]]).cpu(), torch.cat([a[h : 2 * h], b[h : 2 * h]]).cpu()
    labels = torch.arange(2).repeat_interleave(h)
    return KNeighborsClassifier(15).fit(known, labels).score(judged, labels)


# %%
apart = {name: told_apart(f, real_features) for name, f in features.items()}
by_chance = math.sqrt(0.25 / n)
for name, share in apart.items():
    print(f"{name:12s} told apart from real: {share:.3f}", end="   ")
    print(f"{(share - 0.5) / by_chance:5.1f} standard deviations from guessing")

# %%
results.add(told_apart_dcgan=apart["DCGAN"], told_apart_real=apart["other real"])
holds("every model is told apart more often than other real pictures", apart["other real"] == min(apart.values()))
near = 0.7 if digits.source == "embedded" else 0.56
holds("which are told apart by a trace", apart["other real"] < near, apart["other real"])

# %% [markdown]
# Always run the control, training against test pictures, both real: it shows what the judge says of pictures that are all real. Here it is a little above
# one half. Two causes are possible: training and test pictures were not written by the same people, and the feature net has seen one sort and not the other.
# (On the embedded digits it is clearly above. Those pictures come in families, ten versions of one scan, and a family is all training or all test.)
#
# The answer depends on the judge. A weak one that finds no difference has proved little, and a strong one can find trifles. MNIST's pixels were stored as
# bytes, and are whole multiples of 1/255. A network's are not:


# %%
def stored_as_bytes(pictures):
    """The share of pictures in which every pixel is a multiple of 1/255."""
    steps = 255 * pictures.flatten(1)
    return ((steps - steps.round()).abs().amax(dim=1) < 1e-3).float().mean().item()


print(f"real {stored_as_bytes(real):.0%}, DCGAN {stored_as_bytes(samples['DCGAN']):.0%}")
holds("no sample of the DCGAN is stored as bytes", stored_as_bytes(samples["DCGAN"]) < 0.01)
if digits.source == "mnist":  # the embedded digits were enlarged and turned
    holds("every real digit is", stored_as_bytes(real) == 1)

# %% [markdown]
# A judge who looks at that is right every time, and has said nothing about handwriting. A test answers yes or no, and with enough samples and a good enough
# judge the answer is yes for every model there is. To rank models we want to know *how different*.

# %% [markdown]
# ## 91.7 The inception score in parts · 2 min
#
# Papers print the inception score as mean ± deviation over ten parts of 5000 pictures each. The size of a part matters:
#
# > **❓ Predict.** We cut our real pictures into parts of 20. Is their mean score above or below that of all together? How high can the score of one part be
# > at most?

# %% jupyter={"outputs_hidden": true}
order = torch.randperm(n)
by_part = {}
for size in (10, 20, 50, 100, 500, n // 2):
    parts = [inception_score(p) for p in real_probabilities[order].split(size) if len(p) == size]
    by_part[size] = torch.tensor(parts)
    print(f"parts of {size:4d}: {by_part[size].mean():.2f} ± {by_part[size].std():.2f}")
means = [part.mean().item() for part in by_part.values()]
holds("smaller parts score lower", means == sorted(means))
holds("parts of ten lose more than a quarter", means[0] < 0.75 * means[-1], means[0], means[-1])

# %% [markdown]
# Below. (At most 10, as ever; five pictures could reach 5 at most.) Twenty random pictures hardly ever cover ten classes evenly, so $H(y)$ comes out too low:
# entropy is concave, and the entropy of an average is at least the average of the entropies. It is a *bias in the number of samples*, downwards this time.
# **Never compare scores from different numbers of samples.**

# %% [markdown]
# ## 91.8 Three more traps · 11 min
#
# ### Another resize
#
# Inception takes pictures of 299×299, so everything is resized on the way. Photographs are mostly reduced, and libraries do not agree on how. Our digits of 28
# pixels stand in for such photographs: we halve them in four ways, enlarge them again in one, and score each against the digits themselves. They are the *same
# pictures*. As a control, digits that are only enlarged, fourfold, and brought back by averaging.


# %%
def there_and_back(x, **down):
    small = F.interpolate(x, size=14, **down).clamp(0, 1)
    return F.interpolate(small, size=28, mode="bilinear", align_corners=False).clamp(0, 1)


# %% [markdown]
# > **❓ Predict.** Is reducing a nuisance far below the difference between a good and a bad model? And enlarging?

# %% jupyter={"outputs_hidden": true}
ways = {
    "bilinear, antialiased": {"mode": "bilinear", "antialias": True},
    "bilinear": {"mode": "bilinear"},
    "bicubic, antialiased": {"mode": "bicubic", "antialias": True},
    "nearest": {"mode": "nearest"},
}
resized = {f"halved, {name}": there_and_back(real, **way) for name, way in ways.items()}
for mode in ("bilinear", "bicubic"):
    large = F.interpolate(real, size=112, mode=mode).clamp(0, 1)
    resized[f"enlarged, {mode}"] = F.avg_pool2d(large, 4)
by_resize = {
    name: frechet_distance(features_and_probabilities(classifier, x)[0], real_features) for name, x in resized.items()
}
for name, value in by_resize.items():
    print(f"{name:29s} {value:7.1f}")
halved = [value for name, value in by_resize.items() if name.startswith("halved")]
enlarged = max(value for name, value in by_resize.items() if name.startswith("enlarged"))

# %% jupyter={"outputs_hidden": true}
holds("halving takes digits farther away than the DCGAN's are", min(halved) > good, min(halved), good)
holds("the ways of halving differ by more than enlarging costs", max(halved) - min(halved) > enlarged, enlarged)
results.add(frechet_nearest=by_resize["halved, nearest"])
results.add(frechet_antialiased=by_resize["halved, bilinear, antialiased"])

# %% jupyter={"outputs_hidden": true}
show_images(
    {"the digits": real[:10]} | {name: x[:10] for name, x in resized.items()},
    size=0.5,
    alt="Ten digits, and six rows of the same ten: halved and enlarged again in four ways, and enlarged and"
    " averaged in two ways.",
)

# %% [markdown]
# Reducing is no nuisance: on MNIST it costs more than lies between the VAE and the DCGAN, nothing was generated, and the ways of doing it differ by hundreds.
# What was lost is resolution, and each way loses it differently. (This net minds the blur of averaged strokes more than ragged ones. Another net may see it
# the other way round.) Enlarging costs far less, and still more here than the DCGAN's whole distance. So the size of the pictures decides how much this trap matters:
# for small ones less, for photographs more. Parmar et al. (2022) found differences of several points of FID between the resizing functions of common libraries, for equal pictures;
# many of those functions did not antialias. That is why the metric of 91.9 is asked for `antialias=False` where it is to be compared with older numbers.
#
# ### Eight bits, and JPEG
#
# A generator puts out floats. Saved as a file, they become whole numbers from 0 to 255.

# %%
from torchvision.io import decode_image, encode_jpeg


def as_jpeg(x, quality):
    files = [encode_jpeg(picture, quality) for picture in (x.cpu() * 255).round().byte()]
    return torch.stack([decode_image(file) for file in files]).float().div(255).to(x.device)


# %%
x = samples["DCGAN"]
saved = {
    "as they are": x,
    "8 bits, rounded": (x * 255).round() / 255,
    "8 bits, cut off": (x * 255).floor() / 255,
    "4 bits, rounded": (x * 15).round() / 15,
    "JPEG, quality 75": as_jpeg(x, 75),
    "JPEG, quality 20": as_jpeg(x, 20),
}
by_file = {
    name: frechet_distance(features_and_probabilities(classifier, y)[0], real_features) for name, y in saved.items()
}
for name, value in by_file.items():
    print(f"{name:18s} {value:7.2f}")

# %%
bits = abs(by_file["8 bits, rounded"] - by_file["as they are"])
strong = by_file["JPEG, quality 20"] - by_file["as they are"]
holds("eight bits cost nothing", bits < 0.02 * good + 0.05, bits)
holds("strong JPEG does", strong > 2 * bits and strong > 0.1 * good, strong)
results.add(frechet_8_bits=by_file["8 bits, rounded"])
results.add(frechet_jpeg_75=by_file["JPEG, quality 75"], frechet_jpeg_20=by_file["JPEG, quality 20"])

# %% [markdown]
# On MNIST, JPEG of a quality that is usual for photographs brings the distance from <!--91.frechet_8_bits-->10.0 to
# about <!--91.frechet_jpeg_75-->16, and quality 20 to <!--91.frechet_jpeg_20-->42 (means of the recorded runs). JPEG leaves faint rings around strokes, and the feature net notices. So beware of a data set stored as
# JPEG and a generator that is not, or the reverse. Treat both sides alike. (Where four bits come out lower than eight: a better score, not a better picture.)
#
# ### Another reference
#
# Which real pictures? The training set, the test set, and how much of it?

# %%
first, second = test_features.chunk(2)  # in the order of the file
mixed = test_features[torch.randperm(len(test_features))].chunk(2)
by_reference = {
    "two random halves of the test set": frechet_distance(*mixed),
    "its first half against its second": frechet_distance(first, second),
    "the DCGAN, against the first half": frechet_distance(features["DCGAN"], first),
    "the DCGAN, against the second": frechet_distance(features["DCGAN"], second),
    "the DCGAN, against a random half": frechet_distance(features["DCGAN"], mixed[0]),
}
for name, value in by_reference.items():
    print(f"{name:36s} {value:6.2f}")

# %%
results.add(random_halves=by_reference["two random halves of the test set"])
results.add(file_halves=by_reference["its first half against its second"])
if digits.source == "mnist":
    ratio = results.numbers["file_halves"] / results.numbers["random_halves"]
    holds("the halves of the file are more than ten times as far apart", ratio > 10, ratio)

# %% [markdown]
# On MNIST the two halves of the *file* are farther from each other than the DCGAN is from a random half, and the DCGAN is farther from either half than from a
# random one: the same generator, another reference. The halves were written by two different groups of people (the data set's own page warns of it).
# `test[:5000]` is not a sample of the test set. (The embedded test set is stored as ten rounds of the same 360 scans. Each half holds versions of all of them,
# so its halves are even nearer to each other than random ones. That is no random order, either.)

# %% [markdown]
# ## 91.9 The number that papers report · 6 min
#
# It is the Fréchet distance on 2048 features of Inception-v3, trained on ImageNet, with the weights that came with the first code for it. This sets up
# torchmetrics to compute it so that it can stand beside published ones; it needs the package torch-fidelity and the weights (about 90 MB, fetched once).


# %%
def inception_metric(weights=None):
    """torchmetrics' Fréchet distance on Inception-v3, the one that papers report, made comparable with them.

    `weights`: a local file (pt_inception-2015-12-05-6726825d.pth); without it they are downloaded once.
    Give it pictures (n, 3, h, w) in [0, 1]: `metric.update(real, real=True)`, `metric.update(fake, real=False)`.
    """
    options = {"normalize": True, "antialias": False, "feature_extractor_weights_path": weights}
    try:
        return FrechetInceptionDistance(feature=2048, **options).eval()
    except ModuleNotFoundError as error:
        raise CourseError("Inception-v3 needs the package torch-fidelity: pip install torch-fidelity.") from error
    except (OSError, RuntimeError) as error:
        raise CourseError(
            f"The weights of Inception-v3 cannot be had ({str(error).splitlines()[0]}): connect to the network once, "
            "or name a local copy of pt_inception-2015-12-05-6726825d.pth as `weights`."
        ) from error


# %%
try:
    metric = inception_metric()
except CourseError as error:
    print(error)
else:
    for heap, is_real in ((real[:64], True), (samples["DCGAN"][:64], False)):
        metric.update(heap.repeat(1, 3, 1, 1).cpu(), real=is_real)
    print(f"of 64 pictures, far too few: {metric.compute():.1f}")

# %% [markdown]
# **What these features favour.** Inception-v3 was trained to name the thousand classes of ImageNet, and the features stand one layer before the names.
# Kynkäänniemi et al. (2023) show how much of FID is about those classes: choosing among a model's samples so that the *names* that Inception gives them have the
# shares of the real set lowers the distance, and no picture gets better. For faces, or digits, the names are nonsense, and they count all the same. Stein et
# al. (2023) let people judge the samples of many models and found no score on Inception's features that ranked them as people did; diffusion models came out
# worse than they look. With features of DINOv2, a network trained without labels, the ranking came nearer to people's. CLIP, trained on pictures with captions,
# is another choice, with its own favours. The formulas of chapter 06 stay what they are. Only the eyes change, and with them every number: a distance on DINOv2
# must not stand beside one on Inception.
#
# **Conditional scores.** A model that is asked for a class (chapter 08) can draw good pictures of the *wrong* class. The scores of chapter 06 never see the
# request. So one asks a classifier for the share of requests that were met, and compares *within* each class: a Fréchet distance for every class, averaged (Miyato
# and Koyama, 2018, call it intra-FID). Or one trains a classifier on generated pictures with the requested labels and tests it on real ones (Ravuri and
# Vinyals, 2019). For text, CLIP's agreement of picture and caption takes the place of the class (Hessel et al., 2021). Real digits show the principle:

# %%
labels = digits.test_labels[chosen]
train_labels = digits.train_labels
drawn = torch.randperm(len(digits.train))[:n]
asked = {"as requested": train_labels[drawn], "requests shuffled": train_labels[drawn[torch.randperm(n)]]}
answers, _ = features_and_probabilities(classifier, digits.train[drawn])
print(f"Fréchet distance, all classes together: {frechet_distance(answers, real_features):.1f}")
within = {}
for name, request in asked.items():
    each = [frechet_distance(answers[request == c], real_features[labels == c]) for c in range(10)]
    within[name] = sum(each) / 10
    print(f"{name:18s}: mean Fréchet distance within a class {within[name]:8.1f}")
holds("wrong answers show within the classes only", within["requests shuffled"] > 5 * within["as requested"])

# %% [markdown]
# The pictures are the same in both lines. (Within a class there is a tenth of the pictures, so by 91.4 the bias is about ten times that of the whole: even the
# first line is not small.)

# %% [markdown]
# ## Your turn · 1 min
#
# > **✎ Your turn.** **1.** KID's estimate with the pairs of a sample with itself is biased. By how much? Change `without_itself` so that it keeps them, and repeat
# > the table of 91.4. *To hit:* for $n = 50$ about twice the value for $n = 100$.
# >
# > **2.** Draw the plan of 91.1: for $d = 2$, plot fifty points of a cloud, fifty of the moved cloud, and the arrows between them. Are the arrows ever crossing?
#
# <details><summary>Solution 2</summary>
#
# ```python
# a = torch.randn(50, 2, dtype=torch.float64) @ torch.tensor([[2.0, 0.5], [0.0, 0.5]]).double()
# b = torch.randn(50, 2, dtype=torch.float64) @ torch.tensor([[0.5, 0.0], [1.0, 1.5]]).double() + 4
# A, B = torch.cov(a.T), torch.cov(b.T)
# root = symmetric_root(A)
# T = symmetric_root(A, -0.5) @ symmetric_root(root @ B @ root) @ symmetric_root(A, -0.5)
# moved = (a - a.mean(0)) @ T + b.mean(0)
# fig, ax = plt.subplots()
# ax.quiver(*a.T, *(moved - a).T, angles="xy", scale_units="xy", scale=1, width=0.002)
# show(fig, alt="Fifty arrows from the points of one cloud to their partners in another.")
# ```
#
# They may cross in the plane: that is forbidden on a line only. What holds in any dimension is that no *exchange* of two partners would be cheaper.
#
# </details>

# %% [markdown]
# ## Your numbers · 1 min

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - The Fréchet distance is the price of the cheapest plan between Gaussians (91.3), and a lower bound for others. It wants float64.
# - KID compares three moments (91.6), without bias and with variance. The bias of the Fréchet distance grows with $d^2/n$ (91.7).
# - A perfect model has density 1 and coverage near $1 - 2^{-k}$ (91.8). Its precision and recall depend on the dimension. One huge ball fakes precision.
# - A judge that tells real from generated needs a control of real against real.
# - Resizing, JPEG and the reference can move the Fréchet distance by as much as a change of model does.
# - Published scores are on Inception's features, which know ImageNet's classes; scores on other features are other numbers. Conditional models need scores within
#   the classes.

# %% [markdown]
# ## What comes next
#
# - Exercise 06 asks what the bias depends on, in an investigation of your own.
# - [Appendix 92](92_likelihood.ipynb) asks how probable pictures are, [appendix 93](93_disentanglement.ipynb) what a code is good for.
# - [Chapter 07](07_stable_gans.ipynb) counts modes, and mends the games that lose them; the section below counts them in digits.

# %% [markdown]
# ## 91.10 Further: counting modes · 14 min
#
# Recall asks how much of the data a generator covers, and answers with balls around samples. When we made the data ourselves we can do
# better: we know the modes and count them. Two sets of points in the plane have become the usual ones (after Metz et al., 2017, and Srivastava et al., 2017).
# The **ring** has 8 narrow Gaussians on the unit circle, with standard deviation 0.01. The **grid** has 25, two units apart, with 0.05. Take 2500 samples. One is of
# **high quality** if it lies within three standard deviations of a centre. A mode is **captured** if it has at least one such sample.
# Chapter 07 writes out the function that counts both, and the two for stacked pictures below.

# %%
from course_utils.taught.modes import count_modes, stack_digits, stacked_modes

# %% [markdown]
# > **❓ Predict.** Which share of the *true* samples is of high quality? "Three sigma" makes many people think of 99.7 %. Does it hold in the plane? And in 20
# > dimensions?

# %% jupyter={"outputs_hidden": true}
share_inside = {d: (torch.randn(100_000, d).norm(dim=1) <= 3).float().mean().item() for d in (1, 2, 5, 20)}
for d, share in share_inside.items():
    print(f"within three standard deviations in {d:2d} dimensions: {share:.4f}")
holds("on a line: 99.7 %", abs(share_inside[1] - math.erf(3 / math.sqrt(2))) < 0.002)
holds("in the plane: 1 − exp(−9/2)", abs(share_inside[2] - (1 - math.exp(-4.5))) < 0.002)
holds("in 20 dimensions next to nothing", share_inside[20] < 0.02)

# %% [markdown]
# In the plane, the squared distance in units of $\sigma$ is $r^2 = \varepsilon_1^2 + \varepsilon_2^2$, and the probability that it exceeds $t^2$ is
# $e^{-t^2/2}$: in polar coordinates, $\int_t^\infty e^{-r^2/2}\, r\,dr$. So
#
# $$P(r \le 3) = 1 - e^{-9/2} = 0.9889. \tag{91.10}$$
#
# That is what the *true distribution* scores, not 100 %. And so a generator that scores more than the truth is not better than it: it puts its samples too near the
# centres.
#
# Five generators for the ring. The first draws from the data's own distribution. The second has lost three modes. The third draws all eight, but three times too
# wide, the fourth three times too narrow. The fifth draws all of them, and in one sample of four something *between* two neighbours. (A continuous generator bends one
# connected blob of noise, and cannot tear it into eight pieces: some bridges it must have.)

# %%
torch.manual_seed(schedule.seed())
data, centres, std = toydata.ring(2500, seed=schedule.seed())
closest = torch.cdist(data, centres).argmin(dim=1)
share = torch.rand(2500, 1) * (torch.rand(2500, 1) < 0.25)  # 0 for three of four
neighbour = centres[(closest + 1) % 8] + std * torch.randn(2500, 2)
generators = {
    "the truth": data,
    "three lost": data[closest < 5],
    "too wide": centres[closest] + 3 * (data - centres[closest]),
    "too narrow": centres[closest] + (data - centres[closest]) / 3,
    "bridges": (1 - share) * data + share * neighbour,
}
counts = {name: count_modes(points, centres, std) for name, points in generators.items()}
fig, axes = plt.subplots(1, 5, figsize=(11, 2.4), constrained_layout=True)
for ax, (name, points) in zip(axes, generators.items(), strict=True):
    ax.scatter(*points.T, s=2, alpha=0.4)
    captured, good_share = counts[name]
    ax.set(title=f"{name}: {captured} modes, {good_share:.0%}", aspect="equal", xticks=[], yticks=[])
    ax.title.set_fontsize(9)
show(
    fig,
    alt="Five scatter plots: samples of each of the five generators for a ring of eight centres.",
)

# %%
holds("the truth: 8 modes, 98.9 %", counts["the truth"][0] == 8 and abs(counts["the truth"][1] - 0.9889) < 0.01)
holds("three lost: the quality says nothing of it", counts["three lost"][1] > 0.97, counts["three lost"][1])
holds("too wide and bridges: the count says nothing of it", counts["too wide"][0] == counts["bridges"][0] == 8)
wide = 1 - math.exp(-0.5)  # the same integral, from t = 1
holds("too wide: the quality does", abs(counts["too wide"][1] - wide) < 0.05, counts["too wide"][1])
holds("too narrow: better than the truth", counts["too narrow"][1] > counts["the truth"][1])
holds("bridges: a quality below 85 %", counts["bridges"][1] < 0.85, counts["bridges"][1])

# %% [markdown]
# Each number is blind to what the other sees, so both are always given. And both are blind to a third thing: **one** sample captures a mode. A generator that visits
# a mode ten times too rarely has captured it, too. Let the 25 modes of the grid have shares that fall by a fifth from each to the next:

# %%
shares = 0.8 ** torch.arange(25.0)
shares /= shares.sum()
_, centres, std = toydata.grid(1)
which = torch.multinomial(shares, 2500, replacement=True)
lopsided = centres[which] + std * torch.randn(2500, 2)
captured, good_share = count_modes(lopsided, centres, std)
found = torch.cdist(lopsided, centres).argmin(dim=1).bincount(minlength=25) / 2500
divergence = torch.special.xlogy(found, 25 * found).sum().item()  # KL of the shares to even ones, nats
holds("a full count, or nearly", captured >= 19, f"{captured} of 25")
holds("every fifth sample is from one mode", found.max() > 0.15, found.max())
holds("the KL divergence to even shares tells", divergence > 0.5, divergence)

# %% [markdown]
# So look at the shares as well. Their KL divergence to the true ones is what the stacked-MNIST papers report beside the count.
#
# ### A thousand modes
#
# Twenty-five modes are few. **Stacked MNIST** has a thousand: three digits drawn at random become the red, green and blue channel of one picture. A classifier reads
# the three channels, and the mode is the number it reads.

# %%
stacked = stack_digits(digits.test, 1000, seed=schedule.seed())
modes = stacked_modes(stacked, classifier)
show_images(
    stacked[:20],
    alt="Twenty colour pictures, each of three overlapping handwritten digits, one red, one green, one blue.",
)
print("read as:", " ".join(f"{mode:03d}" for mode in modes[:20].tolist()))

# %% [markdown]
# > **❓ Predict.** These are 1000 perfect samples from 1000 equally likely modes. How many different modes do they show? How many samples does it take to see all of
# > them?

# %% jupyter={"outputs_hidden": true}
seen = len(modes.unique())
results.add(stacked_seen_1000=seen)
holds("1000 real pictures show fewer than 700 of 1000 modes", 570 < seen < 690, seen)

# %% [markdown]
# A mode is missed by one sample with probability $1 - \frac1m$ and by all $n$ with $(1-\frac1m)^n$. Expectations add, whether or not the events are
# independent, and so $n$ samples from $m$ equally likely modes show on average
#
# $$\mathbb{E}[\text{modes seen}] = m\left(1 - \left(1 - \tfrac1m\right)^{n}\right) \;\approx\; m\left(1 - e^{-n/m}\right). \tag{91.11}$$
#
# With $n = m$ that is 63 %, and our 1000 pictures came close (they show a few modes fewer or more by luck, and the digits are not quite equally frequent). To see *all*
# takes much longer. When $j$ modes are still missing, the next new one takes $m/j$ samples on average, which adds up to
#
# $$m\left(1 + \tfrac12 + \tfrac13 + \dots + \tfrac1m\right) \;\approx\; m\,(\ln m + 0.577), \tag{91.12}$$
#
# the **coupon collector's** time: about 7500 samples for a thousand modes.

# %%
kinds = 1000
for size in (100, 300, 1000, 3000, 10_000):
    expected = kinds * (1 - (1 - 1 / kinds) ** size)
    mean = sum(len(torch.randint(kinds, (size,)).unique()) for _ in range(50)) / 50
    holds(f"(91.11), {size} samples", abs(mean - expected) < 8, mean, expected)
collector = kinds * sum(1 / j for j in range(1, kinds + 1))
holds("(91.12)", abs(collector - kinds * (math.log(kinds) + 0.577)) < 1, collector)

# %% [markdown]
# With 26,000 pictures, a common choice, a perfect generator misses a mode with probability $e^{-26}$: what is missing is missing. With 2500 it would be reported as
# having lost 82 modes. **State $n$ beside a count of modes.**
#
# The classifier is a second source of error, and it works in the other direction. Suppose a generator has lost half of the modes: its blue channel never
# shows a digit above 4.

# %%
with torch.no_grad():
    reading = torch.cat([classifier(part).argmax(dim=1) for part in digits.test.split(1000)])
low = digits.test_labels < 5
many = 26_000
red, green = torch.randint(len(reading), (2, many), device=device)
blue = low.nonzero().flatten()[torch.randint(int(low.sum()), (many,), device=device)]
counted, really = (
    len((100 * names[red] + 10 * names[green] + names[blue]).unique()) for names in (reading, digits.test_labels)
)
misread = (reading[blue] >= 5).sum().item()
results.add(stacked_half_counted=counted)
print(f"of {many:,} blue digits the classifier read {misread} as 5 or more")

# %%
holds("500 modes were drawn", really == 500)
holds("more were counted", counted > 500, counted)

# %% [markdown]
# Each misreading of the blue channel may capture a mode that does not exist. Remedies: ask for two or more pictures in a mode, take a surer classifier, and
# run real data with the modes left out, as we did, to see what the count makes of them.
#
# What is published? On the ring, a plain GAN captures one mode of eight in one paper's set-up (Srivastava et al., 2017) and 6.3 ± 0.5 in another's (Lin et al., 2018).
# For stacked MNIST a DCGAN is credited with 99 modes of 1000 in the first and 78.9 ± 6.5 in the second, and PacGAN's own remedy with all 1000. Networks, learning rates
# and the length of training differ. Comparisons hold inside one table, over several seeds.
#
# > **⚠ Common mistake.** Choosing the seed. Mode collapse is a matter of luck: of ten runs with ten seeds some lose modes and others do not. Report the mean over seeds
# > and the spread.

# %%
results.check()

# %% [markdown]
# ## References
#
# - M. Gelbrich, "On a formula for the L2 Wasserstein metric between measures on Euclidean and Hilbert spaces", Mathematische Nachrichten 147 (1990).
# - A. Gretton et al., "A kernel two-sample test", Journal of Machine Learning Research 13 (2012).
# - M. Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, [arXiv:1801.01401](https://arxiv.org/abs/1801.01401): KID.
# - J. Ho, A. Jain and P. Abbeel, "Denoising diffusion probabilistic models", NeurIPS 2020, [arXiv:2006.11239](https://arxiv.org/abs/2006.11239).
# - M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020, [arXiv:2002.09797](https://arxiv.org/abs/2002.09797): density, coverage, (91.8).
# - D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017, [arXiv:1610.06545](https://arxiv.org/abs/1610.06545).
# - Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits": on the two halves of its test set.
# - M. J. Chong and D. Forsyth, "Effectively unbiased FID and inception score and where to find them", CVPR 2020, [arXiv:1911.07023](https://arxiv.org/abs/1911.07023): the line over $1/n$.
# - G. Parmar, R. Zhang and J.-Y. Zhu, "On aliased resizing and surprising subtleties in GAN evaluation", CVPR 2022, [arXiv:2104.11222](https://arxiv.org/abs/2104.11222).
# - T. Kynkäänniemi et al., "The role of ImageNet classes in Fréchet inception distance", ICLR 2023, [arXiv:2203.06026](https://arxiv.org/abs/2203.06026).
# - G. Stein et al., "Exposing flaws of generative model evaluation metrics and their unfair treatment of diffusion models", NeurIPS 2023, [arXiv:2306.04675](https://arxiv.org/abs/2306.04675).
# - T. Miyato and M. Koyama, "cGANs with projection discriminator", ICLR 2018, [arXiv:1802.05637](https://arxiv.org/abs/1802.05637): a Fréchet distance within classes.
# - S. Ravuri and O. Vinyals, "Classification accuracy score for conditional generative models", NeurIPS 2019, [arXiv:1905.10887](https://arxiv.org/abs/1905.10887).
# - J. Hessel et al., "CLIPScore: a reference-free evaluation metric for image captioning", EMNLP 2021, [arXiv:2104.08718](https://arxiv.org/abs/2104.08718).
# - L. Metz et al., "Unrolled generative adversarial networks", ICLR 2017, [arXiv:1611.02163](https://arxiv.org/abs/1611.02163): stacked MNIST.
# - A. Srivastava et al., "VEEGAN: reducing mode collapse in GANs using implicit variational learning", NeurIPS 2017, [arXiv:1705.07761](https://arxiv.org/abs/1705.07761).
# - Z. Lin et al., "PacGAN: the power of two samples in generative adversarial networks", NeurIPS 2018, [arXiv:1712.04086](https://arxiv.org/abs/1712.04086).
