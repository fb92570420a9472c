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
# # Exercise 01 · A convolutional autoencoder
#
# Chapter 01 built an autoencoder from two small fully connected networks. A picture, though, is not a list of
# numbers in any order: neighbours belong together, and a stroke is a stroke wherever it stands. Convolutions know
# this. Here you build a convolutional autoencoder from its sizes up, find out how good a linear one could
# possibly be, and measure how much the bends are worth.
#
# **You will practise**
#
# - working out the sizes and the number of weights of a convolutional network before you run it;
# - building an encoder and a decoder that keep to a given shape, for more than one picture size;
# - reporting an error that means the same thing for every batch size;
# - principal components as the floor under every linear autoencoder;
# - making training pairs for a denoiser, and writing the training loop;
# - a small experiment, reported with numbers.
#
# **Follows** chapter 01. **Time**: about 150 minutes, of which the computer needs less than one. The tasks build on one
# another only where they say so.
#
# **How to work.** Write your answer where it says `raise NotImplementedError()`, delete that line, and run the cell,
# then the test cell under it. A test that passes says so in a line with a ✓; one that fails says what kind of mistake
# it looks for. When your exercise is graded, the same tests are run again with further inputs, so make your functions
# right, not only right for these numbers. The code of the tests is folded; a click on the three dots opens it.
# Questions in words are read by a person; a few good sentences are enough.

# %% nbgrader={"grade": false, "grade_id": "bootstrap", "locked": true, "schema_version": 3, "solution": false} tags=["bootstrap", "hide-input"] jupyter={"source_hidden": true} cellView="form"
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

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from course_utils.checks import when_ready

torch.set_num_threads(1)  # networks as small as these gain nothing from a second core

# %% [markdown]
# The data: 1797 real handwritten digits that come with scikit-learn, enlarged to 16×16 so that training takes seconds.
# Pixels are in $[0, 1]$. The last 360 are held out; your model must never be trained on them.

# %% nbgrader={"grade": false, "grade_id": "data", "locked": true, "schema_version": 3, "solution": false}
scans = torch.tensor(load_digits().images, dtype=torch.float32).view(-1, 1, 8, 8) / 16
digits = F.interpolate(scans, size=16, mode="bilinear", align_corners=False)  # (1797, 1, 16, 16)
train_digits, test_digits = digits[:-360], digits[-360:]


def fade(x):
    """A very bad autoencoder, for testing: it gives every picture back at half its brightness."""
    return 0.5 * x


# %% [markdown]
# ## 1 Sizes first
#
# A convolution with kernel size $k$, stride $s$ and padding $p$ puts its window on the padded picture at every place
# where it fits *completely*, in steps of $s$. How many places are there, along one side of $n$ pixels?
#
# ### Task 1a
#
# Write `conv_size`.


# %% nbgrader={"grade": false, "grade_id": "conv-size", "locked": false, "schema_version": 3, "solution": true}
def conv_size(n, kernel, stride=1, padding=0):
    """Side length, an int, of what `nn.Conv2d(…, kernel, stride, padding)` makes of a picture with side n."""
    ### BEGIN SOLUTION
    return (n + 2 * padding - kernel) // stride + 1
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "conv-size-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import check

check(
    conv_size(28, 3) == 26,
    "Without padding, a window of 3 fits into 28 pixels at 26 places: the last two pixels start no window.",
)
check(
    conv_size(28, 3, stride=2, padding=1) == 14,
    "Padding is added on both sides, and steps of 2 halve the number of places.",
)
check(isinstance(conv_size(28, 3, 2, 1), int), "A side length is a whole number (an int), not a float.")
check(
    conv_size(7, 3, stride=2, padding=0) == 3,
    "Three windows fit exactly into seven pixels; the first place counts, too.",
)
### BEGIN HIDDEN TESTS
import random

import torch
from torch import nn

draw = random.Random(611)
for _ in range(40):
    size, window, step, pad = draw.randint(8, 40), draw.randint(1, 7), draw.randint(1, 4), draw.randint(0, 3)
    truth = nn.Conv2d(1, 1, window, step, pad)(torch.zeros(1, 1, size, size)).shape[-1]
    check(
        conv_size(size, window, step, pad) == truth,
        "A window that sticks out beyond the padded edge is not used: round down.",
    )
### END HIDDEN TESTS

# %% [markdown]
# A transposed convolution goes the other way: every input pixel stamps a $k\times k$ patch on the output, the stamps
# $s$ pixels apart; then $p$ pixels are cut off *on each side*, and `output_padding` adds some pixels back, on one side
# only.
#
# ### Task 1b
#
# Write `transposed_size`. (Sketch it for $n = 2$, $k = 4$, $s = 2$ first.)


# %% nbgrader={"grade": false, "grade_id": "transposed-size", "locked": false, "schema_version": 3, "solution": true}
def transposed_size(n, kernel, stride=1, padding=0, output_padding=0):
    """Side length, an int, of what `nn.ConvTranspose2d(…, kernel, stride, padding, output_padding)` makes of side n."""
    ### BEGIN SOLUTION
    return (n - 1) * stride + kernel - 2 * padding + output_padding
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "transposed-size-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import check

check(
    transposed_size(2, 4, stride=2) == 6,
    "Two stamps of width 4, two pixels apart, overlap: together they cover 6 pixels.",
)
check(
    transposed_size(7, 4, stride=2, padding=1) == 14,
    "Padding of a transposed convolution cuts pixels off, on both sides.",
)
check(transposed_size(5, 3) == 7, "Stamps of width 3, one pixel apart, stick out by two pixels.")
check(transposed_size(4, 3, stride=2, padding=1) == 7, "Doubling is not automatic: this layer makes 7 of 4.")
### BEGIN HIDDEN TESTS
import random

import torch
from torch import nn

draw = random.Random(612)
for _ in range(40):
    size, window, step, pad = draw.randint(3, 12), draw.randint(3, 7), draw.randint(1, 4), draw.randint(0, 2)
    extra = draw.randint(0, step - 1)
    truth = nn.ConvTranspose2d(1, 1, window, step, pad, extra)(torch.zeros(1, 1, size, size)).shape[-1]
    check(
        transposed_size(size, window, step, pad, extra) == truth,
        "output_padding is added once, on one side, not on both.",
    )
### END HIDDEN TESTS

# %% [markdown]
# Now a whole network, on MNIST's 28×28 pixels. With pencil and paper first:
#
# | | layer | |
# |---|---|---|
# | 1 | `nn.Conv2d(1, 8, 3, stride=2, padding=1)` | encoder |
# | 2 | `nn.Conv2d(8, 16, 3, stride=2, padding=1)` | |
# | 3 | `nn.Conv2d(16, 32, 3, stride=2, padding=1)` | |
# | 4 | `nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1)` | decoder |
# | 5 | `nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1)` | |
# | 6 | `nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1)` | |
#
# ### Task 1c
#
# Give the shape (channels, height, width) after each layer, and the number of trainable parameters of
# each, biases included.


# %% nbgrader={"grade": false, "grade_id": "by-hand", "locked": false, "schema_version": 3, "solution": true}
def shapes_by_hand():
    """A list of six tuples (channels, height, width), one a layer of the table."""
    ### BEGIN SOLUTION
    return [(8, 14, 14), (16, 7, 7), (32, 4, 4), (16, 7, 7), (8, 14, 14), (1, 28, 28)]
    ### END SOLUTION


def weights_by_hand():
    """A list of six ints: the parameters of each layer of the table, biases included."""
    ### BEGIN SOLUTION
    return [80, 1168, 4640, 4624, 1160, 129]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "shapes-by-hand-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import check

shapes = [tuple(shape) for shape in shapes_by_hand()]
check(len(shapes) == 6, "There are six layers, so there are six shapes.")
check(all(len(shape) == 3 for shape in shapes), "A shape here is (channels, height, width), without the batch.")
check(shapes[-1] == (1, 28, 28), "The last layer must give back the size of the picture.")
check(
    all(shape[1] == shape[2] for shape in shapes),
    "Square pictures stay square: channels come first, then height and width.",
)
### BEGIN HIDDEN TESTS
check(shapes[2][1] != 3, "Layer 3 has an odd number of pixels to halve. How many windows start within the padded 7?")
check(
    shapes == [(8, 14, 14), (16, 7, 7), (32, 4, 4), (16, 7, 7), (8, 14, 14), (1, 28, 28)],
    "At least one of the shapes is not what the layer makes.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "weights-by-hand-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import check

weights = list(weights_by_hand())
check(len(weights) == 6, "There are six layers, so there are six counts.")
check(weights[0] == 80, "Layer 1: eight kernels of 3·3 weights on one channel, and a bias for each kernel.")
### BEGIN HIDDEN TESTS
check(weights[3] != 4640, "A layer has one bias for each channel that it makes, not for each that it reads.")
check(
    weights == [80, 1168, 4640, 4624, 1160, 129],
    "Each kernel reads all input channels, and each output channel has one bias. The picture's size plays no part.",
)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 1 (3 points)
#
# The fully connected autoencoder of chapter 01 has 218 192 weights. The six convolutional
# layers above have about 11 800. (a) Which two assumptions about pictures does a convolution build in, so that it needs
# so few? (b) After layer 3 the picture has become $32\times4\times4$ numbers. Is that network, as it stands, an
# *undercomplete* autoencoder? Compare with the size of the picture, and say what you would add to get a code of 16
# numbers.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-convolution", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 1 point: *locality* (an output depends on a small neighbourhood) and *the same weights everywhere* (translation
#   equivariance: a stroke means the same wherever it stands). Half for one of the two.
# - 1 point: 32·4·4 = 512 numbers against 784 pixels: still fewer than the pixels, so undercomplete by the count, but
#   only just (a factor of 1.5). Full marks also for "hardly a bottleneck", if the numbers are compared.
# - 1 point: flatten and a fully connected layer 512 → 16 at the end of the encoder, and 16 → 512, reshaped to (32, 4,
#   4), at the start of the decoder. (Also right: a 4×4 convolution with 16 output channels.)
# ### END MARK SCHEME
#
# (a) A convolution assumes that what a pixel means depends on its neighbourhood (locality), and that a pattern means
# the same wherever it stands, so that one set of weights serves all places. (b) 512 numbers are fewer than 784, so
# formally yes, but by a factor of only 1.5. For a code of 16 I would flatten the 512 numbers and put a linear layer 512
# → 16 behind the encoder, and a linear layer 16 → 512, reshaped to 32×4×4, before the decoder.

# %% [markdown]
# ## 2 The network
#
# ### Task 2
#
# Write the class `ConvAutoencoder(latent_dim, size)` for grey pictures of `size`×`size` pixels, where
# `size` is any multiple of 4.
#
# - `encode(x)`: pictures $(n, 1, \text{size}, \text{size})$ to codes $(n, \text{latent\_dim})$. At least two
#   convolutions, which together make the picture smaller by 4 along each side, bends between the layers, and *no* bend
#   after the last one: a code may be any real number.
# - `decode(z)`: codes to pictures with pixels in $[0, 1]$. At least two convolutions or transposed convolutions.
# - `forward(x)`: one after the other.
# - At `latent_dim=16, size=28` at most 100 000 weights, less than half of what chapter 01's network needs.
#
# Widths, kernel sizes and bends are yours to choose. 16 and 32 channels are a good start.


# %% nbgrader={"grade": false, "grade_id": "conv-autoencoder", "locked": false, "schema_version": 3, "solution": true}
class ConvAutoencoder(nn.Module):
    def __init__(self, latent_dim, size=28):
        super().__init__()
        ### BEGIN SOLUTION
        side = size // 4  # two halvings
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),  # => (n, 16, size/2, size/2)
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),  # => (n, 32, size/4, size/4)
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * side**2, latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 32 * side**2),
            nn.ReLU(),
            nn.Unflatten(1, (32, side, side)),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),  # => (n, 16, size/2, size/2)
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),  # => (n, 1, size, size)
            nn.Sigmoid(),
        )
        ### END SOLUTION

    def encode(self, x):
        """(n, 1, size, size) => (n, latent_dim)"""
        ### BEGIN SOLUTION
        return self.encoder(x)
        ### END SOLUTION

    def decode(self, z):
        """(n, latent_dim) => (n, 1, size, size), pixels in [0, 1]"""
        ### BEGIN SOLUTION
        return self.decoder(z)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.decode(self.encode(x))
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "encode-shape-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

net = ConvAutoencoder(latent_dim=16, size=28)
check(
    net.encode(torch.rand(5, 1, 28, 28)).shape == (5, 16),
    "The code of 5 pictures is a tensor (5, latent_dim): one row a picture.",
)
check(
    net.encode(torch.rand(1, 1, 28, 28)).shape == (1, 16),
    "A batch of one picture is still a batch: do not squeeze, and write no batch size into the network.",
)
### BEGIN HIDDEN TESTS
for wanted, side in ((3, 12), (1, 20), (7, 32), (2, 8)):
    codes = ConvAutoencoder(wanted, side).encode(torch.rand(3, 1, side, side))
    check(
        codes.shape == (3, wanted),
        "The network must work out its inner sizes from `size` and `latent_dim`, for every multiple of 4.",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "decode-shape-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

net = ConvAutoencoder(latent_dim=16, size=28)
check(
    net.decode(torch.randn(5, 16)).shape == (5, 1, 28, 28),
    "The decoder gives pictures (n, 1, size, size), with the channel.",
)
check(net.decode(torch.randn(1, 16)).shape == (1, 1, 28, 28), "One code gives a batch of one picture.")
### BEGIN HIDDEN TESTS
for wanted, side in ((3, 12), (1, 20), (7, 32), (2, 8)):
    pictures = ConvAutoencoder(wanted, side).decode(torch.randn(3, wanted))
    check(
        pictures.shape == (3, 1, side, side),
        "Follow the sizes through the decoder for every multiple of 4, not for 28 alone.",
    )
check(
    ConvAutoencoder(4).decode(torch.randn(2, 4)).shape == (2, 1, 28, 28),
    "Without a size, pictures have 28 pixels a side.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pixel-range-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

net = ConvAutoencoder(latent_dim=16, size=28)
pictures = net.decode(100 * torch.randn(20, 16, generator=torch.Generator().manual_seed(3)))
check(
    pictures.min() >= 0 and pictures.max() <= 1,
    "Pixels must lie in [0, 1] for every code, also for codes far from zero.",
)
### BEGIN HIDDEN TESTS
pictures = ConvAutoencoder(5, 12).decode(300 * torch.randn(50, 5, generator=torch.Generator().manual_seed(4)))
check(
    pictures.min() >= 0 and pictures.max() <= 1,
    "Pixels must lie in [0, 1] for every code, also for codes far from zero.",
)
check(
    pictures.min() < 0.4,
    "The decoder can only make pictures that are half-way to white: paper is black here, a pixel near 0.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "code-range-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

net = ConvAutoencoder(latent_dim=16, size=28).eval()
codes = 0
for seed in range(3):
    codes = codes + net.encode(5 * torch.randn(40, 1, 28, 28, generator=torch.Generator().manual_seed(seed)))
check(
    (codes < 0).any(),
    "None of these codes is negative: is there a bend (ReLU, sigmoid) after the encoder's last layer?",
)
### BEGIN HIDDEN TESTS
codes = (
    ConvAutoencoder(8, 16).eval().encode(1e4 * torch.randn(40, 1, 16, 16, generator=torch.Generator().manual_seed(9)))
)
check((codes < 0).any() and (codes > 0).any(), "A code may be any real number: no bend after the encoder's last layer.")
check(
    codes.abs().max() > 1.5,
    "Something holds the codes inside a fixed interval: no tanh after the encoder's last layer.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bends-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

net = ConvAutoencoder(latent_dim=16, size=28).eval()
one, two = torch.rand(2, 8, 1, 28, 28, generator=torch.Generator().manual_seed(5)).unbind(0)
middle = net.encode((one + two) / 2)
straight = (net.encode(one) + net.encode(two)) / 2
check(
    (middle - straight).abs().max() > 1e-4 * straight.abs().max(),
    "Half-way in, half-way out: this encoder is linear. Convolutions without a bend between them are one matrix.",
)
### BEGIN HIDDEN TESTS
net = ConvAutoencoder(6, 20).eval()
one, two = (5 * torch.randn(2, 8, 6, generator=torch.Generator().manual_seed(6))).unbind(0)
ends, middle = torch.cat([net.decode(one), net.decode(two)]), net.decode((one + two) / 2)
inside = (ends > 0) & (ends < 1)  # a decoder that ends in clamp has a bend there, and needs no logit
if inside.all():
    first, second = torch.logit(ends.double()).chunk(2)
    gap = (torch.logit(middle.double()) - (first + second) / 2).abs().max()
    check(
        gap > 1e-3 * first.abs().max(),
        "Before its last step this decoder is linear: it needs a bend between its layers, too.",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "convolutions-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import check

net = ConvAutoencoder(latent_dim=16, size=28)
dimensions = [parameter.dim() for parameter in net.parameters()]
check(
    len(dimensions) > 0,
    "The network has no parameters: layers must be attributes of the module (or in an nn.Sequential), not in a plain list.",
)
check(
    dimensions.count(4) >= 4,
    "Four convolutional kernels at least are asked for: two in the encoder, two in the decoder.",
)
check(
    sum(parameter.numel() for parameter in net.parameters()) <= 100_000,
    "More than 100 000 weights: are the channels too many, or is a fully connected layer doing the work?",
)
### BEGIN HIDDEN TESTS
small, large = [sum(p.numel() for p in ConvAutoencoder(16, side).parameters() if p.dim() == 4) for side in (16, 40)]
check(small == large, "The kernels of a convolution do not grow with the picture.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bottleneck-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

net = ConvAutoencoder(latent_dim=4, size=28).eval()
one, two = torch.rand(2, 6, 1, 28, 28, generator=torch.Generator().manual_seed(7)).unbind(0)
codes = net.encode(one)
before = net.decode(codes)
net.encode(two)
close(
    net.decode(codes),
    before,
    "The decoder's answer changed although the code did not: it must see the code and nothing else.",
)
close(net(one), before, "forward(x) must be decode(encode(x)).")
### BEGIN HIDDEN TESTS
net = ConvAutoencoder(3, 12).eval()
batch = torch.rand(7, 1, 12, 12, generator=torch.Generator().manual_seed(8))
close(
    net.encode(batch)[2:3],
    net.encode(batch[2:3]),
    "The code of a picture must not depend on which pictures are beside it in the batch.",
)
codes = net.encode(batch)
close(
    net.decode(codes.flip(0)).flip(0),
    net(batch),
    "Decoding the codes in another order must give the same pictures in that order: the decoder sees more than the code.",
    rtol=1e-3,
)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 One error, three conventions
#
# Equation (1.3) sums the squared error over the pixels of one picture. `F.mse_loss` averages over everything. Both are
# in use, and papers do not always say which. And a data set is evaluated in batches, of which the last is usually
# smaller than the others.
#
# ### Task 3a
#
# `picture_errors` gives (1.3) for each picture of a batch; `per_pixel` turns the mean of such errors into
# the error per pixel.


# %% nbgrader={"grade": false, "grade_id": "errors", "locked": false, "schema_version": 3, "solution": true}
def picture_errors(x, x_hat):
    """Squared error summed over everything but the batch: (n, …) and (n, …) => (n,)"""
    ### BEGIN SOLUTION
    return (x - x_hat).square().flatten(1).sum(dim=1)
    ### END SOLUTION


def per_pixel(errors, shape):
    """Errors (n,) as `picture_errors` gives them, and the shape (n, c, h, w) of the batch => the number F.mse_loss gives."""
    ### BEGIN SOLUTION
    return errors.mean() / (shape[1] * shape[2] * shape[3])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "picture-errors-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

black, grey = torch.zeros(2, 1, 4, 6), torch.full((2, 1, 4, 6), 0.5)
close(
    picture_errors(black, grey),
    torch.full((2,), 6.0),
    "24 pixels, each off by ½, sum to 24 · ¼ = 6 for each picture: square, then sum over pixels, one number a picture.",
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(301)
for shape in ((1, 1, 5, 3), (7, 3, 4, 4)):
    a, b = torch.rand(2, *shape, generator=generator).unbind(0)
    truth = torch.tensor([float(((u - v) ** 2).sum()) for u, v in zip(a, b, strict=True)])
    close(
        picture_errors(a, b),
        truth,
        "Sum over channels, height and width, and keep one number for each picture, also for a batch of one.",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "per-pixel-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

close(
    per_pixel(torch.tensor([6.0, 6.0]), (2, 1, 4, 6)),
    0.25,
    "Every pixel is off by ½, so the error per pixel is ¼, however many pictures and pixels there are.",
)
### BEGIN HIDDEN TESTS
import torch.nn.functional as F

generator = torch.Generator().manual_seed(302)
a, b = torch.rand(2, 5, 3, 4, 7, generator=generator).unbind(0)
errors = (a - b).square().sum(dim=(1, 2, 3))
close(
    per_pixel(errors, tuple(a.shape)),
    F.mse_loss(a, b),
    "Divide by the number of values in one picture: channels times height times width.",
)
### END HIDDEN TESTS

# %% [markdown]
# ### Task 3b
#
# `dataset_error` evaluates a model (anything that can be called on a batch) on a whole set, batch by
# batch, in the given order. Its answer must not depend on the batch size. Gradients are not needed: use
# `torch.no_grad()`.


# %% nbgrader={"grade": false, "grade_id": "dataset-error", "locked": false, "schema_version": 3, "solution": true}
def dataset_error(model, images, batch_size):
    """Mean squared error per pixel, a float, of model(images) over all the images (n, c, h, w)."""
    ### BEGIN SOLUTION
    total = 0.0
    with torch.no_grad():
        for x in images.split(batch_size):
            total += (x - model(x)).square().sum().item()
    return total / images.numel()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "dataset-error-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

brightness = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0]).view(5, 1, 1, 1).expand(5, 1, 4, 4)
close(
    float(dataset_error(fade, brightness, 5)),
    0.05,
    "One white picture of five comes back at half brightness: 0.25 / 5 per pixel.",
)
close(
    float(dataset_error(fade, brightness, 2)),
    0.05,
    "The answer depends on the batch size. The last batch has one picture, and must count as one picture.",
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(303)
some = torch.rand(23, 2, 3, 5, generator=generator) * torch.linspace(0, 2, 23).view(23, 1, 1, 1)
truth = float((0.5 * some).square().mean())
for size in (1, 4, 11, 22, 23, 50):
    close(
        float(dataset_error(fade, some, size)),
        truth,
        "Every picture counts the same, whichever batch it falls into; no picture may be left out.",
    )
### END HIDDEN TESTS

# %% [markdown]
# ### Question 2 (2 points)
#
# Two students train the same network on 28×28 pictures. One minimises the mean over all
# pixels and pictures; the other sums over the pixels and averages over the pictures. Both use plain gradient descent
# with the same learning rate, and the second run explodes. (a) Why? What should the second one change? (b) With Adam
# both runs look nearly the same. Why?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-sum-or-mean", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 1 point: the losses differ by the factor 784, so do the gradients and the steps; the minimum is the same. Divide the
#   learning rate by 784.
# - 1 point: Adam divides by a running size of the gradient itself, so that a constant factor cancels (up to its small
#   constant ε).
# ### END MARK SCHEME
#
# (a) The second loss is 784 times the first, with the same minimum. Its gradients are 784 times as large, and so are
# the steps. A learning rate 784 times smaller gives exactly the first run. (b) Adam divides the averaged gradient by
# the root of the averaged squared gradient. A constant factor stands above and below and cancels, except for the tiny ε
# in the denominator.

# %% [markdown]
# ## 4 How good can a linear autoencoder be?
#
# Before you train anything, find the level that it has to pass. By (1.2), no linear autoencoder with a code of $k$
# numbers has a smaller mean error, on the pictures that it is fitted to, than the sum of the discarded eigenvalues of
# their covariance.
#
# ### Task 4a
#
# Fit the principal components of a set of pictures, rebuild other pictures with them, and give the floor
# (1.2), *per pixel*. The covariance is $C = \frac1n\sum_i (x_i-\bar x)(x_i-\bar x)^\top$. `torch.linalg.eigh` sorts
# ascending; `torch.linalg.svd` of the centred pictures is another way.


# %% nbgrader={"grade": false, "grade_id": "pca", "locked": false, "schema_version": 3, "solution": true}
def fit_pca(images, k):
    """Images (n, c, h, w) => the mean (d,) and the first k principal directions as orthonormal columns (d, k), d = c·h·w."""
    ### BEGIN SOLUTION
    flat = images.flatten(1)
    mean = flat.mean(dim=0)
    _, _, Vh = torch.linalg.svd(flat - mean, full_matrices=False)
    return mean, Vh[:k].T
    ### END SOLUTION


def pca_rebuild(images, mean, directions):
    """The images, rebuilt from their k coordinates along `directions`; same shape as `images`."""
    ### BEGIN SOLUTION
    centred = images.flatten(1) - mean
    return (mean + centred @ directions @ directions.T).view_as(images)
    ### END SOLUTION


def linear_floor(images, k):
    """The smallest mean squared error per pixel, on these images, that a linear autoencoder with a code of k can have."""
    ### BEGIN SOLUTION
    flat = images.flatten(1)
    singular_values = torch.linalg.svdvals(flat - flat.mean(dim=0))
    return singular_values[k:].square().sum() / images.numel()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "fit-pca-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

# Pictures of 1×3 pixels that vary a lot in the second pixel, less in the third, and hardly in the first.
generator = torch.Generator().manual_seed(401)
tiny = torch.tensor([2.0, 5.0, -3.0]) + torch.randn(400, 3, generator=generator) * torch.tensor([0.1, 3.0, 1.0])
average, axes = (torch.as_tensor(one) for one in fit_pca(tiny.view(400, 1, 1, 3), 2))
close(average, tiny.mean(dim=0), "The mean picture is the mean over the pictures, pixel by pixel.")
close(axes.T @ axes, torch.eye(2), "The directions must be orthonormal columns, (d, k).", atol=1e-4)
message = "The first direction must be the one of the LARGEST variance (after the mean is taken away)."
check(axes[1, 0].abs() > 0.98, message)
check(axes[2, 1].abs() > 0.98, "The second direction must be the one of the second largest variance.")
### BEGIN HIDDEN TESTS
for n, height, width, k in ((60, 4, 5, 3), (9, 6, 7, 4), (50, 3, 3, 1)):
    d = height * width
    basis = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64)).Q
    spread = 0.6 ** torch.arange(d, dtype=torch.float64)
    cloud = (
        4 * torch.rand(d, generator=generator, dtype=torch.float64)
        + torch.randn(n, d, generator=generator, dtype=torch.float64) * spread @ basis
    )
    average, axes = (torch.as_tensor(one) for one in fit_pca(cloud.view(n, 1, height, width), k))
    centred = cloud - cloud.mean(dim=0)
    truth = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -k:]
    close(average.double(), cloud.mean(dim=0), "The mean picture is the mean over the pictures, pixel by pixel.")
    message = "The directions are the columns of a (d, k) matrix, also when there are fewer pictures than pixels."
    check(axes.shape == (d, k), message)
    message = "These are not the k directions of largest variance around the mean."
    close((axes @ axes.T).double(), truth @ truth.T, message, atol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pca-rebuild-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

generator = torch.Generator().manual_seed(402)
average, axes = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.eye(4)[:, :2]
close(
    pca_rebuild(average.view(1, 1, 2, 2), average, axes),
    average.view(1, 1, 2, 2),
    "The mean picture has the coordinates 0 and must come back unchanged.",
)
close(
    pca_rebuild(torch.zeros(1, 1, 2, 2), average, axes),
    torch.tensor([[[[0.0, 0.0], [3.0, 4.0]]]]),
    "Along the kept directions the picture comes back; across them only the mean does.",
)
### BEGIN HIDDEN TESTS
average, axes = torch.rand(30, generator=generator), torch.linalg.qr(torch.randn(30, 7, generator=generator)).Q
some = 2 * torch.rand(11, 2, 3, 5, generator=generator) + 1  # their own mean is not `average`
once = torch.as_tensor(pca_rebuild(some, average, axes)).to(some.dtype)
close(
    once.flatten(1),
    average + (some.flatten(1) - average) @ axes @ axes.T,
    "Take away the mean that was given (not the mean of these pictures), project, and add it again.",
)
close(pca_rebuild(once, average, axes), once, "Rebuilding twice must change nothing more.")
close(
    pca_rebuild(some[:1], average, axes), once[:1], "A picture's rebuilding must not depend on the pictures beside it."
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "linear-floor-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

four = torch.tensor([[3.0, 1.0], [-3.0, 1.0], [3.0, -1.0], [-3.0, -1.0]]).view(4, 1, 1, 2) + 5
close(
    float(linear_floor(four, 1)),
    0.5,
    "Keeping the first pixel loses the second, whose squared distance from its mean is 1: ½ per pixel.",
)
close(
    float(linear_floor(four, 0)), 5.0, "With no code at all the mean picture is the best answer: (9 + 1) / 2 per pixel."
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(403)
for n, channels, height, width, k in ((40, 1, 3, 5, 4), (12, 1, 5, 5, 6), (30, 3, 2, 2, 2)):
    some = 1 + torch.randn(n, channels, height, width, generator=generator, dtype=torch.float64)
    flat = some.flatten(1) - some.flatten(1).mean(dim=0)
    top = torch.linalg.eigh(flat.T @ flat).eigenvectors[:, -k:]
    truth = float((flat - flat @ top @ top.T).square().mean())
    close(
        float(linear_floor(some, k)),
        truth,
        "This is not the error that the best k directions leave: centre, use 1/n, sum the DISCARDED eigenvalues, divide by the pixels.",
        rtol=1e-3,
    )
### END HIDDEN TESTS

# %% [markdown]
# ### Task 4b
#
# Somebody hands you a linear encoder, a matrix $E$ of size $k\times d$ that makes the code $z = E(x - \bar
# x)$. Which decoder $G$, of size $d\times k$, makes $\mathbb{E}\,\lVert (x-\bar x) - G z\rVert^2$ smallest? Write $y =
# x - \bar x$ and set the derivative in $G$ to zero: the residual $y - Gz$ must be uncorrelated with the code,
# $\mathbb{E}\,(y - Gz)\,z^\top = 0$. Solve that for $G$.


# %% nbgrader={"grade": false, "grade_id": "best-decoder", "locked": false, "schema_version": 3, "solution": true}
def best_decoder(E, images):
    """An encoder matrix (k, d) and images (n, c, h, w) => the decoder matrix (d, k) with the smallest mean error on them."""
    ### BEGIN SOLUTION
    y = images.flatten(1) - images.flatten(1).mean(dim=0)
    z = y @ E.T
    return torch.linalg.solve(z.T @ z, z.T @ y).T
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "best-decoder-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

generator = torch.Generator().manual_seed(404)
cloud = torch.randn(300, 6, generator=generator, dtype=torch.float64) * torch.tensor([4.0, 3.0, 2.0, 0.5, 0.3, 0.1]) + 7
centred = cloud - cloud.mean(dim=0)
directions = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -2:]
some = cloud.view(300, 1, 2, 3)
message = "For the principal directions themselves, the best decoder is their transpose."
close(best_decoder(directions.T, some), directions, message, atol=1e-3)
stretched = torch.tensor([[2.0, 1.0], [0.0, 0.5]], dtype=torch.float64) @ directions.T
message = "The same code, stretched and mixed, carries the same information: the decoder must undo the mixing. Is the transpose of E the answer, then?"
close(best_decoder(stretched, some), directions @ torch.linalg.inv(stretched @ directions), message, atol=1e-3)
### BEGIN HIDDEN TESTS
mixing = torch.randn(6, 6, generator=generator, dtype=torch.float64)
cloud = cloud @ mixing
centred = cloud - cloud.mean(dim=0)
encoder = torch.randn(2, 6, generator=generator, dtype=torch.float64)
decoder = torch.as_tensor(best_decoder(encoder, cloud.view(300, 3, 1, 2))).double()
check(decoder.shape == (6, 2), "The decoder matrix has the size (d, k).")
codes = centred @ encoder.T
residual = centred - codes @ decoder.T
message = "Something in the residual can still be predicted from the code: use what the data's covariance says, not the encoder alone."
close(residual.T @ codes / 300, torch.zeros(6, 2, dtype=torch.float64), message, atol=1e-2)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 3 (2 points)
#
# You now have a decoder that is best for *any* linear encoder. (a) What does the second
# check of `best_decoder`'s test tell you about the codes that two trained linear autoencoders find, if both reach the
# floor? (b) Someone reports a linear autoencoder whose error on *test* pictures lies below `linear_floor(train_images,
# k)`. Must there be a mistake?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-floor", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 1 point: the error depends on the space that is kept, not on its axes; the two codes may differ by any invertible
#   matrix (so single coordinates mean nothing by themselves).
# - 1 point: no. The floor holds for the pictures it was computed on. Test pictures can be easier by chance (or
#   different). A floor for them is `linear_floor(test_images, k)`.
# ### END MARK SCHEME
#
# (a) Both keep the space of the first k principal directions, but each may have its own axes in it: the codes agree
# only up to an invertible k×k matrix. (b) No. The bound is about the pictures whose covariance was used. Test pictures
# that happen to be easier can lie below it. For them the bound to compare with is that of their own covariance.

# %% [markdown]
# ## 5 Pairs for a denoiser
#
# A denoiser is trained on pairs: a damaged picture goes in, the clean one is the target. Here the damage is *missing*
# pixels: each value of each picture is set to 0 with probability $p$, independently of all others, and the rest stay as
# they are.
#
# ### Task 5
#
# Write `denoising_pair`.


# %% nbgrader={"grade": false, "grade_id": "denoising-pair", "locked": false, "schema_version": 3, "solution": true}
def denoising_pair(x, p):
    """Pictures (n, c, h, w) and the probability p of losing a value => (damaged, target), both of x's shape."""
    ### BEGIN SOLUTION
    keep = torch.rand_like(x) >= p
    return x * keep, x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pair-target-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

clean = 0.2 + 0.6 * torch.rand(4, 1, 10, 12, generator=torch.Generator().manual_seed(501))
damaged, target = denoising_pair(clean.clone(), 0.5)
close(target, clean, "The target must be the clean picture. (Did you write the zeros into x itself?)")
check((damaged == 0).any(), "Nothing was damaged. The pair is (damaged, target), in this order.")
### BEGIN HIDDEN TESTS
close(denoising_pair(clean.clone(), 0.0)[0], clean, "With p = 0 nothing is lost.")
check(bool((denoising_pair(clean.clone(), 1.0)[0] == 0).all()), "With p = 1 everything is lost.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pair-values-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

clean = 0.2 + 0.6 * torch.rand(50, 1, 20, 20, generator=torch.Generator().manual_seed(502))
damaged, _ = denoising_pair(clean.clone(), 0.2)
check(
    abs(float((damaged == 0).float().mean()) - 0.2) < 0.03,
    "About one value in five should be lost for p = 0.2: p is the probability of losing, not of keeping.",
)
kept = damaged != 0
close(damaged[kept], clean[kept], "The values that are kept must not change: this is not dropout, which rescales them.")
### BEGIN HIDDEN TESTS
clean = 0.2 + 0.6 * torch.rand(40, 2, 15, 25, generator=torch.Generator().manual_seed(503))
for p in (0.1, 0.7):
    lost = denoising_pair(clean.clone(), p)[0] == 0
    check(abs(float(lost.float().mean()) - p) < 0.03, "The share of lost values must be p.")
    by_row = lost.float().mean(dim=3)  # whole rows or columns must not go together
    check(
        by_row.var() < 0.05 and lost.float().mean(dim=2).var() < 0.05,
        "Each value must be lost by itself, not whole rows, columns or channels.",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pair-fresh-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

white = torch.ones(3, 1, 16, 16)
first, second = denoising_pair(white.clone(), 0.5)[0], denoising_pair(white.clone(), 0.5)[0]
check(
    not torch.equal(first, second),
    "Two calls lost exactly the same pixels. Fresh damage each time is what keeps the network from learning the damage by heart.",
)
check(
    not torch.equal(first[0], first[1]),
    "All pictures of the batch lost the same pixels. Each picture needs its own damage.",
)
### BEGIN HIDDEN TESTS
white = torch.ones(6, 3, 12, 12)
lost = (denoising_pair(white.clone(), 0.5)[0] == 0).double().flatten(1) - 0.5
overlap = (lost @ lost.T / lost.shape[1]).fill_diagonal_(0).abs().max()
check(overlap < 0.1, "The damage of different pictures must be independent.")
channels = (denoising_pair(torch.ones(1, 3, 40, 40), 0.5)[0] == 0).double().flatten(2)[0] - 0.5
check(
    (channels @ channels.T / 1600).fill_diagonal_(0).abs().max() < 0.1,
    "Each value is lost by itself, also in different channels of one pixel.",
)
### END HIDDEN TESTS

# %% [markdown]
# ## 6 The training loop
#
# ### Task 6
#
# Write `train_autoencoder`: `steps` updates by Adam on random batches from `images`. With `hide > 0` the
# model sees pictures damaged by your `denoising_pair` (fresh damage in every step) and is asked for the clean ones. The
# loss is the mean squared error per pixel. Return the loss of every step.


# %% nbgrader={"grade": false, "grade_id": "train-code", "locked": false, "schema_version": 3, "solution": true}
def train_autoencoder(model, images, steps, batch_size=64, learning_rate=1e-2, hide=0.0):
    """Train `model` in place; return the list of `steps` losses (floats)."""
    ### BEGIN SOLUTION
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        x = images[torch.randint(len(images), (batch_size,))]
        seen, target = denoising_pair(x, hide) if hide > 0 else (x, x)
        loss = F.mse_loss(model(seen), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "train-learns-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from course_utils.checks import check

few = torch.tensor(load_digits().images[:64], dtype=torch.float32).view(-1, 1, 8, 8) / 16
pupil = ConvAutoencoder(latent_dim=8, size=8)
untrained = F.mse_loss(pupil(few), few).detach()
losses = train_autoencoder(pupil, few, steps=60, batch_size=32)
check(len(losses) == 60, "Return one loss for each step.")
trained = F.mse_loss(pupil(few), few)
check(
    trained < 0.5 * untrained,
    "After 60 steps the model is hardly better than before: does the loop reach optimizer.step() for THIS model's parameters?",
)
### BEGIN HIDDEN TESTS
check(
    abs(losses[0] / float(untrained) - 1) < 0.2,
    "The first loss should be the error of the untrained model, per pixel: a mean over pixels and pictures.",
)
check(
    sum(losses[-10:]) < 0.7 * sum(losses[:10]),
    "The losses returned do not fall although the model learns: return the loss of every step.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "train-beats-pca-test", "locked": true, "points": 3, "schema_version": 3, "solution": false} given=["conv-autoencoder"]
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from course_utils.checks import check

pixels = torch.tensor(load_digits().images, dtype=torch.float32).view(-1, 1, 8, 8) / 16
pixels = F.interpolate(pixels, size=16, mode="bilinear", align_corners=False)
seen, held_out = pixels[:-360], pixels[-360:]
average = seen.mean(dim=0, keepdim=True)
axes = torch.linalg.svd((seen - average).flatten(1), full_matrices=False).Vh[:8].T
by_mean = F.mse_loss(average.expand_as(held_out), held_out)
by_pca = F.mse_loss((held_out - average).flatten(1) @ axes @ axes.T, (held_out - average).flatten(1))


def error_after(pictures, rebuild):
    """On the last 360, after training on the others, and the network; twice bad luck with the first weights is no longer luck."""
    for _ in range(2):
        network = ConvAutoencoder(latent_dim=8, size=16)
        train_autoencoder(network, pictures[:-360], steps=300)
        error = F.mse_loss(rebuild(network.eval()), pictures[-360:])
        if error < 0.9 * by_pca:
            break
    return error, network


error, convolutional = error_after(pixels, lambda network: network(held_out))
message = "Not even twice as good as handing out the mean picture: is the model trained on varied batches, with gradients reset in every step?"
check(error < 0.5 * by_mean, message)
message = "PCA with the same code size does about as well or better. Is every step taken on a fresh random batch?"
check(error < 0.95 * by_pca, message)
### BEGIN HIDDEN TESTS
# The same pictures, turned by a quarter: nobody has them ready, and PCA's error on them is the same.
turned, order = pixels.rot90(1, (2, 3)), torch.randperm(360, generator=torch.Generator().manual_seed(601))
error, _ = error_after(turned, lambda network: network.decode(network.encode(turned[-360:])[order])[order.argsort()])
message = "Trained on other pictures and rebuilt from the codes alone, in another order, pictures are worse than PCA's: does the decoder see more than the code, or the encoder more than the picture?"
check(error < 0.95 * by_pca, message)
### END HIDDEN TESTS

# %% [markdown]
# The numbers, and what your network makes of pictures that it has never seen. (This cell shows the network that the
# test above has trained.)

# %% nbgrader={"grade": false, "grade_id": "picture", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    rebuilt = convolutional(held_out)
    yours = F.mse_loss(rebuilt, held_out)
    print(f"held-out error per pixel: mean picture {by_mean:.4f}, PCA with 8 numbers {by_pca:.4f}, yours {yours:.4f}")
    by_axes = average + ((held_out[:10] - average).flatten(1) @ axes @ axes.T).view(-1, 1, 16, 16)
    from course_utils.figures import show_images

    show_images(
        {"held out": held_out[:10], "PCA, 8 numbers": by_axes, "yours, 8 numbers": rebuilt[:10]},
        alt="Ten held-out digits, and what PCA and the convolutional autoencoder make of them with eight numbers each.",
    )

# %% nbgrader={"grade": true, "grade_id": "train-denoises-test", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from course_utils.checks import check

pixels = torch.tensor(load_digits().images, dtype=torch.float32).view(-1, 1, 8, 8) / 16
pixels = F.interpolate(pixels, size=16, mode="bilinear", align_corners=False)
seen, held_out = pixels[:-360], pixels[-360:]
holes = torch.rand(held_out.shape, generator=torch.Generator().manual_seed(602)) < 0.6

unrepaired = F.mse_loss(held_out * ~holes, held_out)
for _ in range(2):  # a good network can have bad luck with its first weights; twice is no longer luck
    denoiser = ConvAutoencoder(latent_dim=24, size=16)
    train_autoencoder(denoiser, seen, steps=200, hide=0.6)
    cleaned = denoiser.eval()(held_out * ~holes)
    repaired = F.mse_loss(cleaned, held_out)
    if repaired < 0.23 * unrepaired:
        break
check(
    repaired < 0.25 * unrepaired,
    "The denoiser does not repair. Does it SEE the damaged picture, and is it asked for the CLEAN one?",
)
### BEGIN HIDDEN TESTS
fresh = torch.rand(held_out.shape, generator=torch.Generator().manual_seed(603)) < 0.6
repaired = F.mse_loss(denoiser(held_out * ~fresh), held_out)
check(repaired < 0.25 * unrepaired, "Other pictures, or other damage, are not repaired: every step needs fresh damage.")
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "denoiser-picture", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    print(f"error with 60 % of the pixels missing {unrepaired:.4f}, after your denoiser {repaired:.4f}")
    show_images(
        {"60 % missing": (held_out * ~holes)[:10], "repaired": cleaned[:10], "original": held_out[:10]},
        alt="Ten held-out digits with most pixels missing, the same after the denoiser, and the originals.",
    )

# %% [markdown]
# ### Question 4 (2 points)
#
# In `train_autoencoder` the damage is drawn anew in every step. A fellow student saves time:
# she damages the whole training set once, before training. (a) What can her network learn that yours cannot? (b) How
# would you show it, in one measurement?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-fresh-damage", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 1 point: with one fixed damage a picture, the pair can be memorised (the pattern of holes identifies the picture);
#   fresh damage is an endless supply of new inputs, so only what holds for every damage helps.
# - 1 point: compare the error on training pictures under their old damage with the error on the *same* pictures under
#   fresh damage (or training against held-out pictures): for her network the first is clearly lower, for mine the two
#   agree.
# ### END MARK SCHEME
#
# (a) Each of her pictures always has the same holes. The network can learn these particular pairs by heart, holes
# included. Mine never sees a pair twice. (b) Take her training pictures, once with the damage she trained on and once
# with fresh damage, and compare the errors. If the second is clearly larger, she has learned the damage by heart.

# %% [markdown]
# ## 7 Investigation: how many numbers are enough?
#
# Chapter 01 trained fully connected autoencoders with codes of several sizes. Do it for yours. **Before you start,
# write down** how many numbers you expect your convolutional network to need for the held-out error that PCA reaches
# with 16.
#
# ### Task 7 · One network for each size
#
# Write `train_sizes`. For each size: call `torch.manual_seed(seed)`, make a new `ConvAutoencoder` for the size of these
# pictures, and train it. Return the networks; their errors are measured by the check, and by you, on pictures they have
# not seen.


# %% nbgrader={"grade": false, "grade_id": "investigation-code", "locked": false, "schema_version": 3, "solution": true}
def train_sizes(sizes, train_images, steps, seed=0):
    """A list with one network for each code size, each trained for `steps` steps on train_images (n, 1, size, size)."""
    ### BEGIN SOLUTION
    models = []
    for k in sizes:
        torch.manual_seed(seed)
        model = ConvAutoencoder(k, train_images.shape[-1])
        train_autoencoder(model, train_images, steps)
        models.append(model.eval())
    return models
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "investigation-test", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from course_utils.checks import check, close

small = torch.tensor(load_digits().images, dtype=torch.float32).view(-1, 1, 8, 8) / 16
held_out = small[600:900]


def error(model, size):
    """Error per pixel, from codes alone, which cross in another order and a little blurred: no picture is smuggled."""
    codes = model.encode(held_out)
    check(tuple(codes.shape) == (300, size), "Each network has a code of its own size.")
    order = torch.randperm(300, generator=torch.Generator().manual_seed(701))
    blurred = codes[order] + 1e-3 * torch.randn(300, size, generator=torch.Generator().manual_seed(702))
    return F.mse_loss(model.decode(blurred), held_out[order]).item()


models = train_sizes([1, 12], small[:600], steps=120)
check(len(models) == 2, "One network for each code size.")
curve = [error(model, size) for model, size in zip(models, (1, 12), strict=True)]
check(curve[1] < 0.85 * curve[0], "Twelve numbers should rebuild clearly better than one: is each network trained?")
### BEGIN HIDDEN TESTS
average = small[:600].mean(dim=0, keepdim=True)
by_mean = F.mse_loss(average.expand_as(held_out), held_out).item()
check(curve[1] < 0.6 * by_mean, "With twelve numbers the network is hardly better than the mean picture: not trained.")
message = "The same code size and seed gave another network: seed each run by itself, so that it does not depend on the runs before it."
_, after_another = train_sizes([3, 12], small[:600], steps=12, seed=4)
(alone,) = train_sizes([12], small[:600], steps=12, seed=4)
close(after_another.encode(held_out[:20]), alone.encode(held_out[:20]), message, rtol=1e-2, atol=1e-3)
default, zero = [train_sizes([12], small[:600], 3, **seed)[0].encode(held_out[:20]) for seed in ({}, {"seed": 0})]
close(default, zero, "Without a seed the seed is 0.", rtol=1e-2, atol=1e-3)
(other,) = train_sizes([12], small[:600], steps=12, seed=5)
message = "Another seed gave exactly the same network: the seed is not used."
check((other.encode(held_out[:20]) - alone.encode(held_out[:20])).abs().max() > 1e-3, message)
(negative,) = train_sizes([12], 1 - small[:600], steps=60)
message = "Trained on negatives, the network should rebuild these pictures badly: is it trained on the pictures that are handed in?"
check(error(negative, 12) > 2 * curve[1], message)
### END HIDDEN TESTS

# %% [markdown]
# Now run your experiment. The next cell is a beginning: change sizes, seeds and steps, add PCA's errors, plot. It is
# not graded, and the grader does not run it again.


# %%
def my_experiment():
    for k in (4, 8, 16):
        for seed in (0, 1):
            (model,) = train_sizes([k], train_digits, steps=200, seed=seed)
            print(f"code of {k:2d}, seed {seed}: {dataset_error(model, test_digits, 256):.4f}")


# %% nbgrader={"grade": false, "grade_id": "experiment-output", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    models  # the test above has been run
    my_experiment()

# %% [markdown]
# ### Report (5 points, about 150 words and a table)
#
# (a) What did you expect, and what did you measure: code size, your
# error (at least two seeds), PCA's error, all on held-out pictures? (b) How many of your numbers do the work of 16
# principal components? (c) How does your advantage over PCA change as the code grows, and why might that be? (d) Name
# one thing in your own experiment that could mislead a reader, and what you would run to find out.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-report", "locked": false, "points": 5, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 1 point: an expectation stated before, and compared with the outcome (a wrong guess costs nothing).
# - 2 points: a table of measured held-out errors for at least three code sizes, with PCA's and with more than one seed
#   (1 point if one of the two is missing).
# - 1 point: an answer to (b) and (c) that follows from the student's own numbers. PCA leaves 0.0203, 0.0113 and 0.0042
#   with 4, 8 and 16 numbers. Typical: with a few hundred steps the network needs nearly all 16 for PCA's 0.0042; its
#   advantage is clear at 4 and 8 and small at 16, because PCA leaves little to gain there and the short training limits
#   the network.
# - 1 point: (d) a real threat, with a check: few steps (train longer and see whether the curve moves), the spread
#   between seeds, one held-out split, a learning rate that was tuned for one code size, writers that appear in both
#   parts.
# ### END MARK SCHEME
#
# (a) I expected about 8 numbers to do the work of 16 components. Held-out error per pixel, seeds 0 and 1:
#
# | code size | 200 steps | 800 steps | PCA |
# |---|---|---|---|
# | 4 | 0.0188, 0.0164 | 0.0135, 0.0132 | 0.0203 |
# | 8 | 0.0087, 0.0090 | 0.0065, 0.0062 | 0.0113 |
# | 16 | 0.0048, 0.0052 | 0.0027, 0.0023 | 0.0042 |
#
# (b) After 200 steps not even 16 numbers do; after 800 it takes more than 8 and fewer than 16. My guess was too bold.
# (c) After 200 steps the network leaves a fifth less error than PCA at 8 numbers and more than PCA at 16; after 800 it
# wins everywhere, by about 40 per cent at 8 and 16. So what shrank at 16 was due to the training: a larger code has
# finer details to learn, and 200 steps are too few for them. (d) A table for one number of steps misleads: I had nearly
# reported that the advantage ends at 16. Even 800 need not be enough. I would plot the error against the steps for each
# size, and compare only where the curves are flat.
