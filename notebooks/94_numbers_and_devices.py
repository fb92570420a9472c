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
# # 94 · Appendix: numbers and devices
#
# Where does a tensor live, what does it cost to move it, what is lost in sixteen bits, and why do two correct runs
# end in different digits? No chapter needs all of this. Open it when a GPU complains, when a program is slow, or
# when two runs disagree.
#
# **You will be able to**
#
# - say where every tensor of a training step lives, and repair a step in which one was left behind;
# - tell what makes a GPU wait, and time it correctly;
# - say what is lost in sixteen bits, and why weights are kept in thirty-two;
# - explain why two correct runs may differ in their last digits.
#
# **Time.** Reading and trying out, about 35 minutes. Running all cells, about 10 seconds on two CPU
# cores (not yet timed on a GPU). **You need** [chapter 00](00_start_here.ipynb), section 0.9 of it for the losses.
#
# ![Three rising staircases: the distance from a number to the next in bfloat16, float16 and float32.](images/94.png)
#
# *Section 94.4: how far it is from a number to the next one, in three formats.*

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

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import schedule
from course_utils.data import batches, load_images
from course_utils.figures import show
from course_utils.results import Results, holds
from course_utils.schedule import seed_everything

seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("94", digits.source)

# %% [markdown]
# ## 94.1 Which device? · 1 min
#
# PyTorch calls the place where a tensor lies, and where its arithmetic is done, a **device**: `cpu`, `cuda` for
# an NVIDIA GPU, `mps` for the GPU in an Apple computer. The usual idiom is
# `torch.device("cuda" if torch.cuda.is_available() else "cpu")`: CUDA where there is any, else the CPU. The
# course's version also knows Apple's chips, and lets you overrule it with an environment variable.
#
# Finding a device is not the same as being able to compute on it. A driver that is too old shows at once:
# `is_available()` warns and returns `False`. A GPU for which this build of PyTorch contains no code shows only at
# the first operation, with *no kernel image is available*. So run one, and compare with the same product on the
# CPU.

# %%
a, b = torch.rand(5, 3), torch.rand(3, 4)
product = a.to(device) @ b.to(device)
print("device:", device)
holds("the product is computed where it should be", product.device.type == device.type)
holds("and is the CPU's", torch.allclose(product.cpu(), a @ b, atol=1e-3), (product.cpu() - a @ b).abs().max())

# %% [markdown]
# On Colab you get a GPU under *Runtime → Change runtime type*. On a machine without one, carry on: on the
# short schedule every chapter is made for two CPU cores.

# %% [markdown]
# ## 94.2 What lives where · 10 min
#
# A GPU has memory of its own. An operation uses what lies in the memory of the device that carries it out, and with few
# exceptions (below) PyTorch does not move a tensor by itself: a copy across takes time, and you should see it in the
# code. This makes one question worth asking of every line of a training loop: *where is this?*
#
# | thing | where it is until you move it |
# |---|---|
# | numbers, lists, strings, NumPy arrays | CPU memory, always |
# | what a `DataLoader` yields | CPU memory |
# | what `torch.load(…, map_location="cpu", weights_only=True)` returns | CPU memory |
# | `torch.zeros(3)`, `torch.randn(3)`, `torch.tensor([1.0])` | CPU memory, as long as no `device=` is given |
# | the parameters of a new `nn.Module` | CPU memory |
# | the result of an operation | where its operands are |
# | in this course: `digits.train` and its companions | on the device, since `load_images()` |
#
# To show what goes wrong we need two devices, and your machine may have only one. PyTorch brings a second along:
# the device **`meta`** keeps shapes and types but no numbers. Nothing can be computed on it, yet it counts as a
# place of its own, and arithmetic that mixes it with another place is refused, as it is between CPU and GPU.
#
# > **❓ Predict.** What does the last line of the next cell print, `cpu` or `meta`?

# %% jupyter={"outputs_hidden": true}
x = torch.ones(3)
x.to("meta")
print(x.device)

# %% [markdown]
# `cpu`. For a **tensor**, `.to(…)` leaves the original alone and returns another tensor; whoever drops the return
# value has done nothing. (When the tensor is on the wanted device already, `.to` returns the very same object, so
# calling it once too often costs nothing.) For a **module** the same method moves the parameters *inside* the
# module and returns the module itself.

# %%
moved = x.to("meta")
holds("x stays, the copy is elsewhere", (x.device.type, moved.device.type) == ("cpu", "meta"))
holds("already there: no copy", x.to("cpu") is x)
layer = nn.Linear(784, 10)
returned = layer.to("meta")
holds("a module is moved itself", returned is layer and layer.weight.device.type == "meta")

# %% [markdown]
# > **⚠ Common mistake.** `x.to(device)` on a line of its own, written by analogy with `model.to(device)`. The
# > model moves, the tensor stays. Write `x = x.to(device)`.
#
# New tensors can be made at their destination. `torch.ones(64, 1, device=device)` fills device memory directly;
# `torch.ones(64, 1).to(device)` fills CPU memory first and then copies it across, at every step of the loop. When
# there already is a tensor to imitate, `ones_like` and `randn_like` take over its shape, its type *and its device*,
# so they cannot be wrong about the place.

# %%
direct, detour = torch.ones(64, 1, device=device), torch.ones(64, 1).to(device)
holds("the result is the same, by either way", torch.equal(direct, detour))
holds("noise like a tensor on meta is on meta", torch.randn_like(moved).device.type == "meta")

# %% [markdown]
# ### The four things to move
#
# Chapter 03 trains two networks against each other: a **generator** that turns noise into pictures, and a
# **discriminator** that returns a score for each picture, high where it takes it for real. You need not know here
# why that works. Just count what takes part in one step:
#
# 1. **the models**, both of them: once, before the optimizers are made;
# 2. **the real images**: every batch, unless all of them lie on the device already, as here;
# 3. **the label tensors**, the ones and zeros that stand for "real" and "fake": made on the device;
# 4. **the noise**, the generator's input: made on the device.
#
# A classifier follows the same rule with fewer parts. Images are hard to forget. Labels and noise are easy to
# forget, because we make them ourselves. The function below is such a step in miniature, one linear layer for each
# network, with the loss of section 0.9. Everything is put on `meta`, except for the part we tell it to forget.

# %%
PARTS = ("generator", "discriminator", "images", "labels", "noise")


def half_a_gan_step(forgotten=None):
    place = {part: "cpu" if part == forgotten else "meta" for part in PARTS}
    generator = nn.Linear(100, 784).to(place["generator"])
    discriminator = nn.Linear(784, 1).to(place["discriminator"])
    x = torch.rand(64, 784, device=place["images"])
    real = torch.ones(64, 1, device=place["labels"])
    z = torch.randn(64, 100, device=place["noise"])
    loss = F.binary_cross_entropy_with_logits(discriminator(x), real)
    # The generator would like its pictures to be called real, so its labels are ones as well.
    return loss + F.binary_cross_entropy_with_logits(discriminator(generator(z)), real)


print("with nothing forgotten the loss is on", half_a_gan_step().device)

# %% [markdown]
# > **❓ Predict.** Five runs, each with one of the five parts left on the CPU. Which of them get away with it?

# %% jupyter={"outputs_hidden": true}
messages = {}
for part in PARTS:
    try:
        half_a_gan_step(forgotten=part)
        messages[part] = "nobody noticed"
    except RuntimeError as error:
        messages[part] = str(error).splitlines()[0]
    print(f"{part:13} left behind → {messages[part]}")
holds("none of the five: each message speaks of devices", all("device" in message for message in messages.values()))

# %% [markdown]
# On a GPU the sentence is worded a little differently, along the lines of *Expected all tensors
# to be on the same device, but found at least two devices, cuda:0 and cpu!*, and means the same. In both forms
# it names the two places but **not your variable**; at most it adds the name of an argument deep inside
# PyTorch, such as `mat1`. To find the culprit, go to the line in the error's traceback, print `.device` of each
# operand (of a module: `next(module.parameters()).device`), and follow the one that says `cpu` back to where it
# was made.
#
# Three exceptions keep programs alive without their authors knowing. A CPU tensor with a *single number and no
# dimensions* may take part in arithmetic on any device, as a plain Python number may. Assigning *into* a tensor
# (`x_cuda[:] = x_cpu`) copies across. And a CUDA tensor may be indexed by an index tensor that lies on the CPU. The
# first can be seen here:

# %%
two = torch.tensor(2.0)  # on the CPU, shape ()
holds("a single number may lie elsewhere", (two * moved).device.type == (2.0 * moved).device.type == "meta")

# %% [markdown]
# ### The way back, and what it costs
#
# Printing a loss, drawing a picture and calling NumPy need the numbers in CPU memory: `.item()` fetches one number,
# `.cpu()` a whole tensor. On a GPU both do more than copy. The CPU only *queues* work for the GPU and runs ahead;
# when it asks for a number, it must **wait until the queue is empty** (PyTorch's notes on CUDA semantics describe
# this). A loop that calls `loss.item()` at each step makes the two take turns where they could have overlapped. The
# course's training loop keeps the losses as tensors, detached, looks at the newest every twentieth step for its
# progress bar, and turns all of them into numbers at the end. A loop of your own may stack them and fetch all at
# once:

# %%
w = torch.tensor(3.0, device=device, requires_grad=True)
at_each_step, kept = [], []
for step in range(5):
    loss = (w - step) ** 2
    at_each_step.append(loss.item())  # waits, every time
    kept.append(loss.detach())  # waits for nothing
holds("one transfer for all five gives the same", torch.stack(kept).tolist() == at_each_step)
holds("the loss remembers its step, the detached one does not", loss.grad_fn is not None and kept[-1].grad_fn is None)

# %% [markdown]
# The last line is about memory. A loss that is kept *without* `detach()` (or `.item()`) holds on to its
# `grad_fn`, and through it to what that step stored for its backward pass. Memory then grows with each step
# until it runs out, in a place that has nothing to do with the cause.

# %% [markdown]
# ## 94.3 When a GPU pays · 3 min
#
# A GPU multiplies large matrices much faster than a CPU. It does not follow that it speeds up *your*
# program, for each operation also costs a fixed amount: Python has to run, memory has to be found, and a
# kernel, which is what a program for the GPU is called, has to be started. That cost is the same for a tiny
# matrix as for a huge one, and you can see it on any device.
#
# An $n \times n$ product takes $n^3$ multiplications and about as many additions, so from $n = 8$ to $n = 512$
# the work grows by a factor of
#
# $$\left(\frac{512}{8}\right)^3 = 262\,144. \tag{94.1}$$


# %%
def microseconds(n, dtype=torch.float32):
    """Time of one (n, n) product on the device: the best of thirty series of five."""
    a = torch.ones(n, n, device=device, dtype=dtype)
    (a @ a)[0, 0].item()  # warm up: the first call also sets things up
    series = []
    for _ in range(30):
        begun = time.perf_counter()
        for _ in range(5):
            product = a @ a
        product[0, 0].item()  # fetch a number, so that the clock stops only when the work is done
        series.append((time.perf_counter() - begun) / 5 * 1e6)
    return min(series)


# %% [markdown]
# > **❓ Predict.** By what factor does the time grow?

# %% jupyter={"outputs_hidden": true}
small, large = microseconds(8), microseconds(512)
print(f"8×8: {small:.1f} µs, 512×512: {large:.0f} µs")
holds("work grows by", (512 / 8) ** 3 == 262_144, 262_144)
holds("time by less than a quarter of that", large / small < 262_144 / 4, large / small)

# %% [markdown]
# The exact figures are those of the machine that ran the cell, and they change from run to run. The small product
# hardly computes: it *starts up*. Run this cell on a GPU, on Colab for instance, and compare the factors. Three
# rules of thumb follow:
#
# - few large operations beat many small ones: larger batches, no Python loop over single images;
# - two-layer networks on 28×28 pictures, as in chapters 01 to 04, are small, and a CPU is not out of place; with
#   the convolutions of chapter 05 a GPU is welcome;
# - whoever times GPU code must wait for the result before stopping the clock, as the `.item()` above does.
#   Without it you measure how long it takes to write the queue.

# %% [markdown]
# ## 94.4 Sixteen bits · 8 min
#
# Most of the arithmetic in this course is done in `float32`. Recent GPUs multiply `bfloat16` numbers
# faster, and half the bytes move faster too. What is given up?
#
# A floating-point number is $1.b_1 b_2 \dots b_p$ in binary, a 1 followed by a fraction of $p$ digits, times a
# power of two (and a sign). So between $2^k$ and $2^{k+1}$ lie $2^p$ of these numbers, evenly spread, and the
# distance from $x$ to the next larger one (unless $x$ is almost zero) is
#
# $$\begin{aligned}
# \Delta(x) &= 2^{\lfloor \log_2 |x| \rfloor - p}, \\
# p &= 23 \text{ for float32}, \ 10 \text{ for float16}, \ 7 \text{ for bfloat16}.
# \end{aligned} \tag{94.2}$$
#
# ($\lfloor a \rfloor$ is $a$ rounded down.) `torch.finfo(…).eps` is $\Delta(1)$, and `torch.nextafter` knows each
# number's neighbour. We let both confirm the formula.

# %%
fraction_bits = {torch.float32: 23, torch.float16: 10, torch.bfloat16: 7}
for dtype, p in fraction_bits.items():
    info = torch.finfo(dtype)
    agree = [info.eps == 2.0**-p]
    for x in (0.1, 1.0, 3.0, 1000.0):
        x = torch.tensor(x, dtype=dtype)
        gap = torch.nextafter(x, 2 * x).double() - x.double()
        agree.append(gap == 2.0 ** (x.double().log2().floor() - p))
    holds(f"{str(dtype)[6:]:8}: as (94.2) says; after 1 comes 1 + {info.eps:.3g}, the largest is", all(agree), info.max)

# %% [markdown]
# `bfloat16` reaches as far as `float32` but is coarse: between 1 and 2 it has only 128 values, two to three decimal
# digits. `float16` is finer but ends at 65 504, so that a large gradient becomes infinite, and one infinite
# gradient ruins the weights; small gradients become zero. Training with coarse products has been found to lose
# little (Kalamkar et al., 2019); hence the preference for `bfloat16`.

# %%
big, tiny = torch.tensor(70_000.0), torch.tensor(1e-8)
print(big.half(), big.bfloat16(), tiny.half(), tiny.bfloat16())  # half() is float16
holds("float16 ends before 70 000", big.half().isinf() and big.bfloat16().isfinite())
holds("and rounds 0.00000001 to zero", tiny.half() == 0 and tiny.bfloat16() > 0)

# %% tags=["picture"]
x = torch.logspace(-3, 5, 1000, dtype=torch.float64)
fig, ax = plt.subplots()
for dtype, p in fraction_bits.items():
    spacing = 2.0 ** (x.log2().floor() - p)
    ax.loglog(x, spacing.where(x < torch.finfo(dtype).max, torch.nan), label=str(dtype).removeprefix("torch."))
ax.set(xlabel="number x", ylabel="distance to the next number")
ax.legend()
show(
    fig,
    alt="Log-log plot of the distance to the next representable number against the number itself, from 0.001 to "
    "100 000. Three parallel rising staircases, one step per power of two: bfloat16 is highest, float16 a factor "
    "of 8 below it and ending at 65 504, float32 lowest, a factor of 65 536 below bfloat16.",
)
holds("float16 is 8 times finer than bfloat16, float32 65 536 times", (2 ** (10 - 7), 2 ** (23 - 7)) == (8, 65_536))

# %% [markdown]
# The distance grows in step with the number, so it is the *relative* precision that is fixed. A tiny weight is
# stored as faithfully as a huge one. Trouble comes when a large number meets a small one:
#
# > **❓ Predict.** A weight starts at 1 and receives a thousand updates of −0.001 each, in `bfloat16`. Where does
# > it end? Where does it in `float32`?

# %% jupyter={"outputs_hidden": true}
ends = {}
for dtype in (torch.float32, torch.bfloat16):
    weight = torch.tensor(1.0, dtype=dtype)
    for _ in range(1000):
        weight = weight - 0.001
    ends[dtype] = weight.item()
holds("in float32 it ends near zero", abs(ends[torch.float32]) < 1e-3, ends[torch.float32])
holds("in bfloat16 it has not moved", ends[torch.bfloat16] == 1.0, ends[torch.bfloat16])
results.add(after_updates_bfloat16=ends[torch.bfloat16], after_updates_float32=ends[torch.float32])

# %% [markdown]
# Below 1, the neighbours in `bfloat16` are $2^{-8} \approx 0.0039$ apart; a step of 0.001 is less
# than half of that and is rounded away, every single time. Above 1 the distance is twice as large, and from 1
# itself even an exact half step is lost (a tie goes to the neighbour whose last digit is even):

# %%
one = torch.tensor(1.0, dtype=torch.bfloat16)
holds("half a step up is rounded back down", one + 1 / 256 == 1)
holds("a whole step survives", one + 1 / 128 == 1.0078125, one + 1 / 128)

# %% [markdown]
# So weights and their updates stay in `float32`, and only the products inside the forward pass are done in
# `bfloat16`. **Autocast** arranges this: within its `with` block, matrix products and convolutions convert their
# inputs on the way in. The course's `schedule.autocast()` switches it on **only where it pays**: on NVIDIA GPUs
# that have hardware for it (compute capability 8 and later; the T4, which Colab often lends, is older and stays in
# `float32`), and on the few CPUs with AMX. Apple's GPUs stay in `float32`, too.

# %%
print("does bfloat16 pay here?", schedule.bfloat16_pays())
print(f"512×512 in float32: {microseconds(512):.0f} µs, in bfloat16: {microseconds(512, torch.bfloat16):.0f} µs")

layer = nn.Linear(784, 10).to(device)
with schedule.autocast():
    logits = layer(digits.train[:8].flatten(1))
expected = torch.bfloat16 if schedule.bfloat16_pays() else torch.float32
holds("autocast is on where it pays, and only there", logits.dtype == expected, str(logits.dtype))
holds("the weights themselves are never converted", layer.weight.dtype == torch.float32)

# %% [markdown]
# The first line is a rule by kind of hardware, for whole training steps; the second is one product, on one machine, at
# one moment. They need not agree. Before you trust either for a program of yours, time a step of it.

# %% [markdown]
# ## 94.5 Why two correct runs differ · 4 min
#
# Rounding has another consequence. On paper, $(a + b) + c = a + (b + c)$. Here are the first ten thousand terms
# of the harmonic series $1 + \frac12 + \frac13 + \dots$, added from the left and from the right.
#
# > **❓ Predict.** Do the two sums agree to the last digit? If not, which is closer to the truth?

# %% jupyter={"outputs_hidden": true}
terms = 1 / torch.arange(1, 10_001, dtype=torch.float32)
from_left, from_right = sum(terms).item(), sum(terms.flip(0)).item()
truth = terms.double().sum().item()
print(f"from the left {from_left:.6f}, from the right {from_right:.6f}, in float64 {truth:.6f}")
holds("they differ, in the sixth digit or later", 0 < abs(from_left - from_right) < 1e-5 * truth)
holds("the sum from the right is nearer", abs(from_right - truth) < abs(from_left - truth))
results.add(sum_from_left=from_left, sum_from_right=from_right)

# %% [markdown]
# From the left, tiny terms meet a large sum and lose their last digits, as the thousand updates did; from the right,
# small terms first add up among themselves.
#
# Neither run is wrong. A CPU with eight threads, a CPU with two and a GPU may split a sum in different ways, and
# then they round differently. Training repeats this thousands of times and each step builds on the one before, so
# two runs with the same seed on different machines drift apart. How fast? Here is a linear classifier, trained
# twice from the same weights, which in one run were shifted by one part in ten million:


# %%
def some_steps(steps, nudge=0.0):
    seed_everything(0)
    classifier = nn.Linear(784, 10)  # on the CPU, whatever the device
    with torch.no_grad():
        classifier.weight *= 1 + nudge
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.1)
    for x, y in batches(digits.train, 64, labels=digits.train_labels, steps=steps):
        optimizer.zero_grad()
        F.cross_entropy(classifier(x.cpu().flatten(1)), y.cpu()).backward()
        optimizer.step()
    return classifier.weight.detach()


# %%
holds("on one machine the same seed repeats, bit for bit", torch.equal(some_steps(20), some_steps(20)))
apart = (some_steps(20) - some_steps(20, nudge=1e-7)).abs().max()
holds("a nudge of one part in ten million: not the same any more", apart > 0, apart)

# %% [markdown]
# (That it repeats is a promise of one machine with one version of everything, on a CPU.) A linear classifier
# forgives the nudge. A GAN need not: what starts in the last digit may end in the shape of a seven (not measured here).
# That is why the course compares with **bands** and not with digits.

# %% [markdown]
# ## Your turn · 1 min
#
# > **✎ Your turn.** Write `spacing(x, p)`, equation (94.2), for a tensor `x` of positive numbers. *To hit:* for
# > `p = 7` and $x = 0.001, 1, 1000$ the values $2^{-17}$, $2^{-7}$, $4$.
#
# <details><summary>A solution</summary>
#
# ```python
# def spacing(x, p):
#     return 2.0 ** (x.log2().floor() - p)
#
# print(spacing(torch.tensor([0.001, 1.0, 1000.0]), 7))  # 7.6294e-06, 7.8125e-03, 4
# ```
# </details>
#
# > **✎ Your turn.** In `half_a_gan_step`, mend the noise *without naming a device*: the line must be right wherever
# > the generator lies. *To hit:* `half_a_gan_step(forgotten="noise")` returns a loss on `meta`.
#
# <details><summary>A solution</summary>
#
# ```python
# z = torch.randn(64, 100, device=next(generator.parameters()).device)
# ```
# </details>
#
# **Check yourself.** Answer first, then open.
#
# <details><summary>A training loop contains <code>torch.zeros(64, 1)</code> and stops on a GPU, though it ran on
# your laptop. What are the two ways to mend it, and which is better?</summary>
#
# Without `device=` the zeros are in CPU memory; on the laptop everything was, so nobody noticed. Either
# `torch.zeros(64, 1, device=device)` or `torch.zeros(64, 1).to(device)`. The first is better, since it makes no
# detour through CPU memory. And if a batch can be smaller than 64, write `len(x)` for the size.
# </details>
#
# <details><summary>A friend, with the same seed as you, gets a test loss of 106.41 where you got 106.44. Who has made a
# mistake?</summary>
#
# Most likely nobody: another device, thread count or version rounds its sums in another order, and training
# magnifies that. See whether both numbers are in the band.
# </details>
#
# <details><summary>Why are the weights not simply stored in bfloat16, if the products may be?</summary>
#
# Because an update is small beside the weight. If it is less than half the distance (94.2) to the next number,
# adding it changes nothing, however often it is repeated.
# </details>

# %% [markdown]
# ## Your numbers · 1 min

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - A tensor's `.to` returns a tensor, which must be kept; a module's `.to` moves the module itself.
# - Models, images, label tensors and noise belong on one device; the error message names places, not variables.
# - `.item()` and `.cpu()` make the CPU wait for the GPU; small operations cost mostly their start.
# - `bfloat16` keeps the range of `float32` and two to three digits: good enough for products, too coarse for
#   updates.
# - Sums depend on their order, so runs on different machines differ; bands allow for it.

# %% [markdown]
# ## What comes next
#
# Back to the chapter that sent you here, or to [chapter 01](01_autoencoders.ipynb). This appendix has no exercise;
# [most chapters have one](../exercises/README.md).

# %% [markdown]
# ## References
#
# - D. Goldberg, "What every computer scientist should know about floating-point arithmetic", *ACM Computing
#   Surveys* 23(1), 1991.
# - D. Kalamkar et al., "A study of BFLOAT16 for deep learning training", arXiv:1905.12322, 2019.
# - PyTorch documentation: [reproducibility](https://docs.pytorch.org/docs/stable/notes/randomness.html), [CUDA
#   semantics](https://docs.pytorch.org/docs/stable/notes/cuda.html) (asynchronous execution), [automatic mixed
#   precision](https://docs.pytorch.org/docs/stable/amp.html), [meta
#   device](https://docs.pytorch.org/docs/stable/meta.html).
