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
# The networks of chapters 03 and 04 see a picture as a list of 784 numbers. That a pixel has neighbours, and that a
# stroke is a stroke wherever it lies, they must find out from the data, one weight at a time. A **convolution** knows
# it from the start. This chapter plays the same game with convolutional networks, in the form that Radford et al.
# (2016) found to train reliably: the **deep convolutional GAN**, DCGAN.
#
# **You will be able to**
#
# - compute a transposed convolution by hand, and say what it is the transpose of, and what it is not the inverse of;
# - predict the output size of any convolution or transposed convolution, and choose one for a size you need;
# - recognise checkerboard patterns and name the layer that favours them;
# - say what batch norm computes in train and in eval mode, and in which of them to sample;
# - build a DCGAN for a given image size, train it, score it, and tell which of its two networks is winning;
# - walk and calculate in its latent space, with a measurement of how often that works.
#
# **Time.** Reading and thinking, about two hours. Running all cells, about <!--05.seconds-->100
# seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** chapters 03 and 04; what a convolution layer is (we recall the arithmetic).
#
# ![A sheet of 6 by 16 handwritten digits in many different hands, all drawn by a generator.](images/05.png)
#
# *What you will make: a generator that draws these digits from noise.*

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
from itertools import pairwise, product

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course_utils import pretrained, schedule
from course_utils.data import load_images
from course_utils.figures import live_picture, plot_history, show, show_images
from course_utils.results import Results
from course_utils.schedule import seed_everything
from course_utils.taught import evaluation
from course_utils.taught.gan import Discriminator, Generator, discriminator_loss, generator_loss
from course_utils.training import Diary, train

# %%
seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("05", digits.source)

# %% [markdown]
# ## 5.1 What a list of pixels does not know
#
# Shuffle the pixels of every picture, with the same shuffle for all of them. To us the data set is destroyed:

# %%
shuffle = torch.randperm(784)
shuffled = digits.test[:10].flatten(1)[:, shuffle].view(-1, 1, 28, 28)
show_images(
    {"the digits": digits.test[:10], "the same, pixels shuffled": shuffled},
    alt="Ten digits, and the same ten pictures with their pixels shuffled: ten patches of scattered points.",
)

# %% [markdown]
# > **Predict.** We train chapter 03's discriminator on the shuffled pictures. Will it find its task harder?
#
# No. Its first layer gives every pixel its own column of weights. Shuffle the columns in the same way, and it computes
# exactly what it did before. The starting weights are random, so a shuffled start is as likely as any other.

# %%
judge = Discriminator().to(device).eval()
before = judge(digits.test[:10])
first = judge.layers[1]  # the layer after Flatten, its weight (512, 784)
first.weight.data = first.weight.data[:, shuffle]
torch.testing.assert_close(judge(shuffled), before, rtol=1e-3, atol=1e-5)

# %% [markdown]
# So whatever such a network knows about neighbourhoods, it has learned. A convolution is built on two assumptions
# about pictures. What belongs together lies together: each output looks at a small patch. And what matters here matters
# there: one small set of weights, the **kernel**, serves all patches. The second means that shifting the input
# shifts the output (**equivariance**):

# %%
conv = nn.Conv2d(1, 1, 5, padding=2, padding_mode="circular")  # circular: nothing falls off the edge
x = digits.test[:10].cpu()
shifted = conv(x.roll((3, -4), dims=(2, 3)))
torch.testing.assert_close(shifted, conv(x).roll((3, -4), dims=(2, 3)))


# %%
def count(module):
    return sum(p.numel() for p in module.parameters())


dense = nn.Linear(784, 784)  # also from one picture of 28×28 to another
print(f"a convolution has {count(conv)} weights, the dense layer between the same shapes {count(dense):,}")
assert count(conv) == 5 * 5 + 1
assert count(dense) == 784 * 784 + 784

# %% [markdown]
# A discriminator goes from a large picture to one number, and convolutions with a **stride** do that: a kernel that moves in
# steps of two halves the side. A generator has to go the other way. What is a convolution that makes its input *larger*?
#
# ## 5.2 Transposed convolution, by hand
#
# A convolution gathers: each output number is a weighted sum over a patch of the input. Turn this round. Let each
# *input* number be spread over a patch of the output. It multiplies the kernel and leaves the product there, like a stamp
# whose ink is as dark as the number. Neighbouring stamps lie $s$ pixels apart, $s$ being the stride, and where
# they overlap, they add. In one dimension,
#
# $$x_j = \sum_i w_{j - s i}\; y_i, \tag{5.1}$$
#
# where $w_t = 0$ outside the kernel. **Padding** $p$ means, here, that $p$ pixels are cut off at every edge of the result.


# %%
def stamp(y, kernel, stride=1, padding=0):
    """Transposed convolution of one map y (h, w): every number stamps its multiple of the kernel (k, k)."""
    k = len(kernel)
    h, w = ((side - 1) * stride + k for side in y.shape)
    out = torch.zeros(h, w)
    for i, j in product(range(y.shape[0]), range(y.shape[1])):
        out[i * stride : i * stride + k, j * stride : j * stride + k] += y[i, j] * kernel
    return out[padding : h - padding, padding : w - padding]


# %%
y = torch.tensor([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0], [2.0, 0.0, 1.0]])
kernel = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]])
middle = torch.zeros(3, 3)
middle[1, 1] = y[1, 1]  # only the number in the middle

# %% [markdown]
# > **Predict.** Nine stamps of 3×3, two pixels apart. How large is the sheet? Which number stands in its centre, and which
# > one two places to the left of it? (Input and kernel are in the cell above.)

# %%
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
        ax.text(j, i, f"{panel[i, j]:g}", ha="center", va="center", fontsize=9, color="w" if panel[i, j] > 9 else "k")
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
show(
    fig,
    alt="Four tables of numbers: a 3 by 3 input; a 3 by 3 kernel; a 7 by 7 sheet with only the stamp of the middle input,"
    " three times the kernel, in its middle; and the 7 by 7 sheet with all nine stamps added, larger where they overlap.",
)

# %% [markdown]
# The side is $(3-1)\cdot 2 + 3 = 7$. The centre belongs to one stamp only: $3 \cdot 4 = 12$. Two places to the left is the
# centre of the stamp of the 0. Between the two, the stamps overlap: $0\cdot 2 + 3\cdot 2 = 6$. PyTorch agrees, for every stride and padding:

# %%
for stride, padding in product((1, 2, 3), (0, 1)):
    by_torch = F.conv_transpose2d(y.view(1, 1, 3, 3), kernel.view(1, 1, 3, 3), stride=stride, padding=padding)
    torch.testing.assert_close(stamp(y, kernel, stride, padding), by_torch[0, 0])
assert stamp(y, kernel, stride=2)[3, 3] == 12
assert stamp(y, kernel, stride=2)[3, 1] == 0
assert stamp(y, kernel, stride=2)[3, 2] == 6

# %% [markdown]
# ### The transpose of what?
#
# A convolution is linear, so it is a matrix $M$: flatten the input to $x$, and the output is $Mx$. We need not think about
# how $M$ looks. Push the unit pictures through (one pixel 1, all others 0); each returns one column.

# %%
weight = torch.randn(1, 1, 4, 4)
unit_pictures = torch.eye(36).view(36, 1, 6, 6)
columns = F.conv2d(unit_pictures, weight, stride=2, padding=1)  # (36, 1, 3, 3): 6×6 becomes 3×3
M = columns.flatten(1).T  # (9, 36)

x = torch.randn(1, 1, 6, 6)
torch.testing.assert_close(M @ x.flatten(), F.conv2d(x, weight, stride=2, padding=1).flatten())

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

# %% [markdown]
# Sixteen different numbers (and zero) in all of it. Every row *gathers* for one output pixel. Now read the same matrix by columns: column $j$
# says to which outputs input pixel $j$ contributes. So the transpose $M^\top$ takes 9 numbers and *spreads* each along
# its row, onto 36: it stamps. That is the transposed convolution, with the very same weight, stride and padding:
#
# $$\operatorname{conv}(x) = Mx, \qquad \operatorname{conv\_transpose}(y) = M^\top y. \tag{5.2}$$
#
# There is a place where you have used it already. If $L$ is a loss computed from $Mx$, the chain rule gives $\nabla_x L = M^\top\,\nabla_{Mx} L$. The
# **backward pass of a convolution is a transposed convolution**, and the other way round.

# %%
g = torch.randn(1, 1, 3, 3)
spread = F.conv_transpose2d(g, weight, stride=2, padding=1)
torch.testing.assert_close((M.T @ g.flatten()).view(1, 1, 6, 6), spread)

x = torch.randn(1, 1, 6, 6, requires_grad=True)
(by_autograd,) = torch.autograd.grad(F.conv2d(x, weight, stride=2, padding=1), x, grad_outputs=g)
torch.testing.assert_close(by_autograd, spread)

# %% [markdown]
# ### It does not undo anything
#
# The operation is often called *deconvolution*. In signal processing that word means undoing a convolution,
# and this undoes nothing: a transpose is not an inverse. Here there cannot even be an inverse, because $M$ squeezes 36
# numbers into 9.

# %%
x = torch.randn(1, 1, 6, 6)
back = F.conv_transpose2d(F.conv2d(x, weight, stride=2, padding=1), weight, stride=2, padding=1)
assert back.shape == x.shape  # the shape returns, the numbers do not
assert (back - x).norm() > 0.5 * x.norm()

lost = torch.linalg.svd(M).Vh[-1].view(1, 1, 6, 6)  # a picture that is not 0, and of which nothing is left
assert F.conv2d(lost, weight, stride=2, padding=1).norm() < 1e-4 * lost.norm()

# %% [markdown]
# > **Common mistake.** Getting the two channel numbers of the weight the wrong way round. `Conv2d(a, b, k)` stores its weight as `(b, a, k, k)`, and
# > `ConvTranspose2d(b, a, k)`, its transpose, has exactly the same shape, `(b, a, k, k)`: *its* first number is what comes *in*.

# %%
conv, transposed = nn.Conv2d(3, 8, 4, 2, 1, bias=False), nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False)
assert conv.weight.shape == transposed.weight.shape == (8, 3, 4, 4)
transposed.weight = conv.weight  # the same tensor fits both

x, y = torch.randn(1, 3, 6, 6), torch.randn(1, 8, 3, 3)
torch.testing.assert_close((conv(x) * y).sum(), (x * transposed(y)).sum())  # ⟨Mx, y⟩ = ⟨x, Mᵀy⟩

# %% [markdown]
# ## 5.3 How large is the output?
#
# A kernel of side $k$ on a picture of side $n$, padded by $p$ on both sides: its first place is at 0, its last at most at
# $n + 2p - k$, and it moves in steps of $s$. So it visits
#
# $$m = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 \tag{5.3}$$
#
# places. For the transposed convolution count stamps: $m$ of them, $s$ apart, the last one $k$ wide, $p$ cut off on both sides:
#
# $$n = (m - 1)\,s + k - 2p + r, \tag{5.4}$$
#
# where $r$, `output_padding`, will be explained in a moment. (PyTorch also knows *dilation*, a kernel with gaps. A kernel with
# dilation $d$ is $d(k-1)+1$ wide; put that for $k$.)


# %%
def conv_size(n, k, s=1, p=0):
    return (n + 2 * p - k) // s + 1


def transposed_size(m, k, s=1, p=0, r=0):
    return (m - 1) * s + k - 2 * p + r


# %% [markdown]
# We check all combinations, not some. The device `meta` computes shapes and no numbers, so a thousand layers cost
# next to nothing.

# %%
checked = 0
for n, k, s, p in product(range(4, 13), range(1, 6), (1, 2, 3), (0, 1, 2)):
    picture, weight = torch.empty(1, 1, n, n, device="meta"), torch.empty(1, 1, k, k, device="meta")
    if n + 2 * p >= k:
        assert F.conv2d(picture, weight, stride=s, padding=p).shape[-1] == conv_size(n, k, s, p)
        checked += 1
    for r in range(s):
        if transposed_size(n, k, s, p, r) > 0:
            out = F.conv_transpose2d(picture, weight, stride=s, padding=p, output_padding=r)
            assert out.shape[-1] == transposed_size(n, k, s, p, r)
            checked += 1
print(f"{checked} combinations, all as (5.3) and (5.4) say")

# %% [markdown]
# > **Predict.** A convolution with $k=3$, $s=2$, $p=1$ makes 4×4 out of 7×7. What does it make out of 8×8? And what does the
# > transposed convolution with the same three numbers make out of 4×4?

# %%
print("from 7:", conv_size(7, 3, 2, 1), "  from 8:", conv_size(8, 3, 2, 1))
print("back from 4:", transposed_size(4, 3, 2, 1), "or, with output_padding=1,", transposed_size(4, 3, 2, 1, r=1))
assert conv_size(7, 3, 2, 1) == conv_size(8, 3, 2, 1) == 4

# %% [markdown]
# Both 7 and 8 become 4, because of the floor in (5.3): with 8, one row of padding is never reached. In general $s$
# neighbouring sizes lead to the same output, and going back one has to say which of them was meant. That is what `output_padding`
# is for. The remainder that the floor threw away names it: $r = (n + 2p - k) \bmod s$.

# %%
for n, k, s, p in product(range(4, 13), range(1, 6), (1, 2, 3), (0, 1, 2)):
    if n + 2 * p >= k:
        r = (n + 2 * p - k) % s
        assert transposed_size(conv_size(n, k, s, p), k, s, p, r) == n

y, weight = torch.randn(1, 1, 4, 4), torch.randn(1, 1, 3, 3)
small = F.conv_transpose2d(y, weight, stride=2, padding=1)
large = F.conv_transpose2d(y, weight, stride=2, padding=1, output_padding=1)
torch.testing.assert_close(large[..., :7, :7], small)  # it only cuts off one row and one column fewer
assert large[..., 7, :].abs().sum() > 0

# %% [markdown]
# > **Common mistake.** Believing that `output_padding` adds zeros around the output. It moves the place where
# > the sheet is cut, at the bottom and on the right, and what appears there is whatever the stamps have left there (only beyond the last stamp is it zero).
#
# With $k=4$, $s=2$, $p=1$ all of this is simple: (5.4) gives $n = 2m$, and (5.3) gives $m = n/2$ for even $n$. This is the layer that DCGANs are made of.
# What can go wrong is the number of halvings:

# %%
for n in (64, 32, 28):
    sizes = [n]
    while sizes[-1] >= 2:
        sizes.append(conv_size(sizes[-1], 4, 2, 1))
    print(" → ".join(map(str, sizes)))
assert [conv_size(n, 4, 2, 1) for n in (64, 32, 28, 14, 7)] == [32, 16, 14, 7, 3]

# %% [markdown]
# 64 and 32 can be halved down to 4. But 28 goes 14, 7, and there it stops, because 7 is odd; one more step leaves 3. A discriminator written for 64×64, four
# halvings and then a 4×4 kernel, shown 28×28, arrives at a map of 1×1 and fails. (Many have met that
# error. It is in the debugging clinic, notebook 90.) For 28 we shall double twice, starting from 7.

# %%
message = ""
try:
    nn.Conv2d(8, 1, 4)(torch.randn(2, 8, 1, 1))
except RuntimeError as error:
    message = str(error)
print(message)
assert "Kernel size can't be greater than actual input size" in message

# %% [markdown]
# ## 5.4 Checkerboards
#
# Look once more at the sheet of stamps in 5.2. Some pixels got ink from four stamps, some from two, some from one.
# If the kernel's numbers are random and all inputs alike, the pixels with more stamps vary more. On the way to an image this becomes a pattern:
# **checkerboard artefacts** (Odena et al., 2016). How many stamps reach pixel $j$, in one dimension? Far from the edges,
#
# $$c_j = \#\{\,i : 0 \le j - s i < k\,\}, \tag{5.5}$$
#
# the number of multiples of $s$ among $k$ consecutive numbers. If $s$ divides $k$, that is $k/s$, always. If not, it takes
# two values. To count stamps, stamp a kernel of ones.
#
# > **Predict.** Stride 2. For which kernel sizes between 2 and 6 do all pixels get the same number of stamps?

# %%
for s, k in product((2, 3), (2, 3, 4, 5, 6)):
    if k >= s:
        stamps = F.conv_transpose2d(torch.ones(1, 1, 12, 12), torch.ones(1, 1, k, k), stride=s)[0, 0, 6:-6, 6:-6]
        print(f"stride {s}, kernel {k}: {sorted(set(stamps.flatten().tolist()))} stamps a pixel")
        assert (stamps.var() == 0) == (k % s == 0)

# %% [markdown]
# Only where the stride divides the kernel. In two dimensions the counts of row and column multiply: with kernel 3, 1 or 2 times 1 or 2. (A kernel smaller than the stride leaves holes, and is never used.) There is a third way
# to grow: first enlarge the picture by repeating every pixel, then convolve with stride 1. It is what Odena et al. recommend.
#
# We compare the three on the dullest input there is: a constant map, from which we would expect a constant picture. One layer, random
# weights, one thousand such layers at once (as output channels).


# %%
def enlarge(kind, layers=1000):
    """Untrained layers, each of which doubles a constant 8×8 map: (layers, h, w), with the edges cut off."""
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
unevenness = {kind: (s.max() / s.min()).item() for kind, s in spread.items()}
one_layer = {kind: out.flatten(1).std(dim=1).mean().item() for kind, out in outputs.items()}
for kind in outputs:
    print(f"{kind:22s} most/least spread {unevenness[kind]:.2f}   pattern within one layer {one_layer[kind]:.2f}")
assert 1.7 < unevenness["kernel 3, stride 2"] < 2.3  # four stamps against one: √4 times the standard deviation
assert unevenness["kernel 4, stride 2"] < 1.2
assert one_layer["kernel 4, stride 2"] > 0.3
assert one_layer["repeat, then kernel 3"] < 1e-5

# %% [markdown]
# Read the two rows separately. The lower one is about the *architecture*. With kernel 3, some pixels are louder
# than others before anything has been learned. Kernel 4 treats all alike. The upper row is about *one* network, and here
# kernel 4 has a pattern, too: every pixel is reached by four stamps, but by four different entries of the kernel, and their sums differ. Training
# has to balance them. Nothing in the architecture favours the imbalance, and nothing forbids it. Repeating and convolving forbids it. The price is more
# arithmetic (the convolution runs on the large map) and smoother pictures. DCGANs use kernel 4; remember the third way for the
# day you see a checkerboard.
#
# ## 5.5 The architecture
#
# Radford et al. (2016) tried many convolutional GANs and reported what the ones that trained had in common:
#
# | rule | reason | our class |
# |---|---|---|
# | strided convolutions in D and transposed ones in G, no pooling | let the networks learn how to shrink and grow | yes |
# | batch norm in both, but not at G's output and D's input | keeps activations in range (section 5.6); those two layers should see the true scale of the pixels | yes |
# | no hidden dense layers | few weights, all of them local | yes |
# | ReLU in G, tanh at its output | pixels have bounds, and tanh has the same ones | yes |
# | leaky ReLU in D, slope 0.2 | lets gradient through to G also where a unit is off | yes |
# | weights from $\mathcal N(0, 0.02^2)$ | a small, even start (section 5.7) | on request |
# | Adam with $2\cdot10^{-4}$, $\beta_1 = 0.5$ | the default 0.9 oscillated, 0.001 was too fast for them | $\beta_1$ yes; the rates on the full schedule only (section 5.8) |
#
# Rules of experience, not theorems: where one matters for us, we shall measure it.
#
# The class below holds both networks, for any size that is 4 or 7 doubled a few times. The channel numbers double
# whenever the side is halved. (The argument `refine` adds convolutions that keep the size. It is 0, none, until section 5.8.)


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


# %%
dcgan = DCGAN()
print(dcgan.shape_table())
x = torch.randn(5, 1, 28, 28)
assert dcgan.generator(torch.randn(5, 32)).shape == x.shape
assert dcgan.discriminator(x).shape == (5,)  # a logit for each picture, no sigmoid: the losses take logits

# %% [markdown]
# The first layer is dense, `Linear`: it projects the noise to 48·7·7 numbers, which are then taken for a small picture. The last one is dense, too. In most listings you find convolutions
# in these two places, and it makes no difference. A transposed convolution on a 1×1 map has one stamp to set, so every output has its own weight for every coordinate of $z$. A
# 7×7 kernel on a 7×7 map has one place to look from. (On a CPU the dense form is faster.) The rule says no *hidden* dense layers, and means what lies between these two.

# %%
z, project = torch.randn(5, 32), dcgan.generator[0]
weight = project.weight.T.view(32, 48, 7, 7)  # (in, out, 7, 7), as a transposed convolution stores it
as_stamp = F.conv_transpose2d(z.view(5, 32, 1, 1), weight)
torch.testing.assert_close(dcgan.generator[:2](z), as_stamp, rtol=1e-4, atol=1e-5)

maps, judge = torch.randn(5, 48, 7, 7), dcgan.discriminator[-2]
as_convolution = F.conv2d(maps, judge.weight.view(1, 48, 7, 7), judge.bias).flatten(0)
torch.testing.assert_close(dcgan.discriminator[-3:](maps), as_convolution, rtol=1e-4, atol=1e-5)

# %% [markdown]
# > **Predict.** Which has more weights, chapter 03's pair of networks or this one? By what factor?

# %%
mlp = Generator(), Discriminator()
for name, before, now in zip(("generator", "discriminator"), mlp, (dcgan.generator, dcgan.discriminator), strict=True):
    print(f"{name:14s} chapter 03: {count(before):8,}   here: {count(now):7,}")
    assert count(now) < count(before) / 4

# %% [markdown]
# A small fraction. (The *work* is not smaller: each weight of a convolution is used at every place of the map.) The same class
# makes the network for 64×64 that most tutorials print, with its 64 channels at the image and a latent dimension of 100, and one for small
# colour pictures, 32×32.

# %%
large = DCGAN(image_size=64, width=64, latent_dim=100)
print(large.shape_table())

# %%
colour = DCGAN(image_size=32, channels=3, width=64, latent_dim=100)
print(colour.shape_table())
assert colour.generator(torch.randn(2, 100)).shape == (2, 3, 32, 32)

# %% [markdown]
# Tables like these are worth printing before any training. One widely copied pair of listings has a generator that stops
# at 16×16 and a discriminator that accepts 32×32 without complaint and returns 25 answers a picture (notebook 90 takes it apart).
#
# We hold the large net against a count that knows nothing of our class. Each 4×4 layer from $a$ to $b$ channels has $16ab$ weights, each
# batch norm of $a$ channels $2a$. Our last layer also has a bias, which the usual listing leaves out.

# %%
channels = [100, 512, 256, 128, 64, 1]  # from the noise to the picture
weights_g = sum(16 * a * b for a, b in pairwise(channels)) + sum(2 * a for a in channels[1:-1])
weights_d = sum(16 * a * b for a, b in pairwise([1, 64, 128, 256, 512, 1])) + sum(2 * a for a in (128, 256, 512))
assert count(large.generator) == weights_g
assert count(large.discriminator) == weights_d + 1
print(f"{weights_g:,} weights in the generator, {weights_d:,} + 1 in the discriminator")

# %% [markdown]
# ## 5.6 Batch norm, and its two modes
#
# Ioffe and Szegedy (2015) proposed to bring each channel to mean 0 and variance 1 *over the batch* (and, in a convolutional net,
# over all places of the map), then to let the network choose another scale $\gamma$ and shift $\beta$:
#
# $$\operatorname{BN}(x) = \gamma\,\frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta. \tag{5.6}$$
#
# On the way it keeps **running statistics** for the day when there is no batch. At every forward pass in train mode
#
# $$\mu_\text{run} \leftarrow (1 - m)\,\mu_\text{run} + m\,\mu_B, \qquad m = 0.1, \tag{5.7}$$
#
# and the same for $\sigma^2$. In **eval mode**, $\mu_\text{run}$ and $\sigma^2_\text{run}$ take the places of $\mu_B$ and $\sigma_B^2$ in (5.6), and
# nothing is updated.

# %%
x = 1 + 2 * torch.randn(64, 3, 5, 5)
layer = nn.BatchNorm2d(3)  # it starts with γ = 1, β = 0, running mean 0, running variance 1
mean, variance = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), unbiased=False)
by_hand = (x - mean.view(3, 1, 1)) / (variance.view(3, 1, 1) + layer.eps).sqrt()
torch.testing.assert_close(layer(x), by_hand)

torch.testing.assert_close(layer.running_mean, 0.1 * mean)
torch.testing.assert_close(layer.running_var, 0.9 + 0.1 * x.var(dim=(0, 2, 3)))  # this one divides by n − 1

# %%
layer.eval()
kept_mean, kept_var = layer.running_mean.clone(), layer.running_var.clone()
by_hand = (x - kept_mean.view(3, 1, 1)) / (kept_var.view(3, 1, 1) + layer.eps).sqrt()
torch.testing.assert_close(layer(x), by_hand)
assert torch.equal(layer.running_mean, kept_mean)
print(
    f"eval mode after one batch: mean {layer(x).mean():.2f}, not 0, since the running mean is still {kept_mean.mean():.2f}"
)

# %% [markdown]
# > **Common mistake.** Two of them, about $m$. What PyTorch calls `momentum` is the share of the *new* batch; other libraries call the share of
# > the *old* value so, 0.9 or 0.99. And it is not the second argument. `BatchNorm1d(256, 0.8)`, which stands in many GAN listings,
# > sets $\epsilon$, the number that should only prevent a division by zero, to 0.8 (notebook 90).

# %%
layer = nn.BatchNorm1d(256, 0.8)
assert (layer.eps, layer.momentum) == (0.8, 0.1)

# %% [markdown]
# ### One picture at a time
#
# In train mode the output for one input depends on who else is in the batch. For a generator this means that *the same* $z$ *gives different
# pictures in different company*.
#
# > **Predict.** We ask a generator in train mode for eight pictures, once as part of a batch of 64, once with 56 other companions, once each alone.
# > How different are the pictures? In eval mode?


# %%
@torch.no_grad()
def change_of_company(generator, n=8):
    """RMS difference of the first n pictures: in other company, and each alone; relative to their own spread."""
    z = torch.randn(64, 32, device=device)
    company = generator(z)[:n]
    others = generator(torch.cat([z[:n], torch.randn(56, 32, device=device)]))[:n]
    alone = torch.cat([generator(z[k : k + 1]) for k in range(n)])
    return [((other - company).square().mean().sqrt() / company.std()).item() for other in (others, alone)]


# %%
generator = DCGAN().to(device).generator
running_mean = generator[2].running_mean.clone()
in_train = change_of_company(generator.train())
assert not torch.equal(generator[2].running_mean, running_mean), "no gradients, and yet something was learned"
in_eval = change_of_company(generator.eval())
print(f"train mode: {in_train[0]:.2f} in other company, {in_train[1]:.2f} alone;  eval mode: {max(in_eval):.6f}")
assert in_train[1] > in_train[0] > 0.01
assert max(in_eval) < 1e-3

# %% [markdown]
# In large company the difference is small, since 64 companions are much like 64 others. Alone, each channel of the first map is normalised
# by its own 49 places, and the picture is another one. Where the map is 1×1 there is nothing to normalise by, and PyTorch refuses:

# %%
message = ""
try:
    nn.BatchNorm2d(8)(torch.randn(1, 8, 1, 1))
except ValueError as error:
    message = str(error)
print(message)
assert "Expected more than 1 value per channel" in message

# %% [markdown]
# So **sample in eval mode**: then a $z$ has *its* picture. Notice also the first assertion above: running statistics change at every forward pass in train mode, also under
# `torch.no_grad()`, which switches off gradients and nothing else.
#
# ### What a discriminator learns from the company
#
# In the discriminator the leak is of another kind: the answer about one picture depends on the others. The gradient tells by how much. We
# take the logit of picture 0 and differentiate it with respect to *all* pictures of the batch.


# %%
def gradient_by_picture(discriminator, x):
    """Size of the gradient of the first picture's logit in each picture of the batch."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x)[0], x)
    return gradient.flatten(1).norm(dim=1)


discriminator = DCGAN().to(device).discriminator
x = 2 * digits.test[:64] - 1
train_mode = gradient_by_picture(discriminator.train(), x)
eval_mode = gradient_by_picture(discriminator.eval(), x)
print(f"train mode: {train_mode[0]:.3f} in itself, {train_mode[1:].mean():.4f} in each of the other 63, on average")
assert (train_mode[1:] > 0).all()
assert (eval_mode[1:] == 0).all()

# %% [markdown]
# Why does that matter? In training, D is shown a batch of real pictures, then a batch of fakes, *separately*. Each batch is normalised by its own mean
# and variance, and whatever all its members have in common is subtracted before the next layer sees it.
#
# > **Predict.** An untrained D gets 64 digits and 64 fakes, which look nothing like digits, in two batches or all in one. How far apart are the averages of
# > the two kinds behind the first batch norm?

# %%
until_first_norm = discriminator[:4].train()  # convolution, leaky ReLU, convolution, batch norm
with torch.no_grad():
    fakes = generator(torch.randn(64, 32, device=device))
    apart = until_first_norm(x), until_first_norm(fakes)
    together = until_first_norm(torch.cat([x, fakes])).split(64)
gaps = [(real.mean(dim=(0, 2, 3)) - fake.mean(dim=(0, 2, 3))).abs().mean().item() for real, fake in (apart, together)]
print(f"gap between the means of a channel, on average: apart {gaps[0]:.6f}, together {gaps[1]:.2f}")
assert gaps[0] < 1e-4
assert gaps[1] > 0.05

# %% [markdown]
# In one batch a crude difference, such as more ink, sets the two kinds apart at once. Apart, each channel of each batch has been brought to the same mean and variance, and D has to find something finer.
# Separate batches are the custom in code for DCGANs, and we follow it. Remember what it means: a D in train mode does not judge pictures, it judges them *in their batch*. Salimans et al. (2016)
# saw a fault in this dependence and proposed a fixed reference batch instead; the dependence will be in the way of penalties on D's slope (section 5.8, chapter 07). And D's running statistics are a mixture of
# real, fake and fake again, the batches that it sees in a step. Nothing in training reads them.
#
# ## 5.7 The first weights
#
# Radford et al. draw all weights from a normal distribution with standard deviation 0.02.


# %%
def dcgan_init(layer):
    if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


# %% [markdown]
# (`network.apply(dcgan_init)` calls it on every layer. The scale $\gamma$ of a batch norm starts near 1; the standard deviation 0.02 there comes from the code of the paper.)
# What is special about 0.02? Compare with what PyTorch does by default, layer by layer, and with what comes out.

# %%
starts = {"PyTorch's default": DCGAN().to(device), "N(0, 0.02)": DCGAN().to(device).apply(dcgan_init)}
spreads = {}
for name, networks in starts.items():
    layers = [layer for layer in networks.modules() if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d))]
    spreads[name] = [layer.weight.std().item() for layer in layers]
    with torch.no_grad():
        before_tanh = networks.generator[:-1](torch.randn(256, 32, device=device)).std().item()
        logits = networks.discriminator(2 * digits.test[:256] - 1)
    print(f"{name:18s} weights", " ".join(f"{spread:.3f}" for spread in spreads[name]), end="")
    print(f"   before tanh {before_tanh:.2f}   logits {logits.std():.2f}")
    spreads[name].append(before_tanh)

# %% [markdown]
# The default of PyTorch looks at the size of a layer; 0.02 does not. In our small nets the two differ most at the pixels (the third layer and the fourth, last of G and first of D), where
# the default is seven times larger. That we can predict. A pixel of the output sums $4\cdot 24$ products, four stamps from each of 24 channels. The inputs are halves of standard normals
# (batch norm, then ReLU), with mean square $\tfrac12$. So the pixel's standard deviation, before the tanh, should be
# about $0.02\cdot\sqrt{96 \cdot \tfrac12} = 0.14$: a picture of nearly even grey. With the default it is about 1, and the tanh already bends.

# %%
predicted = 0.02 * math.sqrt(4 * 24 * 0.5)
print(f"predicted {predicted:.3f}, measured {spreads['N(0, 0.02)'][-1]:.3f}")
assert abs(spreads["N(0, 0.02)"][-1] / predicted - 1) < 0.5
assert spreads["PyTorch's default"][2] > 5 * spreads["N(0, 0.02)"][2]

# %% [markdown]
# And the other layers? They are followed by a batch norm, which divides any scale away: multiply the weights by 10, and the output
# stays what it was. The scale is invisible forwards. It is not invisible backwards. If $f(cw) = f(w)$ for all $c > 0$, differentiating in $w$ gives
#
# $$\nabla f(c w) = \tfrac1c\, \nabla f(w): \tag{5.8}$$
#
# ten times larger weights, ten times smaller gradients.

# %%
generator = starts["N(0, 0.02)"].generator
z, target = torch.randn(64, 32, device=device), 2 * digits.train[:64] - 1
gradients, pictures = [], []
for factor in (1, 10):
    generator[0].weight.data *= factor
    pictures.append(generator(z))
    loss = (pictures[-1] - target).square().mean()
    gradients += torch.autograd.grad(loss, generator[0].weight)

torch.testing.assert_close(pictures[0], pictures[1], rtol=0, atol=0.005)
ratio = gradients[0].norm() / gradients[1].norm()
print(f"weights ten times larger, gradient {ratio:.2f} times smaller")
assert 9.5 < ratio < 10.5

# %% [markdown]
# (For the same reason there is no `bias` in a layer before a batch norm: whatever it adds to a channel is subtracted again.)

# %%
with torch.no_grad():
    maps = torch.randn(16, 32, 7, 7)
    torch.testing.assert_close(nn.BatchNorm2d(32)(maps + 3), nn.BatchNorm2d(32)(maps), rtol=0, atol=1e-4)

# %% [markdown]
# So before a batch norm the scale of the first weights decides no output. It decides a *speed*. Adam moves each weight by about the learning rate per step, whatever
# the gradient's size, and a step of 0.001 turns a weight of 0.02 by much more than it would a weight of 0.2. What 0.02 does is to fix this speed, and to start the two layers next to the pixels
# gently. Whether that matters for the result is a question for an experiment (section 5.9).
#
# ## 5.8 Training
#
# The game is chapter 03's, with the losses from there. What the networks look like does not matter to it. We also keep, as there, a second generator that does
# not play. A GAN does not settle: each network chases the other, and the weights wander around what would be a compromise. The *average* of the weights along the
# way is a better guess at it (Yazıcı et al., 2019). So beside the training, which never notices, we keep
#
# $$\bar\theta \leftarrow \lambda\,\bar\theta + (1 - \lambda)\,\theta. \tag{5.9}$$
#
# With $\lambda = 0.99$ it looks back over about $1/(1-\lambda) = 100$ steps. The running statistics of batch norm are averaged along with the weights (`use_buffers=True`), since we want to sample in eval mode.

# %%
weights = torch.randn(500).cumsum(dim=0)  # a weight that wanders
layer = nn.Linear(1, 1, bias=False)
averaged_layer = AveragedModel(layer, multi_avg_fn=get_ema_multi_avg_fn(0.99))
by_hand = weights[0]
for w in weights:
    layer.weight.data.fill_(w)
    averaged_layer.update_parameters(layer)
    by_hand = 0.99 * by_hand + 0.01 * w
torch.testing.assert_close(averaged_layer.module.weight.squeeze(), by_hand, rtol=1e-3, atol=1e-3)

# %% [markdown]
# One more thing goes into the discriminator's loss. Chapter 03 found that a game circles and that curvature in the discriminator's own weights damps the circle. Mescheder et al.
# (2018) add such a damping on purpose: they charge $D$ for steep slopes at real pictures,
#
# $$R_1 = \frac{\gamma}{2}\; \mathbb{E}_{x \sim p_\text{data}} \bigl\lVert \nabla_x\, s(x) \bigr\rVert^2, \tag{5.10}$$
#
# where $s(x)$ is the logit and $\gamma$ the price of a slope (not batch norm's scale of (5.6)). At the end of a perfect game $D$ should be flat; the penalty says so from the start, and keeps $D$ from running away. It needs the gradient
# of a gradient, which `create_graph=True` allows. For a linear $D$ the slope is its weight vector, which makes a check.
#
# With batch norm in $D$, (5.10) is not quite what we compute. A picture also acts on the logits of its batch (section 5.6), and the function below differentiates their *sum*. At our first
# weights the two gradients nearly agree (a cosine of 0.98), and we leave it at that.


# %%
def slope_penalty(discriminator, x):
    """Mean squared length of the gradient of D's logit in the picture, at the pictures x (n, c, h, w)."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(dim=1).mean()


linear = nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Flatten(0))
torch.testing.assert_close(slope_penalty(linear, torch.randn(8, 1, 28, 28)), linear[1].weight.square().sum())

# %%
settings = schedule.choose(
    # short, full
    steps=(2_000, 20_000),
    width=(16, 64),
    latent_dim=(64, 100),
    refine=(1, 0),
    gamma=(0.5, 0.0),
    batch_size=(32, 128),
    learning_rates=((2e-3, 2e-3), (2e-4, 2e-4)),  # of the generator, of the discriminator
    beta2=(0.99, 0.999),
    averaging=(0.99, 0.999),
    experiment_steps=(160, 1_000),
    other_data=((), ("fashion_mnist", "cifar10")),  # section 5.11
    other_steps=((), (20_000, 50_000)),
)

# %% [markdown]
# The full column keeps the paper's rates and its batch size. The short column is tuned for a minute on two cores: a narrow network, small batches, and high rates. On both schedules the rates fade to nothing in the
# second half, as in chapter 03. The short one also takes one extra 3×3 convolution on the 7×7 maps of either network (`refine=1`; on so small a map it costs little), and the penalty (5.10). In our trials
# (single runs on MNIST) each of the two improved both scores. The penalty costs more than half as much as the step itself, so it is charged every eighth step only, eight times over (a trick of Karras et al., 2020).
#
# The function below sets up one game and returns its `update`. It reports, beside the two losses, what we need in 5.9: the mean of $D$ over real and over generated
# pictures, the share of pictures that D has classified rightly, and the length of the generator's gradient.


# %%
def adam(network, rate, steps):
    """Adam, and a schedule: the rate is constant for the first half, then falls to nothing."""
    optimizer = torch.optim.Adam(network.parameters(), rate, betas=(0.5, settings.beta2), fused=True)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: min(1.0, 2 * (1 - done / steps)))


# %%
def descend(loss, optimizer, fade):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    fade.step()


# %%
@torch.no_grad()
def balance(real_logits, fake_logits, generator):
    right = torch.cat([real_logits > 0, fake_logits < 0]).float().mean()
    size = nn.utils.get_total_norm([p.grad for p in generator.parameters()])
    d_real, d_fake = real_logits.sigmoid().mean(), fake_logits.sigmoid().mean()
    return {"D(real)": d_real, "D(fake)": d_fake, "D right": right, "G gradient": size}


# %%
def game(networks, learning_rates, steps, mixed=False, gamma=0.0):
    """The update of one DCGAN, and everything that a checkpoint of it must hold."""
    generator, discriminator = networks.generator, networks.discriminator
    averaged = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(settings.averaging), use_buffers=True)
    rate_g, rate_d = learning_rates
    optimizer_g, fade_g = adam(generator, rate_g, steps)
    optimizer_d, fade_d = adam(discriminator, rate_d, steps)
    state = {"networks": networks, "averaged": averaged}
    state |= {"optimizer_g": optimizer_g, "fade_g": fade_g, "optimizer_d": optimizer_d, "fade_d": fade_d}

    def update(x):
        x, z = 2 * x - 1, torch.randn(len(x), networks.latent_dim, device=device)
        with schedule.autocast():
            fakes = generator(z)
            if mixed:  # section 5.9: one batch of both, for the demonstration
                real_logits, fake_logits = discriminator(torch.cat([x, fakes.detach()])).float().chunk(2)
            else:
                real_logits, fake_logits = discriminator(x).float(), discriminator(fakes.detach()).float()
        d_loss = discriminator_loss(real_logits, fake_logits)
        late = fade_d.last_epoch % 8 == 7  # every eighth step
        penalty = 8 * gamma / 2 * slope_penalty(discriminator, x) if gamma and late else 0.0
        descend(d_loss + penalty, optimizer_d, fade_d)

        discriminator.requires_grad_(False)  # G's step needs no gradient of D's weights
        with schedule.autocast():
            g_loss = generator_loss(discriminator(fakes).float())
        descend(g_loss, optimizer_g, fade_g)
        discriminator.requires_grad_(True)
        averaged.update_parameters(generator)
        return {"D loss": d_loss, "G loss": g_loss} | balance(real_logits, fake_logits, generator)

    return update, state


# %% [markdown]
# While it trains, we watch what the averaged generator makes of the same 96 codes. (The picture below is replaced as the training goes on; we also keep a
# row of ten from each look, and a score, explained below, of both the average and the last weights.)


# %%
@torch.no_grad()
def draw(generator, z):
    """Pictures in [0, 1] from codes z, by a generator in eval mode; afterwards it is in the mode it was in."""
    mode = generator.training
    generator.eval()
    pictures = torch.cat([(generator(part) + 1) / 2 for part in z.split(1000)])
    generator.train(mode)
    return pictures


seed_everything()
shape = {"width": settings.width, "latent_dim": settings.latent_dim, "refine": settings.refine}
networks = DCGAN(**shape).to(device).apply(dcgan_init)
update, state = game(networks, settings.learning_rates, settings.steps, gamma=settings.gamma)
averaged = state["averaged"]
fixed_z = torch.randn(96, settings.latent_dim, device=device)

# %%
canvas, film, on_the_way = live_picture(), Diary(), Diary({"the last weights": [], "the average": []})
state |= {"film": film, "on_the_way": on_the_way}  # so that a checkpoint keeps them, too
classifier = pretrained.load(f"classifier-{digits.source}")
real_features, _ = evaluation.features_and_probabilities(classifier, digits.test)
many_z = torch.randn(1_000, settings.latent_dim, device=device)


def watch(step):
    film[f"after {step:,} steps"] = draw(averaged, fixed_z)[:10]
    for name, generator in zip(on_the_way, (networks.generator, averaged), strict=True):
        score = evaluation.score(draw(generator, many_z), real_features, classifier)
        on_the_way[name].append((step, score.frechet))
    show_images(
        draw(averaged, fixed_z),
        columns=16,
        size=0.45,
        alt="Samples of the generator from 96 fixed codes at the present step of the training.",
        into=canvas,
    )


history = train(
    update,
    digits.train,
    steps=settings.steps,
    batch_size=settings.batch_size,
    watch=watch,
    watch_every=settings.steps // 5,
    name="05_dcgan",
    state=state,
)

# %%
show_images(
    film,
    alt="Samples of ten fixed codes in six rows, at six times in the training: first an even grey, then blurred strokes,"
    " then digits that settle in shape while the code stays the same.",
)

# %% [markdown]
# The same code keeps its picture for long stretches of the training: the generator improves a map that it already has. The whole
# sheet at the end:

# %% tags=["picture"]
show_images(
    draw(averaged, fixed_z),
    columns=16,
    size=0.45,
    alt="Ninety-six samples of the trained generator in six rows of sixteen: most are recognisable digits in varied"
    " handwriting with clear edges, some are malformed.",
)

# %% [markdown]
# Put them beside the samples of chapter 02's VAE. The edges are sharp. No one asked this generator to be right about each pixel *on average*. It was asked
# to be plausible, and grey strokes are not.
#
# ### Two scores
#
# Are they good? We borrow chapter 03's two scores, which chapter 06 will derive. Both look at the pictures through a classifier. The **inception score**
# (IS; Salimans et al., 2016) is high, at most 10 with ten classes, if the classifier is sure about each picture and the pictures together cover the classes evenly. It sees neither a lack
# of variety within a class, nor whether the pictures look like the data.
# The **Fréchet distance** (Heusel et al., 2017; called FID when the classifier is Inception-v3) describes real and generated pictures each by the mean and covariance of 64 features, and measures
# how far the two Gaussians lie apart. It is 0 when they agree, and has no upper limit.
#
# Both depend on the classifier, ours is small and trained on these digits, and so no number below may be compared with one from another classifier. What
# gives them meaning are the reference rows: real pictures, and noise.

# %%
z = torch.randn(10_000, settings.latent_dim, device=device)
contenders = {
    "real": digits.train[:10_000],
    "averaged generator": draw(averaged, z),
    "the last generator": draw(networks.generator, z),
    "uniform noise": torch.rand(10_000, 1, 28, 28, device=device),
}
scores = {name: evaluation.score(images, real_features, classifier) for name, images in contenders.items()}
for name, score in scores.items():
    print(f"{name:20s} inception score {score.inception_score:5.2f}   Fréchet distance {score.frechet:7.1f}")

# %%
best, last, real, noise = (
    scores[name] for name in ("averaged generator", "the last generator", "real", "uniform noise")
)
results.add(inception_score=best.inception_score, frechet=best.frechet, raw_frechet=last.frechet)
results.add(real_inception_score=real.inception_score, real_frechet=real.frechet)
results.add(noise_inception_score=noise.inception_score, noise_frechet=noise.frechet)
assert real.frechet < best.frechet < noise.frechet / 10
assert noise.inception_score < 2 < best.inception_score < real.inception_score
assert abs(best.frechet / last.frechet - 1) < 0.2

# %% [markdown]
# On MNIST the averaged generator comes to an inception score of <!--05.inception_score-->7.5, where real training pictures have <!--05.real_inception_score-->9.8, and
# to a Fréchet distance of <!--05.frechet-->54, where real ones have <!--05.real_frechet-->4.0 (not 0, since they are other pictures than the test set's) and noise has <!--05.noise_frechet-->6089.
#
# And the average? The last weights come to <!--05.raw_frechet-->54, which is no difference worth a word. Was it otherwise on the way?

# %%
fig, ax = plt.subplots()
for name, looks in on_the_way.items():
    ax.plot(*zip(*looks[1:], strict=True), "o-", label=name)
ax.set(xlabel="training step", ylabel="Fréchet distance (1000 pictures)", ylim=(0, None))
ax.legend()
show(
    fig,
    alt="Fréchet distance at five times in the training, for the last weights and for their average: both fall, and at the end"
    " the two curves meet.",
)

# %% [markdown]
# An average is calmer than the last weights, and it is late; on the way, one or the other counts for more, and the curves differ. At the end the learning rate has faded to nothing, the weights have come to rest, and an average over the
# last hundred steps is the same as the last. Fading and averaging are two remedies for the same wandering. Where the rate
# stays high to the end, averaging has more to do; Yazıcı et al. report large gains. The average costs one line and next to no time, and it does not have to know when the training will end.
#
# How much of this is tuning? We have also trained a large network with the published settings (width 64, 100 latent dimensions, batches of 128, rates of $2\cdot10^{-4}$, no average, no fading, no penalty) for the
# same minute on the same two cores, once, on MNIST. In that time it makes 264 steps, and arrives at an inception score of 1.0 and a Fréchet distance of about 1200: grey
# shapes. Those settings are not bad. They were made for a GPU and many passes. For a minute on a CPU, a small network that makes many steps
# is better than a large one that makes few. (The small network without the extra convolution and the penalty came to about 6.6 and 130.)
#
# ## 5.9 Who is winning?
#
# The losses of a GAN do not fall to a floor, and do not tell whether the pictures get better. They do tell who is ahead. Four numbers are worth
# a look, and our `update` has kept them.

# %%
plot_history(
    {key: history[key] for key in ("D(real)", "D(fake)", "D right")},
    ylabel="probability, share",
    alt="Running means over the training: D of real pictures stays above one half, D of generated ones below, and"
    " the share of pictures that D gets right lies above both.",
)

# %%
late = {key: sum(values[-len(values) // 4 :]) / len(values[-len(values) // 4 :]) for key, values in history.items()}
print("last quarter:", ", ".join(f"{key} {value:.2f}" for key, value in late.items()))
assert late["D(real)"] > 0.5 > late["D(fake)"]
assert late["D right"] > 0.5

# %% [markdown]
# Were the generator perfect, $D$ would be ½ everywhere and right half of the time (chapter 03). Ours is not, and $D$ is right more often than not, which
# is as it should be: a generator can learn only from a judge who sees more than it does. The balance is lost at the two ends. Let us visit both with short trainings of the plain class
# (no extra convolution, no penalty), and change only the learning rates. In the game between them both rates are 0.003. "Balanced" names these rates: so early in a game, D may still be well ahead.
#
# > **Predict.** First D learns 40 times slower than in the balanced game, G twice as fast. Then G learns ten times slower, D twice as fast. Where will each of the three
# > curves above lie? In which case is the generator's gradient larger?

# %%
rate_g, rate_d = 3e-3, 3e-3
cases = {
    "D too weak": (2 * rate_g, rate_d / 40),
    "balanced": (rate_g, rate_d),
    "D too strong": (rate_g / 10, 2 * rate_d),
}


def short_game(rates, init=dcgan_init, mixed=False):
    torch.manual_seed(schedule.seed())
    small = DCGAN(width=settings.width, latent_dim=settings.latent_dim).to(device).apply(init)
    update = game(small, rates, settings.experiment_steps, mixed)[0]
    return small, train(update, digits.train, steps=settings.experiment_steps, batch_size=settings.batch_size)


games = {name: short_game(rates) for name, rates in cases.items()}

# %%
fig, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True, constrained_layout=True)
for ax, (name, (_, trace)) in zip(axes, games.items(), strict=True):
    for key in ("D(real)", "D(fake)", "D right"):
        ax.plot(torch.tensor(trace[key]).unfold(0, 20, 1).mean(dim=1), label=key)
    ax.axhline(0.5, color="k", linestyle="--", linewidth=1)
    ax.set(title=name, xlabel="training step", ylim=(-0.03, 1.03))
axes[0].set_ylabel("running mean over 20 steps")
axes[2].legend(loc=(0.55, 0.52))
show(
    fig,
    alt="Three panels of D(real), D(fake) and the share of right answers. D too weak: D(fake) above D(real), right half of"
    " the time or less. Balanced: D(real) high, D(fake) low. D too strong: D(real) near one, D(fake) near zero, nearly always right.",
)

# %%
end = {name: {key: sum(values[-100:]) / 100 for key, values in trace.items()} for name, (_, trace) in games.items()}
for name in games:
    numbers = "   ".join(f"{key} {end[name][key]:7.2f}" for key in ("D right", "G loss", "G gradient"))
    print(f"{name:13s} {numbers}")
weak, fair, strong = (end[name] for name in cases)
assert weak["D(fake)"] > weak["D(real)"], "it takes the fakes for more real than the real ones"
assert weak["D right"] < 0.6 < fair["D right"]
assert strong["D right"] > 0.8
assert 3 * weak["G gradient"] < fair["G gradient"] < strong["G gradient"]

# %% [markdown]
# **D too weak.** It is right half of the time or less, and that is no sign of a good generator, for it lags behind: it takes the fakes for *more* real than the real pictures. The generator's loss is small, its gradient
# is small, and it looks like success. It has fooled a bad judge. **D too strong.** D is almost always right, $D(\text{fake})$ goes to zero. Chapter 04's loss keeps the gradient alive there, it is even larger than in the balanced game;
# with the minimax loss it would have faded. But a large gradient is no help by itself: Adam divides by its size.
#
# | sign | likely | what to try |
# |---|---|---|
# | D right half of the time or less, D(fake) ≥ D(real), bad pictures | D too weak | raise D's rate, lower G's; widen D; two steps of D for one of G |
# | D right nearly always, G's loss rising | D too strong | lower D's rate; real labels of 0.9 (Salimans et al., 2016); constrain D (chapter 07) |
# | both fine, all samples alike | mode collapse | chapter 07 |
# | both fine, samples improve | healthy | leave it alone |
#
# Different rates for the two networks are nothing improper: Heusel et al. (2017) made a method of them (two time-scale update rule) and proved, under
# conditions, that it converges to a local equilibrium.
#
# ### Two more short games
#
# First, PyTorch's default start instead of $\mathcal N(0, 0.02^2)$. Second, in D's step, the real and the generated pictures in *one* batch (section 5.6), while in G's step the discriminator gets
# generated pictures only, as before.
#
# > **Predict.** Which start is ahead after so few steps? What will D make of the mixed batches, and what will G hear from it?

# %%
games["default start"] = short_game(cases["balanced"], init=lambda layer: None)
games["mixed batches"] = short_game(cases["balanced"], mixed=True)
rows, distance = {}, {}
for name, (small, _) in games.items():
    pictures = draw(small.generator, torch.randn(2_000, settings.latent_dim, device=device))
    distance[name] = evaluation.score(pictures, real_features, classifier).frechet
    rows[f"{name}: Fréchet distance {distance[name]:.0f}"] = pictures[:10]

# %%
show_images(
    rows,
    alt="Ten samples from each of five short trainings: noise where D is too weak; pale blots in the next two; clear white"
    " strokes from PyTorch's default start; a noisy grey pattern from mixed batches.",
)
assert distance["default start"] < min(distance["balanced"], distance["D too weak"], distance["mixed batches"])

# %% [markdown]
# (After so short a training all distances are large; only their order is of interest.) The famous 0.02 is *behind*. The default makes the layers next to the pixels seven times larger,
# so from the first step real contrast reaches the discriminator, and a usable gradient comes back; the gentle start first has to grow. The lead does not last. When we ran longer trainings
# from both starts while choosing the settings, once on each data source, the gentle one ended a little ahead, and so we keep it. A short experiment shows the beginning of a
# training. Do not choose your settings by it alone.
#
# Now the mixed batches. Look at both losses at the end:

# %%
for name in ("balanced", "mixed batches"):
    trace = games[name][1]
    d_loss, g_loss = (sum(trace[key][-30:]) / 30 for key in ("D loss", "G loss"))
    print(f"{name:13s} D loss {d_loss:.4f}   G loss {g_loss:.4f}")
assert d_loss < 0.3
assert g_loss < 0.3

# %% [markdown]
# Both are close to zero: *both players believe that they have won*. D tells real from generated without a fault, from the side of the common mean on which each lies. But in G's step the
# batch is all fakes. Centred on itself, it looks to this D like a batch of something else, and D calls it real. The generator hears nothing but praise and learns nothing. In
# code it is one `torch.cat` too many, meant to save time. If both losses of a GAN vanish, suspect that D is not asked the same question in the two steps.
#
# ## 5.10 Walking and calculating with codes
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
# > **Predict.** Two codes are drawn, and we go half of the way from one to the other, in a straight line. How far from 0 are we? How many in a
# > thousand codes are as near to 0 as that, with $d = 64$, as on the short schedule?

# %%
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
        assert abs(norms.std() - math.sqrt(0.5)) < 0.02
        assert nearer < 0.02

# %% [markdown]
# Half of the way is at $\sqrt{d/2}$, deep inside the shell, where the generator has hardly ever been trained. What does it make of codes of the wrong length?

# %%
z = torch.randn(10, settings.latent_dim, device=device)
lengths = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
show_images(
    {f"the codes times {c:g}": draw(averaged, c * z) for c in lengths},
    alt="Seven rows of ten pictures, the same ten codes multiplied by 0 to 2: at 0 ten equal pictures; short codes give faint"
    " and similar shapes; at 1 digits; at 2 bold ones of higher contrast.",
)


# %%
@torch.no_grad()
def judge_codes(z):
    """The classifier's probabilities for the pictures of codes z, and how much ink is in them."""
    pictures = draw(averaged, z)
    return classifier(pictures).softmax(dim=1), pictures.mean(dim=(1, 2, 3))


# %% [markdown]
# Short codes give pale, similar pictures. For a walk from $a$ to $b$ that stays in the shell, turn instead of going straight: **spherical interpolation**
# (White, 2016). With $\varphi$ the angle between $a$ and $b$ and $t$ from 0 to 1,
#
# $$\operatorname{slerp}(a, b; t) = \frac{\sin\bigl((1-t)\varphi\bigr)}{\sin\varphi}\, a + \frac{\sin(t\varphi)}{\sin\varphi}\, b. \tag{5.12}$$


# %%
def slerp(a, b, t):
    angle = torch.arccos(F.cosine_similarity(a, b, dim=-1)).unsqueeze(-1)
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()


a, b = F.normalize(torch.randn(2, 1000, 32), dim=-1)
halfway = slerp(a, b, 0.5)
torch.testing.assert_close(halfway.norm(dim=1), torch.ones(1000))  # on the sphere, if the ends are
torch.testing.assert_close((halfway * a).sum(dim=1), (halfway * b).sum(dim=1), rtol=0, atol=1e-5)  # and in the middle

# %%
ends = torch.randn(2, 3, 1, settings.latent_dim, device=device)
t = torch.linspace(0, 1, 10, device=device).view(1, -1, 1)
straight, turned = (1 - t) * ends[0] + t * ends[1], slerp(ends[0], ends[1], t)  # (3, 10, latent_dim)
rows = {}
for k in range(3):
    rows[f"pair {k + 1}, straight"] = draw(averaged, straight[k])
    rows[f"pair {k + 1}, turned"] = draw(averaged, turned[k])
show_images(
    rows,
    alt="Three pairs of codes, each walked straight and turned: digits change smoothly into other digits on both walks;"
    " in the middle the straight ones are a little paler.",
)

# %%
a, b = torch.randn(2, 2000, settings.latent_dim, device=device)
grey = {}
for name, codes in (("at the ends", a), ("straight", (a + b) / 2), ("turned", slerp(a, b, 0.5))):
    probabilities, ink = judge_codes(codes)
    grey[name] = ink.mean()
    print(f"{name:12s} |z| {codes.norm(dim=1).mean():.2f}   mean grey {grey[name]:.3f}   ", end="")
    print(f"surest class {probabilities.amax(dim=1).mean():.3f}")
assert grey["straight"] < 0.97 * grey["at the ends"]
assert abs(grey["turned"] / grey["at the ends"] - 1) < 0.05

# %% [markdown]
# Half of the way straight through, a picture has less ink. Half of the way around the shell it has as much as at the ends: a turned code is distributed (almost) like any other
# code. The difference is real and small, and whether the classifier is surer of the one or the other hardly shows. The straight walk does not fall into an abyss, and with $d = 2$ there would be nothing to choose.
#
# ### Arithmetic
#
# Radford et al. averaged the codes of a few generated faces with glasses, subtracted the mean code of faces without, added it elsewhere, and
# found glasses there. It is a famous figure, of chosen examples. With digits we can count.
#
# Nobody has told the generator about classes. We draw codes, let the classifier name their pictures, and average the codes of each class: $m_0, \dots, m_9$.
#
# > **Predict.** Decode the ten mean codes. Shall we see the digits 0 to 9?

# %%
z = torch.randn(6_000, settings.latent_dim, device=device)
named = judge_codes(z)[0].argmax(dim=1)
means = torch.stack([z[named == c].mean(dim=0) for c in range(10)])  # (10, latent_dim)
on_shell = F.normalize(means, dim=1) * math.sqrt(settings.latent_dim)  # the same directions, at the usual length
show_images(
    {"mean codes": draw(averaged, means), "the same, lengthened to the shell": draw(averaged, on_shell)},
    alt="Two rows of ten pictures. Decoded mean codes: pale and much alike. The same codes lengthened to the usual norm:"
    " clear digits, from 0 to 9 in order, or nearly.",
)

# %%
classes = torch.arange(10, device=device)
right_short, right_shell = (
    (judge_codes(codes)[0].argmax(dim=1) == classes).sum().item() for codes in (means, on_shell)
)
print(
    f"norms of the means {means.norm(dim=1).min():.1f} to {means.norm(dim=1).max():.1f}, of codes about {math.sqrt(settings.latent_dim):.0f}"
)
print(f"classified as intended: {right_short} of 10 mean codes, {right_shell} of 10 on the shell")
assert right_shell >= 7
assert means.norm(dim=1).max() < 0.6 * math.sqrt(settings.latent_dim)

# %% [markdown]
# Not as they are: an average of many codes is short, and short codes give pale pictures. Their *directions* are what counts. This is the norm again.
#
# Now the arithmetic. Take a code $z$ whose picture is called $b$, subtract $m_b$, add $m_c$. Is the result a $c$? We try all pairs $b \ne c$, and steps of one to three times $m_c - m_b$.
# For a baseline, the means are replaced by random vectors of the same lengths.


# %%
def hit_rate(means, times, n=200):
    """How often z + times · (m_c − m_b) gives a c, for codes z that give a b, over all c ≠ b."""
    z = torch.randn(n, settings.latent_dim, device=device)
    b = judge_codes(z)[0].argmax(dim=1)
    hits = []
    for c in range(10):
        moved = (z + times * (means[c] - means[b]))[b != c]
        hits.append((judge_codes(moved)[0].argmax(dim=1) == c).float())
    return torch.cat(hits).mean().item()


random_means = F.normalize(torch.randn_like(means), dim=1) * means.norm(dim=1, keepdim=True)
rates = {times: (hit_rate(means, times), hit_rate(random_means, times)) for times in (1, 2, 3)}

# %%
for times, (rate, chance) in rates.items():
    print(f"{times} × (m_c − m_b): {rate:.0%} are the intended digit; with random directions {chance:.0%}")
assert all(rate > 2.5 * chance for rate, chance in rates.values())
assert rates[1][0] < rates[2][0]
assert rates[1][0] < 0.75
results.add(arithmetic_once=rates[1][0], arithmetic_twice=rates[2][0], arithmetic_random=rates[2][1])

# %% [markdown]
# On MNIST one step gives the intended digit in a share of <!--05.arithmetic_once-->0.49, two steps in <!--05.arithmetic_twice-->0.76, and two steps between random means of the same
# lengths in <!--05.arithmetic_random-->0.06. So the direction means something: many times what chance gives. And one plain addition, as in the famous formula, is far from reliable. (Why is one step too short? $m_b$ is how
# far codes of class $b$ lie in their direction *on average*, and the other classes overlap there: to leave one region and arrive well inside another takes more.) Classes are not
# directions. They are regions of the shell, and their means point roughly at them. Chapter 08 will simply tell the generator which digit we want.
#
# > **Common mistake.** Showing the arithmetic that worked. With ninety pairs and thousands of codes there is always a beautiful example. Say how often it
# > works, and compare with a step of the same length in no particular direction. (And remember who judged: the classifier that also chose the codes.)
#
# ## 5.11 Longer training, other pictures
#
# On a GPU the full schedule trains the paper's net on the digits, and then the same class on Fashion-MNIST and on CIFAR-10, small colour photographs of 32×32. No new
# code is needed: `DCGAN` takes the size and the channels from the data. These runs take long, so they have names. Every 500 steps `train` saves what `state` holds: both networks, the average and
# both optimizers with their schedules. A session that was cut off continues where it was, if you run the notebook again (chapter 00; a test of the course holds a resumed run to the very weights of an
# uninterrupted one, on a CPU). All of it is needed: without Adam's averages the first steps after a resume would be of the wrong size, and without the averaged generator you would lose the one you wanted.

# %%
full_plan = {"mnist": (28, 1), "fashion_mnist": (28, 1), "cifar10": (32, 3)}
for name, (size, channels) in full_plan.items():
    plan = DCGAN(size, channels, width=64, latent_dim=100)
    print(f"{name:13s} {size}×{size}×{channels}: {count(plan):9,} weights; trained here: ", end="")
    print("yes" if settings.width == 64 else "only on the full schedule")
    assert plan.generator(torch.randn(2, 100)).shape == (2, channels, size, size)

# %%
for name, steps in zip(settings.other_data, settings.other_steps, strict=True):  # none on the short schedule
    images = load_images(name)
    other = DCGAN(images.train.shape[-1], images.train.shape[1], settings.width, settings.latent_dim).to(device)
    other.apply(dcgan_init)
    update, state = game(other, settings.learning_rates, steps)
    train(update, images.train, steps=steps, batch_size=settings.batch_size, name=f"05_{name}", state=state)
    show_images(
        draw(state["averaged"], fixed_z),
        columns=16,
        size=0.45,
        alt="Ninety-six samples of a DCGAN that was trained on the full schedule, in six rows of sixteen.",
    )

# %% [markdown]
# We print no scores for these. No full run has been recorded for this course yet, and our classifier knows only digits; published numbers for CIFAR-10 use Inception-v3, in
# longer trainings than this. Chapter 06 has what you need to measure your own.
#
# > **Common mistake.** Training on the images of `torchvision` and forgetting the scale. The generator ends in a tanh, −1 to 1; pictures are stored from 0 to 1. A discriminator
# > shown both as they are needs one look at the background to tell them apart. `update` brings the real ones to the generator's scale (`2 * x - 1`), `draw` the generated ones to the pictures'.

# %% [markdown]
# ## Your numbers
#
# The bands come from runs with eight seeds, on more than one machine: a GAN's numbers scatter. Yours should lie inside; if you have changed a setting, the table
# shows what your change did.

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - A transposed convolution stamps: each input number adds its multiple of the kernel (5.1). It is the transpose of the convolution's matrix and its
#   backward pass (5.2), and not its inverse.
# - Sizes follow (5.3) and (5.4). Kernel 4, stride 2, padding 1 doubles or halves exactly, as long as the sizes are even.
# - Where the stride does not divide the kernel, pixels get unequal numbers of stamps: checkerboards.
# - Batch norm has two modes. In train mode each output depends on its whole batch. Train both networks in train mode, on separate real and fake batches; sample in eval mode.
# - Before a batch norm, the scale of the weights decides no output, only the speed of learning (5.8).
# - Losses tell who is ahead, not how good the pictures are. D right half of the time is the aim only with good pictures; with bad ones D is too weak.
# - A penalty on D's slope at real pictures (5.10) damps the game.
# - Average the generator's weights (5.9). Score with reference rows beside.
# - Codes live in a shell of radius $\sqrt d$ (5.11). Averages of codes are too short; lengthen them before you judge.
#
# ## Questions to try
#
# 1. Design the layers of a generator for 48×48, with what you know of sizes. Does `DCGAN(image_size=48)` accept it? What would you have to change?
# 2. Replace kernel 4 by kernel 3 with `output_padding=1` in the generator. Are there checkerboards after training? Before?
# 3. Remove batch norm from the discriminator, then from the generator. What happens to the curves of 5.9?
# 4. Score the averaged generator in train mode, in batches of 1000, 10 and 1. Where does it begin to matter?
# 5. Average with $\lambda = 0.9$ and $\lambda = 0.999$. Which is best after 200 steps, which at the end?
# 6. Let $m_b$ be the mean code of the boldest tenth of the pictures and $m_t$ that of the faintest. Is $z + m_b - m_t$ bolder? Is it still the same digit?
#
# ## References
#
# - A. Radford, L. Metz and S. Chintala, "Unsupervised representation learning with deep convolutional generative adversarial networks", ICLR 2016,
#   [arXiv:1511.06434](https://arxiv.org/abs/1511.06434).
# - V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, [arXiv:1603.07285](https://arxiv.org/abs/1603.07285): 5.2 and 5.3, in pictures.
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
#
# ## What comes next
#
# - [Exercise 05](../exercises/ex05_dcgan.ipynb): a DCGAN for pictures of a size that is yours alone.
# - Chapter 06 asks what the two scores measure, derives them, and adds others: precision and recall, likelihood, and looking.
# - Chapter 07 deals with the games that do not go as well as this one.
