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
# # Exercise 05 · A DCGAN for your size
#
# Chapter 05 built a DCGAN for pictures whose side is 4 or 7, doubled a few times. Real pictures rarely oblige. In this
# exercise you receive a commission of your own: a size, a number of channels, a width. Somewhere on the way down your
# side will be odd, and the class of the chapter will refuse it. You will work out every shape on paper first, and then
# build the two networks that fit.
#
# **You will practise** the arithmetic of convolutions with stride, padding, dilation and output padding; stamping;
# counting weights before there are any; batch norm in its two modes; first weights; one step of the game for each
# network; and a small measurement with a law to find.
#
# **Follows** chapter 05. Losses are those of chapter 03.
#
# **Time.** About three hours. The code runs in seconds.
#
# **How to check yourself.** Run the cells below each task. A line with a ✓ means that the visible checks hold (their
# code is folded; a click on the three dots opens it); a message says what to think about. When your work is graded, the
# same checks run again with other numbers, so make each function work in general, and not only for the examples. You
# may use everything in PyTorch and in the course. Questions in words have no automatic check.

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
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.checks import check, when_ready, with_weights
from course_utils.commission import commission
from course_utils.figures import show_images

# %% [markdown]
# Your id decides what you build. Put it in here, as your instructor has told you to write it. (Working alone? Take any
# word.)

# %% nbgrader={"grade": false, "grade_id": "student-id", "locked": false, "schema_version": 3, "solution": true}
student_id = "s000000"

# %% nbgrader={"grade": false, "grade_id": "your-commission", "locked": true, "schema_version": 3, "solution": false}
my = commission(student_id)
print(my)

# %% [markdown]
# ## Part 1: Sizes
#
# Equations (5.4) and (5.5) say how large the output of a convolution and of a transposed convolution is. With
# **dilation** $d$ the $k$ numbers of a kernel lie $d$ pixels apart, with gaps between them. Write both formulas with
# dilation, for one dimension: side in, side out.


# %% nbgrader={"grade": false, "grade_id": "sizes", "locked": false, "schema_version": 3, "solution": true}
def conv_out(n, k, s=1, p=0, d=1):
    """Side of the output of a convolution: input side n, kernel k, stride s, padding p, dilation d. A whole number."""
    ### BEGIN SOLUTION
    return (n + 2 * p - d * (k - 1) - 1) // s + 1
    ### END SOLUTION


def transposed_out(m, k, s=1, p=0, d=1, r=0):
    """Side of the output of a transposed convolution: input side m, output_padding r, the others as above."""
    ### BEGIN SOLUTION
    return (m - 1) * s + d * (k - 1) + 1 - 2 * p + r
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "conv-sizes", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import close

close(conv_out(28, 4, 2, 1), 14, "Kernel 4, stride 2, padding 1 halves an even side: 28 becomes 14.")
close(conv_out(27, 4, 2, 1), 13, "A place is only visited if the whole kernel fits on the padded input: round down.")
### BEGIN HIDDEN TESTS
import torch
import torch.nn.functional as F

for n, k, s, p in ((7, 3, 2, 1), (8, 3, 2, 1), (19, 5, 3, 2), (40, 5, 4, 0), (11, 11, 1, 0), (12, 2, 5, 1)):
    right = F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), stride=s, padding=p).shape[-1]
    close(conv_out(n, k, s, p), right, "Without dilation, this is (5.4): how many places are there for the kernel?")
close(conv_out(9, 4), 6, "Unless it is said otherwise, the stride is 1, without padding or dilation.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "conv-dilation", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import close

close(
    conv_out(5, 3, d=2),
    1,
    "Three numbers, two pixels apart, cover five pixels: the first and the last have no gap outside.",
)
### BEGIN HIDDEN TESTS
import torch
import torch.nn.functional as F

for n, k, s, p, d in ((20, 3, 2, 1, 2), (21, 4, 3, 2, 3), (16, 1, 2, 0, 5), (30, 5, 1, 4, 2)):
    right = F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), stride=s, padding=p, dilation=d).shape[-1]
    close(conv_out(n, k, s, p, d), right, "How wide is a kernel with gaps, from its first number to its last?")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "transposed-sizes", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import close

close(transposed_out(7, 4, 2, 1), 14, "Kernel 4, stride 2, padding 1 doubles the side: 7 becomes 14.")
close(transposed_out(4, 3, 2, 1, r=1), 8, "output_padding moves the cut on one side only: it adds r once.")
### BEGIN HIDDEN TESTS
import torch
import torch.nn.functional as F

for m, k, s, p, r in ((1, 4, 1, 0, 0), (5, 5, 3, 1, 2), (9, 2, 4, 0, 3), (6, 7, 2, 3, 1), (3, 3, 5, 1, 4)):
    picture, weight = torch.zeros(1, 1, m), torch.zeros(1, 1, k)
    right = F.conv_transpose1d(picture, weight, stride=s, padding=p, output_padding=r).shape[-1]
    close(
        transposed_out(m, k, s, p, r=r), right, "Count the stamps, the width of the last, and what is cut off: (5.5)."
    )
close(transposed_out(9, 4), 12, "Unless it is said otherwise, the stride is 1, without padding or dilation.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "transposed-dilation", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import close

close(transposed_out(1, 3, d=2), 5, "One stamp with gaps: three numbers, two pixels apart, cover five pixels.")
### BEGIN HIDDEN TESTS
import torch
import torch.nn.functional as F

for m, k, s, p, d, r in ((4, 3, 2, 1, 2, 1), (5, 4, 3, 2, 3, 0), (7, 1, 2, 0, 4, 1), (2, 5, 1, 3, 2, 1)):
    out = F.conv_transpose1d(
        torch.zeros(1, 1, m), torch.zeros(1, 1, k), stride=s, padding=p, output_padding=r, dilation=d
    )
    close(transposed_out(m, k, s, p, d, r), out.shape[-1], "How wide is a stamp with gaps?")
### END HIDDEN TESTS

# %% [markdown]
# Several input sides lead to the same output side, and a transposed convolution with the same numbers returns to only
# one of them, unless `output_padding` says which one was meant. And often one wants no change of size at all: at stride
# 1, which padding keeps it?


# %% nbgrader={"grade": false, "grade_id": "ways-back", "locked": false, "schema_version": 3, "solution": true}
def needed_output_padding(n, k, s=1, p=0, d=1):
    """The output_padding with which the transposed convolution of the same k, s, p, d returns to side n."""
    ### BEGIN SOLUTION
    return n - transposed_out(conv_out(n, k, s, p, d), k, s, p, d)
    ### END SOLUTION


def padding_that_keeps(k, d=1):
    """The padding with which kernel k, dilation d and stride 1 keep the side; None if there is none."""
    ### BEGIN SOLUTION
    return d * (k - 1) // 2 if d * (k - 1) % 2 == 0 else None
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "output-padding", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import close

close(needed_output_padding(7, 3, 2, 1), 0, "7 becomes 4, and 4 becomes 7 again without any help.")
close(needed_output_padding(8, 3, 2, 1), 1, "8 becomes 4, too, but 4 becomes 7: one row is missing.")
### BEGIN HIDDEN TESTS
for n, k, s, p, d, r in ((25, 4, 2, 1, 1, 1), (20, 5, 3, 0, 1, 0), (21, 5, 3, 0, 1, 1), (22, 5, 3, 0, 1, 2)):
    close(needed_output_padding(n, k, s, p, d), r, "It is the remainder that the floor in (5.4) threw away.")
for n, k, s, p, d, r in ((18, 3, 4, 2, 2, 1), (24, 2, 5, 1, 3, 2), (13, 6, 1, 2, 1, 0)):
    close(needed_output_padding(n, k, s, p, d), r, "Does it still hold with dilation, or with another stride?")
close(needed_output_padding(10, 3), 0, "At stride 1 nothing is thrown away.")
close(needed_output_padding(10, 3, 4), 3, "Unless it is said otherwise, there is no padding and no dilation.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "keeping-padding", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import check, close

close(padding_that_keeps(3), 1, "Kernel 3 loses one pixel at each edge.")
check(padding_that_keeps(4) is None, "Kernel 4 loses three pixels: an odd number cannot be shared by two equal edges.")
### BEGIN HIDDEN TESTS
close(padding_that_keeps(1), 0, "Kernel 1 loses nothing.")
close(padding_that_keeps(5, 3), 6, "With dilation the kernel is wider, and the loss at each edge larger.")
close(
    padding_that_keeps(4, 2),
    3,
    "An even kernel with even dilation covers an odd number of pixels: here there is a padding.",
)
check(padding_that_keeps(6, 3) is None, "An odd loss cannot be shared by two equal edges, with or without dilation.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2: Stamping
#
# The chapter stamped in two dimensions. In one dimension there is less to write, so we can take more on board: kernels
# with gaps. Write it with loops or slices of your own, or build it on something else; only the numbers count.


# %% nbgrader={"grade": false, "grade_id": "stamp-code", "locked": false, "schema_version": 3, "solution": true}
def stamp_1d(y, kernel, stride=1, padding=0, dilation=1):
    """Transposed convolution of y (m,) with kernel (k,), equation (5.2): returns (n,), with n as in (5.5), r = 0."""
    ### BEGIN SOLUTION
    m, k = len(y), len(kernel)
    width = dilation * (k - 1) + 1
    out = torch.zeros((m - 1) * stride + width, dtype=y.dtype)
    for i in range(m):
        out[i * stride : i * stride + width : dilation] += y[i] * kernel
    return out[padding : len(out) - padding]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "stamp-overlap", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

y, kernel = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0, 4.0])
right = torch.tensor([1.0, 2.0, 7.0, 6.0, 12.0])
close(stamp_1d(y, kernel, stride=2), right, "Two stamps, two pixels apart; where they overlap, they add.")
### BEGIN HIDDEN TESTS
import torch.nn.functional as F

generator = torch.Generator().manual_seed(51)
for m, k, s in ((1, 5, 1), (4, 2, 3), (6, 3, 2), (5, 4, 1), (9, 1, 2)):
    y, kernel = torch.randn(m, generator=generator), torch.randn(k, generator=generator)
    right = F.conv_transpose1d(y.view(1, 1, -1), kernel.view(1, 1, -1), stride=s).flatten()
    close(
        stamp_1d(y, kernel, s), right, "Each number of y leaves its multiple of the kernel, in the kernel's own order."
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "stamp-padding", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

y, kernel = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0, 4.0])
right = torch.tensor([2.0, 7.0, 6.0])
close(stamp_1d(y, kernel, stride=2, padding=1), right, "Here, padding makes the output smaller: cut at both ends.")
### BEGIN HIDDEN TESTS
import torch.nn.functional as F

generator = torch.Generator().manual_seed(52)
for m, k, s, p in ((5, 4, 2, 1), (3, 5, 3, 2), (7, 3, 1, 1)):
    y, kernel = torch.randn(m, generator=generator), torch.randn(k, generator=generator)
    right = F.conv_transpose1d(y.view(1, 1, -1), kernel.view(1, 1, -1), stride=s, padding=p).flatten()
    close(
        stamp_1d(y, kernel, s, p), right, "Stamp first, then cut off as many pixels as the padding says, at both ends."
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "stamp-dilation", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

y, kernel = torch.tensor([1.0, 10.0]), torch.tensor([1.0, 2.0, 4.0])
right = torch.tensor([1.0, 10.0, 2.0, 20.0, 4.0, 40.0])
close(stamp_1d(y, kernel, dilation=2), right, "The kernel's numbers lie two apart, with nothing in the gaps.")
### BEGIN HIDDEN TESTS
import torch.nn.functional as F

generator = torch.Generator().manual_seed(53)
for m, k, s, p, d in ((4, 3, 1, 0, 3), (5, 2, 2, 1, 2), (3, 4, 3, 2, 2)):
    y, kernel = torch.randn(m, generator=generator), torch.randn(k, generator=generator)
    right = F.conv_transpose1d(y.view(1, 1, -1), kernel.view(1, 1, -1), stride=s, padding=p, dilation=d).flatten()
    close(
        stamp_1d(y, kernel, s, p, d),
        right,
        "Dilation spreads the kernel; the distance between stamps is still the stride.",
    )
### END HIDDEN TESTS

# %% [markdown]
# Stamping is linear in $y$, so it is a matrix $T$. And since the backward pass of a convolution stamps, you can now
# write that backward pass without autograd.


# %% nbgrader={"grade": false, "grade_id": "matrix-code", "locked": false, "schema_version": 3, "solution": true}
def stamp_matrix(kernel, m, stride=1):
    """The matrix T (n, m) with T @ y = stamp_1d(y, kernel, stride) for every y (m,)."""
    ### BEGIN SOLUTION
    return torch.stack([stamp_1d(unit, kernel, stride) for unit in torch.eye(m, dtype=kernel.dtype)], dim=1)
    ### END SOLUTION


def conv_backward(g, kernel, n, stride=1):
    """Gradient in x (n,) of sum(g · c), where c = conv1d(x, kernel, stride), no padding, and g (m,) is as long as c."""
    ### BEGIN SOLUTION
    gradient = torch.zeros(n, dtype=g.dtype)
    reached = stamp_1d(g, kernel, stride)
    gradient[: len(reached)] = reached
    return gradient
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "matrix", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

right = torch.tensor([[1.0, 0.0], [2.0, 0.0], [4.0, 1.0], [0.0, 2.0], [0.0, 4.0]])
close(
    stamp_matrix(torch.tensor([1.0, 2.0, 4.0]), 2, stride=2), right, "Column i is the stamp that y_i = 1 leaves alone."
)
### BEGIN HIDDEN TESTS
import torch.nn.functional as F

generator = torch.Generator().manual_seed(54)
for m, k, s in ((4, 3, 1), (3, 4, 2), (5, 2, 3), (1, 6, 1)):
    kernel = torch.randn(k, generator=generator)
    T = torch.as_tensor(stamp_matrix(kernel, m, s)).to(kernel.dtype)
    x = torch.randn(len(T), generator=generator)
    right = F.conv1d(x.view(1, 1, -1), kernel.view(1, 1, -1), stride=s).flatten()
    close(T.T @ x, right, "By (5.3), the transpose of this matrix is the convolution with the same kernel and stride.")
right = torch.tensor([[1.0, 0.0], [3.0, 1.0], [0.0, 3.0]])
close(stamp_matrix(torch.tensor([1.0, 3.0]), 2), right, "Unless it is said otherwise, the stride is 1.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "backward", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import close, finite_difference

g, kernel = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0, 4.0])
right = torch.tensor([1.0, 2.0, 7.0, 6.0, 12.0])
close(conv_backward(g, kernel, 5, stride=2), right, "The backward pass of a convolution stamps with the same kernel.")
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(55)
for n, k, s in ((8, 3, 2), (9, 4, 3), (7, 3, 1), (11, 2, 4)):
    kernel = torch.randn(k, generator=generator).double()
    g = torch.randn((n - k) // s + 1, generator=generator).double()

    def loss(x, kernel=kernel, g=g, s=s):
        return (F.conv1d(x.view(1, 1, -1), kernel.view(1, 1, -1), stride=s).flatten() * g).sum()

    right = finite_difference(loss, torch.randn(n, generator=generator).double())
    message = "One number for each of the n inputs, also for those at the end that no place of the kernel reaches."
    close(conv_backward(g, kernel, n, s), right, message)
g, kernel = torch.tensor([1.0, 10.0]), torch.tensor([1.0, 3.0])
close(conv_backward(g, kernel, 3), torch.tensor([1.0, 13.0, 30.0]), "Unless it is said otherwise, the stride is 1.")
### END HIDDEN TESTS

# %% [markdown]
# ### Question 1 (4 points)
#
# "After the encoder's convolutions, the decoder's deconvolutions undo them." Put this sentence right. Say what the
# operation is the transpose of, what it restores and what it does not restore, why it cannot do more with stride 2, and
# where a transposed convolution runs in a network that has only ordinary ones.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-transpose", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each:
# - a convolution is linear, a matrix $M$; the layer applies $M^\top$ (of *a* convolution with the same kernel, stride
#   and padding; the decoder's kernels are its own, so not even the transpose of the encoder's matrix);
# - it restores the shape, not the numbers: a transpose is not an inverse;
# - no inverse where the layer makes fewer numbers than it takes: with stride 2 each map has a quarter of the places, so unless
#   the channels grow four times or more, the matrix has a null space and different pictures have the same output (a first
#   layer from 1 to 4 channels or more need not lose anything; its transpose is still not its inverse);
# - the backward pass of every convolution: $\nabla_x L = M^\top \nabla_{Mx} L$.
# Wrong: "it is called transposed because it transposes (flips) the kernel"; "with the right padding it inverts".
# ### END MARK SCHEME
# A convolution is a linear map, so with its input and output flattened it is a matrix $M$. A transposed convolution
# applies $M^\top$, the transpose of a convolution that has its kernel, stride and padding. In a decoder the kernels are
# learned separately, so it is not even the transpose of the encoder's convolution. What returns is the *shape*: $M$
# maps $n$ numbers to $m$, so $M^\top$ maps $m$ to $n$. The numbers do not return, since a transpose is not an inverse.
# With stride 2 there often is none: each map has about a quarter as many numbers as before, so unless the channels grow at least
# four times, $M$ has a null space, and pictures that differ by something in it give the same output. What has been lost, the decoder must make up. Also a
# network without any such layer runs them: the chain rule gives $\nabla_x L = M^\top\nabla_{Mx} L$, so the backward
# pass of every convolution is a transposed convolution.

# %% [markdown]
# ## Part 3: Checkerboards
#
# Count stamps, now also at the edges. Then say how uneven a layer is before it has learned anything: its kernel entries
# are independent, with mean 0 and equal variance, its input is constant, and we look at pixels far from the edges.


# %% nbgrader={"grade": false, "grade_id": "checkerboard-code", "locked": false, "schema_version": 3, "solution": true}
def stamps_per_pixel(m, k, s):
    """How many of the m stamps of a kernel of length k, s pixels apart, reach each pixel (1-D, padding 0): (n,)."""
    ### BEGIN SOLUTION
    return stamp_1d(torch.ones(m), torch.ones(k), s)
    ### END SOLUTION


def unevenness(k, s):
    """Greatest over least standard deviation of an inner pixel, for a k×k kernel with stride s; inf for holes."""
    ### BEGIN SOLUTION
    return math.ceil(k / s) / (k // s) if k >= s else math.inf
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "stamp-counts", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

right = torch.tensor([1.0, 1.0, 2.0, 1.0, 2.0, 1.0, 1.0]).double()
counts = torch.as_tensor(stamps_per_pixel(3, 3, 2)).double()
close(
    counts,
    right,
    "Kernel 3, stride 2: neighbouring stamps share one pixel, and the first and the last have one neighbour.",
)
### BEGIN HIDDEN TESTS
import torch.nn.functional as F

for m, k, s in ((5, 4, 2), (4, 2, 3), (6, 5, 3), (1, 3, 2), (3, 5, 1)):
    right = F.conv_transpose1d(torch.ones(1, 1, m), torch.ones(1, 1, k), stride=s).flatten().double()
    counts = torch.as_tensor(stamps_per_pixel(m, k, s)).double()
    close(counts, right, "One number for each of the n pixels, holes and edges included.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "unevenness", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import check, close

close(unevenness(4, 2), 1, "Stride 2 divides kernel 4: all inner pixels get equally many stamps.")
close(unevenness(3, 2), 2, "Four stamps against one: the variances add, and a standard deviation is a root.")
### BEGIN HIDDEN TESTS
close(
    unevenness(5, 2),
    1.5,
    "Per direction, the counts are k/s rounded up and down; in 2-D the counts of the two directions multiply.",
)
close(
    unevenness(5, 3), 2, "How many multiples of the stride are there among k consecutive numbers, at most and at least?"
)
close(
    unevenness(7, 3),
    1.5,
    "How many multiples of the stride are there among k consecutive numbers, at most and at least?",
)
close(unevenness(3, 3), 1, "Stamps that just touch cover each pixel once.")
close(unevenness(6, 3), 1, "Where the stride divides the kernel, the layer is even.")
close(unevenness(5, 1), 1, "Stride 1 is always even.")
check(unevenness(2, 3) == float("inf"), "A kernel smaller than the stride leaves holes, which never vary.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 4: Your shapes, on paper first
#
# Here is the plan of your two networks. `my` has your numbers.
#
# **The discriminator** takes `(n, channels, image_size, image_size)`, with pixels from −1 to 1. Each *stage* is a
# convolution with kernel 4, stride 2, padding 1. There are as many stages as it takes to bring the side **to 6 or
# less**. The first stage makes `width` channels, and each further stage twice as many as the one before. Every stage
# but the first has a batch norm; every stage ends with a leaky ReLU of slope 0.2. A last layer, dense or a convolution
# over the whole map, makes one logit of each picture: `(n,)`.
#
# **The generator** takes noise `(n, latent_dim)` and goes the same way back. A first layer, dense or a transposed
# convolution on a 1×1 map, makes the discriminator's smallest map: same side, same channels. Batch norm, ReLU. Then
# stage by stage a transposed convolution with kernel 4, stride 2, padding 1, and `output_padding` where it is needed,
# each to the next larger side of the discriminator and to its channels there; after each but the last a batch norm and
# a ReLU; after the last a tanh.
#
# **Biases.** A layer whose output goes straight into a batch norm has no bias. Every other layer (convolutional,
# transposed or dense) has one.
#
# Fill in the table for *your* commission. Plain numbers are welcome; so is code that computes them.


# %% nbgrader={"grade": false, "grade_id": "table", "locked": false, "schema_version": 3, "solution": true}
def shape_table():
    """A dictionary about your two networks, all of it worked out before they are built:

    "sides": the sides of the maps, from the picture inwards, a list that begins with image_size and ends at 6 or less;
    "maps": the channels that belong to them, a list that begins with the channels of the picture;
    "output_paddings": of the generator's transposed convolutions, in its own order, from the small maps to the picture;
    "generator_weights", "discriminator_weights": how many numbers each network learns (weights, biases, γ and β).
    """
    ### BEGIN SOLUTION
    sides, maps = [my.image_size], [my.channels]
    while sides[-1] > 6:
        sides.append(sides[-1] // 2)
        maps.append(my.width * 2 ** (len(maps) - 1))
    stages = sum(16 * a * b for a, b in pairwise(maps))
    map_size = maps[-1] * sides[-1] ** 2
    normed = sum(maps[2:])  # batch norm and no bias: two numbers a channel
    return {
        "sides": sides,
        "maps": maps,
        "output_paddings": [side % 2 for side in reversed(sides[:-1])],
        "generator_weights": my.latent_dim * map_size + stages + 2 * sum(maps[1:]) + my.channels,
        "discriminator_weights": stages + 2 * normed + my.width + map_size + 1,
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "table-sides", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from itertools import pairwise

import torch
import torch.nn.functional as F

from course_utils.checks import check, close
from course_utils.commission import commission

my = commission(student_id)
sides = [int(side) for side in shape_table()["sides"]]
close(sides[0], my.image_size, "The first side is that of your pictures.")
for n, m in pairwise(sides):
    right = F.conv2d(torch.zeros(1, 1, n, n), torch.zeros(1, 1, 4, 4), stride=2, padding=1).shape[-1]
    close(m, right, f"Kernel 4, stride 2, padding 1: what becomes of the side {n}? Mind the floor.")
check(
    sides[-1] <= 6 and all(side > 6 for side in sides[:-1]), "Stop at the first side that is 6 or less, and not before."
)

# %% nbgrader={"grade": true, "grade_id": "table-maps", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from itertools import pairwise

from course_utils.checks import close
from course_utils.commission import commission

my, table = commission(student_id), shape_table()
maps = [int(count) for count in table["maps"]]
close(len(maps), len(table["sides"]), "Each side has a number of channels, the picture itself included.")
close(maps[0], my.channels, "The first is the picture.")
close(maps[1], my.width, "The largest map inside has `width` channels.")
for outer, inner in pairwise(maps[1:]):
    close(inner, 2 * outer, "Each further stage has twice the channels.")

# %% nbgrader={"grade": true, "grade_id": "table-output-paddings", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import close
from course_utils.commission import commission

table = shape_table()
x = torch.zeros(1, 1, int(table["sides"][-1]), int(table["sides"][-1]))
right = [int(side) for side in table["sides"]][::-1][1:]
close(len(table["output_paddings"]), len(right), "One output_padding for each transposed convolution.")
for r, side in zip(table["output_paddings"], right, strict=True):
    x = F.conv_transpose2d(x, torch.zeros(1, 1, 4, 4), stride=2, padding=1, output_padding=int(r))
    close(
        x.shape[-1],
        side,
        "The generator must meet each side of the discriminator, in its own order: from the small maps up.",
    )
close(x.shape[-1], commission(student_id).image_size, "At the end of the generator stands a picture of your size.")

# %% nbgrader={"grade": true, "grade_id": "table-generator-weights", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from itertools import pairwise

import torch
from torch import nn

from course_utils.checks import close
from course_utils.commission import commission

my = commission(student_id)
sides, maps = [my.image_size], [my.channels]
while sides[-1] > 6:
    sides.append(sides[-1] // 2)
    maps.append(my.width * 2 ** (len(maps) - 1))
layers = [nn.Linear(my.latent_dim, maps[-1] * sides[-1] ** 2, bias=False)]
for inner, outer in pairwise(reversed(maps)):
    layers += [nn.BatchNorm2d(inner), nn.ConvTranspose2d(inner, outer, 4, bias=outer == my.channels)]
right = sum(p.numel() for layer in layers for p in layer.parameters())
message = "Count layer by layer: 16 weights for each pair of channels, two numbers a channel for batch norm, and the biases that the rule leaves."
close(shape_table()["generator_weights"], right, message)

# %% nbgrader={"grade": true, "grade_id": "table-discriminator-weights", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from itertools import pairwise

from torch import nn

from course_utils.checks import close
from course_utils.commission import commission

my = commission(student_id)
sides, maps = [my.image_size], [my.channels]
while sides[-1] > 6:
    sides.append(sides[-1] // 2)
    maps.append(my.width * 2 ** (len(maps) - 1))
layers = [nn.Linear(maps[-1] * sides[-1] ** 2, 1)]
for outer, inner in pairwise(maps):
    layers += [nn.Conv2d(outer, inner, 4, bias=outer == my.channels)]
    layers += [nn.BatchNorm2d(inner)] if outer != my.channels else []
right = sum(p.numel() for layer in layers for p in layer.parameters())
message = "Count layer by layer. Which convolution is not followed by a batch norm? And the last layer?"
close(shape_table()["discriminator_weights"], right, message)

# %% [markdown]
# ## Part 5: The two networks
#
# Now build them, by the plan of part 4. Both take the numbers of a commission as arguments, so that the checks can try
# others of the same kind. Each is a `torch.nn.Module`.


# %% nbgrader={"grade": false, "grade_id": "generator-network", "locked": false, "schema_version": 3, "solution": true}
class Generator(nn.Module):
    """Noise (n, latent_dim) => pictures (n, channels, image_size, image_size), values from −1 to 1."""

    def __init__(self, image_size, channels, width, latent_dim):
        super().__init__()
        ### BEGIN SOLUTION
        sides, maps = [image_size], [channels]
        while sides[-1] > 6:
            sides.append(sides[-1] // 2)
            maps.append(width * 2 ** (len(maps) - 1))
        top, smallest = maps[-1], sides[-1]
        layers = [nn.Linear(latent_dim, top * smallest**2, bias=False), nn.Unflatten(1, (top, smallest, smallest))]
        for stage in range(len(maps) - 1, 0, -1):
            odd = sides[stage - 1] % 2
            layers += [
                nn.BatchNorm2d(maps[stage]),
                nn.ReLU(),
                nn.ConvTranspose2d(maps[stage], maps[stage - 1], 4, 2, 1, output_padding=odd, bias=stage == 1),
            ]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        ### END SOLUTION

    def forward(self, z):
        ### BEGIN SOLUTION
        return self.layers(z)
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "discriminator-network", "locked": false, "schema_version": 3, "solution": true}
class Discriminator(nn.Module):
    """Pictures (n, channels, image_size, image_size) => one logit for each, (n,)."""

    def __init__(self, image_size, channels, width):
        super().__init__()
        ### BEGIN SOLUTION
        layers, side, maps = [], image_size, channels
        while side > 6:
            first = side == image_size
            wider = width if first else 2 * maps
            layers += [nn.Conv2d(maps, wider, 4, 2, 1, bias=first)]
            layers += [nn.LeakyReLU(0.2)] if first else [nn.BatchNorm2d(wider), nn.LeakyReLU(0.2)]
            side, maps = side // 2, wider
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(maps * side**2, 1))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.layers(x).squeeze(1)
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "generator-shape", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check
from course_utils.commission import commission

my = commission(student_id)
generator = Generator(my.image_size, my.channels, my.width, my.latent_dim)
for n in (5, 2, 1):
    shape = tuple(generator(torch.randn(n, my.latent_dim)).shape)
    right = (n, my.channels, my.image_size, my.image_size)
    check(shape == right, f"Noise {(n, my.latent_dim)} should become pictures {right}, not {shape}.")
### BEGIN HIDDEN TESTS
pictures = generator.eval()(torch.randn(3, my.latent_dim))
check(bool(torch.isfinite(pictures).all()), "The pictures must be finite.")
check(bool(pictures.flatten(1).std(dim=0).max() > 1e-6), "Other noise must give another picture.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "generator-other-sizes", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

shape = tuple(Generator(30, 2, 4, 7)(torch.randn(3, 7)).shape)
check(shape == (3, 2, 30, 30), "Build from the arguments: 30×30 with 2 channels goes 30, 15, 7, 3 and back.")
### BEGIN HIDDEN TESTS
for size, channels, width, latent_dim in ((13, 1, 4, 3), (31, 4, 2, 5), (24, 2, 3, 9), (49, 1, 2, 6), (20, 3, 5, 1)):
    shape = tuple(Generator(size, channels, width, latent_dim)(torch.randn(2, latent_dim)).shape)
    check(shape == (2, channels, size, size), "Odd sides may come at any stage, at several, or at none.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "generator-range", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

generator = Generator(18, 1, 4, 8)
generator.load_state_dict({key: 50 * value for key, value in generator.state_dict().items()})
pictures = generator(torch.randn(16, 8))  # with weights this large, pixels are pushed to the bounds of their range
check(bool(pictures.abs().max() <= 1), "Pixels must stay between −1 and 1, whatever the weights.")
check(bool(pictures.min() < -0.9), "Pixels must be able to come near −1.")
check(bool(pictures.max() > 0.9), "Pixels must be able to come near 1.")

# %% nbgrader={"grade": true, "grade_id": "generator-batch-norm", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

generator, z = Generator(18, 1, 4, 8), torch.randn(6, 8)
check(
    bool((generator(z)[:3] - generator(z[:3])).abs().max() > 1e-4),
    "With batch norm in train mode, a picture depends on its batch.",
)
generator.eval()
close(generator(z)[:3], generator(z[:3]), "In eval mode a picture must not depend on its company, nor on chance.")

# %% nbgrader={"grade": true, "grade_id": "generator-relu", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

generator = Generator(9, 1, 1, 1).eval()  # one stage, one channel; all kernels and γ are set to 1, all biases to 0
state = generator.state_dict()
state |= {key: torch.ones_like(value) for key, value in state.items() if key.endswith("weight")}
state |= {key: torch.zeros_like(value) for key, value in state.items() if key.endswith("bias")}
generator.load_state_dict(state)
check(bool(generator(torch.full((1, 1), 0.1)).min() > 0.05), "A positive map should pass through the generator's ReLU.")
silent = generator(torch.full((1, 1), -0.1))
close(silent, torch.zeros(1, 1, 9, 9), "A ReLU lets nothing of a negative map through, neither leaks nor all of it.")
### BEGIN HIDDEN TESTS
generator = Generator(18, 1, 1, 1).eval()  # two stages; kernels of −1 make the second map negative
state = generator.state_dict()
state |= {key: -torch.ones_like(value) for key, value in state.items() if value.ndim > 1}
state |= {key: torch.zeros_like(value) for key, value in state.items() if key.endswith("bias")}
generator.load_state_dict(state)
silent = generator(torch.full((1, 1), -0.1))
close(
    silent, torch.zeros(1, 1, 18, 18), "A ReLU before every transposed convolution: nothing of a negative map passes."
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "generator-weights", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from itertools import pairwise

from course_utils.checks import close
from course_utils.commission import commission

my = commission(student_id)
commissions = [tuple(my)]
### BEGIN HIDDEN TESTS
commissions += [(33, 2, 5, 7), (20, 3, 4, 11), (25, 1, 3, 2), (30, 2, 3, 4)]
### END HIDDEN TESTS
for size, channels, width, latent_dim in commissions:
    sides, maps = [size], [channels]
    while sides[-1] > 6:
        sides.append(sides[-1] // 2)
        maps.append(width * 2 ** (len(maps) - 1))
    # project, γ and β, kernels, the one bias
    right = (
        latent_dim * maps[-1] * sides[-1] ** 2
        + 2 * sum(maps[1:])
        + 16 * sum(a * b for a, b in pairwise(maps))
        + channels
    )
    weights = sum(p.numel() for p in Generator(size, channels, width, latent_dim).parameters())
    message = "This is not the number of weights of the plan: where does a layer have a bias, and where a batch norm?"
    close(weights, right, message)

# %% nbgrader={"grade": true, "grade_id": "discriminator-shape", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check
from course_utils.commission import commission

my = commission(student_id)
discriminator = Discriminator(my.image_size, my.channels, my.width)
for n in (5, 2, 1):
    x = torch.rand(n, my.channels, my.image_size, my.image_size) * 2 - 1
    shape = tuple(discriminator(x).shape)
    check(shape == (n,), f"{n} pictures should get logits of shape {(n,)}, one each, not {shape}.")

# %% nbgrader={"grade": true, "grade_id": "discriminator-other-sizes", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

check(
    tuple(Discriminator(30, 2, 4)(torch.randn(3, 2, 30, 30)).shape) == (3,), "Build from the arguments: 30, 15, 7, 3."
)
### BEGIN HIDDEN TESTS
for size, channels, width in ((13, 1, 4), (31, 4, 2), (24, 2, 3), (49, 1, 2), (20, 3, 5)):
    shape = tuple(Discriminator(size, channels, width)(torch.randn(2, channels, size, size)).shape)
    check(shape == (2,), "One logit for each picture, whatever its size.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "discriminator-logits", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

discriminator = Discriminator(18, 1, 4).eval()
logits = discriminator(1000 * torch.randn(64, 1, 18, 18))
check(bool(((logits < 0) | (logits > 1)).any()), "The losses take logits: any number, not only those from 0 to 1.")
check(bool((logits.abs() > 1).any()), "The losses take logits: any number, not only those from −1 to 1.")

# %% nbgrader={"grade": true, "grade_id": "discriminator-leak", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

discriminator = Discriminator(8, 1, 1).eval()  # one stage, one channel; all kernels are set to 1, all biases to 0
state = discriminator.state_dict()
state |= {key: torch.ones_like(value) for key, value in state.items() if key.endswith("weight")}
state |= {key: torch.zeros_like(value) for key, value in state.items() if key.endswith("bias")}
discriminator.load_state_dict(state)
bright, dark = discriminator(torch.ones(1, 1, 8, 8)).item(), discriminator(-torch.ones(1, 1, 8, 8)).item()
check(bright > 1, "A positive map should pass unchanged.")
close(dark / bright, -0.2, "A leaky ReLU lets a fifth of a negative map through.")
### BEGIN HIDDEN TESTS
discriminator = Discriminator(16, 1, 1).eval()  # two stages
state = discriminator.state_dict()
state |= {key: torch.ones_like(value) for key, value in state.items() if key.endswith("weight")}
state |= {key: torch.zeros_like(value) for key, value in state.items() if key.endswith("bias")}
discriminator.load_state_dict(state)
bright, dark = discriminator(torch.ones(1, 1, 16, 16)).item(), discriminator(-torch.ones(1, 1, 16, 16)).item()
close(dark / bright, -0.04, "Every stage ends in a leaky ReLU, each lets a fifth of a negative map through.", rtol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "discriminator-batch-norm", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

discriminator, x = Discriminator(18, 1, 4), torch.randn(6, 1, 18, 18)
check(
    bool((discriminator(x)[:3] - discriminator(x[:3])).abs().max() > 1e-5),
    "With batch norm in train mode, a logit depends on the batch.",
)
discriminator.eval()
close(discriminator(x)[:3], discriminator(x[:3]), "In eval mode a logit must not depend on the company, nor on chance.")

# %% nbgrader={"grade": true, "grade_id": "discriminator-weights", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from itertools import pairwise

from course_utils.checks import close
from course_utils.commission import commission

my = commission(student_id)
commissions = [tuple(my)[:3]]
### BEGIN HIDDEN TESTS
commissions += [(33, 2, 5), (20, 3, 4), (25, 1, 3), (30, 2, 3)]
### END HIDDEN TESTS
for size, channels, width in commissions:
    sides, maps = [size], [channels]
    while sides[-1] > 6:
        sides.append(sides[-1] // 2)
        maps.append(width * 2 ** (len(maps) - 1))
    # kernels, the first stage's bias, γ and β of the others, the last layer and its bias
    right = 16 * sum(a * b for a, b in pairwise(maps)) + width + 2 * sum(maps[2:]) + maps[-1] * sides[-1] ** 2 + 1
    weights = sum(p.numel() for p in Discriminator(size, channels, width).parameters())
    message = (
        "This is not the number of weights of the plan: which stage has no batch norm, and which layers have a bias?"
    )
    close(weights, right, message)

# %% nbgrader={"grade": false, "grade_id": "compare-counts", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    networks = {"generator": Generator(*my), "discriminator": Discriminator(*my[:3])}
    for name, network in networks.items():
        built = sum(p.numel() for p in network.parameters())
        print(f"{name:14s} predicted {shape_table()[name + '_weights']:7,}   built {built:7,}")

# %% [markdown]
# ## Part 6: First weights
#
# `course_utils.taught.dcgan.dcgan_init` sets the weights and leaves biases alone, and it knows only two-dimensional batch
# norm. Write a more thorough one:
#
# - weights of linear, convolutional and transposed layers, in one dimension or two, from $\mathcal N(0, \text{std}^2)$;
# - scales $\gamma$ of batch norms, in one dimension or two, from $\mathcal N(1, \text{std}^2)$;
# - all biases, those of batch norms included, to 0; running statistics stay as they are.
#
# Then predict, as in section 5.13, how far the generator's picture strays from grey at the start. Its last layer has
# `channels_in` channels coming in, kernel $k$ and stride $s$ with $s$ dividing $k$, weights from $\mathcal N(0,
# \text{std}^2)$ and bias 0. What comes in are independent standard normals after a ReLU.


# %% nbgrader={"grade": false, "grade_id": "practice-network", "locked": true, "schema_version": 3, "solution": false}
def practice_network():
    """A network with one of each kind of layer; all its scales and biases begin somewhere else than they should."""
    network = nn.Sequential(
        nn.Linear(32, 480),
        nn.BatchNorm1d(480),
        nn.ReLU(),
        nn.Unflatten(1, (30, 4, 4)),
        nn.ConvTranspose2d(30, 64, 4, 2, 1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Conv2d(64, 24, 3),
        nn.Flatten(2),
        nn.Conv1d(24, 40, 5),
    )
    for p in network.parameters():
        p.data += 0.3
    return network


# %% nbgrader={"grade": false, "grade_id": "initialise-code", "locked": false, "schema_version": 3, "solution": true}
def initialise(network, std=0.02):
    """Set the first weights of every layer of `network`, as described above, and return the network."""
    ### BEGIN SOLUTION
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, std)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(layer.weight, 1.0, std)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network
    ### END SOLUTION


def spread_before_tanh(channels_in, k, s, std=0.02):
    """Standard deviation of a pixel before the tanh, away from the edges, with the assumptions above."""
    ### BEGIN SOLUTION
    return std * math.sqrt(channels_in * (k // s) ** 2 * 0.5)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "init-weights", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import close

state = initialise(practice_network()).state_dict()
for key in ("0.weight", "4.weight", "7.weight", "9.weight"):
    close(state[key].double().std().item(), 0.02, "Weights are drawn with the given standard deviation.", rtol=0.1)
    close(state[key].double().mean().item(), 0.0, "Weights are drawn around 0.", atol=0.002)
### BEGIN HIDDEN TESTS
state = initialise(practice_network(), std=0.11).state_dict()
for key in ("0.weight", "4.weight", "7.weight", "9.weight"):
    close(
        state[key].double().std().item(),
        0.11,
        "The argument std is the standard deviation, for every kind of layer.",
        rtol=0.1,
    )
    close(state[key].double().mean().item(), 0.0, "Weights are drawn around 0.", atol=0.011)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "init-batch-norm", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

state = initialise(practice_network()).state_dict()
for key in ("1.weight", "5.weight"):
    close(
        state[key].double().mean().item(),
        1.0,
        "A scale near 0 would silence the whole layer: γ starts near 1.",
        atol=0.02,
    )
    close(state[key].double().std().item(), 0.02, "γ varies a little around 1.", rtol=0.4)
### BEGIN HIDDEN TESTS
state = initialise(practice_network(), 0.2).state_dict()
for key in ("1.weight", "5.weight"):
    close(state[key].double().mean().item(), 1.0, "γ starts near 1, also in one dimension.", atol=0.15)
    close(state[key].double().std().item(), 0.2, "The argument std holds for γ, too.", rtol=0.4)
    close(
        state[key.replace("weight", "running_var")],
        torch.ones(len(state[key])),
        "Running statistics are not weights: leave them alone.",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "init-biases", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

network = initialise(practice_network())
for key, value in network.state_dict().items():
    if key.endswith("bias"):
        close(value, torch.zeros(len(value)), "All biases start at 0, those of convolutions and those of batch norms.")
check(network is not None, "Return the network.")
### BEGIN HIDDEN TESTS
state = initialise(Discriminator(18, 1, 4)).state_dict()
biases = [value for key, value in state.items() if key.endswith("bias")]
check(len(biases) >= 2, "Layers without a bias must be no obstacle, and those that have one keep it.")
check(all(bool((bias == 0).all()) for bias in biases), "All biases start at 0, in your own networks, too.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "init-spread", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import close

close(spread_before_tanh(24, 4, 2), 0.1386, "The chapter's case: 24 channels, kernel 4, stride 2.", rtol=1e-3)
### BEGIN HIDDEN TESTS
import torch
import torch.nn.functional as F

for channels, k, s, std in ((8, 2, 2, 0.02), (50, 6, 2, 0.05), (12, 3, 1, 0.1), (10, 6, 3, 0.3)):
    generator = torch.Generator().manual_seed(56)
    x = torch.randn(400, channels, 5, 5, generator=generator).relu()
    weight = std * torch.randn(channels, 64, k, k, generator=generator)
    inner = F.conv_transpose2d(x, weight, stride=s)[..., k:-k, k:-k]
    message = "How many products does one pixel sum, and what is the mean square of a standard normal after a ReLU?"
    close(spread_before_tanh(channels, k, s, std), inner.double().std().item(), message, rtol=0.08)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 7: Batch norm
#
# Compute batch norm by hand, with γ = 1 and β = 0, and its running statistics as PyTorch keeps them: (5.7) and (5.8).
#
# Then make it disappear. In eval mode batch norm is a fixed scale and shift for each channel, and so can be folded into
# the weight of the layer before it. Do this for a *transposed* convolution without bias. (This is how networks are made
# faster once they are trained.)


# %% nbgrader={"grade": false, "grade_id": "batch-norm-code", "locked": false, "schema_version": 3, "solution": true}
def batch_norm(x, running_mean, running_var, momentum=0.1, eps=1e-5):
    """One forward pass in train mode. x (n, c, h, w); running_mean, running_var (c,). Changes none of them.

    Returns the normalised maps, the new running mean and the new running variance, as `nn.BatchNorm2d` would have them.
    """
    ### BEGIN SOLUTION
    mean = x.mean(dim=(0, 2, 3))
    centred = x - mean.view(-1, 1, 1)
    variance = centred.square().mean(dim=(0, 2, 3))
    y = centred / (variance + eps).sqrt().view(-1, 1, 1)
    count = x.numel() // x.shape[1]
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * variance * count / (count - 1)
    return y, new_mean, new_var
    ### END SOLUTION


def fold(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    """Weight and bias of one transposed convolution that does the work of two layers: without bias, then batch norm.

    Batch norm is in eval mode.     weight (a, b, k, k), as `nn.ConvTranspose2d(a, b, k)` stores it; the others (b,).
    Returns (a, b, k, k) and (b,).
    """
    ### BEGIN SOLUTION
    scale = gamma / (running_var + eps).sqrt()
    return weight * scale.view(1, -1, 1, 1), beta - scale * running_mean
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bn-output", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)
y, _, _ = batch_norm(x, torch.zeros(1), torch.ones(1))
close(
    y,
    torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1),
    "The output has mean 0 and variance 1, where variance is the plain average of squares.",
)
### BEGIN HIDDEN TESTS
from torch import nn

generator = torch.Generator().manual_seed(57)
for shape, eps in (((4, 3, 5, 2), 1e-5), ((2, 6, 1, 1), 1e-5), ((1, 2, 3, 4), 0.1)):
    x = 5 + 2 * torch.randn(shape, generator=generator)
    c = shape[1]
    right = nn.BatchNorm2d(c, eps=eps)(x).detach()
    y, _, _ = batch_norm(x, torch.randn(c, generator=generator), torch.rand(c, generator=generator), eps=eps)
    close(
        y,
        right,
        "One mean and one variance a channel, of this batch, over pictures and places; ε is added to the variance.",
    )
x = 0.003 * torch.randn(4, 2, 3, 3, generator=generator)  # hardly more than ε
y, _, _ = batch_norm(x, torch.zeros(2), torch.ones(2))
close(y, nn.BatchNorm2d(2)(x).detach(), "Unless it is said otherwise, ε is 1e-5, as in PyTorch.", rtol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bn-running-mean", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)
_, mean, _ = batch_norm(x, torch.tensor([10.0]), torch.ones(1), momentum=0.25)
close(mean, torch.tensor([8.0]), "In PyTorch, momentum is the share of the new batch.")
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(58)
x, old = torch.randn(6, 3, 2, 5, generator=generator) - 2, torch.randn(3, generator=generator)
_, mean, _ = batch_norm(x, old, torch.ones(3), momentum=0.3)
close(
    mean,
    0.7 * old + 0.3 * x.mean(dim=(0, 2, 3)),
    "One running mean a channel, moved towards this batch's by the share `momentum`.",
)
_, mean, _ = batch_norm(x, old, torch.ones(3))
right = 0.9 * old + 0.1 * x.mean(dim=(0, 2, 3))
close(mean, right, "Unless it is said otherwise, momentum is 0.1, as in PyTorch.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bn-running-var", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)
_, _, var = batch_norm(x, torch.zeros(1), torch.tensor([10.0]), momentum=0.5)
close(
    var,
    torch.tensor([6.0]),
    "For the running variance PyTorch divides by one fewer than it counts: the variance of this batch is 2 there, and 1 in the output.",
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(59)
x, old = 3 * torch.randn(2, 4, 2, 1, generator=generator), torch.rand(4, generator=generator)
_, _, var = batch_norm(x, torch.zeros(4), old, momentum=0.3)
right = 0.7 * old + 0.3 * x.transpose(0, 1).flatten(1).var(dim=1)
close(var, right, "Over how many numbers is the variance of a channel taken, and by how many is it divided?")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "fold", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import close


def two_layers(x, weight, gamma, beta, mean, var):
    maps = F.conv_transpose2d(x, weight, stride=2, padding=1)
    return F.batch_norm(maps, mean, var, gamma, beta, training=False)


weight, x = torch.randn(3, 2, 4, 4), torch.randn(1, 3, 5, 5)
gamma, beta = torch.tensor([2.0, 0.5]), torch.tensor([1.0, -1.0])
mean, var = torch.tensor([0.3, -0.2]), torch.tensor([4.0, 0.25])
new_weight, bias = fold(weight, gamma, beta, mean, var)
message = "Here γ / σ is 1 for both outputs: the weight stays."
close(new_weight, weight * torch.tensor([1.0, 1.0]).view(1, 2, 1, 1), message, atol=1e-3)
folded = F.conv_transpose2d(x, new_weight, bias, stride=2, padding=1)
message = "The folded layer must do what the two layers did."
close(folded, two_layers(x, weight, gamma, beta, mean, var), message, atol=1e-3)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(60)
for a, b in ((2, 5), (4, 4), (6, 1)):
    weight, x = torch.randn(a, b, 4, 4, generator=generator), torch.randn(2, a, 3, 4, generator=generator)
    gamma, beta, mean = torch.randn(3, b, generator=generator)
    var = (torch.rand(b, generator=generator) + 0.1) * (1e-4 if a == 6 else 1)  # ε matters where σ² is small
    new_weight, bias = fold(weight, gamma, beta, mean, var)
    close(new_weight.shape[1], b, "The weight keeps its shape.")
    right = two_layers(x, weight, gamma, beta, mean, var)
    folded = F.conv_transpose2d(x, new_weight, bias, stride=2, padding=1)
    message = "Batch norm acts on what comes out. Which axis of a transposed convolution's weight is that?"
    close(folded, right, message, rtol=1e-3, atol=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 2 (4 points)
#
# A colleague samples one picture at a time from a DCGAN, inside `torch.no_grad()` but without `.eval()`. Name two
# things that go wrong, one for the picture and one for the network. Then: during training the discriminator sees real
# and generated pictures in separate batches. What would it learn too easily from one mixed batch, and what does it
# *not* see in separate ones?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-batch-norm", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each:
# - the picture: in train mode each channel is normalised by the statistics of the batch, here of this one picture (its
#   own places), so $z$ gives another picture than in the company it was trained with (contrast and brightness of every
#   channel lost; with a 1×1 map an error);
# - the network: running statistics are updated at every forward pass in train mode, and `no_grad` does not prevent
#   that; the later eval-mode pictures change;
# - mixed: shared statistics, so a crude difference between the kinds (ink, brightness, scale) survives batch norm and
#   sets them apart at once;
# - separate: in every channel both batches have mean 0 and variance 1 behind the first batch norm, so a difference in a channel's
#   mean or scale is invisible (a common *pattern* of places stays); D must find finer differences.
# ### END MARK SCHEME
# In train mode every channel is brought to mean 0 and variance 1 over the batch. A batch of one picture is normalised
# by its own places, so whatever makes a channel strong or weak in this picture is divided away, and the same $z$ gives
# another picture than it gives among many. And each of these passes moves the running statistics towards those of
# single pictures. `no_grad` switches off gradients, not the updating of buffers; so the network itself is changed, and
# what it draws later in eval mode as well.
#
# In one mixed batch both kinds are shifted and scaled by the same numbers, so a crude difference, say more ink, stays a
# difference, and $D$ can live on it. In separate batches each kind is brought to the same mean and variance in every
# channel. What all pictures of a batch share is then hidden behind the first batch norm, and $D$ has to look for
# structure.

# %% [markdown]
# ## Part 8: The game
#
# One step for each network. `discriminator_step` lowers $-\log D(x) - \log(1 - D(G(z)))$, averaged over each batch (two
# separate batches), by one step of the optimizer; `generator_step` lowers the non-saturating loss. Each returns the
# loss it had *before* its step, as a float. Neither may change the weights of the other network, and neither may depend
# on gradients that an earlier step has left behind. (The running statistics of batch norm change at every pass; that is
# all right.)
#
# The checks try your steps on a practice pair, so they do not depend on part 5.


# %% nbgrader={"grade": false, "grade_id": "practice-pair", "locked": true, "schema_version": 3, "solution": false}
def practice_pair(seed):
    """A small generator (n, 4) => (n, 1, 6, 6) and a discriminator for it, equal for equal seeds."""
    torch.manual_seed(seed)
    generator = nn.Sequential(
        nn.Linear(4, 72, bias=False),
        nn.Unflatten(1, (8, 3, 3)),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 4, 2, 1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(72, 1),
        nn.Flatten(0),
    )
    return generator, discriminator


def descent(network, rate):
    """Plain gradient descent on the weights of `network`."""
    return torch.optim.SGD(network.parameters(), rate)


# %% nbgrader={"grade": false, "grade_id": "steps-code", "locked": false, "schema_version": 3, "solution": true}
def discriminator_step(generator, discriminator, optimizer, real, z):
    """One step of the discriminator's optimizer on real pictures and on generated ones, of codes z. Returns the loss."""
    ### BEGIN SOLUTION
    fakes = generator(z).detach()
    loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fakes)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


def generator_step(generator, discriminator, optimizer, z):
    """One step of the generator's optimizer on its pictures of z. Returns the loss."""
    ### BEGIN SOLUTION
    loss = F.softplus(-discriminator(generator(z))).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "d-step-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import close

seeds = [1]
### BEGIN HIDDEN TESTS
seeds += [11, 12]
### END HIDDEN TESTS
for seed in seeds:
    generator, discriminator = practice_pair(seed)
    real, z = torch.rand(8 + seed, 1, 6, 6) + 0.5, torch.randn(8 + seed, 4)
    on_real, on_fakes = discriminator(real), discriminator(generator(z))
    right = (F.softplus(-on_real).mean() + F.softplus(on_fakes).mean()).item()
    loss = discriminator_step(generator, discriminator, descent(discriminator, 0.1), real, z)
    message = "The sum of two averages, over real and over generated pictures, each kind in its own batch and with its own label."
    close(loss, right, message, rtol=1e-3)

# %% nbgrader={"grade": true, "grade_id": "d-step-moves", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

generator, discriminator = practice_pair(2)
real, z = torch.rand(16, 1, 6, 6), torch.randn(16, 4)
before = [p.clone() for p in generator.parameters()]
optimizer = descent(discriminator, 0.1)
losses = [discriminator_step(generator, discriminator, optimizer, real, z) for _ in range(10)]
check(losses[-1] < losses[0] - 0.01, "Ten steps on the same pictures must lower the discriminator's loss.")
for old, new in zip(before, generator.parameters(), strict=True):
    close(new, old, "The discriminator's step must leave the generator's weights alone.")
### BEGIN HIDDEN TESTS
again_g, again_d = practice_pair(2)
again = descent(again_d, 0.1)
for _ in range(10):
    discriminator_step(again_g, again_d, again, real, z)
    generator_step(again_g, again_d, descent(again_g, 0.0), z)  # stands still, but leaves gradients
for one, other in zip(discriminator.parameters(), again_d.parameters(), strict=True):
    close(other, one, "Gradients that the generator's step has left in the discriminator must not count.", atol=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "g-step-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import close

seeds = [3]
### BEGIN HIDDEN TESTS
seeds += [13, 14]
### END HIDDEN TESTS
for seed in seeds:
    generator, discriminator = practice_pair(seed)
    z = 2 * torch.randn(5 + seed, 4)
    right = F.softplus(-discriminator(generator(z))).mean().item()
    loss = generator_step(generator, discriminator, descent(generator, 0.1), z)
    close(loss, right, "The non-saturating loss: −log D, on generated pictures only, averaged.", rtol=1e-3)

# %% nbgrader={"grade": true, "grade_id": "g-step-moves", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

generator, discriminator = practice_pair(4)
z, real = torch.randn(16, 4), torch.rand(16, 1, 6, 6)
before = [p.clone() for p in discriminator.parameters()]
optimizer = descent(generator, 0.5)
losses = [generator_step(generator, discriminator, optimizer, z) for _ in range(10)]
check(losses[-1] < losses[0] - 0.01, "Ten steps against the same discriminator must lower the generator's loss.")
for old, new in zip(before, discriminator.parameters(), strict=True):
    close(new, old, "The generator's step must leave the discriminator's weights alone.")
### BEGIN HIDDEN TESTS
again_g, again_d = practice_pair(4)
again = descent(again_g, 0.5)
for _ in range(10):
    discriminator_step(again_g, again_d, descent(again_d, 0.0), real, z)  # both stand still, but may leave gradients
    generator_step(again_g, again_d, descent(again_g, 0.0), z)
    generator_step(again_g, again_d, again, z)
for one, other in zip(generator.parameters(), again_g.parameters(), strict=True):
    close(other, one, "Gradients that an earlier step has left in the generator must not count.", atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# One number tells who is ahead: the share of pictures that $D$ classifies rightly.


# %% nbgrader={"grade": false, "grade_id": "share-code", "locked": false, "schema_version": 3, "solution": true}
def share_right(real_logits, fake_logits):
    """The share of all these pictures that D classifies rightly, from the logits of real (n,) and of generated ones (m,)."""
    ### BEGIN SOLUTION
    right = torch.cat([real_logits > 0, fake_logits < 0])
    return right.float().mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "share-right", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

share = share_right(torch.tensor([2.0, 0.3, -1.0]), torch.tensor([-3.0, 0.1]))
close(share, 0.6, "D decides for real where its probability is above one half. Which logit is that?")
### BEGIN HIDDEN TESTS
share = share_right(torch.tensor([0.4, -0.2, -0.9, 0.7]), torch.tensor([-0.1, -0.6, 0.2, 0.8, 0.9, -5.0]))
close(
    share,
    0.5,
    "A real picture is classified rightly above the middle, a generated one below; all pictures count the same.",
)
close(share_right(torch.tensor([0.1]), torch.tensor([-0.1, -0.2])), 1.0, "All of them right: 1.")
### END HIDDEN TESTS

# %% [markdown]
# Now the whole of it, for your size. There is no data set for it, so we draw one: soft discs on a dark ground, each of
# another size, place and colour.


# %% nbgrader={"grade": false, "grade_id": "discs", "locked": true, "schema_version": 3, "solution": false}
def discs(n, image_size, channels, seed=0):
    """n pictures of one soft disc each: (n, channels, image_size, image_size), values from 0 to 1."""
    random = torch.Generator().manual_seed(seed)
    middle = 0.3 + 0.4 * torch.rand(n, 2, 1, 1, generator=random)
    radius = 0.12 + 0.15 * torch.rand(n, 1, 1, generator=random)
    colour = 0.5 + 0.5 * torch.rand(n, channels, 1, 1, generator=random)
    at = (torch.arange(image_size) + 0.5) / image_size
    distance = ((at.view(-1, 1) - middle[:, 0]) ** 2 + (at - middle[:, 1]) ** 2).sqrt()
    return colour * torch.sigmoid((radius - distance) * image_size).unsqueeze(1)


# %% [markdown]
# Write `train_dcgan`. Make it repeatable: seed PyTorch at the beginning, and draw what an alternation needs when it
# comes, so that a long run begins as a short one with the same seed. Build both networks for your commission,
# initialise them with your `initialise` (take its default), and alternate the two steps on batches of 16 discs, with
# Adam, `betas=(0.5, 0.99)` and two learning rates, 0.006 for the generator and 0.002 for the discriminator, which
# otherwise runs away in so short a game. Mind the scale of the pictures. Before each pair of steps, note the share of
# the 16 real and 16 generated pictures that $D$ classifies rightly.
#
# What comes out is measured: the checks put your weights into networks of their own, built by the plan of part 4, and let
# these draw and judge. They find each weight by its shape and by the name that PyTorch's layers give it (`weight`,
# `bias`, `running_mean`, `running_var`), so build from those layers, and flatten maps as `nn.Flatten` does.


# %% nbgrader={"grade": false, "grade_id": "filled", "locked": true, "schema_version": 3, "solution": false}
def filled(plain, network):
    """`plain`, a network by the plan, with the weights of `network`, found by their shapes and the ends of their names."""
    theirs = {name: torch.as_tensor(value) for name, value in dict(network.state_dict()).items()}
    state = {}
    for name, wanted in plain.state_dict().items():
        alike = [value for key, value in theirs.items() if key.endswith(name.rpartition(".")[2])]
        flat = [value.flatten(1) for value in alike if value.ndim == 4]  # of a convolution over a whole map
        fitting = [one for one in (*alike, *flat, *(one.T for one in flat)) if one.shape == wanted.shape]
        check(len(fitting) > 0, f"By the plan of part 4 there should be a {name} of shape {tuple(wanted.shape)}.")
        state[name] = fitting[0]
    return with_weights(plain, state, "Your networks cannot be measured.")


# %% nbgrader={"grade": false, "grade_id": "training-code", "locked": false, "schema_version": 3, "solution": true}
def train_dcgan(steps, seed=0):
    """Train your DCGAN for `steps` alternations. Returns a dictionary:

    "d_loss", "g_loss", "d_right": lists with one float for each alternation;
    "codes": 16 codes, (16, latent_dim);
    "before", "after": their pictures before and after the training, in eval mode, pixels from 0 to 1;
    "generator", "discriminator": the two networks.
    """
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    generator = initialise(Generator(*my))
    discriminator = initialise(Discriminator(*my[:3]))
    optimizer_g = torch.optim.Adam(generator.parameters(), 0.006, betas=(0.5, 0.99))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), 0.002, betas=(0.5, 0.99))
    data = 2 * discs(512, my.image_size, my.channels) - 1
    codes = torch.randn(16, my.latent_dim)

    @torch.no_grad()
    def draw():
        pictures = generator.eval()(codes)
        generator.train()
        return (pictures + 1) / 2

    record = {"d_loss": [], "g_loss": [], "d_right": [], "codes": codes, "before": draw()}
    for _ in range(steps):
        real, z = data[torch.randint(len(data), (16,))], torch.randn(16, my.latent_dim)
        with torch.no_grad():
            record["d_right"].append(share_right(discriminator(real), discriminator(generator(z))))
        record["d_loss"].append(discriminator_step(generator, discriminator, optimizer_d, real, z))
        record["g_loss"].append(generator_step(generator, discriminator, optimizer_g, z))
    return record | {"after": draw(), "generator": generator, "discriminator": discriminator}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "training-record", "locked": true, "points": 1, "schema_version": 3, "solution": false} given=["generator-network", "discriminator-network", "initialise-code", "steps-code", "share-code"]
import math

import torch

from course_utils.checks import check, close, ours
from course_utils.commission import commission

my, record = commission(student_id), train_dcgan(6, seed=1)
for key in ("d_loss", "g_loss", "d_right"):
    close(len(record[key]), 6, "One number for each alternation.")
    check(all(math.isfinite(number) for number in record[key]), "The numbers must be finite.")
check(all(0 <= share <= 1 for share in record["d_right"]), "A share lies between 0 and 1.")
message = "Each share is taken over 32 pictures, 16 of either kind."
check(all(abs(32 * share - round(32 * float(share))) < 1e-3 for share in record["d_right"]), message)
codes, before, after = (torch.as_tensor(record[key]).float() for key in ("codes", "before", "after"))
check(tuple(codes.shape) == (16, my.latent_dim), "Sixteen codes.")
for pictures in (before, after):
    shape = (16, my.channels, my.image_size, my.image_size)
    check(tuple(pictures.shape) == shape, "Sixteen pictures of your size.")
    message = "Bring the pixels from the generator's range to 0 … 1."
    check(bool(pictures.min() >= 0) and bool(pictures.max() <= 1), message)
message = "`after` is not what the trained generator makes of the codes in eval mode."
close(after, (record["generator"].eval()(codes).detach() + 1) / 2, message, atol=0.02)
### BEGIN HIDDEN TESTS
drawer = ours("filled")(ours("Generator")(*my), record["generator"])
close(after, (drawer(codes).detach() + 1) / 2, message, atol=0.02)
check(bool(abs(before - after).mean() > 1e-3), "The generator must have moved.")
message = "With your initialise, the first pictures are nearly grey: 0.5 on a scale from 0 to 1."
check(abs(before.mean() - 0.5) < 0.05 and bool(before.std() < 0.003), message)
message = "With your initialise, D knows next to nothing at first: its loss starts near 2 log 2."
close(float(record["d_loss"][0]), 2 * math.log(2), message, atol=0.6)
spreads = [value.std().item() for value in record["discriminator"].state_dict().values() if value.ndim > 1]
check(max(spreads) < 0.06, "The discriminator should start from your initialise, too.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "training-repeatable", "locked": true, "points": 1, "schema_version": 3, "solution": false} given=["generator-network", "discriminator-network", "initialise-code", "steps-code", "share-code"]
import torch

from course_utils.checks import check, close

one, two, other = (train_dcgan(3, seed=seed) for seed in (5, 5, 6))
message = "The same seed must give the same run: first weights, batches and noise."
close(torch.as_tensor(two["g_loss"]), torch.as_tensor(one["g_loss"]), message)
check(list(one["g_loss"]) != list(other["g_loss"]), "Another seed must give another run.")
### BEGIN HIDDEN TESTS
for name in ("generator", "discriminator"):
    first, again, third = (run[name].state_dict() for run in (one, two, other))
    for key, value in first.items():
        close(again[key], value, message, rtol=1e-3, atol=1e-4)
    check(any(not torch.equal(third[key], first[key]) for key in first), "Another seed must give another run.")
    moved = [bool((value != 0).any()) for key, value in first.items() if key.endswith("running_mean")]
    check(len(moved) > 0 and all(moved), "Both networks play in train mode: go back to it after drawing.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "training-numbers", "locked": true, "points": 1, "schema_version": 3, "solution": false} given=["generator-network", "discriminator-network", "initialise-code", "steps-code", "share-code"]
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.checks import check, ours
from course_utils.commission import commission

my = commission(student_id)
noted, runs = [float(loss) for loss in train_dcgan(8, seed=2)["d_loss"]], [train_dcgan(k, seed=2) for k in range(1, 8)]


def compare(players):
    """The losses that are noted with those of the networks with which each alternation began."""
    real = 2 * ours("discs")(128, my.image_size, my.channels, seed=562) - 1
    z, off = torch.randn(128, my.latent_dim, generator=torch.Generator().manual_seed(562)), []
    for drawer, judge in players:
        with torch.no_grad():
            loss = F.softplus(-judge.train()(real)).mean() + F.softplus(judge(drawer.train()(z))).mean()
        off.append(noted[len(off) + 1] - loss.item())
    message = "The losses that are noted are not those of the networks: note each before its step; a long run begins as a short one."
    check(sum(abs(one) for one in off) / 7 < 0.15 and abs(sum(off)) / 7 < 0.1, message)


compare([(run["generator"], run["discriminator"]) for run in runs])
### BEGIN HIDDEN TESTS
filled, drawer, judge = ours("filled"), ours("Generator"), ours("Discriminator")
compare([(filled(drawer(*my), run["generator"]), filled(judge(*my[:3]), run["discriminator"])) for run in runs])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "training-learns", "locked": true, "points": 2, "schema_version": 3, "solution": false} given=["generator-network", "discriminator-network", "initialise-code", "steps-code", "share-code"]
import torch

from course_utils.checks import check, ours
from course_utils.commission import commission

my = commission(student_id)


def judged(drawer, judge):
    """How often D finds a fresh disc more real than a new picture, and how bright new pictures are."""
    real = 2 * ours("discs")(64, my.image_size, my.channels, seed=561) - 1
    z = torch.randn(2, 64, my.latent_dim, generator=torch.Generator().manual_seed(561))
    with torch.no_grad():
        on_real, on_fake = judge.train()(real), judge(drawer.train()(z[0]))
        brightness = (drawer.eval()(z[1]).mean().item() + 1) / 2
    return (on_real[:, None] > on_fake).double().mean().item(), brightness


for seed in range(3):  # a good recipe can have bad luck
    record = train_dcgan(40, seed)
    found = judged(record["generator"], record["discriminator"])
    if found[0] > 0.6 and found[1] < 0.42:
        break
tells = "After forty alternations D should tell such bad pictures from discs it has not seen: are they on one scale, with the right labels?"
dark = "The generator should have learned that most of a picture is dark: is the data on the generator's scale, and does G step in the right direction?"
check(found[0] > 0.6, tells)
check(found[1] < 0.42, dark)
### BEGIN HIDDEN TESTS
drawer = ours("filled")(ours("Generator")(*my), record["generator"])
found = judged(drawer, ours("filled")(ours("Discriminator")(*my[:3]), record["discriminator"]))
check(found[0] > 0.6, tells)
check(found[1] < 0.42 and bool(record["after"].mean() < 0.45), dark)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "look", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    record = train_dcgan(80)
    for key in ("d_loss", "g_loss", "d_right"):
        print(f"{key:8s} first ten {sum(record[key][:10]) / 10:.2f}   last ten {sum(record[key][-10:]) / 10:.2f}")
    show_images(
        {
            "data": discs(16, my.image_size, my.channels, seed=9)[:8],
            "before": record["before"][:8],
            "after": record["after"][:8],
        },
        alt="Three rows of eight pictures: soft discs on a dark ground; even grey, from the untrained generator; and what the"
        " same eight codes give after a short training.",
    )

# %% [markdown]
# ### Question 3 (4 points)
#
# Four diaries of DCGANs, at the end of training (D right: share of pictures that D classifies rightly; spread: how much
# the generated pictures differ from one another, relative to the data):
#
# | run | D loss | G loss | D right | spread | the pictures |
# |---|---|---|---|---|---|
# | A | 0.01 | 7.9 | 1.00 | 0.9 | noise |
# | B | 1.38 | 0.70 | 0.51 | 0.9 | blurs |
# | C | 1.05 | 1.20 | 0.71 | 0.9 | good digits |
# | D | 1.30 | 0.80 | 0.56 | 0.1 | good, all of them ones |
#
# For each run, say what has happened (who is ahead, and is that good or bad?) and what you would change first.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-balance", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each, half for the diagnosis, half for a sensible change:
# - A: D has won, its answers are saturated and G learns little; lower D's learning rate, weaken or penalise it (R1,
#   label smoothing), check scales (a fault such as data in 0…1 looks like this), betas;
# - B: D is at chance *and* the pictures are bad: D is too weak (not "equilibrium"); more D capacity, more D steps or a
#   higher rate for D; losses alone cannot tell it from success;
# - C: healthy, D somewhat ahead, balance in motion; go on, average the weights, fade the rates;
# - D: mode collapse: losses look balanced, diversity is lost, and D is too weak to use it (a D that knew there are only ones among the
#   fakes would be right far more often than 0.56); chapter 07's remedies, another seed, a larger batch,
#   minibatch statistics, a penalty; a score that sees diversity (recall, mode count). No mark for reading quality off
#   the losses.
# ### END MARK SCHEME
# A: the discriminator has won. Its loss is nearly 0, its answers are certain, and the generator hears little that it
# can use. I would first look for a fault that makes the kinds trivially different (data in 0…1 against −1…1), then slow
# $D$ down or charge it for steep slopes. B: $D$ is at chance, but the pictures are bad, so this is no equilibrium: $D$
# is too weak to see the blur. Give it more channels, a higher rate or more steps. C: $D$ is a little ahead and the
# pictures are good. That is how a healthy game looks; I would train on, let the rates fade and average the weights. D:
# the losses look balanced, and yet the generator has collapsed to one mode: the spread tells, the losses do not. Change
# the game (a larger batch, a penalty, the methods of chapter 07) and track a score that sees diversity.

# %% [markdown]
# ## Part 9: Your investigation
#
# In train mode a picture depends on its company. *By how much, and how does that depend on the size of the batch?*
# Before you measure, write down what you expect: if the batch is four times as large, what becomes of the effect?
#
# ### Task 9a · The same codes in other company
#
# Write `in_company`: one batch, made of the codes `same` and of others after them, goes through the generator in the mode
# it is in; the pictures of `same` come back.


# %% nbgrader={"grade": false, "grade_id": "company-code", "locked": false, "schema_version": 3, "solution": true}
@torch.no_grad()
def in_company(generator, same, company):
    """Pictures (n, …) of the codes same (n, latent_dim), drawn in one batch with the codes company (m, latent_dim)."""
    ### BEGIN SOLUTION
    return generator(torch.cat([same, company]))[: len(same)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "company-eval", "locked": true, "points": 1, "schema_version": 3, "solution": false} given=["generator-network"]
import torch

from course_utils.checks import check, close
from course_utils.commission import commission

my = commission(student_id)
torch.manual_seed(21)
generator = Generator(my.image_size, my.channels, my.width, my.latent_dim)
same, a, b = torch.randn(3, 4, my.latent_dim)
one, other = in_company(generator, same, a), in_company(generator, same, b)
check(tuple(one.shape) == (4, my.channels, my.image_size, my.image_size), "One picture for each of the codes `same`.")
check((one - other).abs().max() > 1e-4, "In train mode the company must matter.")
generator.eval()
one, other = in_company(generator, same, a), in_company(generator, same, b)
close(one, other, "In eval mode the company must not matter.", atol=1e-4)
### BEGIN HIDDEN TESTS
close(
    one, generator(same).detach(), "In eval mode these are the pictures of `same`, whatever else is drawn.", atol=1e-4
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "company-pictures", "locked": true, "points": 1, "schema_version": 3, "solution": false} given=["generator-network"]
import torch

from course_utils.checks import check, close
from course_utils.commission import commission

my = commission(student_id)
torch.manual_seed(22)
generator = Generator(my.image_size, my.channels, my.width, my.latent_dim)
same, company = torch.randn(2, my.latent_dim), torch.randn(6, my.latent_dim)
pictures = in_company(generator, same, company)
check(not pictures.requires_grad and generator.training, "A measurement: no gradients, and the mode stays as it is.")
### BEGIN HIDDEN TESTS
for n, m in ((1, 3), (5, 1), (4, 12)):
    same, company = torch.randn(n, my.latent_dim), torch.randn(m, my.latent_dim)
    together = generator(torch.cat([same, company])).detach()[:n]
    message = "All the codes go through the generator in one batch, and the pictures of `same` come back."
    close(in_company(generator, same, company), together, message, rtol=1e-3, atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ### Task 9b · How much is that?
#
# Write `relative_change`: the RMS difference of two sets of pictures, divided by the standard deviation of the pixels of
# the first.


# %% nbgrader={"grade": false, "grade_id": "change-code", "locked": false, "schema_version": 3, "solution": true}
def relative_change(one, other):
    """Two sets of pictures, tensors of one shape => the root of the mean square of their difference over std(one), a float."""
    ### BEGIN SOLUTION
    return ((one - other).square().mean().sqrt() / one.std()).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "company-law", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

one = torch.randn(40, 2, 9, 9, generator=torch.Generator().manual_seed(23))
close(relative_change(one, one), 0.0, "No difference is no change.")
close(relative_change(5 * one, 5 * one + 5), 1.0, "Twice the scale, twice the difference: the same number.", rtol=0.05)
### BEGIN HIDDEN TESTS
other = one + 0.3 * torch.randn(one.shape, generator=torch.Generator().manual_seed(24))
right = ((one - other).square().mean().sqrt() / one.std()).item()
message = "The root of the mean of all squared differences, over the standard deviation of the first set."
close(relative_change(one, other), right, message, rtol=0.01)
close(relative_change(2 * one, 2 * other), right, message, rtol=0.01)
close(relative_change(one - 7, other - 7), right, "The spread of the pictures does not count their mean.", rtol=0.01)
### END HIDDEN TESTS

# %% [markdown]
# The experiment, with generators of your commission as PyTorch initialises them: one half of the batch stays, the other
# is exchanged.

# %% nbgrader={"grade": false, "grade_id": "company-table", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    for size in (4, 8, 16, 32, 64):
        effects = []
        for seed in range(3):
            torch.manual_seed(seed)
            generator, half = Generator(*my), size // 2
            for _ in range(3):
                same, a, b = torch.randn(3, half, my.latent_dim)
                effects.append(relative_change(in_company(generator, same, a), in_company(generator, same, b)))
        print(
            f"batch {size:3d}   three networks, three batches each: " + " ".join(f"{effect:.3f}" for effect in effects)
        )

# %% [markdown]
# ### Report (6 points)
#
# Report what you found, in about 200 words: your expectation, your numbers with their variation over seeds, the law
# that fits them and why, and what it means for someone who trains with small batches or samples without `.eval()`. Then
# change *one* thing of your own choice (the width, the number of stages, your first weights, a trained generator, the
# discriminator …), predict, measure, and say whether the law still holds.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-investigation", "locked": false, "points": 6, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - an expectation stated before the result (1; also a wrong one);
# - own numbers for at least four batch sizes and three seeds, with their spread (1);
# - the law: effect ∝ (batch size)^(−1/2), found from the numbers (a slope, or ratios for a factor of four) (1), and
#   why: means and variances of a batch fluctuate like one over the root of its size; each channel is an average over
#   batch *and places*, so constants differ but not the power (1);
# - consequence in words (noise in training with small batches; sample in eval mode) (0.5);
# - one changed thing, predicted, measured with numbers, and a conclusion that does not go beyond them (1.5).
# Numbers differ with the commission: check that they agree with what the submitted code returns.
# ### END MARK SCHEME
# I expected the effect to halve when the batch is four times as large: batch norm uses the mean and the variance of the
# batch, and such averages of $n$ independent pictures fluctuate like $1/\sqrt n$. Half of my batch is exchanged, so the
# fluctuation of that half is what acts. Three untrained networks of my commission (27×27, three channels) gave effects
# of 0.080, 0.103, 0.103 for batches of 8, of 0.047, 0.045, 0.044 for 32, and of 0.022, 0.021, 0.021 for 128. From 8 to
# 128, a factor of sixteen, the effect falls by 3.6, 4.8 and 4.9, against four for the law $n^{-1/2}$; the log–log
# slopes are −0.46, −0.57 and −0.57. At the smallest batches the law need not hold exactly, since the variance in the
# denominator is itself uncertain there. So in training with batches of 8 every picture is perturbed by about a tenth of
# its own spread, which acts like noise; at 128 it is a few per cent. And sampling in train mode, the same code has no
# picture of its own.
#
# The thing I changed: the width, from 10 to 40. I predicted the same law, and nearly the same size, since every channel
# is normalised by its own statistics. Measured: 0.102, 0.100, 0.089 at 8 and 0.026, 0.023, 0.024 at 128, slopes from
# −0.48 to −0.52. The slope stays near −1/2, so within what three seeds can tell, the law does not depend on the width.
