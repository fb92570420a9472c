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
# # 05 · DCGAN
#
# **You will be able to**
#
# - write a convolutional GAN for a given picture size, and train it;
# - compute a transposed convolution by hand, and say what it is the transpose of;
# - recognise checkerboard patterns and name the layer that favours them;
# - say what batch norm computes in train and in eval mode;
# - tell which of the two networks is winning.
#
# **Time.** About 75 minutes without the sections marked *Further*. All cells run in about <!--05.seconds-->100
# seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** chapter 03's game and losses.
#
# ![A sheet of 6 by 16 handwritten digits in many different hands, all drawn by a generator.](images/05.png)
#
# *What you will make: a generator that draws these.*

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
import time

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course_utils import schedule
from course_utils.data import load_images
from course_utils.figures import live_picture, show_images
from course_utils.game import fading_adam, sample_gan
from course_utils.results import Results, holds
from course_utils.taught import dcgan, gan
from course_utils.training import Diary, train

# %%
schedule.seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("05", digits.source)

# %% [markdown]
# ## 5.1 Two networks that know what a neighbour is · 4 min
#
# The networks of chapters 03 and 04 see a picture as a list of 784 numbers and must find out from the data which pixels are neighbours.
# A **convolution** knows it: each output looks at a small patch, and one small set of weights, the **kernel**, serves all patches. Here is the same game with
# convolutions, in the form of Radford et al. (2016): the **deep convolutional GAN**, DCGAN.
#
# ![Diagram of the two networks. The generator: 64 noise numbers become 32 maps of 7 by 7, then 16 maps of 14 by 14, then
# one picture of 28 by 28. The discriminator goes the same way back, from the picture to one number.](images/05_dcgan.svg)
#
# In D a kernel that moves in steps of two (**stride** 2) halves the side. In G a **transposed convolution** doubles it, see 5.4.


# %%
def conv_generator(width=16, latent_dim=64):
    w = width
    return nn.Sequential(  # noise (n, 64)
        nn.Linear(latent_dim, 2 * w * 7 * 7, bias=False),  # (n, 1568)
        nn.Unflatten(1, (2 * w, 7, 7)),  # (n, 32, 7, 7): from here on it is a picture
        nn.BatchNorm2d(2 * w),  # the same shape, as with the next four
        nn.ReLU(),
        nn.Conv2d(2 * w, 2 * w, 3, padding=1, bias=False),
        nn.BatchNorm2d(2 * w),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * w, w, 4, stride=2, padding=1, bias=False),  # (n, 16, 14, 14)
        nn.BatchNorm2d(w),
        nn.ReLU(),
        nn.ConvTranspose2d(w, 1, 4, stride=2, padding=1, bias=False),  # (n, 1, 28, 28)
        nn.Tanh(),  # pixels in [-1, 1]
    )


def conv_discriminator(width=16):
    w = width
    return nn.Sequential(  # pictures (n, 1, 28, 28)
        nn.Conv2d(1, w, 4, stride=2, padding=1, bias=False),  # (n, 16, 14, 14)
        nn.LeakyReLU(0.2),
        nn.Conv2d(w, 2 * w, 4, stride=2, padding=1, bias=False),  # (n, 32, 7, 7)
        nn.BatchNorm2d(2 * w),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * w, 2 * w, 3, padding=1, bias=False),  # (n, 32, 7, 7)
        nn.BatchNorm2d(2 * w),
        nn.LeakyReLU(0.2),
        nn.Flatten(),  # (n, 1568)
        nn.Linear(2 * w * 7 * 7, 1),  # (n, 1)
        nn.Flatten(0),  # (n,): a logit for each picture, no sigmoid
    )


# %% [markdown]
# ## 5.2 A minute of training · 6 min
#
# The step is chapter 03's `gan_update`: D learns to tell real pictures from fakes, then G learns to be
# taken for real. Around it stand three things:
#
# - **Fading rates**: constant for the first half, then falling to nothing.
# - **A price on steep slopes of D** at real pictures (Mescheder et al., 2018), which damps chapter 03's circling
#   and is charged every eighth step, eight times over; see 5.14.
# - **An average of G's weights**, which does not play: G's weights wander, and their average is a calmer
#   guess (Yazıcı et al., 2019). After each step, with $\lambda = 0.99$,
#
# $$\bar\theta \leftarrow \lambda\,\bar\theta + (1 - \lambda)\,\theta. \tag{5.1}$$


# %%
def new_game(generator, discriminator, rates, steps, price=0.5):
    """The `update` of one game, and all that a checkpoint of it must hold."""
    averaged = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.99), use_buffers=True)
    adam_g, fade_g = fading_adam(generator, rates[0], steps)
    adam_d, fade_d = fading_adam(discriminator, rates[1], steps)
    players = generator, discriminator, adam_g, adam_d

    def update(x):
        x, z = 2 * x - 1, torch.randn(len(x), settings.latent_dim, device=device)  # x in [-1, 1]
        due = price > 0 and fade_d.last_epoch % 8 == 7  # every eighth step
        penalty = 8 * price / 2 * dcgan.slope_penalty(discriminator, x) if due else 0.0
        d_loss, g_loss = gan.gan_update(*players, x, z, penalty)
        fade_g.step()
        fade_d.step()
        averaged.update_parameters(generator)
        return {"D loss": d_loss, "G loss": g_loss}

    names = "generator", "discriminator", "adam_g", "adam_d", "fade_g", "fade_d", "averaged"
    return update, dict(zip(names, (*players, fade_g, fade_d, averaged), strict=True))


# %% [markdown]
# The picture under the cell shows what the averaged generator makes of 96 fixed codes. **Start it, and read on at 5.4 while it runs.**


# %%
settings = schedule.choose(
    # short, full
    steps=(2_000, 20_000),
    width=(16, 64),
    latent_dim=(64, 100),
    batch_size=(32, 128),
    rates=((2e-3, 2e-3), (2e-4, 2e-4)),  # of the generator, of the discriminator
)


def new_pair():
    generator = conv_generator(settings.width, settings.latent_dim)
    return generator.to(device), conv_discriminator(settings.width).to(device)


def look(step):
    film[step] = sample_gan(averaged, fixed_z)
    sheet = film[step][:96]
    show_images(sheet, alt="Samples at this step.", columns=16, size=0.45, into=canvas)


fixed_z, film = torch.randn(1_000, settings.latent_dim, device=device), Diary()

# %%
start = torch.get_rng_state()  # section 5.9 will replay the beginning
generator, discriminator = new_pair()
update, state = new_game(generator, discriminator, settings.rates, settings.steps)
averaged, canvas = state["averaged"], live_picture()
size = {"steps": settings.steps, "batch_size": settings.batch_size}
every, begun = settings.steps // 5, time.process_time()
state |= {"film": film}
history = train(update, digits.train, **size, watch=look, watch_every=every, name="05_dcgan", state=state)

# %% [markdown]
# ## 5.3 What came out · 6 min
#
# The whole sheet at the end:

# %% tags=["picture"]
seconds = time.process_time() - begun  # of computing, for section 5.10
show_images(
    film[settings.steps][:96],
    columns=16,
    size=0.45,
    alt="Ninety-six samples of the trained generator in six rows of sixteen: white strokes on black, in varied handwriting,"
    " most of them recognisable digits.",
)

# %% [markdown]
# Has it learned the training pictures by heart? Under each sample we put the training
# picture that is nearest to it, pixel by pixel. And since *near* means nothing without a yardstick, we ask the same for test digits.


# %%
def nearest(pictures):
    """Distance of each picture to the nearest training picture, and which one that is."""
    return torch.cdist(pictures.flatten(1), digits.train.flatten(1)).min(dim=1)


samples = film[settings.steps][:500]
ours, unseen = nearest(samples), nearest(digits.test[:500])
show_images(
    {"ten samples": samples[:10], "nearest training pictures": digits.train[ours.indices[:10]]},
    alt="Ten samples of the generator, and under each the training picture that is nearest to it in pixels.",
)
means = ours.values.mean(), unseen.values.mean()
holds("samples are no nearer to training pictures than unseen digits are", means[0] > 0.95 * means[1], *means)

# %% [markdown]
# No copies of that kind. (A shifted copy would escape this test; see chapter 06.)
#
# Are they good? Chapter 03's two scores look at the pictures through a classifier. The **inception score** (Salimans et al., 2016) is high, at most 10 with ten classes, if the classifier is
# sure about each picture and the pictures together cover the classes evenly. The **Fréchet distance** (Heusel et al.,
# 2017) measures how far real and generated pictures lie apart in the mean and covariance of 64 features: 0 when they agree.
# Neither may be compared with numbers from another classifier. What gives them meaning are the rows for real pictures and for noise.

# %%
from course_utils import pretrained
from course_utils.taught import evaluation

classifier = pretrained.load(f"classifier-{digits.source}")
real_features, _ = evaluation.features_and_probabilities(classifier, digits.test)
z = torch.randn(10_000, settings.latent_dim, device=device)
contenders = {
    "real": digits.train[:10_000],
    "averaged generator": sample_gan(averaged, z),
    "the last generator": sample_gan(generator, z),
    "uniform noise": torch.rand(10_000, 1, 28, 28, device=device),
}
scores = {name: evaluation.score(x, real_features, classifier) for name, x in contenders.items()}
for name, score in scores.items():
    print(f"{name:20s} inception {score.inception_score:5.2f}   Fréchet {score.frechet:7.1f}")

# %%
real, best, last, noise = scores.values()
results.add(inception_score=best.inception_score, frechet=best.frechet, raw_frechet=last.frechet)
results.add(real_inception_score=real.inception_score, real_frechet=real.frechet)
results.add(noise_inception_score=noise.inception_score, noise_frechet=noise.frechet)
holds("worse than real, far better than noise", real.frechet < best.frechet < noise.frechet / 10)
holds("average and last weights end within a fifth", abs(best.frechet / last.frechet - 1) < 0.2)

# %% [markdown]
# (Means of the recorded runs on MNIST: <!--05.inception_score-->7.5 and <!--05.frechet-->54; this run's stand above. Real training pictures do not come to 0,
# since they are not the test set's.)
#
# The average scores like the last weights: the rates have faded to nothing, the weights have come to rest, and an average over
# the last hundred steps is much the same. Where the rate stays high, Yazıcı et al. report large gains.

# %% [markdown]
# ## 5.4 A stamp for each number · 6 min
#
# A convolution gathers: each output number is a weighted sum over a patch of the input. Turn this round. Let each
# *input* number be spread over a patch of the output. It multiplies the kernel and leaves the product there, like a stamp
# whose ink is as dark as the number. Neighbouring stamps lie $s$ pixels apart, $s$ being the stride, and where
# they overlap, they add. In one dimension,
#
# $$x_j = \sum_i w_{j - s i}\; y_i, \tag{5.2}$$
#
# where $w_t = 0$ outside the kernel. **Padding** $p$ means, here, that $p$ pixels are cut off at every edge of the result.


# %%
from itertools import product

import matplotlib.pyplot as plt
import torch.nn.functional as F

from course_utils.figures import show


def stamp(y, kernel, stride=1, padding=0):
    """Transposed convolution of one map y: every number stamps its multiple of the kernel (k, k)."""
    k = len(kernel)
    height, width = ((side - 1) * stride + k for side in y.shape)
    out = torch.zeros(height, width)
    for i, j in product(range(y.shape[0]), range(y.shape[1])):
        out[i * stride : i * stride + k, j * stride : j * stride + k] += y[i, j] * kernel
    return out[padding : height - padding, padding : width - padding]


y = torch.tensor([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0], [2.0, 0.0, 1.0]])
kernel = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]])
middle = torch.zeros(3, 3)
middle[1, 1] = y[1, 1]  # only the number in the middle

# %% [markdown]
# > **❓ Predict.** Nine stamps of 3×3, two pixels apart. How large is the sheet? Which number stands in its centre, which one
# > two places to the left of it, and which between the two?

# %% jupyter={"outputs_hidden": true}
panels = {
    "input y": y,
    "kernel w": kernel,
    "stamp of the 3 in the middle": stamp(middle, kernel, stride=2),
    "all nine stamps, added": stamp(y, kernel, stride=2),
}
fig, axes = plt.subplots(1, 4, figsize=(10, 3.3), width_ratios=[3, 3, 7, 7], constrained_layout=True)
for ax, (title, panel) in zip(axes, panels.items(), strict=True):
    ax.imshow(panel, cmap="Blues", vmin=0, vmax=16)
    for i, j in product(range(len(panel)), repeat=2):
        colour = "w" if panel[i, j] > 9 else "k"
        ax.text(j, i, f"{panel[i, j]:g}", ha="center", va="center", fontsize=9, color=colour)
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
show(
    fig,
    alt="Four tables of numbers: the input, the kernel, the sheet with the middle stamp only, the sheet with all stamps.",
)

# %% jupyter={"outputs_hidden": true}
sheet = panels["all nine stamps, added"]
holds("side, centre, left of it, and between", [len(sheet), *sheet[3, [3, 1, 2]].tolist()] == [7, 12, 0, 6])

# %% [markdown]
# The side is $(3-1)\cdot 2 + 3 = 7$. The centre belongs to one stamp only: $3 \cdot 4 = 12$. Two places to the left is the
# centre of the stamp of the 0. Between the two, the stamps overlap: $0\cdot 2 + 3\cdot 2 = 6$. Does PyTorch agree?

# %%
for stride, padding in product((1, 2, 3), (0, 1)):
    by_torch = F.conv_transpose2d(y[None, None], kernel[None, None], stride=stride, padding=padding)
    torch.testing.assert_close(stamp(y, kernel, stride, padding), by_torch[0, 0])
print("✓ stamp is conv_transpose2d, for strides 1, 2, 3 and paddings 0, 1")

# %% [markdown]
# ## 5.5 The transpose of what? · 5 min
#
# A convolution is linear, so it is a matrix $M$: flatten the input to $x$, and the output is $Mx$. To see it,
# push the unit pictures through (one pixel 1, all others 0); each returns one column.

# %%
weight = torch.randn(1, 1, 4, 4)
unit_pictures = torch.eye(36).view(36, 1, 6, 6)
columns = F.conv2d(unit_pictures, weight, stride=2, padding=1)  # (36, 1, 3, 3): 6×6 becomes 3×3
M = columns.flatten(1).T  # (9, 36)

x = torch.randn(1, 1, 6, 6)
gap = (M @ x.flatten() - F.conv2d(x, weight, stride=2, padding=1).flatten()).abs().max()
holds("the matrix does what the convolution does", gap < 1e-4)

# %%
fig, ax = plt.subplots(figsize=(8, 2.6))
picture = ax.imshow(M, cmap="RdBu", vmin=-3, vmax=3)
ax.set(xlabel="pixel of the 6×6 input", ylabel="pixel of the 3×3 output", xticks=range(0, 36, 6), yticks=range(0, 9, 3))
ax.grid(False)
fig.colorbar(picture, label="weight", shrink=0.8)
show(
    fig,
    alt="The matrix of a strided convolution, 9 rows by 36 columns: every row holds the same sixteen weights, moved"
    " along; rows at the edge of the picture have fewer of them; most entries are zero.",
)
holds("all of it is made of sixteen numbers, and zero", len(M.unique()) == 17)

# %% [markdown]
# Every row *gathers* for one output pixel. Now read the same matrix by columns: column $j$
# says to which outputs input pixel $j$ contributes. So the transpose $M^\top$ takes 9 numbers and *spreads* each along
# its row, onto 36: it stamps. That is the transposed convolution, with the very same weight, stride and padding:
#
# $$\operatorname{conv}(x) = Mx, \qquad \operatorname{conv\_transpose}(y) = M^\top y. \tag{5.3}$$
#
# You have used it already. If $L$ is a loss computed from $Mx$, the chain rule gives $\nabla_x L = M^\top\,\nabla_{Mx} L$. The
# **backward pass of a convolution is a transposed convolution**, and the other way round.

# %%
g = torch.randn(1, 1, 3, 3)
spread = F.conv_transpose2d(g, weight, stride=2, padding=1)
torch.testing.assert_close((M.T @ g.flatten()).view(1, 1, 6, 6), spread)

x = torch.randn(1, 1, 6, 6, requires_grad=True)
(by_autograd,) = torch.autograd.grad(F.conv2d(x, weight, stride=2, padding=1), x, grad_outputs=g)
holds("transposed convolution = Mᵀ = backward pass", torch.allclose(by_autograd, spread, atol=1e-5))

# %% [markdown]
# It is often called *deconvolution*. In signal processing that word means undoing a convolution,
# and this undoes nothing: a transpose is not an inverse. Here there cannot even be one, since $M$ squeezes 36 numbers into 9.

# %%
x = torch.randn(1, 1, 6, 6)
back = F.conv_transpose2d(F.conv2d(x, weight, stride=2, padding=1), weight, stride=2, padding=1)
holds("the shape comes back, the numbers do not", back.shape == x.shape and (back - x).norm() > 0.5 * x.norm())

lost = torch.linalg.svd(M).Vh[-1].view(1, 1, 6, 6)  # a picture that is not 0, and of which nothing is left
left = F.conv2d(lost, weight, stride=2, padding=1).norm() / lost.norm()
holds("there is a picture of which M leaves nothing", left < 1e-4)

# %% [markdown]
# ## 5.6 How large is the output? · 5 min
#
# A kernel of side $k$ on a picture of side $h$, padded by $p$ on both sides: its first place is at 0, its last at most at
# $h + 2p - k$, and it moves in steps of $s$. So the number of places it visits, the side of the map, is
#
# $$m = \left\lfloor \frac{h + 2p - k}{s} \right\rfloor + 1. \tag{5.4}$$
#
# For the transposed convolution count stamps: $m$ of them, $s$ apart, the last one $k$ wide, $p$ cut off on both sides:
#
# $$h = (m - 1)\,s + k - 2p + r, \tag{5.5}$$
#
# where $r$ is `output_padding`, explained in a moment. We check every combination; the device `meta`
# computes shapes and no numbers, so a thousand layers cost next to nothing.


# %%
def conv_size(h, k, s=1, p=0):
    return (h + 2 * p - k) // s + 1


def transposed_size(m, k, s=1, p=0, r=0):
    return (m - 1) * s + k - 2 * p + r


checked = 0
for side, k, s, p in product(range(4, 13), range(1, 6), (1, 2, 3), (0, 1, 2)):
    picture, weight = torch.empty(1, 1, side, side, device="meta"), torch.empty(1, 1, k, k, device="meta")
    if side + 2 * p >= k:
        m, rest = conv_size(side, k, s, p), (side + 2 * p - k) % s
        assert F.conv2d(picture, weight, stride=s, padding=p).shape[-1] == m
        assert transposed_size(m, k, s, p, rest) == side  # the way back, explained below
        checked += 1
    for r in range(s):
        if transposed_size(side, k, s, p, r) > 0:
            out = F.conv_transpose2d(picture, weight, stride=s, padding=p, output_padding=r)
            assert out.shape[-1] == transposed_size(side, k, s, p, r)
            checked += 1
print(f"{checked} combinations, all as (5.4) and (5.5) say")

# %% [markdown]
# > **❓ Predict.** A convolution with $k=3$, $s=2$, $p=1$ makes 4×4 out of 7×7. What does it make out of 8×8? And what does the
# > transposed convolution with the same three numbers make out of 4×4?

# %% jupyter={"outputs_hidden": true}
print("from 7:", conv_size(7, 3, 2, 1), "  from 8:", conv_size(8, 3, 2, 1))
print("back from 4:", transposed_size(4, 3, 2, 1), "or, with output_padding=1,", transposed_size(4, 3, 2, 1, r=1))
holds("7 and 8 become the same", conv_size(7, 3, 2, 1) == conv_size(8, 3, 2, 1) == 4)

# %% [markdown]
# Both 7 and 8 become 4, because of the floor in (5.4): with 8, one row of padding is never reached. In general $s$
# neighbouring sizes lead to the same output, and going back one has to say which of them was meant. That is what `output_padding`
# is for. The remainder that the floor threw away names it, $r = (h + 2p - k) \bmod s$ (checked above for every combination).

# %%
y, weight = torch.randn(1, 1, 4, 4), torch.randn(1, 1, 3, 3)
small = F.conv_transpose2d(y, weight, stride=2, padding=1)
large = F.conv_transpose2d(y, weight, stride=2, padding=1, output_padding=1)
holds("output_padding=1 cuts off one row and one column fewer", torch.allclose(large[..., :7, :7], small, atol=1e-5))
holds("and what appears there is no zero", large[..., 7, :].abs().sum() > 0)

# %% [markdown]
# So it adds no zeros around the output; it moves the place where the sheet is cut, at the bottom and on the right.
#
# With $k=4$, $s=2$, $p=1$ all of this is simple: (5.5) gives $h = 2m$, and (5.4) gives $m = h/2$ for even $h$. That is the layer of our two
# networks. (The code of the paper has $k=5$, $p=2$, which needs $r=1$; see 5.17.) What can go wrong is the number of halvings:

# %%
for side in (64, 32, 28):
    sizes = [side]
    while sizes[-1] >= 2:
        sizes.append(conv_size(sizes[-1], 4, 2, 1))
    print(" → ".join(map(str, sizes)))

# %% [markdown]
# 64 and 32 can be halved down to 4. But 28 goes 14, 7, and there it stops, because 7 is odd. This is why our generator starts from 7×7 and doubles twice.

# %% [markdown]
# ## 5.7 Checkerboards · 7 min
#
# On the sheet of stamps in 5.4 some pixels got ink from four stamps, some from two, some from one.
# If the kernel's numbers are random and all inputs alike, the pixels with more stamps vary more: **checkerboard artefacts** (Odena et al., 2016).
# How many stamps reach pixel $j$, in one dimension? Far from the edges,
#
# $$c_j = \#\{\,i : 0 \le j - s i < k\,\}, \tag{5.6}$$
#
# the number of multiples of $s$ among $k$ consecutive numbers. To count stamps, stamp a kernel of ones.
#
# > **❓ Predict.** Stride 2. For which kernel sizes between 2 and 6 do all pixels get the same number of stamps?

# %% jupyter={"outputs_hidden": true}
for s, k in product((2, 3), (2, 3, 4, 5, 6)):
    if k >= s:
        stamps = F.conv_transpose2d(torch.ones(1, 1, 12, 12), torch.ones(1, 1, k, k), stride=s)[0, 0, 6:-6, 6:-6]
        print(f"stride {s}, kernel {k}: {sorted(set(stamps.flatten().tolist()))} stamps a pixel")
        assert (stamps.var() == 0) == (k % s == 0)

# %% [markdown]
# Only where the stride divides the kernel: then $c_j = k/s$, always. If not, it takes two values, and in two dimensions the counts of row and
# column multiply: with kernel 3, 1 or 2 times 1 or 2. The paper's kernel 5 with stride 2 is such a case. (A kernel smaller than the stride leaves holes.)
#
# There is a third way to grow, which Odena et al. recommend: repeat every pixel, then convolve with stride 1.
# We compare the three on a constant map, from which we would expect a constant picture. One layer, random
# weights, one thousand such layers at once (as output channels).


# %%
def enlarge(kind, layers=1000):
    """Untrained layers, each of which doubles a constant 8×8 map: (layers, 12, 12), with the edges cut off."""
    y = torch.ones(1, 1, 8, 8)
    if kind == "kernel 3, stride 2":
        out = F.conv_transpose2d(y, torch.randn(1, layers, 3, 3) / 3, stride=2, padding=1)
    elif kind == "kernel 4, stride 2":
        out = F.conv_transpose2d(y, torch.randn(1, layers, 4, 4) / 4, stride=2, padding=1)
    else:
        out = F.conv2d(F.interpolate(y, scale_factor=2, mode="nearest"), torch.randn(layers, 1, 3, 3) / 3, padding=1)
    return out[0, :, 2:14, 2:14]


outputs = {kind: enlarge(kind) for kind in ("kernel 3, stride 2", "kernel 4, stride 2", "repeat, then kernel 3")}

# %%
fig, axes = plt.subplots(2, 3, figsize=(7.5, 4.6), constrained_layout=True)
for (one, many), (kind, out) in zip(axes.T, outputs.items(), strict=True):
    one.imshow(out[0], cmap="RdBu", vmin=-2, vmax=2)
    spread = many.imshow(out.std(dim=0), cmap="viridis", vmin=0, vmax=1.5)
    one.set_title(kind, fontsize=10)
axes[0, 0].set_ylabel("one untrained layer")
axes[1, 0].set_ylabel("spread over 1000")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
fig.colorbar(spread, ax=axes[1], label="standard deviation")
show(
    fig,
    alt="Two rows of three maps. One untrained layer: a repeating two by two pattern for kernel 3 and for kernel 4, an even"
    " colour for repeat-then-convolve. Spread over 1000 layers: a checkerboard for kernel 3, even for the other two.",
)

# %%
spread = {kind: out.std(dim=0) for kind, out in outputs.items()}
uneven = {kind: (over_layers.max() / over_layers.min()).item() for kind, over_layers in spread.items()}
within = {kind: out.flatten(1).std(dim=1).mean().item() for kind, out in outputs.items()}
three, four, repeat = outputs
holds(
    "kernel 3: the loudest pixels have about √4 times the spread of the faintest",
    1.7 < uneven[three] < 2.3,
    uneven[three],
)
holds("kernel 4: all pixels alike", uneven[four] < 1.2, uneven[four])
holds("but one layer with kernel 4 has a pattern", within[four] > 0.3, within[four])
holds("and one that repeats first has none", within[repeat] < 1e-5, within[repeat])

# %% [markdown]
# The lower row is about the *architecture*: with kernel 3, some pixels are louder than others before anything has been learned; kernel 4
# treats all alike. The upper row is about *one* network, and here kernel 4 has a pattern, too: each of four stamps reaches a pixel with another entry of the kernel, and their
# sums differ. Training has to balance them. Repeating and convolving forbids the pattern; the price is more arithmetic, since the convolution runs on the large map.

# %% [markdown]
# ## 5.8 Batch norm, and its two modes · 5 min
#
# Ioffe and Szegedy (2015) proposed to bring each channel to mean 0 and variance 1 *over the batch* (and, in a convolutional net,
# over all places of the map), then to let the network choose another scale $\gamma$ and shift $\beta$:
#
# $$\operatorname{BN}(x) = \gamma\,\frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta. \tag{5.7}$$
#
# On the way it keeps **running statistics** for the day when there is no batch. At every forward pass in train mode
#
# $$\mu_\text{run} \leftarrow (1 - \alpha)\,\mu_\text{run} + \alpha\,\mu_B, \qquad \alpha = 0.1, \tag{5.8}$$
#
# and the same for $\sigma^2$. In **eval mode**, $\mu_\text{run}$ and $\sigma^2_\text{run}$ take the places of $\mu_B$ and $\sigma_B^2$ in (5.7), and
# nothing is updated.

# %%
x = 1 + 2 * torch.randn(64, 3, 5, 5)
layer = nn.BatchNorm2d(3)  # it starts with γ = 1, β = 0, running mean 0, running variance 1
mean, variance = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), unbiased=False)
by_hand = (x - mean.view(3, 1, 1)) / (variance.view(3, 1, 1) + layer.eps).sqrt()
holds("(5.7) is the layer", torch.allclose(layer(x), by_hand, atol=1e-4))
torch.testing.assert_close(layer.running_mean, 0.1 * mean)
torch.testing.assert_close(layer.running_var, 0.9 + 0.1 * x.var(dim=(0, 2, 3)))  # this one divides by n − 1

# %%
layer.eval()
by_hand = (x - layer.running_mean.view(3, 1, 1)) / (layer.running_var.view(3, 1, 1) + layer.eps).sqrt()
holds("in eval mode the running statistics take their place", torch.allclose(layer(x), by_hand, atol=1e-4))
print(
    f"after one batch the running mean is {layer.running_mean.mean():.2f}, so eval mode leaves a mean of {layer(x).mean():.2f}"
)

# %% [markdown]
# > **⚠ Common mistake.** Two of them, about $\alpha$. PyTorch calls it `momentum`, and means the share of the *new* batch; other libraries mean
# > the share of the *old* value. And it is not the second argument. `BatchNorm1d(256, 0.8)`, a line that is often copied
# > (notebook 90), sets $\epsilon$, which should only prevent a division by zero, to 0.8.
#
# ### One picture at a time
#
# In train mode the output for one input depends on who else is in the batch. For a generator this means that *the same* $z$ *gives different
# pictures in different company*.


# %%
@torch.no_grad()
def change_of_company(network, few=8):
    """RMS difference of the first few pictures: in other company, and each alone; relative to their own spread."""
    z = torch.randn(64, 64, device=device)
    company = network(z)[:few]
    others = network(torch.cat([z[:few], torch.randn(64 - few, 64, device=device)]))[:few]
    alone = torch.cat([network(one[None]) for one in z[:few]])
    return [((other - company).square().mean().sqrt() / company.std()).item() for other in (others, alone)]


# %% [markdown]
# > **❓ Predict.** We ask a fresh generator in train mode for eight pictures: once as part of a batch of 64, once with 56 other companions, once each alone.
# > How different are the pictures, compared with how they differ among themselves? And in eval mode?

# %% jupyter={"outputs_hidden": true}
fresh = conv_generator().to(device)
before = fresh[2].running_mean.clone()
in_train, in_eval = change_of_company(fresh.train()), change_of_company(fresh.eval())
print(f"train mode: {in_train[0]:.2f} in other company, {in_train[1]:.2f} alone;  eval mode: {max(in_eval):.6f}")

# %%
holds("in train mode company matters, and being alone matters more", in_train[1] > in_train[0] > 0.01)
holds("in eval mode it does not", max(in_eval) < 1e-3)
holds("running statistics moved, although there were no gradients", not torch.equal(fresh[2].running_mean, before))

# %% [markdown]
# In large company the difference is small, since 64 companions are much like 64 others. Alone, each channel of the first map is normalised
# by its own 49 places, and the picture is another one. So **sample in eval mode**: then a $z$ has *its* picture. And `torch.no_grad()` switches off
# gradients and nothing else: running statistics change at every forward pass in train mode.

# %% [markdown]
# ## 5.9 Who is winning? · 9 min
#
# The losses of a GAN do not tell whether the pictures get better. They do tell who is ahead. A
# hook on D notes every answer that it gives in a step, and from those we take the mean of $D$ over the real and over the
# generated pictures, and the share of pictures that D gets right; then there is the length of G's gradient.


# %%
def listen(update, generator, discriminator):
    """The same update; it reports also what D answered, and the size of G's gradient."""
    logits = []
    discriminator.register_forward_hook(lambda module, x, y: logits.append(y.detach()))

    def noting(x):
        logits.clear()
        losses = update(x)
        real, fake = logits[-3], logits[-2]  # afterwards D is asked once more, for G's step
        size = nn.utils.get_total_norm([p.grad for p in generator.parameters()])
        right = torch.cat([real > 0, fake < 0]).float().mean()
        means = {"D(real)": real.sigmoid().mean(), "D(fake)": fake.sigmoid().mean()}
        return losses | means | {"D right": right, "G gradient": size}

    return noting


# %%
def short_game(rates, price=0.5, first_weights=None, steps=settings.steps // 8):
    """The beginning of a game: both networks, and what was noted."""
    torch.set_rng_state(start)
    generator, discriminator = new_pair()
    if first_weights:
        generator.apply(first_weights), discriminator.apply(first_weights)
    update, _ = new_game(generator, discriminator, rates, settings.steps, price)
    update = listen(update, generator, discriminator)
    trace = train(update, digits.train, steps=steps, batch_size=settings.batch_size)
    return generator, discriminator, trace


# %% [markdown]
# We replay the beginning of our training from the same random numbers, and listen. Then we play it twice with one rate changed.
#
# > **❓ Predict.** First D learns 40 times slower, then G learns 20 times slower. Where will D(real), D(fake) and the share of right answers lie, above or below
# > one half? In which of the three games is the generator's gradient largest?

# %% jupyter={"outputs_hidden": true}
rate_g, rate_d = settings.rates
games = {
    "as in 5.2": short_game((rate_g, rate_d)),
    "D too weak": short_game((rate_g, rate_d / 40)),
    "D too strong": short_game((rate_g / 20, rate_d)),
}

# %% jupyter={"outputs_hidden": true}
fig, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True, constrained_layout=True)
for ax, (name, (*_, trace)) in zip(axes, games.items(), strict=True):
    for key in ("D(real)", "D(fake)", "D right"):
        ax.plot(torch.tensor(trace[key]).unfold(0, min(20, len(trace[key])), 1).mean(dim=1), label=key)
    ax.axhline(0.5, color="k", linestyle="--", linewidth=1)
    ax.set(title=name, xlabel="training step", ylim=(-0.03, 1.03))
axes[0].set_ylabel("running mean over 20 steps")
axes[0].legend()
show(fig, alt="Three panels, one a game: D(real), D(fake) and the share of right answers over the first steps.")

# %%
replayed = games["as in 5.2"][2]["D loss"]
gap = max(abs(a - b) for a, b in zip(replayed, history["D loss"], strict=False))
print(f"replayed and first game: D's losses differ by {gap:.2g} at most")
end = {name: {key: sum(v[-100:]) / 100 for key, v in trace.items()} for name, (*_, trace) in games.items()}
for name, numbers in end.items():
    print(f"{name:13s}", "  ".join(f"{key} {value:5.2f}" for key, value in numbers.items()))

# %%
fair, weak, strong = end.values()
holds("too weak: D takes the fakes for more real than the real ones", weak["D(fake)"] > weak["D(real)"])
holds("and is right about half of the time or less", weak["D right"] < 0.6 < fair["D right"])
holds("too strong: D is right nearly always", strong["D right"] > 0.9)
sizes = [numbers["G gradient"] for numbers in (weak, fair, strong)]
holds("G's gradient grows with D's lead", sizes == sorted(sizes), *sizes)

# %% [markdown]
# **D too weak.** It is right half of the time or less, and that is no sign of a good generator: it takes the fakes for *more* real than the real pictures. G's loss
# is small, and it looks like success. It has fooled a bad judge. **D too strong.** D is almost always right. Chapter 04's loss keeps G's gradient alive, it is the largest of the three, but Adam divides by its size; and G was made slow. Which of these
# spoils the pictures, this game cannot tell.
#
# Now the pictures, with their distances. Which generator would you keep?

# %%
rows, distances = {}, []
for name, (network, *_) in games.items():
    pictures = sample_gan(network, fixed_z)
    score = evaluation.score(pictures, real_features, classifier)
    rows[f"{name}: Fréchet distance {score.frechet:.0f}"] = pictures[:10]
    distances.append(score.frechet)
show_images(rows, alt="Ten samples from each of the three short games, in three rows, with their distances.")
holds("the game between the two faults is ahead of both", distances[0] < min(distances[1:]) / 2)

# %% [markdown]
# | sign | likely | what to try (rules of thumb) |
# |---|---|---|
# | D right half of the time or less, D(fake) ≥ D(real), bad pictures | D too weak | raise D's rate, lower G's; widen D |
# | D right nearly always, bad pictures | D too strong | lower D's rate; real labels of 0.9 (Salimans et al., 2016); constrain D, see 5.14 |
# | D right more often than not, pictures all alike | mode collapse | chapter 07 |
#
# Were the generator perfect, $D$ would be ½ everywhere (chapter 03). One that is not can learn only from a judge who sees more than it does.
# Different rates for the two are nothing improper: Heusel et al. (2017) made a method of them.

# %% [markdown]
# ## 5.10 Does it matter that they are convolutions? · 8 min
#
# What is a dense network missing? Shuffle the pixels of every picture, with the same shuffle for all of them.

# %%
import copy

shuffle = torch.randperm(784, device=device)


def shuffled(pictures):
    return pictures.flatten(1)[:, shuffle].view(-1, 1, 28, 28)


# %%
show_images(
    {"the digits": digits.test[:10], "the same, shuffled": shuffled(digits.test[:10])},
    alt="Ten digits, and the same ten pictures with their pixels shuffled: ten patches of scattered points.",
)


# %%
def name_digits(network, change):
    """Train a classifier on changed pictures for a few steps; its share of right answers."""
    network = network.to(device)
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(150):
        batch = torch.randint(len(digits.train), (64,), device=device)
        logits = network(change(digits.train[batch]))
        loss = F.cross_entropy(logits, digits.train_labels[batch])
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        answers = network.eval()(change(digits.test)).argmax(dim=1)
    return (answers == digits.test_labels).float().mean().item()


# %% [markdown]
# > **❓ Predict.** We give chapter 03's discriminator and the one of 5.1 ten answers each and let them learn the names of the digits for 150 steps, from
# > the pictures and from the shuffled ones. To whom does the shuffle matter?

# %% jupyter={"outputs_hidden": true}
lost = {}
bodies = {"dense": (gan.Discriminator().layers[:-1], 256), "convolutional": (conv_discriminator()[:9], 1568)}
for name, (body, features) in bodies.items():
    networks = [nn.Sequential(*copy.deepcopy(body), nn.Linear(features, 10)) for _ in range(2)]
    plain, mixed = name_digits(networks[0], nn.Identity()), name_digits(networks[1], shuffled)
    print(f"{name:14s} {plain:.3f} right on the digits, {mixed:.3f} on the shuffled ones")
    lost[name] = plain - mixed
holds("the shuffle costs the convolutions more", lost["convolutional"] > lost["dense"] + 0.01, *lost.values())

# %% [markdown]
# The dense network has nothing to lose: its first layer gives every pixel its own column of random weights, and a shuffled start is as likely as any other.
# For the convolutions neighbours are gone, as they are for us. (In the run above they stay ahead even so; why, we did not ask.)
#
# ### The same game, played by dense networks
#
# Chapter 03's pair, in the game of 5.2: the same losses, rates, price of slope, averaging, batches and number of steps. And
# because a dense step is cheaper, we ask also who is ahead after the same *time*.

# %%
dense_pair = gan.Generator(settings.latent_dim).to(device), gan.Discriminator().to(device)
for name, dense, conv in zip(("G", "D"), dense_pair, new_pair(), strict=True):
    sizes = [sum(p.numel() for p in network.parameters()) for network in (dense, conv)]
    print(f"{name}: {sizes[0]:,} weights in the dense network, {sizes[1]:,} in the convolutional one")

# %%
dense_update, dense_state = new_game(*dense_pair, settings.rates, settings.steps)
begun = time.process_time()
train(dense_update, digits.train, **size)
dense_seconds = time.process_time() - begun

# %%
dense_pictures = sample_gan(dense_state["averaged"], fixed_z)
distance = {step: evaluation.score(x, real_features, classifier).frechet for step, x in film.items()}
dense_distance = evaluation.score(dense_pictures, real_features, classifier).frechet
for step, one in distance.items():
    print(f"convolutional {step:6,} steps {seconds * step / settings.steps:5.0f} s   Fréchet {one:6.0f}")
print(f"dense         {settings.steps:6,} steps {dense_seconds:5.0f} s   Fréchet {dense_distance:6.0f}")
in_its_time = [one for step, one in distance.items() if seconds * step / settings.steps < dense_seconds]
results.add(dense_frechet=dense_distance, conv_frechet=distance[settings.steps])
holds("after as many steps the convolutions are ahead", distance[settings.steps] < dense_distance)
holds("after as much computing they are, too", in_its_time[-1] < dense_distance, in_its_time[-1], dense_distance)
show_images(
    {"dense": dense_pictures[:10], "convolutional": film[settings.steps][:10]},
    alt="Ten samples of the dense pair after all its steps, and ten of the convolutional pair.",
)

# %% [markdown]
# The convolutions are ahead after as many steps and after as much computing, with fewer weights (of the width we chose).
# Two things are not equal: the dense D has dropout where the other has batch norm, and the rates were chosen for the convolutions. With its own, the dense pair came to <!--03.frechet-->322 in chapter 03 (recorded mean). Of
# other pictures and longer trainings this says nothing.

# %% [markdown]
# ## 5.11 Your turn · 2 min
#
# > **✎ Your turn.** *Gather instead of stamping.* Write `gathered(y, kernel)`, the transposed convolution with stride 2, without stamps: put zeros between the numbers of
# > `y` and two rows of zeros around them, and gather with the kernel turned by 180°. For the input of 5.4 it must return `stamp(y, kernel, stride=2)`, with 12 in the centre.
#
# <details><summary>A solution</summary>
#
# ```python
# def gathered(y, kernel):
#     k = len(kernel)
#     spread = torch.zeros(2 * y.shape[0] - 1, 2 * y.shape[1] - 1)
#     spread[::2, ::2] = y
#     return F.conv2d(F.pad(spread, [k - 1] * 4)[None, None], kernel.flip(0, 1)[None, None])[0, 0]
# ```
# </details>
#
# > **✎ Your turn.** *Another size.* Write `generator_48`, for pictures of 48×48, with 64 noise numbers and 16 channels next to the picture, in the style of 5.1 without its 3×3 convolution, from 6×6.
# > It must turn `torch.randn(2, 64)` into `(2, 1, 48, 48)`, and by (5.5) every layer doubles. You should count 188,896 weights.
#
# <details><summary>A solution</summary>
#
# 48 = 6 · 2 · 2 · 2: three doublings, with 64, 32 and 16 channels.
#
# ```python
# def grow(a, b):
#     return [nn.BatchNorm2d(a), nn.ReLU(), nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, bias=False)]
#
# start = [nn.Linear(64, 64 * 6 * 6, bias=False), nn.Unflatten(1, (64, 6, 6))]
# generator_48 = nn.Sequential(*start, *grow(64, 32), *grow(32, 16), *grow(16, 1), nn.Tanh())
# ```
# </details>
#
# > **✎ Your turn.** *Forget `.eval()`.* Score the averaged generator in train mode, 1,000 pictures in batches of 1000, of 10, and one by one (on a copy: its running statistics change). Where does
# > it begin to matter? With the longer trained generator that comes with the course, `pretrained.load("dcgan-mnist").generator`, the distances are about 17.8, 17.9 and 42 (eval mode: 17.7).
#
# <details><summary>A solution</summary>
#
# ```python
# for size in (1000, 10, 1):
#     network = copy.deepcopy(averaged).train()
#     with torch.no_grad():
#         pictures = torch.cat([(network(part) + 1) / 2 for part in fixed_z.split(size)])
#     print(size, evaluation.score(pictures, real_features, classifier).frechet)
# ```
# </details>

# %% [markdown]
# ## 5.12 On one page · 7 min
#
# The whole model in plain PyTorch, to take home, without the average and stopped after 100 steps of 2,000.

# %%
import torch
from torch import nn
from torch.nn.functional import softplus

images = digits.train  # or torchvision.datasets.MNIST("data", download=True).data[:, None] / 255

G = nn.Sequential(
    nn.Linear(64, 32 * 7 * 7, bias=False),
    nn.Unflatten(1, (32, 7, 7)),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Conv2d(32, 32, 3, padding=1, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.ConvTranspose2d(16, 1, 4, 2, 1, bias=False),
    nn.Tanh(),
).to(images.device)
D = nn.Sequential(
    nn.Conv2d(1, 16, 4, 2, 1, bias=False),
    nn.LeakyReLU(0.2),
    nn.Conv2d(16, 32, 4, 2, 1, bias=False),
    nn.BatchNorm2d(32),
    nn.LeakyReLU(0.2),
    nn.Conv2d(32, 32, 3, padding=1, bias=False),
    nn.BatchNorm2d(32),
    nn.LeakyReLU(0.2),
    nn.Flatten(),
    nn.Linear(32 * 7 * 7, 1),
).to(images.device)

# %%
steps = 100  # 2000 for the sheet of 5.3
adams = [torch.optim.Adam(network.parameters(), 2e-3, betas=(0.5, 0.99)) for network in (G, D)]
fades = [torch.optim.lr_scheduler.LambdaLR(a, lambda done: min(1, 2 - 2 * done / steps)) for a in adams]
for step in range(steps):
    x = 2 * images[torch.randint(len(images), (32,))] - 1  # pixels in [-1, 1]
    fakes = G(torch.randn(32, 64, device=x.device))
    d_loss = softplus(-D(x)).mean() + softplus(D(fakes.detach())).mean()
    if step % 8 == 7:  # the price of a steep D at real pictures
        x.requires_grad_()
        (slope,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        d_loss = d_loss + 8 * 0.5 / 2 * slope.square().sum(dim=(1, 2, 3)).mean()
    adams[1].zero_grad()
    d_loss.backward()
    adams[1].step()
    g_loss = softplus(-D(fakes)).mean()
    adams[0].zero_grad()
    g_loss.backward()
    adams[0].step()
    for fade in fades:
        fade.step()
with torch.no_grad():
    pictures = (G.eval()(torch.randn(20, 64, device=x.device)) + 1) / 2
print(f"losses {d_loss:.2f} and {g_loss:.2f}")
show_images(pictures, alt="Twenty samples of the short training on one page, in two rows.")

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - A transposed convolution stamps: each input number adds its multiple of the kernel (5.2). It is the transpose of the convolution's matrix and its
#   backward pass (5.3), and not its inverse.
# - Sizes follow (5.4) and (5.5). Kernel 4, stride 2, padding 1 doubles or halves exactly, as long as the sizes are even.
# - Where the stride does not divide the kernel, pixels get unequal numbers of stamps: checkerboards.
# - Batch norm has two modes. In train mode each output depends on its whole batch; sample in eval mode.
# - Losses tell who is ahead, not how good the pictures are. D right half of the time is the aim only with good pictures.
# - In the same game chapter 03's dense networks come out behind; a shuffle of the pixels costs convolutions more than it costs them.

# %% [markdown]
# ## What comes next
#
# - [Exercise 05](../exercises/ex05_dcgan.ipynb): a DCGAN for pictures of a size that is yours alone.
# - Chapter 06 asks what the two scores measure, derives them, and adds others: precision and recall, and looking.
# - Chapter 07 deals with the games that do not go as well as this one.

# %% [markdown]
# ## 5.13 Further: the first weights · 10 min
#
# Radford et al. draw all weights from a normal distribution with standard deviation 0.02; our networks start as PyTorch
# starts them. Does it matter?


# %%
from functools import partial
from itertools import pairwise


def count(module):
    return sum(p.numel() for p in module.parameters())


def dcgan_init(layer):
    if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


# %%
starts = {"PyTorch's default": conv_generator().to(device), "N(0, 0.02)": conv_generator().to(device).apply(dcgan_init)}
before_tanh = {}
for name, network in starts.items():
    layers = [layer for layer in network if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d))]
    with torch.no_grad():
        before_tanh[name] = network[:-1](torch.randn(256, 64, device=device)).std().item()
    spreads = " ".join(f"{layer.weight.std():.3f}" for layer in layers)
    print(f"{name:18s} weights {spreads}   before tanh {before_tanh[name]:.2f}")

# %% [markdown]
# (`network.apply(dcgan_init)` calls it on every layer. The scale $\gamma$ of a batch norm starts near 1; the 0.02 there comes from the code of the paper.)
#
# The default looks at the size of a layer, 0.02 does not. They differ most in the last one, and both numbers can be predicted. The default draws evenly between
# $\pm 1/\sqrt{q}$, where $q$ is the number of inputs of a convolution; for a *transposed* one PyTorch takes it from the wrong side, output channels times $k^2$, here
# $1 \cdot 16$. An even draw between $\pm\tfrac14$ has standard deviation $\tfrac14/\sqrt3 = 0.144$, seven times 0.02. What is really summed in a pixel
# is more: with kernel 4 and stride 2 it is reached by $2 \times 2$ stamps (5.6), from each of 16 channels, 64 products. Their inputs were standard normal after batch norm, and
# ReLU has set the negative half to 0, which leaves a mean square of $\tfrac12$. So before the tanh a pixel should have standard deviation $\tau\sqrt{64 \cdot \tfrac12}$, with $\tau$ that of the weights.

# %%
for name, spread in (("PyTorch's default", 0.25 / 3**0.5), ("N(0, 0.02)", 0.02)):
    predicted = spread * (4 * 16 * 0.5) ** 0.5
    ratio = before_tanh[name] / predicted
    holds(f"{name}: the spread before tanh is as predicted", 0.6 < ratio < 1.6, predicted, before_tanh[name])

# %% [markdown]
# With 0.02 the first pictures are a nearly even grey; with the default the tanh already bends. And the other layers? They are followed by a batch norm, which divides any scale away:
# multiply the weights by 10, and the output stays what it was. The scale is invisible forwards. It is not invisible backwards. If $f(cw) = f(w)$ for all $c > 0$, differentiating in $w$ gives
#
# $$\nabla f(c w) = \tfrac1c\, \nabla f(w): \tag{5.9}$$
#
# ten times larger weights, ten times smaller gradients.

# %%
network = starts["N(0, 0.02)"]
z, target = torch.randn(64, 64, device=device), 2 * digits.train[:64] - 1
gradients, pictures = [], []
for factor in (1, 10):
    network[0].weight.data *= factor
    pictures.append(network(z))
    loss = (pictures[-1] - target).square().mean()
    gradients += torch.autograd.grad(loss, network[0].weight)

ratio = gradients[0].norm() / gradients[1].norm()
holds("ten times the weights, the same pictures", (pictures[0] - pictures[1]).detach().abs().max() < 0.01)
holds("and a tenth of the gradient", 9.5 < ratio < 10.5, ratio.item())

# %% [markdown]
# (For the same reason the layers before a batch norm have no `bias`: whatever it adds to a channel is subtracted again. The two layers next to the pixels have none either, by custom, and no batch norm: Radford et al.
# found that it made the training unstable there. We have not tested it.)

# %%
with torch.no_grad():
    maps = torch.randn(16, 32, 7, 7)
    gap = (nn.BatchNorm2d(32)(maps + 3) - nn.BatchNorm2d(32)(maps)).abs().max()
holds("a bias before batch norm changes nothing", gap < 1e-4)

# %% [markdown]
# So before a batch norm the scale of the first weights decides no output. It decides a *speed*. Adam moves each weight by about the learning rate per step, whatever
# the gradient's size, and a step of 0.001 turns a weight of 0.02 by much more than it would a weight of 0.2.
#
# So play the first 120 steps of 5.2, from either start.

# %%
early_steps = schedule.choose(steps=(120, 120)).steps  # fewer in a rehearsal
early = {
    "PyTorch's default": short_game(settings.rates, steps=early_steps),
    "N(0, 0.02)": short_game(settings.rates, steps=early_steps, first_weights=dcgan_init),
}
sheets = {name: sample_gan(network, fixed_z) for name, (network, *_) in early.items()}
sheets["even grey"] = (0.5 + 0.001 * torch.randn_like(fixed_z[:, :1, None, None].expand(-1, 1, 28, 28))).clamp(0, 1)

# %% [markdown]
# > **❓ Predict.** Which pictures are clearer to the eye? And how far is either sheet from real digits, compared with an even grey sheet?

# %% jupyter={"outputs_hidden": true}
distances = {name: evaluation.score(sheet, real_features, classifier).frechet for name, sheet in sheets.items()}
show_images(
    {f"{name}: Fréchet distance {distances[name]:.0f}": sheet[:10] for name, sheet in sheets.items()},
    alt="Ten samples after a short training from each of the two starts, and ten even grey squares, in three rows.",
)
contrast = {name: sheet.std(dim=0).mean().item() for name, sheet in sheets.items()}
print("spread of a pixel over the sheet:", ", ".join(f"{name} {value:.3f}" for name, value in contrast.items()))
white, pale, grey = distances.values()
holds(
    "by the score the pale strokes are nearer to even grey than to the white strokes", abs(pale - grey) < pale - white
)
holds("from the default the contrast is higher", contrast["PyTorch's default"] > contrast["N(0, 0.02)"])

# %% [markdown]
# Here eye and score part. The second row has pale strokes, of different digits; the third has nothing; and the distance puts the pale strokes nearer to nothing than to the first row. (The classifier was trained on white strokes
# on black; it has no reason to know its way about in grey.) So among very bad pictures do not trust the order of the scores: look.
#
# The gentle start is behind, so early. Whether it stays behind, this does not say. The two starts differ in all layers, so that the cause of the lead cannot be read off, either; and a short experiment shows the
# beginning of a training. Do not choose your settings by it alone.

# %% [markdown]
# ## 5.14 Further: the price of a slope · 4 min
#
# Chapter 03 found that a game circles and that curvature in the discriminator's own weights damps the circle. Mescheder et al.
# (2018) add such a damping on purpose: they charge $D$ for steep slopes at real pictures,
#
# $$R_1 = \frac{\rho}{2}\; \mathbb{E}_{x \sim p_\text{data}} \bigl\lVert \nabla_x\, \ell(x) \bigr\rVert^2, \tag{5.10}$$
#
# where $\ell(x)$ is the logit and $\rho$ the price. At the end of a perfect game $D$ should be flat; the penalty says so from the start. It needs the gradient
# of a gradient, which `create_graph=True` allows, and another pass through D, forwards and twice backwards; hence the charge of eight times the price at every eighth step
# (a trick of Karras et al., 2020). For a linear $D$ the slope is its weight vector, which makes a check.


# %%
def slope_penalty(discriminator, x):
    """Mean squared length of the gradient of D's logit in the picture, at the pictures x (n, c, h, w)."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(dim=1).mean()


linear = nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Flatten(0))
measured, by_hand = slope_penalty(linear, torch.randn(8, 1, 28, 28)).item(), linear[1].weight.square().sum().item()
holds("of a linear D the slope is its weight vector", abs(measured / by_hand - 1) < 1e-3, measured, by_hand)

# %% [markdown]
# With batch norm in $D$, (5.10) is not quite what we compute. A picture also acts on the logits of its batch, and the function differentiates their *sum*. How far is that from the
# slope of the picture's own logit? We compare the two directions, for a fresh $D$ and for the trained one.


# %%
def own_and_summed(network, x):
    """Mean cosine of the gradient of each picture's own logit and of the gradient of the sum of all logits."""
    x = x.clone().requires_grad_()
    logits = network(x)
    (summed,) = torch.autograd.grad(logits.sum(), x, retain_graph=True)
    own = [torch.autograd.grad(one, x, retain_graph=True)[0][k] for k, one in enumerate(logits)]
    return F.cosine_similarity(torch.stack(own).flatten(1), summed.flatten(1)).mean().item()


# %%
x = 2 * digits.test[:32] - 1
cosines = [own_and_summed(copy.deepcopy(one), x) for one in (conv_discriminator().to(device), discriminator)]
print(f"cosine of own and summed gradient: fresh {cosines[0]:.2f}, trained {cosines[1]:.2f}")
holds("nearly one at the start, and less after the training", cosines[0] > 0.9 and cosines[1] < cosines[0])

# %% [markdown]
# So what is charged in our game is the slope of the batch's sum, which agrees with (5.10) at the start and less well after the training. Without batch norm in $D$, or with statistics that are held fixed,
# the two are the same. Does the price do what it says? The 120 steps of 5.13 once more, without it:

# %%
free = short_game(settings.rates, price=0.0, steps=early_steps)
slopes = [slope_penalty(one, 2 * digits.test[:256] - 1).item() for one in (free[1], early["PyTorch's default"][1])]
print(f"mean squared slope at real pictures: without the price {slopes[0]:.2f}, with it {slopes[1]:.2f}")
holds("the price makes D flatter", slopes[1] < slopes[0])

# %% [markdown]
# Whether it makes the pictures better is another question, which one short run cannot answer. Chapter 07 has more of its kind.

# %% [markdown]
# ## 5.15 Further: what a discriminator learns from the company · 9 min
#
# In the discriminator, too, the answer about one picture depends on the others. The gradient tells by how much. We
# take the logit of picture 0 and differentiate it with respect to *all* pictures of the batch.


# %%
def gradient_by_picture(network, x):
    """Size of the gradient of the first picture's logit in each picture of the batch."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(x)[0], x)
    return gradient.flatten(1).norm(dim=1)


# %%
fresh_d, fresh_g = conv_discriminator().to(device), conv_generator().to(device)
x = 2 * digits.test[:64] - 1
train_mode, eval_mode = gradient_by_picture(fresh_d.train(), x), gradient_by_picture(fresh_d.eval(), x)
print(f"train mode: {train_mode[0]:.3f} in itself, {train_mode[1:].mean():.4f} in each of the others, on average")
holds(
    "in train mode each of the 63 others counts, in eval mode none", train_mode.min() > 0 and (eval_mode[1:] == 0).all()
)

# %% [markdown]
# In training, D is shown a batch of real pictures, then a batch of fakes, *separately*, and each is normalised by its own mean
# and variance: one number of each kind for a channel.
#
# > **❓ Predict.** An untrained D gets 64 digits and 64 fakes, which look nothing like digits, in two batches or all in one. How far apart are the averages of
# > the two kinds behind the first batch norm, channel by channel? And are the two kinds still different after that?

# %% jupyter={"outputs_hidden": true}
until_first_norm = fresh_d[:4].train()  # convolution, leaky ReLU, convolution, batch norm
with torch.no_grad():
    fakes = fresh_g(torch.randn(64, 64, device=device))
    apart = until_first_norm(x), until_first_norm(fakes)
    together = until_first_norm(torch.cat([x, fakes])).split(64)
gaps = [(real.mean(dim=(0, 2, 3)) - fake.mean(dim=(0, 2, 3))).abs().mean().item() for real, fake in (apart, together)]
print(f"gap between the means of a channel: apart {gaps[0]:.6f}, together {gaps[1]:.2f}")
holds("apart, the gap between the means of a channel is gone", gaps[0] < 1e-4 < 0.05 < gaps[1])

# %% jupyter={"outputs_hidden": true}
real, fake = (maps.flatten(1) for maps in apart)  # (64, 1568)
towards_real = real.mean(dim=0) - fake.mean(dim=0)
lowest, highest = (real @ towards_real).min(), (fake @ towards_real).max()
place_by_place = towards_real.square().mean().sqrt()
holds("place by place the two kinds still differ", place_by_place > 0.1, place_by_place)
holds("and one direction separates all 128", lowest > highest, lowest, highest)

# %% [markdown]
# What goes is what a whole channel has in common, its mean and its scale; where on the map it is large stays, and tells the kinds apart. Separate batches are the custom in code for
# DCGANs, and we follow it. Remember what it means: a D in train mode does not judge pictures, it judges them *in their batch*. Salimans et al. (2016)
# saw a fault in this dependence and proposed a fixed reference batch instead. D's running statistics, by the way, are a mixture of real, fake and fake again, the batches that it sees in a step. Nothing in training reads them.
#
# ### Mixed batches
#
# In D's step, let real and generated pictures come in *one* batch, while in G's step the discriminator gets generated pictures only, as before. It is one `torch.cat`, meant to save time. (The price of slope is left out,
# too; but 5.14 left it out with separate batches, and there the losses did not vanish.)


# %%
def mixed_game(g, d):
    """The game of 5.2, but with one batch of both kinds in D's step."""
    adam_g, adam_d = (torch.optim.Adam(one.parameters(), 2e-3, betas=(0.5, 0.99), fused=True) for one in (g, d))

    def update(x):
        fakes = g(torch.randn(len(x), settings.latent_dim, device=device))
        d_loss = gan.discriminator_loss(*d(torch.cat([2 * x - 1, fakes.detach()])).chunk(2))
        adam_d.zero_grad()
        d_loss.backward()
        adam_d.step()
        g_loss = gan.generator_loss(d(fakes))
        adam_g.zero_grad()
        g_loss.backward()
        adam_g.step()
        return {"D loss": d_loss, "G loss": g_loss}

    return update


# %% [markdown]
# > **❓ Predict.** What will D make of the mixed batches, and what will G hear from it?

# %% jupyter={"outputs_hidden": true}
torch.set_rng_state(start)
mixed = new_pair()
trace = train(mixed_game(*mixed), digits.train, steps=early_steps, batch_size=settings.batch_size)
for name, losses in (("apart", early["PyTorch's default"][2]), ("mixed", trace)):
    print(name, "  ".join(f"{key} {sum(losses[key][-30:]) / 30:.4f}" for key in ("D loss", "G loss")))

# %% jupyter={"outputs_hidden": true}
show_images(
    {
        "mixed batches": sample_gan(mixed[0], fixed_z[:10]),
        "apart": sample_gan(early["PyTorch's default"][0], fixed_z[:10]),
    },
    alt="Ten samples after a short game with mixed batches, and ten after the same game with separate batches.",
)

# %%
holds("with mixed batches both losses are low", max(sum(trace[key][-30:]) / 30 for key in trace) < 0.35)

# %% [markdown]
# Both are low: *both players believe that they have won*. In D's step the two kinds lie on either side of their common mean. But in G's step the
# batch is all fakes and is centred on itself, which D has never seen, and it calls the batch real. The generator hears praise and has nothing to learn from.
# If both losses of a GAN vanish, suspect that D is not asked the same question in the two steps.

# %% [markdown]
# ## 5.16 Further: walking and calculating with codes · 13 min
#
# A GAN has no encoder, so we cannot ask for the code of a given picture. But we can draw codes, look at what they give, and move between them.
#
# First, where *are* the codes? The densest point of a normal distribution in $d$ dimensions is 0. Yet hardly any draw comes near it, because there is so little space near it. The squared norm is a sum of $d$
# independent squares, each with mean 1 and variance 2:
#
# $$\mathbb{E}\lVert z\rVert^2 = d, \qquad \operatorname{Var}\lVert z\rVert^2 = 2d, \tag{5.11}$$
#
# so $\lVert z\rVert$ is about $\sqrt d$, give or take $\tfrac{1}{\sqrt2}$, whatever $d$ (the root of $d \pm \sqrt{2d}$ is about $\sqrt d \pm \tfrac1{\sqrt 2}$). The codes lie in a thin shell.
#
# > **❓ Predict.** Two codes are drawn, and we go half of the way from one to the other, in a straight line. How far from 0 are we? How many in a
# > thousand codes are as near to 0 as that, with $d = 64$, as on the short schedule?

# %% jupyter={"outputs_hidden": true}
for d in (2, 8, 64, 256):
    norms = torch.randn(50_000, d).norm(dim=1)
    halfway = (0.5 * torch.randn(50_000, d) + 0.5 * torch.randn(50_000, d)).norm(dim=1)
    nearer = (norms < halfway.mean()).float().mean()
    print(
        f"d = {d:3d}: |z| = {norms.mean():5.2f} ± {norms.std():.2f}; halfway {halfway.mean():5.2f}; nearer: {nearer:.4f}"
    )
    assert abs(norms.square().mean() / d - 1) < 0.02
    assert abs(norms.square().var() / (2 * d) - 1) < 0.1
    if d == 64:
        holds(
            "64: half-way, fewer than one code in fifty is as near to 0",
            nearer < 0.02 and abs(norms.std() - 0.707) < 0.02,
        )

# %% [markdown]
# Half of the way is at $\sqrt{d/2}$, deep inside the shell, where the generator has hardly ever been trained. What does it make of codes of the wrong length?


# %%
@torch.no_grad()
def judge_codes(z):
    """The classifier's probabilities for the pictures of codes z, and how much ink is in them."""
    pictures = sample_gan(averaged, z)
    return classifier(pictures).softmax(dim=1), pictures.mean(dim=(1, 2, 3))


# %%
z = torch.randn(500, settings.latent_dim, device=device)
rows = {}
for c in (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0):
    sure = judge_codes(c * z)[0].amax(dim=1).mean()
    rows[f"the codes times {c:g}: surest class {sure:.2f} on average"] = sample_gan(averaged, c * z[:10])
show_images(rows, alt="Seven rows of ten pictures: the same ten codes, multiplied by seven numbers from 0 to 2.")

# %%
first = rows[next(iter(rows))]
holds("code 0 has one picture, whoever asks", (first - first[:1]).abs().max() < 1e-5)
holds("and half the length already tells the codes apart", list(rows.values())[2].std(dim=0).mean() > 0.05)

# %% [markdown]
# Very short codes give few clear digits; from half the length on, which is where a straight walk passes, each code has its own picture. (In some trainings
# the first two rows show the grid of 5.7.) For a walk from $a$ to $b$ that stays in the shell, turn instead of going straight: **spherical interpolation**
# (White, 2016). With $\varphi$ the angle between $a$ and $b$ and $t$ from 0 to 1,
#
# $$\operatorname{slerp}(a, b; t) = \frac{\sin\bigl((1-t)\varphi\bigr)}{\sin\varphi}\, a + \frac{\sin(t\varphi)}{\sin\varphi}\, b. \tag{5.12}$$


# %%
def slerp(a, b, t):
    angle = torch.arccos(F.cosine_similarity(a, b, dim=-1)).unsqueeze(-1)
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()


a, b = F.normalize(torch.randn(2, 1000, 32), dim=-1)
halfway = slerp(a, b, 0.5)
holds("half-way lies on the sphere, if the ends do", (halfway.norm(dim=1) - 1).abs().max() < 1e-4)
holds("and in the middle", ((halfway * a).sum(dim=1) - (halfway * b).sum(dim=1)).abs().max() < 1e-4)

# %%
ends = torch.randn(2, 3, 1, settings.latent_dim, device=device)
t = torch.linspace(0, 1, 10, device=device).view(1, -1, 1)
straight, turned = (1 - t) * ends[0] + t * ends[1], slerp(ends[0], ends[1], t)  # (3, 10, latent_dim)
rows = {}
for k in range(3):
    rows[f"pair {k + 1}, straight"] = sample_gan(averaged, straight[k])
    rows[f"pair {k + 1}, turned"] = sample_gan(averaged, turned[k])
show_images(rows, alt="Three pairs of codes, each walked straight and turned, in six rows of ten pictures.")

# %%
a, b = torch.randn(2, 2000, settings.latent_dim, device=device)
ink = {}
for name, codes in (("at the ends", a), ("straight", (a + b) / 2), ("turned", slerp(a, b, 0.5))):
    probabilities, shade = judge_codes(codes)
    ink[name] = shade.mean()
    print(f"{name:12s} |z| {codes.norm(dim=1).mean():.2f}   mean grey {ink[name]:.3f}   ", end="")
    print(f"surest class {probabilities.amax(dim=1).mean():.3f}")
holds("half-way straight through there is less ink", ink["straight"] < 0.98 * ink["at the ends"])
holds("half-way around as much as at the ends", abs(ink["turned"] / ink["at the ends"] - 1) < 0.05)

# %% [markdown]
# A turned code is distributed (almost) like any other code. The difference is real and small, and the classifier hardly knows it. The straight walk does not fall into an abyss, and with $d = 2$ there
# would be nothing to choose.
#
# ### Arithmetic
#
# Radford et al. averaged the codes of a few generated faces with glasses, subtracted the mean code of faces without, added it elsewhere, and
# found glasses there. It is a famous figure, of chosen examples. With digits we can count. Nobody has told the generator about classes. We draw codes, let the classifier name their
# pictures, and average the codes of each class: $\bar z_0, \dots, \bar z_9$.
#
# > **❓ Predict.** Decode the ten mean codes. How many of the digits 0 to 9 shall we read? And how long is a mean code, where a code has length 8?

# %% jupyter={"outputs_hidden": true}
z = torch.randn(6_000, settings.latent_dim, device=device)
named = judge_codes(z)[0].argmax(dim=1)
members = F.one_hot(named, 10).float()  # (6000, 10)
means = members.T @ z / members.sum(dim=0).clamp(min=1)[:, None]  # (10, latent_dim); 0 for a class never made
on_shell = F.normalize(means, dim=1) * settings.latent_dim**0.5  # the same directions, at the usual length
show_images(
    {"mean codes": sample_gan(averaged, means), "the same, lengthened to the shell": sample_gan(averaged, on_shell)},
    alt="Two rows of ten pictures: the decoded mean codes of the classes 0 to 9, and the same codes lengthened.",
)

# %% jupyter={"outputs_hidden": true}
classes = torch.arange(10, device=device)
right = [(judge_codes(codes)[0].argmax(dim=1) == classes).sum().item() for codes in (means, on_shell)]
lengths = means.norm(dim=1)
print(f"classified as intended: {right[0]} of 10 mean codes, {right[1]} of 10 on the shell")
holds("mean codes are short", lengths.max() < 0.6 * settings.latent_dim**0.5, lengths.min(), lengths.max())
holds("at the usual length at least seven are the digit they stand for", right[1] >= 7)

# %% [markdown]
# The mean codes are short, as averages of many directions are; how many can be read all the same, the line above says. At the usual length most can: their *directions* are what counts.
#
# Now the arithmetic. Take a code $z$ whose picture is called $u$, subtract $\bar z_u$, add $\bar z_v$. Is the result a $v$? We try all pairs $u \ne v$, and steps of one to three times $\bar z_v - \bar z_u$.
# For a baseline, the means are replaced by random vectors of the same lengths.


# %%
def hit_rate(means, times, number=200):
    """How often z + times · (mean of v − mean of u) gives a v, for codes z that give a u, over all v ≠ u."""
    z = torch.randn(number, settings.latent_dim, device=device)
    u = judge_codes(z)[0].argmax(dim=1)
    hits = []
    for v in range(10):
        moved = (z + times * (means[v] - means[u]))[u != v]
        hits.append((judge_codes(moved)[0].argmax(dim=1) == v).float())
    return torch.cat(hits).mean().item()


# %%
random_means = F.normalize(torch.randn_like(means), dim=1) * means.norm(dim=1, keepdim=True)
rates = {times: (hit_rate(means, times), hit_rate(random_means, times)) for times in (1, 2, 3)}
for times, (rate, chance) in rates.items():
    print(f"{times} × the difference: {rate:.0%} are the intended digit; with random directions {chance:.0%}")

# %%
holds("the directions mean something", all(rate > 2.5 * chance for rate, chance in rates.values()))
holds("one step is too short to be reliable, two are better", rates[1][0] < min(0.75, rates[2][0]))
results.add(arithmetic_once=rates[1][0], arithmetic_twice=rates[2][0], arithmetic_random=rates[2][1])

# %% [markdown]
# (Means of the recorded runs on MNIST: <!--05.arithmetic_once-->0.49 for one step, <!--05.arithmetic_twice-->0.76 for two, <!--05.arithmetic_random-->0.06 for two steps between random means.)
# So one plain addition, as in the famous formula, is far from reliable. Classes are not directions. They are regions of the shell, and their means point roughly at them. Chapter 08 will simply tell the generator
# which digit we want.
#
# > **⚠ Common mistake.** Showing the arithmetic that worked. With ninety pairs and thousands of codes there is always a beautiful example. Say how often it
# > works, and compare with a step of the same length in no particular direction. (And remember who judged: the classifier that also chose the codes.)

# %% [markdown]
# ## 5.17 Further: other sizes, and colour · 15 min
#
# One class for both networks, for any side that is 4 or 7 doubled a few times. The channel numbers double whenever the side is halved.


# %%
class DCGAN(nn.Module):
    def __init__(self, image_size=28, channels=1, width=24, latent_dim=32, refine=0):
        super().__init__()
        self.latent_dim = latent_dim
        smallest = 7 if image_size % 7 == 0 else 4  # 28 = 7 · 2 · 2, 32 = 4 · 2 · 2 · 2, 64 = 4 · 2 · 2 · 2 · 2
        doublings = (image_size // smallest).bit_length() - 1
        if smallest * 2**doublings != image_size or doublings < 2:
            raise ValueError(f"image_size={image_size} is not 7 or 4, doubled twice or more: take 16, 28, 32, 64 …")
        maps = [channels] + [width * 2**k for k in range(doublings)]  # channels, from the image inwards: 1, 24, 48
        conv = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}  # doubles or halves the side
        same = {"kernel_size": 3, "padding": 1, "bias": False}  # keeps it
        top = maps[-1]
        generator = [nn.Linear(latent_dim, top * smallest**2, bias=False), nn.Unflatten(1, (top, smallest, smallest))]
        for _ in range(refine):
            generator += [nn.BatchNorm2d(top), nn.ReLU(), nn.Conv2d(top, top, **same)]
        for inner, outer in pairwise(reversed(maps)):
            generator += [nn.BatchNorm2d(inner), nn.ReLU(), nn.ConvTranspose2d(inner, outer, **conv)]
        self.generator = nn.Sequential(*generator, nn.Tanh())

        discriminator = []
        for outer, inner in pairwise(maps):
            discriminator += [nn.Conv2d(outer, inner, **conv), nn.BatchNorm2d(inner), nn.LeakyReLU(0.2)]
        del discriminator[1]  # no batch norm next to the pixels
        for _ in range(refine):
            discriminator += [nn.Conv2d(top, top, **same), nn.BatchNorm2d(top), nn.LeakyReLU(0.2)]
        discriminator += [nn.Flatten(), nn.Linear(top * smallest**2, 1), nn.Flatten(0)]
        self.discriminator = nn.Sequential(*discriminator)

    def shape_table(self):
        """One line a layer: its name and the shape it makes of (n, latent_dim) noise."""
        lines, x = [], torch.zeros(1, self.latent_dim)
        for layer in copy.deepcopy(nn.Sequential(*self.generator, *self.discriminator)).eval().cpu():
            x = layer(x)
            lines.append(f"{type(layer).__name__:16} ({', '.join(['n', *map(str, x.shape[1:])])})")
        return "\n".join(lines)


# %% [markdown]
# Is it the pair of 5.1, where it should be? The weights of one must fit the other, and give the same pictures. (The argument `refine` counts the 3×3 convolutions that keep the size; 5.1 has one in
# each network.)

# %%
same = DCGAN(28, 1, width=settings.width, latent_dim=settings.latent_dim, refine=1).to(device)
same.generator.load_state_dict(generator.state_dict())
same.discriminator.load_state_dict(discriminator.state_dict())
gap = (sample_gan(same.generator, fixed_z) - sample_gan(generator, fixed_z)).abs().max()
holds("the class with refine=1 is the pair of 5.1", gap < 1e-5)
large = DCGAN(image_size=64, width=64, latent_dim=100)
print(f"for 64×64, width 64: {count(large.generator):,} and {count(large.discriminator):,} weights")

# %% [markdown]
# Without the 3×3 convolutions, that network for 64×64 with 64 channels at the picture and 100 noise numbers is, but for the colours, the one that many PyTorch tutorials print. We hold it against a count that knows nothing of
# our class. Each 4×4 layer has 16 weights for a pair of channels, each batch norm two for a channel; our last layer also has a bias.

# %%
channels = [100, 512, 256, 128, 64, 1]  # from the noise to the picture
weights_g = sum(16 * a * b for a, b in pairwise(channels)) + sum(2 * a for a in channels[1:-1])
weights_d = sum(16 * a * b for a, b in pairwise([1, 64, 128, 256, 512, 1])) + sum(2 * a for a in (128, 256, 512))
holds("the generator", count(large.generator) == weights_g, f"{weights_g:,}")
holds("the discriminator, with its bias", count(large.discriminator) == weights_d + 1, f"{weights_d:,} + 1")

# %% [markdown]
# In those listings the first and the last layer are convolutions; ours are dense, and it makes no difference. A transposed convolution on a 1×1 map has one stamp to set, so every output has
# its own weight for every coordinate of $z$. A 7×7 kernel on a 7×7 map has one place to look from.

# %%
small = DCGAN()
z, maps, judge = torch.randn(5, 32), torch.randn(5, 48, 7, 7), small.discriminator[-2]
weight = small.generator[0].weight.T.view(32, 48, 7, 7)  # (in, out, 7, 7), as a transposed convolution stores it
as_stamp = F.conv_transpose2d(z.view(5, 32, 1, 1), weight)
holds("first layer: a stamp", torch.allclose(small.generator[:2](z), as_stamp, rtol=1e-3, atol=1e-5))
as_convolution = F.conv2d(maps, judge.weight.view(1, 48, 7, 7), judge.bias).flatten(0)
holds("last: a convolution", torch.allclose(small.discriminator[-3:](maps), as_convolution, rtol=1e-3, atol=1e-5))

# %% [markdown]
# > **⚠ Common mistake.** Getting the two channel numbers of the weight the wrong way round. `Conv2d(a, b, 4)` stores its
# > weight as `(b, a, 4, 4)`, and `ConvTranspose2d(b, a, 4)`, its transpose, has exactly the same shape, `(b, a, 4, 4)`: *its* first
# > number is what comes *in*. The same tensor fits both, as $\langle Mx, y\rangle = \langle x, M^\top y\rangle$ demands:

# %%
conv, transposed = nn.Conv2d(3, 8, 4, 2, 1, bias=False), nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False)
print("Conv2d(3, 8, 4):", *conv.weight.shape, "  ConvTranspose2d(8, 3, 4):", *transposed.weight.shape)
transposed.weight = conv.weight
x, y = torch.randn(1, 3, 6, 6), torch.randn(1, 8, 3, 3)
torch.testing.assert_close((conv(x) * y).sum(), (x * transposed(y)).sum(), rtol=1e-3, atol=1e-3)

# %% [markdown]
# ### The paper, its code, and the ports
#
# Radford et al. reported what those of their networks that trained had in common:
#
# | rule of the paper | here |
# |---|---|
# | strided convolutions in D, transposed ones in G, no pooling | yes |
# | batch norm in both, but not at G's output and D's input | yes |
# | no hidden dense layers | yes |
# | ReLU in G, tanh at its output; leaky ReLU of slope 0.2 in D | yes |
# | weights from $\mathcal N(0, 0.02^2)$ | no: PyTorch's default, see 5.13 |
# | Adam with rate $2\cdot10^{-4}$ and 0.5 for the average of the gradient | the 0.5; the rate on the full schedule only |
#
# Rules of experience, not theorems; this chapter measures only the one about first weights, and chapter 03 the 0.5. The authors' own code differs from what goes by the
# name today: 5×5 kernels with stride 2 and padding 2 in both networks, 128 channels at the picture (so that the first map is 4×4 with 1024 channels), noise drawn evenly from $[-1, 1]$, a little weight decay; and their network for MNIST
# was told the class and had dense layers of 1024. Kernel 4, width 64 and normal noise came with later ports to Torch and PyTorch. By (5.6) five against two is the uneven case, in which pixels get different numbers of
# stamps; four is the even one.
#
# ### A few seconds of colour
#
# A picture in colour has three numbers where a grey one has one. For the class that is `channels=3`; the update stays as it is. Every digit below gets an ink of its own,
# so that G has to learn two things, shape and colour, and that one picture has one ink.

# %%
inks = torch.rand(6_000, 3, 1, 1, device=device)
least, most = inks.amin(dim=1, keepdim=True), inks.amax(dim=1, keepdim=True)
tinted = digits.train[:6_000] * (inks - least) / (most - least)  # (n, 3, 28, 28)
colour_plan = schedule.choose(steps=(400, 5_000))
like_5_1 = {"width": settings.width, "latent_dim": settings.latent_dim, "refine": 1}
colour = DCGAN(28, channels=3, **like_5_1).to(device)
colour_update, _ = new_game(*colour.children(), settings.rates, colour_plan.steps)
fresh = sample_gan(colour.generator, fixed_z[:200])
colour_history = train(colour_update, tinted, steps=colour_plan.steps, batch_size=settings.batch_size)

# %%
made = sample_gan(colour.generator, fixed_z[:200])
show_images(
    {"digits in ink": tinted[:20], "made": made[:20]},
    alt="Twenty digits, each in a colour of its own, and twenty pictures that the generator made.",
)


# %%
def colourfulness(x):
    """Largest minus smallest channel, averaged over the bright pixels: 0 for any grey."""
    top, low = x.amax(dim=1), x.amin(dim=1)
    return (top - low)[top > 0.5].mean()


real, at_start, at_end = (colourfulness(x) for x in (tinted[:200], fresh, made))
holds("its bright pixels are no longer grey", at_end > 0.3, at_start, at_end, real)

# %% [markdown]
# Does each picture keep to one ink? In the run above most do not, so early. (Shown are the last weights, not their average.)
# Natural pictures take a larger network, more pictures and hours of a GPU. On
# the full schedule the next cells train the same class on Fashion-MNIST and on CIFAR-10, small colour photographs of 32×32. These runs have names: every 500 steps `train` saves what `state` holds, and a
# session that was cut off continues where it was (chapter 00).

# %%
plan = {"mnist": (28, 1), "fashion_mnist": (28, 1), "cifar10": (32, 3)}
for name, (side, channels) in plan.items():
    networks = DCGAN(side, channels, width=64, latent_dim=100)
    print(f"{name:13s} {side}×{side}×{channels}: {count(networks):9,} weights; trained here: ", end="")
    print("yes" if settings.width == 64 else "only on the full schedule")

full = schedule.choose(steps=((), (20_000, 50_000)))  # none on the short schedule
for name, steps in zip(("fashion_mnist", "cifar10"), full.steps, strict=False):
    images = load_images(name)
    other = DCGAN(images.train.shape[-1], images.train.shape[1], settings.width, settings.latent_dim).to(device)
    update, state = new_game(other.generator, other.discriminator, settings.rates, steps)
    train(update, images.train, steps=steps, batch_size=settings.batch_size, name=f"05_{name}", state=state)
    show_images(
        sample_gan(state["averaged"], fixed_z[:96]),
        alt="Ninety-six samples of a DCGAN after the full schedule, in six rows of sixteen.",
        columns=16,
        size=0.45,
    )

# %% [markdown]
# No full run has been recorded for this course yet, and our classifier knows only digits; published numbers for CIFAR-10 use Inception-v3.
#
# > **⚠ Common mistake.** Training on the images of `torchvision` and forgetting the scale. The generator ends in a tanh, −1 to 1; pictures are stored from 0 to 1. A discriminator
# > shown both as they are needs one look at the background to tell them apart. `update` brings the real ones to the generator's scale (`2 * x - 1`), `sample_gan` the generated ones to the pictures'.

# %% [markdown]
# ## 5.18 Further: what the discriminator has learned · 4 min
#
# Half of the paper of Radford et al. is about another use. To tell real pictures from fakes, D has to know something about digits, and it was never told a label. So take the maps before its last layer as a
# description of a picture, and fit a linear classifier to them with only 1,000 labels. Two controls: the pixels themselves, and an *untrained* D of the same shape.


# %%
@torch.no_grad()
def described(network, pictures):
    """The maps before the last layer of a discriminator: (n, 1568) on the short schedule."""
    return torch.cat([network[:9](2 * part - 1) for part in pictures.split(500)])


def linear_accuracy(train_x, test_x, labels, test_labels, ridge=0.1):
    """Least squares to the ten classes with a penalty on the weights; the share of right answers on test pictures."""
    mean, scale = train_x.mean(dim=0), train_x.std(dim=0) + 1e-3
    a, b = ((x - mean) / scale for x in (train_x, test_x))
    a, b = (F.pad(x, (0, 1), value=1.0).double() for x in (a, b))  # a constant feature
    kernel = a @ a.T + ridge * a.shape[1] * torch.eye(len(a), dtype=a.dtype, device=a.device)
    weights = a.T @ torch.linalg.solve(kernel, F.one_hot(labels, 10).double())
    return ((b @ weights).argmax(dim=1) == test_labels).double().mean().item()


# %%
seen, asked = digits.train[:1_000], digits.test[:2_000]
labels, wanted = digits.train_labels[:1_000], digits.test_labels[:2_000]
untrained = conv_discriminator(settings.width).to(device)
for _ in range(30):
    described(untrained, digits.train[:500])  # its running statistics need some batches
descriptions = {"pixels": lambda x: x.flatten(1)}
for name, network in (("untrained D", untrained), ("trained D", discriminator)):
    descriptions[name] = partial(described, copy.deepcopy(network).eval())
accuracy = {name: linear_accuracy(how(seen), how(asked), labels, wanted) for name, how in descriptions.items()}
print("share of right answers:", ", ".join(f"{name} {share:.3f}" for name, share in accuracy.items()))
holds("untrained convolutions beat the pixels", accuracy["untrained D"] > accuracy["pixels"])
holds("and the trained ones beat the untrained", accuracy["trained D"] > accuracy["untrained D"])
results.add(**{f"accuracy_{name.split()[0]}": share for name, share in accuracy.items()})

# %% [markdown]
# Without a label D has learned something that labels can use. (How much of such a figure is due to the architecture alone the middle number says: an untrained network is a control that such comparisons need.)

# %%
results.check()

# %% [markdown]
# ## References
#
# - A. Radford, L. Metz and S. Chintala, "Unsupervised representation learning with deep convolutional generative adversarial networks", ICLR 2016,
#   [arXiv:1511.06434](https://arxiv.org/abs/1511.06434); the authors' code: [Newmu/dcgan_code](https://github.com/Newmu/dcgan_code).
# - V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, [arXiv:1603.07285](https://arxiv.org/abs/1603.07285): 5.4 to 5.6, in pictures.
# - A. Odena, V. Dumoulin and C. Olah, "Deconvolution and checkerboard artifacts", Distill, 2016, [doi:10.23915/distill.00003](https://doi.org/10.23915/distill.00003).
# - S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift", ICML 2015,
#   [arXiv:1502.03167](https://arxiv.org/abs/1502.03167).
# - T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, [arXiv:1606.03498](https://arxiv.org/abs/1606.03498): the inception score, one-sided label smoothing.
# - M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", NeurIPS 2017,
#   [arXiv:1706.08500](https://arxiv.org/abs/1706.08500): two learning rates, the Fréchet distance.
# - L. Mescheder, A. Geiger and S. Nowozin, "Which training methods for GANs do actually converge?", ICML 2018,
#   [arXiv:1801.04406](https://arxiv.org/abs/1801.04406): (5.10).
# - T. Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020, [arXiv:1912.04958](https://arxiv.org/abs/1912.04958): the penalty every few steps.
# - Y. Yazıcı et al., "The unusual effectiveness of averaging in GAN training", ICLR 2019, [arXiv:1806.04498](https://arxiv.org/abs/1806.04498).
# - T. White, "Sampling generative networks", 2016, [arXiv:1609.04468](https://arxiv.org/abs/1609.04468): spherical interpolation.
