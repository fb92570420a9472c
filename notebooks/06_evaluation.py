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
# # 06 · Evaluating generative models
#
# Five chapters have made pictures and ended with a glance, or with two borrowed scores. Which model is best? By how
# much, and at what? Would a copy of the training set do better still? A number can answer such questions. It can also
# mislead, with two decimals. This chapter derives the three kinds of numbers that papers print, tries each on cases
# whose answer is known, and shows how each is fooled.
#
# **You will be able to**
#
# - look at samples in a way that could prove you wrong;
# - derive the inception score as mutual information, and build ten pictures that fool it;
# - compute the Fréchet distance, and say what two moments cannot see;
# - measure fidelity and diversity apart, with nearest neighbours;
# - name the four traps that people meet first, and the size of each;
# - read a table of scores, and say which of its differences mean something.
#
# **Time.** Reading, 90 minutes; what is headed *Further* can wait. Running all cells, about 60 seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** the Kullback–Leibler divergence (chapter 02), the two players of a GAN (the first section of chapter 03),
# and that batch norm behaves differently in train mode and in eval mode (chapter 05). The models of chapters 01, 02, 03
# and 05 come with the course, trained in advance.
#
# ![Twenty numbered pictures of handwritten digits in two rows. Some are real, some were generated.](images/06.png)
#
# *What you will take: a test. Some of these are real. Which?*

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
import warnings
from itertools import pairwise
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import HTML, display
from torch import nn
from torchvision.transforms.functional import gaussian_blur

from course_utils import pretrained, require, schedule
from course_utils.data import load_images
from course_utils.figures import show, show_images
from course_utils.results import Results, holds
from course_utils.schedule import seed_everything

# %%
seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("06", digits.source)

# %% [markdown]
# ## 6.1 A blind test · 8 min
#
# The oldest instrument is the eye. It is a good one, if it is kept from knowing what it wants to see. We draw pictures
# from the four models so far, in the form that comes with the course (trained for minutes, where their chapters had
# one), and take as many real ones from the test set.

# %%
settings = schedule.choose(
    # short, full
    samples=(5_000, 10_000),  # pictures from each model
    neighbours=(2_500, 5_000),  # pictures for scores that compare all pairs
)
n = min(settings.samples, len(digits.test))  # the embedded digits are fewer
chosen = torch.randperm(len(digits.test))[:n]  # in random order: section 91.8 says why
real = digits.test[chosen]
train_part = digits.train[torch.randperm(len(digits.train))[:10_000]]
more_real = train_part[:n]  # real pictures, too, but not the same ones
shipped = {"autoencoder": "autoencoder", "VAE": "vae", "GAN": "gan", "DCGAN": "dcgan"}
samples = {
    name: pretrained.sample(f"{weights}-{digits.source}", n, seed=schedule.seed()) for name, weights in shipped.items()
}
print(f"{n:,} pictures from each of {', '.join(samples)}, and as many real ones")

# %% [markdown]
# Below are twenty pictures. For each place a coin decided whether it shows a real test digit or a sample of the DCGAN.
# The samples have not been selected.
#
# > **❓ Predict.** Write down the numbers of those that you take for real, before you read on. How many of the twenty
# > will you get right?

# %% tags=["picture"]
blind = torch.Generator().manual_seed(6)
is_real = torch.rand(20, generator=blind) < 0.5
panel = torch.where(is_real.view(-1, 1, 1, 1).to(device), real[:20], samples["DCGAN"][:20])
fig, axes = plt.subplots(2, 10, figsize=(9, 2.3))
for number, (ax, picture) in enumerate(zip(axes.flat, panel.cpu(), strict=True), start=1):
    ax.imshow(picture[0], vmin=0, vmax=1)
    ax.set_title(number, fontsize=10, pad=3)
    ax.set_axis_off()
fig.subplots_adjust(left=0, right=1, top=0.9, bottom=0, wspace=0.06, hspace=0.25)
show(
    fig,
    alt="Twenty numbered pictures of handwritten digits in two rows. Some are real, some were"
    " generated; the answers are folded below.",
)

# %%
real_numbers = {number for number in range(1, 21) if is_real[number - 1]}
answer = ", ".join(str(number) for number in sorted(real_numbers))
question = "Answers (open them when you have written down yours)"
display(HTML(f"<details><summary>{question}</summary>Real: {answer}.</details>"))

# %%
my_real = set()  # the numbers that you took for real, such as {1, 4, 5}; then run this cell again
if my_real:
    print(f"{20 - len(my_real ^ real_numbers)} of 20 right")  # ^: in one of the sets, not in both
else:
    print("Put your numbers into the first line of this cell.")

# %% [markdown]
# Ten right answers are what guessing gives. How many more show that you saw something? By custom, so many that a guesser gets there in less than one trial of
# twenty. Who guesses is right $k$ times or
# more in $m$ with the probability
#
# $$P(\text{at least } k) = 2^{-m} \sum_{j=k}^{m} \binom{m}{j}. \tag{6.1}$$


# %%
def chance_of(k, m=20, p=0.5):
    """The probability of k right answers or more among m, each right with probability p."""
    return sum(math.comb(m, j) * p**j * (1 - p) ** (m - j) for j in range(k, m + 1))


guesses = torch.randint(2, (100_000, 20)).sum(dim=1)
share = (guesses >= 13).double().mean().item()
holds("(6.1), against 100,000 guessers", abs(chance_of(13) - share) < 0.01, chance_of(13), share)
holds("fifteen are more than luck", chance_of(15) < 0.05, chance_of(15))
holds("fourteen are not", chance_of(14) > 0.05, chance_of(14))
trial = chance_of(15, p=0.6)
holds("who is right six times in ten gets to fifteen in one trial of eight", abs(trial - 1 / 8) < 0.01, trial)

# %% [markdown]
# So twenty pictures cannot tell 50 % from 60 %. A serious study shows hundreds, to many people, with or without a limit
# of time (Zhou et al., 2019). Now with names: the first ten of each model, not the best ten.

# %%
show_images(
    {"real": real[:10], **{name: pictures[:10] for name, pictures in samples.items()}},
    size=0.58,
    alt="Five rows of ten pictures, none selected: real digits, and samples of the autoencoder,"
    " the VAE, the GAN and the DCGAN.",
)

# %% [markdown]
# Rules for looking: draw the codes *before* you look, and keep them fixed while you train. Show many samples, the first
# ones. Put real pictures beside them, at the same size. Where you can, look without knowing which is which. (What
# *choosing* can do is shown under Further.)

# %% [markdown]
# ## 6.2 What should a number say? · 5 min
#
# A classifier has a test error: for every test picture there is a right answer to be missed. What is the right answer of
# a generator? No single picture is right or wrong. Only the whole *distribution* of its pictures, $p_g$, can be near to
# the distribution of the data, $p_\text{data}$, or far from it. And of both we have only a heap of samples.
#
# Where a model has a density, one can ask how probable it makes pictures that it has not seen (appendix 92 does that for
# the VAE). A GAN has no density to ask for. Its generator bends 64 numbers into 784 pixels: all that it can draw lies on
# a thin sheet, of dimension 64 at most, and nearly every test picture lies beside the sheet. The model is **implicit**: we
# can draw from it, and that is all. So we have to say what we want to know:
#
# | question | the word for it | where |
# |---|---|---|
# | Do single pictures look real? | **fidelity** | 6.1, 6.4–6.6 |
# | Are all kinds drawn, in the right shares? | **diversity** | 6.4–6.6 |
# | Are the pictures new, or copies? | **novelty** | 6.7 |
# | How probable are unseen data? | **likelihood** | appendix 92 |
# | Can one work with the codes? | **disentanglement** | appendix 93 |
#
# ### Pixels are a poor space to measure in
#
# Which training picture is nearest to this sample? If the two are the same, the sample is a copy. The figure is in many
# papers. Before we believe it, two experiments on the distance itself.


# %%
def nearest(pictures, among):
    """For each picture the index of the nearest in `among`, by the distance of their pixels, and that distance."""
    distance, index = torch.cdist(pictures.flatten(1), among.flatten(1)).min(dim=1)
    return index, distance


# %% [markdown]
# > **❓ Predict.** We take 500 training pictures and move each two pixels to the right: copies, as anyone can see. For how
# > many is the nearest picture of the training set, pixel by pixel, the original? And we blur real test pictures a little.
# > Are they then nearer to the training set, or farther from it?

# %% jupyter={"outputs_hidden": true}
copied = torch.randint(len(train_part), (500,), device=device)
found = {}
for shift in (0, 1, 2, 3):
    index, _ = nearest(train_part[copied].roll(shift, dims=3), train_part)
    found[shift] = (index == copied).float().mean().item()
    print(f"moved by {shift} pixels: the original is nearest for {found[shift]:6.1%}")

# %% jupyter={"outputs_hidden": true}
results.add(copies_found_in_pixels=found[2])
holds("moved by two pixels, not one copy in ten is recognised", found[2] < 0.1, found[2])

# %% jupyter={"outputs_hidden": true}
versions = {
    "sharp": real[:500],
    "a little blurred": gaussian_blur(real[:500], 9, [0.8, 0.8]),
    "strongly blurred": gaussian_blur(real[:500], 9, [2.0, 2.0]),
}
away = {name: nearest(x, train_part)[1].mean().item() for name, x in versions.items()}
for name, distance in away.items():
    print(f"real pictures, {name:16s}: {distance:.2f} from the nearest training picture")

# %% jupyter={"outputs_hidden": true}
holds("a little blur brings them nearer", away["a little blurred"] < 0.98 * away["sharp"])
holds("a strong one takes them away again", away["strongly blurred"] > away["sharp"])

# %% [markdown]
# Both answers are bad news. A memoriser that jitters its pictures would pass as original. And a slightly blurred model
# beats real data: blur removes what is peculiar to a picture. We need better eyes.
#
# > **⚠ Common mistake.** Showing samples beside their nearest neighbours in pixels, to prove that nothing was memorised.
# > The figure exposes exact copies only.

# %% [markdown]
# ## 6.3 Better eyes: the feature net · 9 min
#
# A network that classifies digits has to ignore what does not matter (where, how bold, how slanted) and to keep what does.
# Take what its last hidden layer says, 64 numbers a picture, as the picture's **features**, and measure there. In papers on
# photographs the net is Inception-v3, trained on ImageNet, with 2048 features. Ours is small and knows digits:


# %%
class Classifier(nn.Module):
    def __init__(self, num_features=64, num_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (n, 1, 28, 28) => (n, 16, 14, 14)
            nn.Conv2d(16, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),  # => (n, 32, 7, 7)
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, num_features),
            nn.ReLU(),  # => (n, num_features), the features
        )
        self.head = nn.Linear(num_features, num_classes)

    def forward(self, x):
        return self.head(self.features(x))  # logits, (n, num_classes)


def features_and_probabilities(classifier, images, batch_size=1000):
    """(n, 64) features and (n, 10) probabilities of pictures in [0, 1], with the classifier in eval mode."""
    with schedule.evaluating(classifier):  # eval mode, no gradients, float32; afterwards all is as before
        features = torch.cat([classifier.features(part) for part in images.split(batch_size)])
        return features, classifier.head(features).softmax(dim=1)


# %% [markdown]
# Two details decide whether a score can be repeated. **Eval mode**: there is batch norm inside, and in train mode the
# features of a picture would depend on its batch. And the **range**: this net was trained on pixels from 0 to 1. A
# generator with a tanh at its end draws from −1 to 1, and nothing would warn you. (`require`, a small helper of the course
# that you will meet below, does: it refuses in a plain sentence what cannot be scored, and returns the rest in float64.)
#
# We load the weights that come with the course. They were trained on this training set for 12 passes, with shifts of up
# to two pixels.

# %%
classifier = pretrained.load(f"classifier-{digits.source}")
test_features, test_probabilities = features_and_probabilities(classifier, digits.test)
right = test_probabilities.argmax(dim=1) == digits.test_labels
accuracy = right.float().mean().item()
results.add(accuracy=accuracy)
holds("the feature net reads the test digits", accuracy > 0.985, accuracy)

# %%
real_features, real_probabilities = test_features[chosen], test_probabilities[chosen]
train_features, train_probabilities = features_and_probabilities(classifier, train_part)
features = {"real": real_features, "other real": train_features[:n]}
probabilities = {"real": real_probabilities, "other real": train_probabilities[:n]}
for name, pictures in samples.items():
    features[name], probabilities[name] = features_and_probabilities(classifier, pictures)
print({name: tuple(heap.shape) for name, heap in features.items()})


# %%
def nearest_in_features(pictures, among_features):
    """As `nearest`, by the distance of the features."""
    f, _ = features_and_probabilities(classifier, pictures)
    distance, index = torch.cdist(f, among_features).min(dim=1)
    return index, distance


# %% [markdown]
# > **❓ Predict.** The two experiments of 6.2, once more, with the distance between features. What will become of the two
# > results?

# %% jupyter={"outputs_hidden": true}
index, _ = nearest_in_features(train_part[copied].roll(2, dims=3), train_features)
found_in_features = (index == copied).float().mean().item()
results.add(copies_found_in_features=found_in_features)
holds("moved by two pixels, far more copies are found", found_in_features > 4 * found[2], found_in_features, found[2])
away = {name: nearest_in_features(x, train_features)[1].mean().item() for name, x in versions.items()}
ratio = away["a little blurred"] / away["sharp"]
holds("a little blur takes pictures away, as it should", ratio > 1.15, ratio)

# %% [markdown]
# Better eyes, not perfect ones: most copies that were moved by two pixels still go unnoticed. Now the figure of the papers,
# for the DCGAN, with both kinds of neighbours:

# %%
ten = samples["DCGAN"][:10]
show_images(
    {
        "the DCGAN's first ten": ten,
        "nearest training picture, in pixels": train_part[nearest(ten, train_part)[0]],
        "nearest training picture, in features": train_part[nearest_in_features(ten, train_features)[0]],
    },
    size=0.58,
    alt="Three rows of ten: samples of the DCGAN, their nearest training pictures by pixels, and by features.",
)

# %% [markdown]
# Neighbours, not copies. (We look through 10,000 training pictures. To clear a model of copying, look through all.) Section
# 6.7 makes a number of it.

# %% [markdown]
# ## 6.4 The inception score · 9 min
#
# Give the pictures to the classifier. For each one, $x$, it returns probabilities $p(y\mid x)$ of the ten classes. If the
# picture looks like *some* digit, they are concentrated on one class. And if the model draws *all* digits, the average over
# the pictures, $p(y) = \mathbb{E}_x\, p(y \mid x)$, is spread evenly. Salimans et al. (2016) measure both at once, by how far
# the first is from the second:
#
# $$\operatorname{IS} = \exp\, \mathbb{E}_{x \sim p_g}\, D_\text{KL}\bigl(p(y\mid x) \,\Vert\, p(y)\bigr). \tag{6.2}$$
#
# What is in the exponent? Write out the divergence, and split the logarithm. Since $\mathbb{E}_x\, p(y\mid x) = p(y)$ in the
# first term,
#
# $$\begin{aligned}
# \mathbb{E}_x \sum_y p(y\mid x) \log \frac{p(y \mid x)}{p(y)} &= \underbrace{-\sum_y p(y)\log p(y)}_{H(y)} -
# \underbrace{\mathbb{E}_x\Bigl[-\sum_y p(y\mid x) \log p(y\mid x)\Bigr]}_{H(y\mid x)} \\
# &= I(x; y).
# \end{aligned} \tag{6.3}$$
#
# It is the **mutual information** of picture and predicted class: how much a picture tells about its class, in nats. It is
# high if the *entropy* $H(y)$ of the classes is high (diversity), and the entropy $H(y\mid x)$ left when one has seen the
# picture is low (fidelity, of a kind). A divergence is never negative, and with $L$ classes $H(y) \le \log L$. So
#
# $$0 \le I(x; y) \le H(y) \le \log L \qquad\Longrightarrow\qquad 1 \le \operatorname{IS} \le L. \tag{6.4}$$
#
# The exponential turns nats into a number of classes: how many classes does the model draw *recognisably*, if all were
# equally frequent?


# %%
def inception_score(probabilities):
    """exp of the mutual information of picture and predicted class, from 1 to the number of classes.

    exp E KL(p(y|x) || p(y)), Salimans et al. (2016). `probabilities` (n, classes): each row sums to 1.
    """
    p = require.probabilities(probabilities)
    marginal = p.mean(dim=0)
    divergence = torch.special.xlogy(p, p) - torch.special.xlogy(p, marginal)  # 0 log 0 = 0
    return divergence.sum(dim=1).mean().exp().item()


# %% [markdown]
# > **❓ Predict.** What is the score of: a classifier that never knows (all rows uniform); one that is always sure, of the
# > same class; one that is always sure, of each class equally often; of five classes equally often?

# %% jupyter={"outputs_hidden": true}
sure = torch.eye(10)
cases = {
    "never knows": (torch.full((50, 10), 0.1), 1),
    "always the same class": (sure[[3] * 50], 1),
    "every class, sure": (sure.repeat(5, 1), 10),
    "five classes, sure": (sure[:5].repeat(10, 1), 5),
}
for name, (p, known) in cases.items():
    holds(name, abs(inception_score(p) - known) < 1e-6, inception_score(p))

# %% [markdown]
# Now our heaps, with (6.3) as a check. (Under *Further* the library that others use checks it, too.)


# %%
def entropy(p):
    return -torch.special.xlogy(p, p).sum(dim=-1)


inception = {name: inception_score(p) for name, p in probabilities.items()}
for name, value in inception.items():
    print(f"{name:12s} inception score {value:.2f}")
results.add(inception_of_real=inception["real"], inception_of_dcgan=inception["DCGAN"])
p = real_probabilities.cpu().double()
p /= p.sum(dim=1, keepdim=True)  # in float32 the sums were 1 up to rounding
information = (entropy(p.mean(dim=0)) - entropy(p).mean()).exp().item()

# %%
holds("it is the mutual information", math.isclose(inception_score(p), information, rel_tol=1e-9))
ordered = inception["autoencoder"] < inception["DCGAN"] < inception["real"] < 10
holds("autoencoder < DCGAN < real < 10", ordered)

# %% [markdown]
# Real digits come close to 10, and not quite: a few pictures are ambiguous, and the test set does not hold all digits
# equally often.
#
# ### Ten pictures that fool it
#
# The score knows the real data only through the classifier, and within a class it asks for no variety. So take ten pictures,
# one of each class, on which the classifier is sure, and draw them again and again. They need not even be pictures of digits.
# Start from noise, and change the pixels a little, by gradient, until the classifier says "0", "1", …, "9". No network is
# trained here; what is optimised is the picture.

# %%
labels = torch.arange(10, device=device)
surest = torch.stack([real[real_probabilities[:, c].argmax()] for c in range(10)])
start = torch.rand(10, 1, 28, 28, device=device)
logits = start.clamp(0.05, 0.95).logit().requires_grad_()
optimizer = torch.optim.Adam([logits], lr=0.05)
for _ in range(100):
    loss = F.cross_entropy(classifier(logits.sigmoid()), labels)
    optimizer.zero_grad()
    loss.backward(inputs=[logits])  # of the pictures, not of the classifier's weights
    optimizer.step()
disguised = logits.detach().sigmoid()
show_images(
    {"surest real picture of each class": surest, "noise, optimised to be classified 0 to 9": disguised},
    size=0.58,
    alt="Two rows of ten pictures: the surest real picture of each class, and noise that was optimised for each class.",
)

# %%
fooled = {}
for name, ten in (("ten real pictures", surest), ("ten patches of noise", disguised)):
    p = features_and_probabilities(classifier, ten)[1]
    fooled[name] = inception_score(p.repeat(n // 10, 1))
    print(f"{name}, {n // 10} times each: inception score {fooled[name]:.2f}")
results.add(inception_score_of_ten=fooled["ten real pictures"])
results.add(inception_score_of_noise=fooled["ten patches of noise"])
holds("ten pictures beat the data", fooled["ten real pictures"] > inception["real"], inception["real"])
holds("ten patches of noise beat the DCGAN", fooled["ten patches of noise"] > max(inception["DCGAN"], 9))

# %% [markdown]
# Nobody would submit those, but a generator that is trained or *selected* by this score climbs in that direction (Barratt and
# Sharma, 2018). Its limits: it never looks at the data, it is blind within classes, and it counts only what its classifier was
# taught to count. (Applied to faces, with the thousand classes of ImageNet, it would count kinds of things that are not there,
# and even a low score would say nothing.) For digits under a digit classifier it is quick, and a low score is bad news:
# pictures are not recognised, or kinds are missing.

# %% [markdown]
# ## 6.5 The Fréchet distance · 8 min
#
# We want to compare with the data. Both heaps, real and generated, are clouds of points in the space of 64 features. How far
# apart are two clouds?
#
# A good answer is *the work of moving one into the other*. Assign to each point $x$ of the one a point $y$ of the other, and
# charge the squared length of the way. The cheapest assignment defines the squared **2-Wasserstein distance**,
#
# $$W_2^2(p, q) = \min_{\text{plans}} \mathbb{E}\,\lVert X - Y\rVert^2, \qquad X \sim p,\; Y \sim q, \tag{6.5}$$
#
# where a plan (a **coupling**) is any joint distribution of $X$ and $Y$ with the given margins: it says who goes where.
#
# On a line the best plan is simple: keep the order. Say $a \le b$ go to $c \le d$. Compare crossing ways with parallel ones:
#
# $$(a-d)^2 + (b-c)^2 - (a-c)^2 - (b-d)^2 = 2\,(b-a)(d-c) \ge 0. \tag{6.6}$$
#
# Uncrossing never costs more, so the smallest goes to the smallest, the median to the median: quantile to quantile. For two
# Gaussians the quantiles are $m_1 + s_1 u$ and $m_2 + s_2 u$ with the same standard normal $u$. Hence
#
# $$W_2^2 = \mathbb{E}\bigl(m_1 - m_2 + (s_1 - s_2)\,u\bigr)^2 = (m_1 - m_2)^2 + (s_1 - s_2)^2. \tag{6.7}$$
#
# > **❓ Predict.** What do 200,000 draws from $\mathcal N(1, 0.5^2)$ and as many from $\mathcal N(-1, 2^2)$ cost if each goes to
# > its partner in order? And if partners are drawn at random?

# %% jupyter={"outputs_hidden": true}
x = 1 + 0.5 * torch.randn(200_000, dtype=torch.float64)
y = -1 + 2 * torch.randn(200_000, dtype=torch.float64)
in_order = (x.sort().values - y.sort().values).square().mean()
at_random = (x - y).square().mean()
holds("in order: (1 + 1)² + (0.5 − 2)² = 6.25", abs(in_order - 6.25) < 0.1, in_order)
holds("at random: 4 + 0.5² + 2² = 8.25", abs(at_random - 8.25) < 0.2, at_random)

# %% [markdown]
# In many dimensions, with means $m_1, m_2$ and covariances $A, B$, the cheapest plan between two Gaussians costs
#
# $$F^2 = \lVert m_1 - m_2\rVert^2 + \operatorname{tr} A + \operatorname{tr} B -
# 2 \operatorname{tr}\bigl(A^{1/2} B A^{1/2}\bigr)^{1/2}. \tag{6.8}$$
#
# On a line this is (6.7): $A = s_1^2$, $B = s_2^2$, and the last term is $2 s_1 s_2$. Section 91.1 proves it, and shows that for
# any other two distributions (6.8) is a lower bound on $W_2^2$: they cannot be nearer to each other than Gaussians with their
# moments, and they can be farther.
#
# Heusel et al. (2017) fit a Gaussian to either cloud and use (6.8). With Inception's features it is the **Fréchet inception
# distance**, FID. (Fréchet asked in 1957 for the smallest distance between two laws with given margins; Dowson and Landau
# worked it out for Gaussians in 1982. By custom it is the *squared* distance, and goes by the name of distance.) Papers write
# $(AB)^{1/2}$ instead: $AB$ has the same eigenvalues as $A^{1/2} B A^{1/2}$, so the trace of its root is the same. Ours is
# symmetric with eigenvalues $\ge 0$, and `eigvalsh` is made for that.


# %%
def frechet_distance(a, b):
    """|mean difference|² + tr(A + B − 2 (AB)^½): the squared 2-Wasserstein distance of two fitted Gaussians.

    Heusel et al. (2017). `a`, `b`: features, (n, d) each. The trace of (AB)^½ is the sum of the roots of AB's
    eigenvalues, which are those of the symmetric A^½ B A^½ and never negative.
    """
    a, b = require.features(a, b)
    cov_a, cov_b = (torch.cov(x.T).reshape(x.shape[1], -1) for x in (a, b))
    values, vectors = torch.linalg.eigh(cov_a)
    root_a = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root_a @ cov_b @ root_a).clamp(min=0).sqrt().sum()
    return ((a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap).item()


# %% [markdown]
# Known answers first. A heap against itself: 0. A heap moved by $v$: the covariances agree, so $\lVert v \rVert^2$. A heap made
# $c$ times wider around its mean: $(c-1)^2 \operatorname{tr} A$.

# %%
a = torch.randn(3000, 8, dtype=torch.float64) @ torch.randn(8, 8, dtype=torch.float64)
b = torch.randn(2000, 8, dtype=torch.float64) @ torch.randn(8, 8, dtype=torch.float64) + 1
v, trace = torch.arange(8.0, dtype=torch.float64), torch.cov(a.T).trace().item()
wider = 3 * (a - a.mean(0)) + a.mean(0)
holds("to itself 0", abs(frechet_distance(a, a)) < 1e-9 * trace)
holds("moved by v: |v|² = 140", math.isclose(frechet_distance(a, a + v), 140, rel_tol=1e-9))
holds("3 times wider: 4 tr A", math.isclose(frechet_distance(a, wider), 4 * trace, rel_tol=1e-9))
holds("as far there as back", math.isclose(frechet_distance(a, b), frechet_distance(b, a), rel_tol=1e-9))

# %% [markdown]
# Now the models, with two rows that give the numbers a scale: other real pictures, and noise.

# %%
noise_features, _ = features_and_probabilities(classifier, torch.rand_like(real))
heaps = {name: f for name, f in features.items() if name != "real"} | {"noise": noise_features}
frechet = {name: frechet_distance(f, real_features) for name, f in heaps.items()}
for name, value in frechet.items():
    print(f"{name:12s} Fréchet distance to real pictures {value:8.1f}")

# %%
results.add(dcgan_frechet_5000=frechet["DCGAN"], other_real_frechet=frechet["other real"])
results.add(noise_frechet=frechet["noise"])
models = [frechet[name] for name in samples]
holds("other real pictures are nearer than every model", frechet["other real"] < min(models))
holds("noise is farther than every model", frechet["noise"] > max(models))

# %% [markdown]
# The unit is that of a squared feature, which means nothing outside of this classifier: **always print a real-vs-real row and a
# noise row**, and compare within the table. For the number that papers report, section 91.9 sets up Inception-v3 as they do.
#
# Earlier chapters printed the inception score and this distance side by side. This was their function, every line of which you
# now know:


# %%
class Scores(NamedTuple):
    inception_score: float  # 1 to 10, higher is better
    frechet: float  # 0 and up, lower is better


def score(images, real, classifier):
    """Inception score of `images` and their Fréchet distance to `real`: pictures (n, 1, 28, 28) with values in [0, 1].

    Take the same number of pictures wherever scores are to be compared: the distance falls as the number grows.
    For many scores against the same pictures, give the features of `real` (n, 64) instead, and save their computation.
    """
    features, probabilities = features_and_probabilities(classifier, require.pixels(images, classifier))
    if real.ndim != 2:
        real, _ = features_and_probabilities(classifier, require.pixels(real, classifier))
    return Scores(inception_score(probabilities), frechet_distance(features, real))


# %% [markdown]
# The distance reads the mean and the covariance of each cloud, and nothing else. So a small distance is *necessary* for a good
# model, and it is not sufficient: under *Further* coin tosses beat the training set.
#
# > **⚠ Common mistake.** Comparing a Fréchet distance with one from a paper that used other features, another number of
# > samples, another size or resizing of the pictures, or another split. Sections 6.7 and 91.8 put numbers to most of these.

# %% [markdown]
# ## 6.6 Two numbers instead of one · 12 min
#
# A single distance mixes up two failures: drawing bad pictures, and not drawing all kinds. The next four scores keep them
# apart. They ask nothing about moments. Around each sample lay a ball that reaches to its $k$-th nearest neighbour *among its
# own kind*. The balls together are an estimate of where that kind lives, with small balls where samples are dense and large
# ones where they are rare.
#
# ![Two panels with the same points. Real samples form two groups, generated samples lie on the left group and a little beyond
# it. Left panel: circles around the real samples; generated samples inside a circle count for precision, those outside do not.
# Right panel: circles around the generated samples; the right group of real samples lies in none of them.](images/06_balls.svg)
#
# - **Precision**: the share of *generated* samples in at least one *real* ball. Do they look real?
# - **Recall**: the share of *real* samples in at least one *generated* ball. Could the model have drawn them?
# - **Density**: in how many real balls does a generated sample lie, on average, divided by $k$? It can exceed 1.
# - **Coverage**: the share of *real balls* with at least one generated sample inside. How much of the real is reached?
#
# The first pair was brought to generators by Sajjadi et al. (2018) and got its balls from Kynkäänniemi et al. (2019); the second
# is due to Naeem et al. (2020). The code looks at a million pairs at a time: all distances at once, of 10,000 samples to 10,000,
# would be 800 megabytes, and those of ten times as many 80 gigabytes.


# %%
class NeighbourScores(NamedTuple):
    precision: float  # share of fakes that lie in the ball of a real sample
    recall: float  # share of real samples that lie in the ball of a fake
    density: float  # balls of real samples around a fake, on average, divided by k
    coverage: float  # share of real samples with a fake in their ball


def in_parts(x, y):
    """The rows of `x`, as many at a time as make a million pairs with the rows of `y`: 8 MB of distances."""
    return x.split(1 + 1_000_000 // len(y))


def neighbour_scores(real, fake, k=5):
    """Precision and recall (Kynkäänniemi et al., 2019), density and coverage (Naeem et al., 2020).

    `real` (n, d) and `fake` (m, d): features. The ball of a sample reaches to its k-th neighbour among its own kind.
    """
    real, fake = require.features(real, fake, at_least=k + 1)
    real_radius, fake_radius, balls = (x.new_empty(len(x)) for x in (real, fake, fake))  # filled in place, part by part
    covered, recalled = torch.zeros(2, len(real), dtype=torch.bool).unbind()
    for x, radius in ((real, real_radius), (fake, fake_radius)):
        for part, some in zip(in_parts(x, x), in_parts(radius, x), strict=True):
            some.copy_(torch.cdist(part, x).topk(k + 1, largest=False).values[:, -1])  # the nearest is itself
    for part, some in zip(in_parts(fake, real), in_parts(balls, real), strict=True):
        inside = torch.cdist(part, real) < real_radius  # (rows, n): is this fake in the ball of that real sample?
        some.copy_(inside.sum(dim=1))
        covered |= inside.any(dim=0)
    for part, some in zip(in_parts(real, fake), in_parts(recalled, fake), strict=True):
        some.copy_((torch.cdist(part, fake) < fake_radius).any(dim=1))
    shares = (balls > 0).double().mean(), recalled.double().mean(), balls.mean() / k, covered.double().mean()
    return NeighbourScores(*(share.item() for share in shares))


# %%
def clumps_on_a_circle(kinds, number):
    """`number` points from the first `kinds` of ten small Gaussian clumps on a circle."""
    angle = 2 * math.pi * torch.randint(kinds, (number,)) / 10
    return torch.stack([angle.cos(), angle.sin()], dim=1) + 0.02 * torch.randn(number, 2)


# %% [markdown]
# > **❓ Predict.** The real data have ten small clumps, far apart. A model draws five of them, perfectly. What are its precision,
# > recall, density and coverage? And if it draws one clump only?

# %% jupyter={"outputs_hidden": true}
ten_clumps = clumps_on_a_circle(10, 2000)
for kinds in (10, 5, 1):
    given = neighbour_scores(ten_clumps, clumps_on_a_circle(kinds, 2000))
    print(f"{kinds:2d} of ten:", "  ".join(f"{name} {value:.2f}" for name, value in given._asdict().items()))
    holds("precision and density are near 1", min(given.precision, given.density) > 0.9)
    holds("recall is the share of the clumps", abs(given.recall - kinds / 10) < 0.03)
    holds("and so is coverage, nearly", abs(given.coverage - kinds / 10) < 0.06)

# %% [markdown]
# What is drawn is right; what is missing is missing from recall and coverage. That is what we wanted, in two dimensions. In more,
# even a perfect model does not score 1 throughout (section 91.5 says what it scores). So print the row of *real against real*,
# and read the others against it.
#
# ### Same distance, opposite failures
#
# Now pictures. We spoil real training pictures in three ways. *Missing kinds*: no 8 and no 9. *Chimeras*: left half of one digit,
# right half of another, in a share of the pictures. *Few pictures*: one hundred, again and again. The share of chimeras is
# chosen so that their Fréchet distance equals that of the missing kinds.

# %%
classes = train_probabilities.argmax(dim=1)  # nearly always the label
missing = train_features[classes < 8][:n]
halves = torch.cat([more_real[..., :14], more_real.roll(1, dims=0)[..., 14:]], dim=3)
halves_features, _ = features_and_probabilities(classifier, halves)


def with_chimeras(share):
    return torch.cat([halves_features[: int(share * n)], train_features[int(share * n) : n]])


goal, low, high = frechet_distance(missing, real_features), 0.0, 1.0
for _ in range(10):  # halve the interval in which the share must lie
    share = (low + high) / 2
    below = frechet_distance(with_chimeras(share), real_features) < goal
    low, high = (share, high) if below else (low, share)
spoiled = {
    "missing kinds": missing,
    "chimeras": with_chimeras(share),
    "few pictures": train_features[:100].repeat(n // 100, 1),
}
show_images(
    {f"chimeras, in {share:.0%} of the pictures": halves[:10]},
    size=0.58,
    alt="Ten pictures, each joined from the left half of one digit and the right half of another.",
)

# %% [markdown]
# > **❓ Predict.** Which of the three loses precision? Which loses recall, and how much of it?

# %% jupyter={"outputs_hidden": true}
compared = features | spoiled
del compared["real"]
m, by_neighbours = settings.neighbours, {}
print(f"{'':14s} Fréchet   precision, recall, density, coverage")
for name, f in compared.items():
    drawn = f[torch.randperm(len(f))[:m]]
    by_neighbours[name] = neighbour_scores(real_features[:m], drawn)
    numbers = "  ".join(f"{value:.2f}" for value in by_neighbours[name])
    print(f"{name:14s} {frechet_distance(f, real_features):7.1f}   {numbers}")

# %% jupyter={"outputs_hidden": true}
without, mixed, few = (by_neighbours[name] for name in spoiled)
ratio = frechet_distance(spoiled["chimeras"], real_features) / goal
holds("chimeras and missing kinds are equally far", abs(ratio - 1) < 0.02, ratio)
holds("chimeras lose precision", without.precision > mixed.precision + 0.15, mixed.precision, without.precision)
holds("missing kinds lose recall", without.recall < mixed.recall - 0.1, without.recall, mixed.recall)
holds("few pictures have a recall of 0, and little coverage", few.recall == 0 and few.coverage < 0.3)
results.add(frechet_missing=goal, precision_missing=without.precision, recall_missing=without.recall)
results.add(precision_chimeras=mixed.precision, recall_chimeras=mixed.recall)

# %% [markdown]
# Missing kinds and chimeras have the same Fréchet distance. Precision and recall take them apart: the first draws well and too
# little, the second draws everything and much that is not. And the hundred pictures, each real, have a recall of 0 (and, in the run above, the smallest Fréchet distance of the three): when every
# sample has more than $k$ copies, all generated balls have shrunk to points.
#
# > **⚠ Common mistake.** Publishing these scores without $k$ and $n$. Both change them: larger $k$, larger balls. And precision is
# > computed with *real* balls: exchange the two arguments, and fidelity and diversity exchange their names.

# %% [markdown]
# ## 6.7 Four traps · 14 min
#
# The scores are right, as far as they go. The numbers that people report are often wrong all the same, because of what happens
# *around* the score. Here are the four traps that come first; section 91.8 has three more. To judge whether a number is large,
# hold it against these two:

# %%
floor = frechet_distance(features["other real"], real_features)
good = frechet_distance(features["DCGAN"], real_features)
print(f"Fréchet distance of {n:,} real pictures to others {floor:.1f}, of the DCGAN {good:.1f}")
results.add(floor=floor, frechet_of_dcgan=good)

# %% [markdown]
# ### Trap 1: another number of samples
#
# > **❓ Predict.** The Fréchet distance of 50 real pictures to 50 others, of the same source: about 0? And how does the distance
# > of one and the same DCGAN change when we draw only an eighth of the samples?

# %% jupyter={"outputs_hidden": true}
both_real = torch.cat([real_features, train_features[:n]])[torch.randperm(2 * n)]
fifty = torch.stack([
    torch.tensor(frechet_distance(*both_real[torch.randperm(2 * n)[:100]].split(50))) for _ in range(30)
])  # fmt: skip
holds("fifty real pictures are far from fifty others", fifty.mean() > 2 * good, fifty.mean())
many = pretrained.sample(f"dcgan-{digits.source}", 2 * n, seed=schedule.seed() + 1)
many_features, _ = features_and_probabilities(classifier, many)
sizes = [n // 8, n // 4, n // 2, n]
curve = torch.tensor([
    [frechet_distance(many_features[torch.randperm(2 * n)[:size]], real_features) for _ in range(8)]
    for size in sizes
])  # fmt: skip
for size, row in zip(sizes, curve, strict=True):
    print(f"the DCGAN by {size:5d} samples: {row.mean():.2f} ± {row.std():.2f}")

# %% jupyter={"outputs_hidden": true}
results.add(frechet_of_50_real=fifty.mean(), frechet_eighth=curve[0].mean())
holds("who takes fewer samples looks worse", curve[0].mean() > curve[-1].mean())

# %% [markdown]
# Estimated means and covariances scatter, a squared difference counts scatter in every direction as distance, and nothing
# subtracts it. Section 91.4 measures this bias, and gets rid of it. Who compares across numbers of samples compares nothing.
#
# ### Trap 2: the feature net in train mode
#
# `classifier.train()` looks harmless: no weight is changed without an optimiser. But batch norm then normalises with the batch at
# hand, so that a picture's features depend on its company, and it *updates its running statistics* at each call.


# %%
@torch.no_grad()
def careless_distance(images, batch_size=100):
    """With a copy of the net in train mode: its distance to the real features, and that of later, careful features."""
    net = copy.deepcopy(classifier).train()
    in_train_mode = torch.cat([net.features(part) for part in images.split(batch_size)])
    afterwards, _ = features_and_probabilities(net, images)  # in eval mode again
    return frechet_distance(in_train_mode, real_features), frechet_distance(afterwards, real_features)


# %% [markdown]
# > **❓ Predict.** Real pictures at 60 % of their brightness; the VAE's, which are blurred and pale; the DCGAN's; real pictures that
# > come sorted by class. For each: does the Fréchet distance come out smaller or larger in train mode than it is?

# %% jupyter={"outputs_hidden": true}
by_class = real[digits.test_labels[chosen].argsort()]
suspects = {"real, at 60 % brightness": 0.6 * real, "VAE": samples["VAE"], "DCGAN": samples["DCGAN"]}
suspects["real, sorted by class"] = by_class
both = {}
print(f"{'':24s}    eval   train   eval again")
for name, x in suspects.items():
    right = frechet_distance(features_and_probabilities(classifier, x)[0], real_features)
    both[name] = right, *careless_distance(x)
    print(f"{name:24s} {right:7.1f} {both[name][1]:7.1f} {both[name][2]:9.1f}")

# %% jupyter={"outputs_hidden": true}
dim_right, dim_wrong, _ = both["real, at 60 % brightness"]
vae_right, vae_wrong, _ = both["VAE"]
sorted_right, sorted_wrong, _ = both["real, sorted by class"]
holds("most of a loss of brightness goes unseen", dim_wrong < 0.5 * dim_right, dim_right, dim_wrong)
holds("the VAE comes out better than it is", vae_wrong < 0.8 * vae_right, vae_right, vae_wrong)
holds("sorted, real pictures are not themselves", sorted_wrong > floor and abs(sorted_right) < 1e-3, sorted_wrong)
results.add(eval_mode_vae=vae_right, train_mode_vae=vae_wrong, train_mode_sorted=sorted_wrong)

# %% [markdown]
# Smaller for the first two, larger for the sorted ones, and hardly changed, in the run above, for the DCGAN. The first row shows why: normalising with the batch takes away what all pictures of a batch have in common, a lack of brightness
# for instance. Some of the VAE's fault is, it seems, of that sort. And the last column is the damage that stays: the net carries the statistics
# of the pictures it has just seen into every later score. `features_and_probabilities` therefore goes to eval mode itself, and back. torchmetrics'
# `FrechetInceptionDistance` does not do so for a net of your own: pass it `net.eval()`, and do not call `metric.train()`.
#
# ### Trap 3: a generator that remembers
#
# Here is a generator of great quality.


# %%
class Replay:
    """Draws pictures from the training set."""

    def sample(self, n):
        return train_part[torch.randperm(len(train_part))[:n]]


replayed = Replay().sample(n)
replay_features, replay_probabilities = features_and_probabilities(classifier, replayed)
replay_frechet = frechet_distance(replay_features, real_features)
print(f"inception score {inception_score(replay_probabilities):.2f}, Fréchet distance {replay_frechet:.2f}")
print(neighbour_scores(real_features[:m], replay_features[:m]))
holds("it beats the DCGAN", replay_frechet < good, replay_frechet, good)

# %% [markdown]
# It has learned nothing. The scores of 6.4 to 6.6 never look at the *training* pictures, so none can notice. Chapter 01's nearest
# neighbours do. We make one number of them: how far is a generated picture from its nearest training picture, and how far is a
# *test* picture, which cannot have been memorised? A model that has understood the digits should be about as far as the test set.
# (Meehan et al., 2020, make a proper test of it.) In feature space, how often does a generated picture lie nearer to the training
# set than a test picture does?
#
# $$C = P\bigl(\operatorname{dist}(x_\text{generated}, \text{training set}) <
# \operatorname{dist}(x_\text{test}, \text{training set})\bigr), \tag{6.9}$$
#
# one half for a perfect model, and 1 for one that copies.


# %%
def copying(f, m=1000):
    """(6.9) for features f (n, 64); ties count half."""
    known = train_features.double()
    reach = [torch.cdist(x[:m].double(), known).amin(dim=1) for x in (f, real_features)]
    nearer = (reach[0][:, None] < reach[1]).double()
    return (nearer + 0.5 * (reach[0][:, None] == reach[1]).double()).mean().item()


# %% [markdown]
# > **❓ Predict.** The replay again, its pictures moved by one pixel: to the right, or down, or both. Which of the three does $C$
# > catch? And is the DCGAN caught?

# %% jupyter={"outputs_hidden": true}
moves = {"": (0, 0), ", moved right": (0, 1), ", moved down": (1, 0), ", moved both ways": (1, 1)}
moved = {f"replay{name}": replayed[:1000].roll(by, dims=(2, 3)) for name, by in moves.items()}
contenders = {name: features_and_probabilities(classifier, x)[0] for name, x in moved.items()}
contenders |= {name: features[name] for name in samples}
copies = {name: copying(f) for name, f in contenders.items()}
for name, value in copies.items():
    print(f"{name:24s} C = {value:.2f}")

# %% jupyter={"outputs_hidden": true}
results.add(copying_replay=copies["replay"], copying_moved=copies["replay, moved both ways"])
results.add(copying_dcgan=copies["DCGAN"])
holds("plain copies are found", copies["replay"] > 0.99, copies["replay"])
hidden = copies["replay, moved both ways"] < copies["replay"] - 0.2

# %% jupyter={"outputs_hidden": true}
holds("copies moved both ways hide better", hidden, copies["replay, moved both ways"])
holds("of the DCGAN, copying is not found", copies["DCGAN"] < 0.6, copies["DCGAN"])

# %% [markdown]
# Plain copies are found. Of those that were moved by a single pixel, only the sideways ones are caught on MNIST; those that moved down
# get away with it. What counts as near is decided by the features, as everything in this chapter. So "no copying was found" is not a
# proof that there is none. (And a $C$ below one half is no merit: noise is very far away.)
#
# ### Trap 4: the best of many
#
# Training leaves forty checkpoints. Score each, keep the best, report its score. What is wrong with that?


# %%
def one_score():
    drawn = many_features[torch.randperm(len(many_features))[: n // 10]]
    return frechet_distance(drawn, real_features)


# %% [markdown]
# > **❓ Predict.** Suppose that all forty checkpoints were *equally good*. By how much does the reported score improve on the true
# > one, in standard deviations of one score?

# %% jupyter={"outputs_hidden": true}
scores = torch.tensor([one_score() for _ in range(40)])
again = torch.tensor([one_score() for _ in range(40)])  # fresh samples of the chosen one
gain = ((scores.mean() - scores.min()) / scores.std()).item()
print(f"forty scores of one generator: {scores.mean():.2f} ± {scores.std():.2f}; the best {scores.min():.2f}")
print(f"the best one measured again: {again.mean():.2f} ± {again.std():.2f}")

# %% jupyter={"outputs_hidden": true}
results.add(best_of_forty=gain)
holds("the best is more than a standard deviation below the mean", gain > 1.2, gain)
by_chance = -torch.randn(20_000, 40).amin(dim=1).mean()
holds("the best of 40 normal numbers lies about 2.2 below their mean", 2.1 < by_chance < 2.2, by_chance)

# %% [markdown]
# About two standard deviations, for nothing: all forty were the same generator. Choosing is allowed, reporting the score *by which
# one chose* is not. Choose on one set of samples and one half of the reference, report on others. The same holds for the best of
# several seeds.
#
# > **⚠ Common mistake.** Believing that a trap is avoided because a library was used. The library cannot know how your pictures were
# > saved, which of them you gave it, or how often you asked.

# %% [markdown]
# ## 6.8 The scoreboard · 10 min
#
# Now everything at once. All scores against the same reference, all from the same number of pictures.


# %%
def all_scores(images, real, classifier):
    """Every score of `images` against the pictures `real`, by name."""
    features, probabilities = features_and_probabilities(classifier, require.pixels(images, classifier))
    real_features, _ = features_and_probabilities(classifier, require.pixels(real, classifier))
    return {
        "inception_score": inception_score(probabilities),
        "frechet": frechet_distance(features, real_features),
        **neighbour_scores(real_features, features)._asdict(),
    }


# %% [markdown]
# One training is one draw: another seed gives another model. So each network was trained three times, with three seeds, and scored
# with this function. The scores of all three came with the weights; only the first one's weights did. Never believe a record that you
# can check:

# %%
records = pretrained.records()
record = records[f"dcgan-{digits.source}"]
print({key: record[key] for key in ("date", "seeds", "settings")})
reference = pretrained.reference(digits)
drawn = pretrained.sample(f"dcgan-{digits.source}", len(reference))
again = all_scores(drawn, reference, classifier)
for name, value in again.items():
    recorded = record["measured"][name][0]
    same = math.isclose(value, recorded, rel_tol=0.05, abs_tol=0.02)
    holds(f"{name}: as recorded", same, value, recorded)

# %%
titles = {
    "autoencoder": "01 autoencoder, codes from a Gaussian",
    "VAE": "02 VAE",
    "GAN": "03 GAN of MLPs",
    "DCGAN": "05 DCGAN",
}
rows = {
    "real (training set)": all_scores(train_part[: len(reference)], reference, classifier),
    "uniform noise": all_scores(torch.rand_like(reference), reference, classifier),
}
board = {name: {key: [value] for key, value in row.items()} for name, row in rows.items()}
for name, title in titles.items():
    measured = records[f"{shipped[name]}-{digits.source}"]["measured"]
    board[title] = {key: measured[key] for key in again}
order = ["real (training set)", *titles.values(), "uniform noise"]


print(f"{'':38s}" + "".join(f"{key:>16s}" for key in again))
for name in order:
    cells = []
    for values in (torch.tensor(board[name][key], dtype=torch.float64) for key in again):
        spread = f" ± {values.std():.2g}" if len(values) > 1 else ""
        cells.append(f"{values.mean():.3g}{spread}" if values.mean() < 1000 else f"{values.mean():,.0f}{spread}")
    print(f"{name:38s}" + "".join(f"{cell:>16s}" for cell in cells))

# %% [markdown]
# Read it by columns. Precision and density ask for fidelity, recall and coverage for diversity; the rows for real pictures and for
# noise give each column its scale. Which columns agree on an order, and which score tells neighbours in that order apart most
# clearly? We take the gap between two neighbours, in units of the larger of their two spreads over the three trainings.

# %%
mean = {name: {key: sum(values) / len(values) for key, values in row.items()} for name, row in board.items()}
spread = {t: {key: torch.tensor(board[t][key]).std().item() for key in again} for t in titles.values()}
for key in again:
    ranked = sorted(titles, key=lambda name: mean[titles[name]][key], reverse=key != "frechet")[::-1]
    ways = [(titles[a], titles[b]) for a, b in pairwise(ranked)]
    gaps = [abs(mean[a][key] - mean[b][key]) / max(spread[a][key], spread[b][key]) for a, b in ways]
    print(f"{key:16s} {' < '.join(ranked):36s} gaps {', '.join(f'{gap:.0f}' for gap in gaps)} spreads")

# %%
for key in ("inception_score", "frechet", "recall", "coverage"):
    ranked = [mean[title][key] for title in titles.values()]
    agrees = ranked == sorted(ranked, reverse=key == "frechet")
    holds(f"{key} puts them in the order of the chapters", agrees)
real_row, noise_row = mean["real (training set)"], mean["uniform noise"]
dcgan_row, tangles = mean[titles["DCGAN"]], mean[titles["autoencoder"]]

# %%
holds("real pictures are nearest", real_row["frechet"] < dcgan_row["frechet"], real_row["frechet"])
holds("noise is farthest by far", noise_row["frechet"] > 10 * tangles["frechet"], noise_row["frechet"])
if digits.source == "mnist":
    first = tangles["precision"] > dcgan_row["precision"]
    holds("precision prefers the autoencoder", first, tangles["precision"], dcgan_row["precision"])
for name in titles:
    for key in ("inception_score", "frechet", "precision", "recall"):
        results.add(**{f"{name.lower()}_{key}": mean[titles[name]][key]})
results.add(real_frechet=real_row["frechet"])

# %% [markdown]
# Four columns agree on one order: autoencoder, VAE, GAN, DCGAN (density has it too on MNIST, but hardly tells VAE and GAN apart). There the
# inception score and the Fréchet distance put more than twenty spreads between any two neighbours; recall puts five between VAE and GAN. Precision contradicts them on MNIST: it puts the autoencoder's
# tangles of strokes above the DCGAN. Whoever reported precision alone would have the two worst models of the table first. (Section
# 91.5 finds a reason: huge balls around a few odd real pictures.)
#
# One thing only the VAE can do: say, by a bound, how probable a picture is. The table has no column for that.
#
# How much is the ± worth? It knows about three trainings. It does not know that the *reference* was drawn, too: section 91.5 scores the
# autoencoder against eight references, and its precision varies by several times the ± of the table. A ± says only what was repeated.
#
# And three are few. Three trainings of the DCGAN on the embedded digits, alike in everything but the seed, were recorded with the
# Fréchet distances that the next cell prints. One seed each would let a paper say *three times better* or *hardly better*, as luck has it.

# %%
for source in ("mnist", "embedded"):
    values = records[f"dcgan-{source}"]["measured"]["frechet"]
    print(f"{source:9s} three trainings of the DCGAN:", ", ".join(f"{value:.0f}" for value in values))

# %% [markdown]
# ## Your turn · 1 min
#
# Two small changes. Open a cell below and try; the solutions are folded.
#
# > **✎ Your turn.** **1. Shares of the classes.** Write `class_divergence(p, q)`: the Kullback–Leibler divergence, in nats, between the
# > shares of the classes that the classifier finds in two heaps (`argmax` of their probabilities). *To hit:* five classes, sure, to ten, sure
# > (the `cases` of 6.4): $\log 2 = 0.693$. Then rank the four models by their divergence to the real pictures.
#
# <details><summary>Solution 1</summary>
#
# ```python
# def class_divergence(p, q):
#     a, b = (x.argmax(dim=1).bincount(minlength=10).double() / len(x) for x in (p, q))
#     return torch.special.xlogy(a, a / b).sum().item()
#
#
# print(class_divergence(cases["five classes, sure"][0], cases["every class, sure"][0]))
# for name in samples:
#     print(name, class_divergence(probabilities[name], probabilities["real"]))
# ```
#
# </details>
#
# > **✎ Your turn.** **2. Truncation.** Sample the DCGAN with codes multiplied by 0.7 and call `all_scores`. First guess which of precision and
# > recall rises and which falls. *To hit:* the row of the scoreboard, when you multiply by 1.
#
# <details><summary>Solution 2</summary>
#
# ```python
# dcgan = pretrained.load(f"dcgan-{digits.source}")
# for factor in (1, 0.7):
#     torch.manual_seed(0)
#     codes = factor * torch.randn(len(reference), dcgan.latent_dim).to(device)
#     with schedule.evaluating(dcgan):
#         pictures = torch.cat([(dcgan.generator(part) + 1) / 2 for part in codes.split(500)])
#     print(factor, all_scores(pictures, reference, classifier))
# ```
#
# Codes nearer to the middle: it is a relative of the *truncation trick* of large GANs, which trades diversity for fidelity.
#
# </details>

# %% [markdown]
# ## On one page · 6 min
#
# The chapter in plain torch: train a feature net, then score heaps of pictures with it.

# %%
import torch
from torch import nn

# A feature net: the last hidden layer of a small classifier, half a minute of training at most.
images = digits.train  # or torchvision.datasets.MNIST("data", download=True).data[:, None] / 255
labels = digits.train_labels  # or the .targets of the same object
net = nn.Sequential(
    nn.Conv2d(1, 16, 5, stride=2, padding=2),  # (n, 1, 28, 28) => (n, 16, 14, 14)
    nn.ReLU(),
    nn.Conv2d(16, 32, 5, stride=2, padding=2),  # => (n, 32, 7, 7)
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 7 * 7, 64),
    nn.ReLU(),  # => (n, 64), the features; no batch norm, so no mode to forget
    nn.Linear(64, 10),  # => (n, 10), logits
).to(images.device)
adam = torch.optim.Adam(net.parameters(), lr=2e-3)
for _ in range(400):
    index = torch.randint(len(images), (128,), device=images.device)
    loss = nn.functional.cross_entropy(net(images[index]), labels[index])
    adam.zero_grad()
    loss.backward()
    adam.step()
print(f"loss of the last batch {loss.item():.2f}")


# %%
@torch.no_grad()
def eyes(pictures):
    return torch.cat([net[:-1](part) for part in pictures.split(1000)]).double().cpu()


def distance_of_gaussians(a, b):
    roots = torch.linalg.eigvals(torch.cov(a.T) @ torch.cov(b.T)).real.clamp(min=0).sqrt()
    return (a.mean(0) - b.mean(0)).square().sum() + torch.cov(a.T).trace() + torch.cov(b.T).trace() - 2 * roots.sum()


def share_in_balls(points, centres, k=5):
    radius = torch.cdist(centres, centres).kthvalue(k + 1).values
    return (torch.cdist(points, centres) < radius).any(dim=1).double().mean()


heap = images[torch.randperm(len(images))[:4000]]
world, other = eyes(heap[:2000]), heap[2000:]
halved = nn.functional.interpolate(nn.functional.avg_pool2d(other, 2), scale_factor=2)
tries = {"real": other, "one class": images[labels == 3][:2000], "halved": halved, "noise": torch.rand_like(other)}
print("           Fréchet  precision  recall")
for name, pictures in tries.items():
    fake = eyes(pictures)
    distance = distance_of_gaussians(world, fake)
    print(f"{name:9s} {distance:8.1f}  {share_in_balls(fake, world):9.2f}  {share_in_balls(world, fake):6.2f}")

# %% [markdown]
# Look at the last row. With these eyes noise had a *precision* of 0.42 in the stored run, and 0.98 in another: so much of it lay in real balls. Recall was not
# deceived; the distance put noise last here, and nearer than real threes in the other run. It happens with a net that you train yourself, too: never report precision alone.

# %% [markdown]
# ## Your numbers · 1 min
#
# The bands come from runs with several seeds. Yours should lie inside; if you have changed a setting, the table shows what your
# change did.

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - An implicit model has no likelihood of a test picture. We compare heaps of samples.
# - Look blind, at samples that nobody selected, beside real ones. Fifteen of twenty right is the least that guessing reaches in less than one trial of twenty (6.1).
# - Measure in features, not in pixels; in eval mode, and in the right range.
# - The inception score is exp of the mutual information of picture and class (6.3). It never sees the data, and ten pictures reach 10.
# - The Fréchet distance is $W_2^2$ of two fitted Gaussians (6.8). It sees two moments, depends on the net, and is biased upwards.
# - Precision and density ask for fidelity, recall and coverage for diversity. All four depend on $k$ and $n$.
# - Print beside every score: the net, the number of samples, the reference, the row for real pictures, the row for noise, what was
#   repeated for the ±, and how often you chose. Ask whether the model copies (6.9).

# %% [markdown]
# ## What comes next
#
# - [Exercise 06](../exercises/ex06_evaluation.ipynb) lets you build a score from running sums, measure its bias, and repair an evaluation that falls into four traps.
# - [Appendix 91](91_scores.ipynb): the proofs, a distance without bias, what a perfect model scores, three more traps, and the number
#   that papers report. [Appendix 92](92_likelihood.ipynb): the likelihood of a VAE. [Appendix 93](93_disentanglement.ipynb): does a code
#   separate the factors behind the pictures?
# - Chapter 07 makes the games of chapters 03 to 05 more stable, and counts the modes that they lose.

# %% [markdown]
# ## 6.9 Further: what choosing can do · 2 min
#
# With features we can also choose. From all samples of the GAN of chapter 03 we take one for each class: the one whose features lie
# nearest to those of some real picture.

# %%
to_real = torch.cdist(features["GAN"], real_features).amin(dim=1)
named = probabilities["GAN"].argmax(dim=1)
best = torch.stack([to_real.masked_fill(named != c, torch.inf).argmin() for c in range(10)])
show_images(
    {"the GAN's first ten": samples["GAN"][:10], f"ten of {n:,}, chosen": samples["GAN"][best]},
    size=0.58,
    alt="Two rows of ten samples of the same GAN: the first ten, of mixed quality, and one chosen for"
    " each digit from 0 to 9.",
)
ratio = (to_real[best].mean() / to_real.mean()).item()
holds("the chosen ten lie far nearer to real pictures than the average", ratio < 0.6, ratio)

# %% [markdown]
# The same network. Almost any trained model has ten good pictures in some thousands. A paper that says "selected samples" tells you
# that someone could select.

# %% [markdown]
# ## 6.10 Further: what two moments cannot see · 2 min
#
# Two moments, and nothing else. So take coin tosses: 64 of them for each of
# $n$ imaginary pictures, moved linearly to the mean and covariance of the real features. They are corners of a box, and no
# picture has such features: a ReLU is never negative.


# %%
def symmetric_root(matrix, power=0.5):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values**power @ vectors.T


def with_moments_of(x, target):
    """x, changed linearly so that it has the mean and the covariance of the rows of `target`."""
    whitened = (x - x.mean(dim=0)) @ symmetric_root(torch.cov(x.T), -0.5)
    return whitened @ symmetric_root(torch.cov(target.T)) + target.mean(dim=0)


# %% [markdown]
# > **❓ Predict.** Which is nearer to the real test features: the coin tosses, or the features of other real pictures?

# %% jupyter={"outputs_hidden": true}
target = real_features.cpu().double()
target += 1e-3 * torch.randn_like(target)  # so that the covariance can be inverted
coins = with_moments_of((2.0 * torch.randint(2, target.shape) - 1).double(), target)
to_coins, negative = frechet_distance(coins, real_features), (coins < 0).double().mean()
holds("the coin tosses are at a distance of nearly 0", to_coins < 0.01 < frechet["other real"], to_coins)
holds("a good part of their features is negative", negative > 0.1, negative)
holds("no real feature is", (real_features >= 0).all())

# %% [markdown]
# By this measure coin tosses are a far better imitation of the test set than the training set is. No model cheats like that by accident. One that is trained or
# selected by this number may learn to.

# %% [markdown]
# ## 6.11 Further: the library agrees, and the definitions · 4 min
#
# Others use torchmetrics. A metric of it takes pictures, sends them through a network, and collects. For the inception score we give it
# the softmax's input, so the network is `Identity`. (By default it downloads Inception-v3, and cuts the pictures into ten parts; one
# part is our score.) The Fréchet metric is fed with `update`, once with the real pictures, once with the others.

# %%
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore

p = real_probabilities.cpu().double()
p /= p.sum(dim=1, keepdim=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns that it keeps all features
    library = InceptionScore(nn.Identity(), splits=1)
    library.update(p.clamp(min=1e-30).log())  # logits whose softmax is p
    theirs = library.compute()[0].item()
holds("inception score: the same", math.isclose(inception_score(p), theirs, rel_tol=1e-9), inception_score(p), theirs)


# %%
class FeatureNet(nn.Module):
    num_features = 64

    def forward(self, images):
        return classifier.features(images).cpu().double()


library, size = FrechetInceptionDistance(FeatureNet()), 2000
classifier.eval()  # torchmetrics does not do it
with torch.no_grad():
    library.update(real[:size], real=True)
    library.update(samples["DCGAN"][:size], real=False)
ours, theirs = frechet_distance(features["DCGAN"][:size], real_features[:size]), library.compute().item()
holds("Fréchet distance: the same", math.isclose(ours, theirs, rel_tol=1e-6), ours, theirs)

# %% [markdown]
# `num_features` is there for torchmetrics: a net that does not say how many features it returns is sent a colour picture of 299×299
# bytes to find out, which ours cannot take.
#
# Precision and its kin have no metric there. Against the definitions, taken literally:


# %%
def inside(points, centres, k=5):
    """Radius of each ball around `centres`, and which points lie in which ball (points, balls)."""
    radius = torch.cdist(centres, centres).sort(dim=1).values[:, k]  # the 0th neighbour is the point itself
    return radius, torch.cdist(points, centres) < radius


r, g = torch.randn(2, 200, 3).double()
(_, in_real), (_, in_fake) = inside(g, r), inside(r, g)
literal = in_real.any(dim=1), in_fake.any(dim=1), in_real.sum(dim=1) / 5, in_real.any(dim=0)
for (name, value), one in zip(neighbour_scores(r, g)._asdict().items(), literal, strict=True):
    holds(name, math.isclose(value, one.double().mean().item(), rel_tol=1e-6), value)

# %% [markdown]
# ## References
#
# - S. Zhou et al., "HYPE: a benchmark for human eYe perceptual evaluation of generative models", NeurIPS 2019, [arXiv:1904.01121](https://arxiv.org/abs/1904.01121).
# - T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, [arXiv:1606.03498](https://arxiv.org/abs/1606.03498): the inception score.
# - S. Barratt and R. Sharma, "A note on the inception score", 2018, [arXiv:1801.01973](https://arxiv.org/abs/1801.01973).
# - M. Fréchet, "Sur la distance de deux lois de probabilité", Comptes rendus 244 (1957).
# - D. C. Dowson and B. V. Landau, "The Fréchet distance between multivariate normal distributions", Journal of Multivariate Analysis 12 (1982).
# - M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", NeurIPS 2017, [arXiv:1706.08500](https://arxiv.org/abs/1706.08500): the Fréchet distance as a score.
# - M. S. M. Sajjadi et al., "Assessing generative models via precision and recall", NeurIPS 2018, [arXiv:1806.00035](https://arxiv.org/abs/1806.00035).
# - T. Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", NeurIPS 2019, [arXiv:1904.06991](https://arxiv.org/abs/1904.06991).
# - M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020, [arXiv:2002.09797](https://arxiv.org/abs/2002.09797): density and coverage.
# - C. Meehan, K. Chaudhuri and S. Dasgupta, "A non-parametric test to detect data-copying in generative models", AISTATS 2020, [arXiv:2004.05675](https://arxiv.org/abs/2004.05675).
