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
# # 90 · The debugging clinic
#
# A program that fails with an error message is asking for help. A program that runs, prints a falling loss and learns
# the wrong thing is not. Models that train against each other, or against a bound, give the second kind of fault plenty
# of room. This appendix collects both kinds, lets you watch them fail, and practises finding out why.
#
# The course follows five texts on VAEs and GANs, numbered **000** to **004**; chapter 00 has a table of them. What they get
# right became chapters; what goes wrong in them is collected here. You need none of them at hand: a case quotes or describes the faulty line. (Cases 11 and 17 to 20 are ours.) Everybody's listings break, ours included.
#
# **You will be able to**
#
# - read an error message for the two things in it that disagree, and name the line that is at fault (often not the one
#   that stopped);
# - find faults that raise no error: a sign, an argument in the wrong place, a gradient in the wrong network;
# - predict the loss of a freshly made model, and use the prediction as a test;
# - go through a checklist that finds such faults in minutes, in your own code too;
# - load somebody else's weights without running somebody else's program.
#
# **Time.** The core, about 70 minutes; what stands under *Further*, about 35 more. Running all
# cells, about <!--90.seconds-->20 seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** chapters 02 and 03. Single cases touch chapters 04, 05 and 07; you can read them without.
#
# ![Three rows of ten pictures: test digits; what a VAE makes of them that minimises the negative ELBO; what a VAE makes of
# them that minimises the ELBO.](images/90.png)
#
# *Two VAEs that differ in one sign. The loss of both went down at every glance. Case 9 has the story.*

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
import contextlib
import copy
import io
import math
import pickle
import re
import tempfile
import warnings
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import distributions, nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from course_utils import schedule
from course_utils.data import batches, load_images
from course_utils.figures import plot_history, show, show_images
from course_utils.results import Results, holds
from course_utils.schedule import seed_everything
from course_utils.taught.dcgan import DCGAN
from course_utils.taught.gan import Discriminator, Generator, discriminator_loss, generator_loss
from course_utils.taught.vae import VAE, kl_to_standard_normal, negative_elbo, reconstruction_loss, reparameterize

# %%
seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("90", digits.source)

# %% [markdown]
# ## 90.1 Faults that shout and faults that whisper · 3 min
#
# A fault that **shouts** stops the program. Its message nearly always names two things that should agree and do not: two
# shapes, two devices, a value and its range. Find the two in the message, then ask which of them is wrong, and where it
# was made. The line that stops is where the two *met*; the fault is where one of them was *born*.
#
# A fault that **whispers** lets the program run. Here nothing helps but knowing beforehand what you should see: a shape,
# a range, a loss at the start, a gradient that has to be there. Section 90.7 makes a checklist of it.
#
# Every case goes the same way: the symptom, a question for you, the failure, its cause, and the repair with an assertion
# that proves it. Answer the question before you run the cell, in one written sentence. Three cells stop with an error on
# purpose. They are marked for it, and JupyterLab goes on after them; if your editor stops there, run the next cell by hand.
# Most of the failures are wrapped in a little helper that shows one line only: the kind of error and the first line of its
# message. In a long traceback it stands near the end, and it is the line to begin with:


# %%
@contextlib.contextmanager
def expect_error(kind):
    """The block must fail with an error of this kind. Prints the first line of its message and keeps it."""
    said = []
    try:
        yield said
    except kind as error:
        said.append(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()[0])  # without colour codes
        print(f"{type(error).__name__}: {said[0][:170]}")
    else:
        raise AssertionError(f"There was no {kind}: the fault is gone.")


# %% [markdown]
# ## 90.2 The loop and its loader · 8 min
#
# ### Case 1. Pairs from the loader
#
# *Symptom.* Document 003 writes its training loop as `for i, real_images in enumerate(…)` and moves `real_images` to the
# device. On the digits it stops in the first step.
#
# We build a small loader as `torchvision` would give it: pictures with labels, 96 of them, in batches of 64.
#
# > **🔧 Diagnose.** `enumerate` gives a number and an item. What is an item of this loader, and which operation will be
# > the first to fail?

# %%
dataset = TensorDataset(digits.train[:96].cpu(), digits.train_labels[:96].cpu())
loader = DataLoader(dataset, batch_size=64)

# %% tags=["raises-exception"]
for _step, real_images in enumerate(loader):
    real_images = real_images.to(device)

# %% [markdown]
# The message names a `list`: the item is a pair. The name `real_images` says what was expected, and a name checks nothing.
# Ask the first item what it is, before you write the loop:

# %%
first = next(iter(loader))
holds("an item is a pair", len(first) == 2, *(str(tuple(part.shape)) for part in first))

for _step, (real_images, _labels) in enumerate(loader):
    real_images = real_images.to(device)
    assert real_images.shape[1:] == (1, 28, 28)

# %% [markdown]
# ### Case 2. Labels of a fixed size
#
# *Symptom.* With that repaired, 003's loop goes through 937 steps of a data set as large as MNIST and stops in the 938th.
#
# > **🔧 Diagnose.** The labels are made by `torch.ones(batch_size, 1)` with `batch_size = 64`. MNIST has 60 000 training
# > pictures. Which two numbers will the message contain?

# %%
full_steps, left_over = divmod(60_000, 64)
print(f"{full_steps} full batches, then one of {left_over}")
judge = nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Sigmoid())

with expect_error(ValueError) as said:
    for real_images, _labels in loader:
        F.binary_cross_entropy(judge(real_images), torch.ones(64, 1))
assert "64" in said[0]
assert "32" in said[0]

# %% [markdown]
# A setting (`batch_size`) was used where a measurement (the size of *this* batch) was meant. Two repairs: make the labels
# from the tensor they go with, or write the loss so that it needs no labels at all, as `discriminator_loss` of
# chapter 03 does. They are the same number:

# %%
bare = nn.Sequential(*judge[:-1])  # without the sigmoid: logits
for real_images, _labels in loader:
    out = judge(real_images)
    with_labels = F.binary_cross_entropy(out, torch.ones_like(out))
    without = F.softplus(-bare(real_images)).mean()
    same = torch.isclose(with_labels, without)
    holds(f"a batch of {len(out)}: the same loss with labels and without", same, without)

# %% [markdown]
# > **ⓘ Aside.** A habit: Run the *first* and the *last* batch of a new loop before you leave it alone. Faults of this kind sit at the
# > ends. (`course_utils.data.batches` makes batches of one size only, and `DataLoader` does with `drop_last=True`.)
#
# > **⚠ Common mistake.** Taking the size check for granted. `F.mse_loss` broadcasts: outputs of shape (64,) against
# > labels of shape (64, 1) give a 64×64 table of all pairs, averaged, and no more than a warning:

# %%
outputs = torch.tensor([1.0, 0.0, 1.0, 0.0])  # (4,), all four as wanted
wanted = outputs.view(4, 1)  # (4, 1)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    wrong = F.mse_loss(outputs, wanted)
print(f"perfect outputs, and the loss is {wrong:.2f}; {len(caught)} warning")
assert wrong == 0.5
holds("with equal shapes it is 0", F.mse_loss(outputs, wanted.squeeze(1)) == 0)

# %% [markdown]
# ### Case 3. Pixels on the wrong scale
#
# *Symptom.* Document 002 trains its VAE (its section 6) on the loader of its GAN (section 5), which normalises the pixels
# to $[-1, 1]$. The VAE's loss stops the program, and stops it again when the message has been obeyed.
#
# > **🔧 Diagnose.** The VAE returns (64, 784) probabilities; the loader's pictures are (64, 1, 28, 28) with values from −1 to
# > 1. Two complaints are coming. Which?

# %%
normalised = 2 * digits.train[:64].cpu() - 1  # what the GAN's loader yields
probabilities = torch.rand(64, 784)  # what the VAE returns

with expect_error(ValueError):
    F.binary_cross_entropy(probabilities, normalised, reduction="sum")
with expect_error(RuntimeError) as said:
    F.binary_cross_entropy(probabilities, normalised.flatten(1), reduction="sum")
assert "between 0 and 1" in said[0]

# %% [markdown]
# The second message is the valuable one. It can be silenced without repairing anything, by a loss that does not look:
#
# > **❓ Predict.** `binary_cross_entropy_with_logits` accepts any target. On a pixel with target −1, how small can the loss
# > become?

# %% jupyter={"outputs_hidden": true}
logit = torch.tensor([0.0, -10.0, -100.0])
silent = F.binary_cross_entropy_with_logits(logit, torch.full((3,), -1.0), reduction="none")
print("loss at logits 0, −10, −100:", [f"{value:.2f}" for value in silent.tolist()])
assert silent[2] < -99

# %% [markdown]
# As small as you like: a loss without a floor, which will fall beautifully. Cross-entropy between coins needs targets in
# $[0, 1]$, so that is where the repair belongs: give the VAE its own pixels.

# %%
pixels = (normalised + 1) / 2
loss = F.binary_cross_entropy(probabilities, pixels.flatten(1), reduction="sum") / 64
print(f"{loss:.0f} nats per picture")
assert loss > 0
torch.testing.assert_close(pixels, digits.train[:64].cpu())

# %% [markdown]
# ## 90.3 Shapes · 7 min
#
# One formula predicts the side of every feature map. A convolution with kernel $k$, stride $s$ and padding $p$ turns a
# side $n$ into
#
# $$n_\text{conv} = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1,
# \qquad n_\text{transposed} = (n - 1)\,s - 2p + k \tag{90.1}$$
#
# (the second for a transposed convolution without output padding). Work out the shapes before you write the network, and
# let the machine check your sheet.


# %%
def conv_side(n, k, s, p):
    return (n + 2 * p - k) // s + 1


def transposed_side(n, k, s, p):
    return (n - 1) * s - 2 * p + k


right = []
for n in (7, 8, 28, 32):
    for k, s, p in ((4, 2, 1), (4, 1, 0), (3, 1, 1), (5, 2, 2)):
        x = torch.zeros(1, 1, n, n)
        right.append(nn.Conv2d(1, 1, k, s, p)(x).shape[-1] == conv_side(n, k, s, p))
        up = nn.ConvTranspose2d(1, 1, k, s, p)(x).shape[-1]
        right.append(up == transposed_side(n, k, s, p))
holds(f"(90.1) gives the side of {len(right)} layers", all(right))

# %% [markdown]
# ### Case 4. Comments on shapes
#
# *Symptom.* Document 003 annotates its generator: after `ConvTranspose2d(128, 64, 4, 2, 1)` stands the comment
# `(128, 64, 8, 8)`. A reader who takes it for the shape of the output expects a batch of 128 pictures with 64 channels.
#
# > **🔧 Diagnose.** Two noise vectors go in. What are the four numbers of the real shape? Where could 128 come from?

# %%
stack = nn.Sequential(nn.ConvTranspose2d(100, 128, 4, 1, 0), nn.ConvTranspose2d(128, 64, 4, 2, 1))
x = torch.randn(2, 100, 1, 1)
for layer in stack:
    x = layer(x)
    print(f"weight {tuple(layer.weight.shape)}   output {tuple(x.shape)}")
assert stack[1].weight.shape == (128, 64, 4, 4)  # in, out, k, k
assert x.shape == (2, 64, 8, 8)  # batch, channels, height, width

# %% [markdown]
# The comment mixes the two columns: its first two numbers are those of the *weight* (channels in, channels out), its last
# two those of the *output*. No tensor in the program has that shape. The batch stands first and is whatever you feed;
# channels stand second.
#
# > **ⓘ Aside.** A habit: A comment cannot be wrong loudly; an assertion can. Where a shape matters, write
# > `assert x.shape[1:] == (64, 8, 8)`.
#
# ### Case 5. Rows made of pixels
#
# *Symptom.* Document 003's discriminator has two halving convolutions, a last convolution with kernel 4, then
# `view(-1, 1)`. On pictures of 32×32 it runs. Two pictures go in.
#
# > **❓ Predict.** By (90.1), how many numbers come out?

# %% jupyter={"outputs_hidden": true}
critic = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.Conv2d(8, 16, 4, 2, 1), nn.Conv2d(16, 1, 4, 1, 0))
two_pictures = torch.randn(2, 3, 32, 32)
verdicts = critic(two_pictures).view(-1, 1)
print("map:", tuple(critic(two_pictures).shape), "  verdicts:", tuple(verdicts.shape))
assert conv_side(conv_side(conv_side(32, 4, 2, 1), 4, 2, 1), 4, 1, 0) == 5
assert verdicts.shape == (50, 1)
with expect_error(ValueError):
    F.binary_cross_entropy_with_logits(verdicts, torch.ones(2, 1))

# %% [markdown]
# (The document's own generator makes 16×16, for which its discriminator and its comments fit. 32×32 is our choice, and a usual one.)
#
# Fifty opinions on two pictures. `view(-1, 1)` says "as many rows as it takes", and so it can never fail. With labels of
# shape (2, 1) the cross-entropy stops it, some lines later; with losses that only average the output, such as the Wasserstein loss of
# chapter 07, nothing would. Of the usual sizes the network fits one only:

# %%
sides = {n: conv_side(conv_side(conv_side(n, 4, 2, 1), 4, 2, 1), 4, 1, 0) for n in (16, 28, 32, 64)}
print("side of the last map, by picture size:", sides)
assert [n for n, side in sides.items() if side == 1] == [16]

# %% [markdown]
# Two repairs. Put `-1` on the axis that you are unsure of, never on the batch, and assert at the border, so that the
# fault shouts where it is made. This cell stops with an error, as it should:


# %% tags=["raises-exception"]
def judged(x):
    out = critic(x).view(len(x), -1)
    assert out.shape[1] == 1, f"{out.shape[1]} numbers a picture: the last map has not shrunk to 1×1"
    return out


judged(two_pictures)

# %% [markdown]
# And build a network for the size you have. Chapter 05's `DCGAN` asks for the size, counts the halvings itself and
# prints its sheet of shapes:

# %%
dcgan = DCGAN(32, channels=3)
print(dcgan.shape_table())
assert judged(torch.randn(2, 3, 16, 16)).shape == (2, 1)
assert dcgan.discriminator(two_pictures).shape == (2,)

# %% [markdown]
# ## 90.4 Signs and arguments · 11 min
#
# From here on the faults whisper.
#
# ### Case 7. A positional argument
#
# *Symptom.* None. Document 001's generator contains `BatchNorm1d(256, 0.8)`, as does the collection
# of GANs that it names as a source (Linder-Norén, 2018).
#
# > **🔧 Diagnose.** What was 0.8 meant to be, and what is it?

# %%
print(nn.BatchNorm1d(256, 0.8))
assert nn.BatchNorm1d(256, 0.8).eps == 0.8
assert nn.BatchNorm1d(256, 0.8).momentum == 0.1

# %% [markdown]
# The second argument is `eps`, the small number that keeps the division from failing. Batch norm subtracts the mean
# and divides by $\sqrt{v + \varepsilon}$, where $v$ is the variance in the batch, so before its learned scale the output has variance
#
# $$\frac{v}{v + \varepsilon}. \tag{90.2}$$
#
# > **❓ Predict.** With $\varepsilon = 0.8$, which output variance belongs to $v = 1$? To $v = 0.01$, as an untrained
# > layer may well give?


# %% jupyter={"outputs_hidden": true}
def normalised_variance(v, eps):
    x = torch.randn(4096, 4, dtype=torch.float64)
    x = (x - x.mean(dim=0)) / x.std(dim=0, correction=0) * math.sqrt(v)  # variance v, exactly
    return nn.BatchNorm1d(4, eps, affine=False, dtype=torch.float64)(x).var(dim=0, correction=0)


for v in (0.01, 0.1, 1.0, 10.0):
    measured = normalised_variance(v, 0.8)
    default = normalised_variance(v, 1e-5).mean().item()
    print(f"input variance {v:5g}: output variance {measured.mean():.3f}, with the default eps {default:.3f}")
    torch.testing.assert_close(measured, torch.full_like(measured, v / (v + 0.8)))
    assert abs(default - 1) < 2e-3
results.add(batchnorm_variance=normalised_variance(1.0, 0.8).mean().item())

# %% jupyter={"outputs_hidden": true}
v = torch.logspace(-3, 2, 100)
fig, ax = plt.subplots(figsize=(6, 2.8))
for eps in (1e-5, 0.8):
    ax.semilogx(v, v / (v + eps), label=f"eps = {eps:g}")
ax.set(xlabel="variance before batch norm", ylabel="variance after it")
ax.legend()
show(
    fig,
    alt="Variance after batch norm against the variance before it, for the default eps and for eps 0.8.",
)

# %% [markdown]
# The whole purpose of the layer is that its output does not depend on the scale of its input. With $\varepsilon = 0.8$ it
# does, over four orders of magnitude. (The learned scale can make up for it at one input variance, not for a variance that
# changes during training.) Such code trains all the same, only not as intended, and so the slip is easily overlooked.
#
# The repair needs a second look, too. The 0.8 looks like a momentum in the sense of Keras, where it is the weight of the *old*
# running mean. In PyTorch `momentum` is the weight of the *new* batch, so what Keras calls 0.8 is 0.2 here:

# %%
repaired = nn.BatchNorm1d(1, momentum=0.2)
repaired(torch.tensor([[9.0], [11.0]]))  # a batch with mean 10, on a running mean of 0
print("running mean:", repaired.running_mean.item())
torch.testing.assert_close(repaired.running_mean, torch.tensor([0.8 * 0.0 + 0.2 * 10.0]))
assert repaired.eps == 1e-5

# %% [markdown]
# > **ⓘ Aside.** A habit: Pass everything but the sizes by name. `BatchNorm1d(256, momentum=0.2)` cannot be misread.
#
# ### Case 9. A bound taken for a loss
#
# *Symptom.* Document 004 states $L_\text{VAE} = \mathbb E[\log p(x\mid z)] - D_\text{KL}(q(z\mid x)\Vert p(z))$ and calls
# it the VAE's loss. (Its code has the signs right.) Somebody implements the formula. The loss falls.
#
# > **❓ Predict.** The expression is the ELBO, which chapter 02 *maximised*. What does a decoder learn that minimises
# > $\log p(x \mid z)$? And the encoder that minimises $-D_\text{KL}$?


# %% jupyter={"outputs_hidden": true}
def train_with_sign(sign, steps):
    """A small VAE trained on sign × negative ELBO."""
    torch.manual_seed(schedule.seed())
    model = VAE(latent_dim=10, hidden_dim=200).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    history = []
    for x in batches(digits.train, 128, steps=steps, seed=schedule.seed()):
        logits, mu, logvar = model(x)
        loss = sign * negative_elbo(logits, x, mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return model, history


as_stated, falling = train_with_sign(sign=-1, steps=30)
vae, history = train_with_sign(sign=+1, steps=600)
for step in (0, 9, 19, 29):
    print(f"step {step + 1:2d}: the ELBO as a loss {falling[step]:11.3g}   the negative ELBO {history[step]:6.0f}")
assert falling[9] > falling[19] > falling[29]
assert falling[29] < -10_000
assert sum(history[-20:]) / 20 < 200
results.add(loss_with_the_right_sign=sum(history[-20:]) / 20)

# %% [markdown]
# The wrong loss falls much faster than the right one, and there is no bottom to it. The right one begins
# near $784\log 2 \approx 543$ and may never fall below zero, since neither of its terms can be negative: a value below zero
# would have shown the fault in the first step. And the pictures:

# %% tags=["picture"]
with torch.no_grad():
    rows = {
        "test digits": digits.test[:10],
        "trained on the negative ELBO, 600 steps": vae(digits.test[:10])[0].sigmoid(),
        "trained on the ELBO, 30 steps": as_stated(digits.test[:10])[0].sigmoid(),
    }
show_images(
    rows,
    alt="Three rows of ten pictures: test digits; what the VAE with the right sign "
    "makes of them; what the one with the wrong sign makes of them.",
)
black = digits.train.mean(dim=0).flatten() < 0.01  # pixels that are hardly ever anything but black
assert rows["trained on the negative ELBO, 600 steps"][:, black].mean() < 0.1
assert rows["trained on the ELBO, 30 steps"][:, black].mean() > 0.8

# %% [markdown]
# The decoder has learned exactly what digits are *not*: white wherever a digit is always black. The loss is the negative
# of the bound,
#
# $$L_\text{VAE} = -\mathbb E_{q(z\mid x)}[\log p(x\mid z)] + D_\text{KL}\bigl(q(z\mid x)\,\Vert\,p(z)\bigr), \tag{90.3}$$
#
# that is, reconstruction error *plus* KL. And the encoder? It ran away from the prior: the KL term grows with
# $\sigma^2$, the exponential of what the encoder puts out, and by step 30 nearly all of the fall came from there, as the next cell shows. A falling loss is no evidence by itself: an optimizer lowers what it is given.

# %%
with torch.no_grad():
    logits, mu, logvar = vae(digits.test[:100])
    by_term = reconstruction_loss(logits, digits.test[:100]).mean() + kl_to_standard_normal(mu, logvar).mean()
    torch.testing.assert_close(negative_elbo(logits, digits.test[:100], mu, logvar), by_term)  # (90.3)
    holds("the right loss is above zero", by_term > 0, by_term)
    logits, mu, logvar = as_stated(digits.test[:100])
    ran_away = kl_to_standard_normal(mu, logvar).mean()
    error = reconstruction_loss(logits, digits.test[:100]).mean()
    holds("the wrong one: KL beyond reconstruction error", ran_away > 10 * error, ran_away, error)

# %% [markdown]
# ## 90.5 Gradients in the wrong network · 10 min
#
# Two networks, two optimizers, one graph of computations that runs through both. `backward()` fills *every* parameter it
# can reach, whoever's turn it is. One helper is worth having in every project:


# %%
def gradient_norms(model):
    """The norm of each parameter's gradient, by name; None where none has arrived."""
    return {
        name: None if parameter.grad is None else parameter.grad.norm().item()
        for name, parameter in model.named_parameters()
    }


# %% [markdown]
# ### Case 10. Gradients that stay behind
#
# *Symptom.* None, in the documents as printed. All of their GANs (000 to 004) send the generator's loss through the
# discriminator and step the generator.
#
# > **🔧 Diagnose.** After the generator's `backward()`, which of the discriminator's parameters hold a gradient? Who
# > removes it?


# %%
def fresh_pair():
    """Chapter 03's networks. D is in eval(), without dropout, so that two passes give the same numbers."""
    torch.manual_seed(schedule.seed())
    return Generator().to(device), Discriminator().to(device).eval()


G, D = fresh_pair()
z = torch.randn(64, 64, device=device)
generator_loss(D(G(z))).backward()
left_behind = gradient_norms(D)
for name, norm in left_behind.items():
    print(f"{name:16s} {norm:.4f}")
assert all(norm is not None and norm > 0 for norm in left_behind.values())

# %% [markdown]
# All of them. The step is right, since the generator's optimizer moves only the generator; and the left-over gradients do
# no harm, as long as `zero_grad` comes between them and the discriminator's next `backward`. So it does in the documents. Now
# move it: many people write `step(); zero_grad()`, which for a single network is the same thing.
#
# What exactly would be added? For a fake with logit $s$ the discriminator's loss has the term
# $-\log(1-\sigma(s))$, the generator's is $-\log \sigma(s)$. The sum's slope is
#
# $$\frac{d}{ds}\Bigl[-\log\bigl(1-\sigma(s)\bigr) - \log\sigma(s)\Bigr] = \sigma(s) - \bigl(1-\sigma(s)\bigr) = 2\,\sigma(s) - 1. \tag{90.4}$$

# %%
s = torch.linspace(-6, 6, 25, dtype=torch.float64, requires_grad=True)
(slope,) = torch.autograd.grad((F.softplus(s) + F.softplus(-s)).sum(), s)
holds("(90.4) by autograd", torch.allclose(slope, 2 * s.sigmoid() - 1))


# %%
def train_judge(zero_grad_after_step, steps=100):
    """Train D against a fixed G. The history of D's mean verdict on fakes and of its loss."""
    G, D = fresh_pair()
    optimizer = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    verdicts, losses = [], []
    for x in batches(digits.train[:10_000], 64, steps=steps, seed=schedule.seed()):
        fake = G(torch.randn(64, 64, device=device))
        if not zero_grad_after_step:
            optimizer.zero_grad()
        fake_logits = D(fake.detach())
        loss = discriminator_loss(D(2 * x - 1), fake_logits)
        loss.backward()
        optimizer.step()
        if zero_grad_after_step:
            optimizer.zero_grad()
        generator_loss(D(fake)).backward()  # the generator's turn; what it leaves in D stays there
        verdicts.append(fake_logits.sigmoid().mean().item())
        losses.append(loss.item())
    return verdicts, losses


# %% [markdown]
# > **❓ Predict.** A discriminator descends (90.4) on its fakes. Where does $D(G(z))$ come to rest? The generator below
# > never moves, so a healthy discriminator has an easy life.

# %% jupyter={"outputs_hidden": true}
healthy, healthy_loss = train_judge(zero_grad_after_step=False)
blind, blind_loss = train_judge(zero_grad_after_step=True)
plot_history(
    {"zero_grad before backward": healthy, "zero_grad after step": blind},
    alt="The discriminator's mean verdict on fakes against steps, for two places of "
    "zero_grad; a dashed line at one half.",
    ylabel="mean D(G(z))",
    window=5,
    hlines={"one half": 0.5},
)

# %% jupyter={"outputs_hidden": true}
at_the_end = [sum(values[-20:]) / 20 for values in (healthy, blind, healthy_loss, blind_loss)]
print("D on fakes: {:.3f} against {:.3f};  loss: {:.3f} against {:.3f}".format(*at_the_end))
assert at_the_end[0] < 0.1
assert abs(at_the_end[1] - 0.5) < 0.1
assert abs(at_the_end[3] - math.log(2)) < 0.1
results.add(verdict_with_leftovers=at_the_end[1], loss_with_leftovers=at_the_end[3])

# %% [markdown]
# At $\sigma(s) = \tfrac12$ the two gradients cancel, and the discriminator stays there: about <!--90.verdict_with_leftovers-->0.50
# on fakes, while it recognises real pictures well, with a loss of <!--90.loss_with_leftovers-->0.69, which is
# $\log 2$. A cruel symptom, since one half on fakes is what the *end* of a perfect game looks like. The loss is the tell: at
# that end it would be $2\log 2 = 1.39$, one $\log 2$ for the real pictures and one for the fakes. Three repairs, each of which
# leaves the generator's gradient as it was:

# %%
weights = list(G.parameters())
loss = generator_loss(D(G(z)))
wanted = torch.autograd.grad(loss, weights, retain_graph=True)  # the first: returns G's, touches no .grad

D.zero_grad()
G.zero_grad()
loss.backward(inputs=weights)  # the second: fills G only
torch.testing.assert_close([p.grad for p in G.parameters()], list(wanted))
holds("backward(inputs=…): D is clean", all(norm is None for norm in gradient_norms(D).values()))

# %%
G.zero_grad()
D.requires_grad_(False)  # the third: D lets gradients through and keeps none
generator_loss(D(G(z))).backward()
D.requires_grad_(True)
torch.testing.assert_close([p.grad for p in G.parameters()], list(wanted))
holds("requires_grad_(False): likewise", all(norm is None for norm in gradient_norms(D).values()))

# %% [markdown]
# The simplest of all: `zero_grad()` directly before `backward()`, everywhere, with nothing in between. Then nobody has to
# remember what happened a turn ago.

# %% [markdown]
# ## 90.6 Numbers and modes · 7 min
#
# ### Case 12. A probability that rounds
#
# *Symptom.* A GAN trains, then its generator stands still, and its loss is large. All five documents end the
# discriminator in a sigmoid and put the logarithm in the loss (`BCELoss`).
#
# > **❓ Predict.** The discriminator gives a fake the logit $-50$. $\sigma(-50) \approx 2\cdot10^{-22}$ is an ordinary 32-bit number. The
# > generator's loss is $-\log\sigma(-50) = 50$, and its slope is $-1$. Which of the three ways below return that slope?

# %% jupyter={"outputs_hidden": true}
ways = {
    "literal": lambda s: -s.sigmoid().log(),
    "BCELoss": lambda s: F.binary_cross_entropy(s.sigmoid(), torch.ones(())),
    "softplus": lambda s: F.softplus(-s),
}
slopes = {}
for value in (-20.0, -28.0, -30.0, -50.0, -120.0):
    for name, way in ways.items():
        s = torch.tensor(value, requires_grad=True)
        loss = way(s)
        slopes[name, value] = torch.autograd.grad(loss, s)[0].item()
        print(f"s = {value:4g}  {name:9s} loss {loss:6.1f}, slope {slopes[name, value]:9.2g}")
holds("at −50 the literal way is right", abs(slopes["literal", -50.0] + 1) < 1e-6)
holds("BCELoss has no slope left there", abs(slopes["BCELoss", -50.0]) < 1e-6)
holds("softplus is right everywhere", all(abs(slopes["softplus", v] + 1) < 1e-6 for _, v in slopes))

# %% [markdown]
# So it is not rounding, at $-50$ at least. The loss of `BCELoss` is exact there; what fades is its *backward*. The derivative in
# the probability $p$ is $(p-1)/\bigl(p(1-p)\bigr)$, and PyTorch divides by no less than $10^{-12}$. Times the sigmoid's own slope $p(1-p)$
# that leaves
#
# $$\text{slope} = (p - 1)\,\frac{p\,(1-p)}{\max\bigl(p\,(1-p),\,10^{-12}\bigr)}, \qquad p = \sigma(s), \tag{90.5}$$
#
# which fades below $s = \log 10^{-12} \approx -27.6$. Rounding comes much later: near $s=-89$ $e^{-s}$ overflows in 32 bits, $\sigma$ comes out as zero, and the loss jumps to its clamp of 100. (On the other side it comes early: $\sigma(17)$ is already 1, chapter 04.)

# %%
for (name, value), slope in slopes.items():
    p = torch.tensor(value, dtype=torch.float64).sigmoid().item()
    if name == "BCELoss" and value > -100:
        by_formula = (p - 1) * p * (1 - p) / max(p * (1 - p), 1e-12)
        holds(f"(90.5) at s = {value:g}", abs(slope - by_formula) < 1e-3, slope, by_formula)

# %% [markdown]
# The repair is to leave probabilities alone and compute with logits: `softplus`, or `binary_cross_entropy_with_logits`.

# %%
logit = torch.tensor([20.0, -50.0, -120.0])
with_logits = F.binary_cross_entropy_with_logits(logit, torch.ones(3), reduction="none")
holds("the two are the same function", torch.allclose(with_logits, F.softplus(-logit)))
on_a_fake = F.binary_cross_entropy(torch.sigmoid(torch.tensor([20.0])), torch.zeros(1))
holds("D's loss at 20, by way of a probability: 100, not 20", on_a_fake == 100, on_a_fake)

# %% [markdown]
# ### Case 13. Sampling in training mode
#
# *Symptom.* Document 001 draws five pictures every twentieth epoch. Its generator has batch norm, and nowhere in the
# listing is there an `eval()`.
#
# > **🔧 Diagnose.** `torch.no_grad()` is there. What does it not switch off? Show the same noise vector in two different
# > companies: will it become the same picture?

# %%
G.train()
z = torch.randn(5, 64, device=device)
other_company = torch.cat([z[:1], 3 * torch.randn(4, 64, device=device)])
before = G.layers[1].running_mean.clone()
with torch.no_grad():
    difference = (G(z)[0] - G(other_company)[0]).abs().mean().item()
drift = (G.layers[1].running_mean - before).norm().item()
print(f"same noise, other company: the pixels differ by {difference:.3f}; the running mean moved by {drift:.3f}")
assert difference > 1e-3
assert drift > 1e-3

# %% [markdown]
# In training mode batch norm uses the mean and variance of the *present* batch, five pictures here, so that a picture depends on
# its neighbours, and each look at the samples also changes the running statistics. With a single picture the whisper turns into a
# shout, but only where a channel has a single number, as in this generator's `BatchNorm1d`. A map of 7×7 numbers has a variance of
# its own, and `BatchNorm2d` goes on whispering:

# %%
with expect_error(ValueError), torch.no_grad():
    G(z[:1])
alone = nn.BatchNorm2d(4)(torch.randn(1, 4, 7, 7))
holds("BatchNorm2d normalises one picture by itself", alone.mean().abs() < 1e-5, alone.std())

# %%
G.eval()  # the repair: eval() to look …
before = G.layers[1].running_mean.clone()
with torch.no_grad():
    torch.testing.assert_close(G(z)[0], G(other_company)[0])
    torch.testing.assert_close(G(z[:1])[0], G(z)[0], rtol=0, atol=1e-4)  # one picture or five: other rounding
G.train()  # … and train() to go on
holds("in eval() a look changes nothing", torch.equal(before, G.layers[1].running_mean))

# %% [markdown]
# ## 90.7 The checklist, on a patient · 19 min
#
# You have seen ten cases, and as many stand under *Further*; the next fault will be one that is nowhere in the list. What carries over is the procedure. We practise it on
# a patient: a small VAE written in four pieces, each with one fault. Read them, but do not spend long; the point is to
# find the faults by *measuring*.

# %%
patient = SimpleNamespace(
    prepare=lambda x: 2 * x - 1,
    draw=lambda mu, logvar: distributions.Normal(mu, (0.5 * logvar).exp()).sample(),
    reconstruction=lambda logits, x: F.binary_cross_entropy_with_logits(logits, x.flatten(1)),
    trained=lambda model: model.decoder.parameters(),
)


def terms(patient, model, x):
    """The two terms of the patient's loss on a batch."""
    x = patient.prepare(x)
    mu, logvar = model.encode(x)
    logits = model.decode(patient.draw(mu, logvar))
    return patient.reconstruction(logits, x).mean(), kl_to_standard_normal(mu, logvar).mean()


def train_patient(patient, x, steps=300, seed=0):
    """Train on the one batch x, again and again."""
    torch.manual_seed(seed)
    model = VAE(latent_dim=8, hidden_dim=100).to(device)
    optimizer = torch.optim.Adam(patient.trained(model), lr=2e-3)
    for _ in range(steps):
        loss = sum(terms(patient, model, x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, loss.item()


# %%
sixteen = digits.train[:16]
model, loss = train_patient(patient, sixteen, seed=schedule.seed())
print(f"loss after 300 steps: {loss:.2f}")
with torch.no_grad():
    attempt = model.decode(model.encode(patient.prepare(sixteen[:10]))[0]).sigmoid()
show_images(
    {"wanted": sixteen[:10], "the patient's attempt": attempt},
    alt="Ten digits, and below them what the patient makes of them.",
)

# %% [markdown]
# No error, and a loss that fell: below zero, which after Case 9 makes you listen. The pictures say that something is wrong; they do not say what. We go through the list.
#
# **Check 1: shapes and ranges at the borders.** Where data enter the model, state what you believe about them. This cell
# stops, as it should:


# %% tags=["raises-exception"]
def check_pictures(x, low, high):
    assert x.ndim == 4, f"pictures should be (n, c, h, w), these are {tuple(x.shape)}"
    darkest, brightest = x.min().item(), x.max().item()
    assert darkest >= low, f"pixels should be {low} to {high}, the darkest is {darkest:g}"
    assert brightest <= high, f"pixels should be {low} to {high}, the brightest is {brightest:g}"


check_pictures(patient.prepare(sixteen), 0, 1)

# %% [markdown]
# The first fault: pixels from −1 to 1 for a cross-entropy (Case 3). One repair, then go on:

# %%
patient.prepare = lambda x: x
check_pictures(patient.prepare(sixteen), 0, 1)
print("check 1 passes")

# %% [markdown]
# **Check 2: the loss at the start.** A fresh network knows nothing, and the loss of knowing nothing can be worked out.
#
# > **❓ Predict.** Fresh logits are near 0. What is the binary cross-entropy of a picture, summed over 784 pixels? What are a
# > fresh GAN's two losses?

# %% jupyter={"outputs_hidden": true}
fresh = VAE(latent_dim=8, hidden_dim=100).to(device)
start, start_kl = (term.item() for term in terms(patient, fresh, sixteen))
print(f"reconstruction {start:.3f} (784 · log 2 = {784 * math.log(2):.1f}), KL {start_kl:.3f}")

G, D = fresh_pair()
fake_logits, real_logits = D(G(torch.randn(64, 64, device=device))), D(2 * digits.train[:64] - 1)
print(f"D's loss {discriminator_loss(real_logits, fake_logits):.3f} (2 · log 2 = {2 * math.log(2):.3f})")
print(f"G's loss {generator_loss(fake_logits):.3f} (log 2 = {math.log(2):.3f})")
assert abs(discriminator_loss(real_logits, fake_logits).item() - 2 * math.log(2)) < 0.2
assert abs(generator_loss(fake_logits).item() - math.log(2)) < 0.2
assert start < 1, "this is the sign of a fault"

# %% [markdown]
# The GAN is as it should be. The patient's reconstruction is too small by a factor of 784: it is averaged over the pixels, while
# the KL term is summed (chapter 02's "most common mistake of all"). The second repair, and the check again:

# %%
patient.reconstruction = reconstruction_loss
start, start_kl = (term.item() for term in terms(patient, fresh, sixteen))
print(f"reconstruction {start:.1f}, KL {start_kl:.3f}")
assert abs(start - 784 * math.log(2)) < 30
assert 0 <= start_kl < 2
results.add(loss_at_the_start=start)

# %% [markdown]
# **Check 3: gradients, parameter by parameter.** One term at a time, one `backward`, and a look at what arrived where.
# `None` means that no path leads there; zero, that the path is blocked; a number a thousand times its neighbours', that something is
# about to blow up.

# %%
reconstruction, _kl = terms(patient, fresh, sixteen)
fresh.zero_grad()
reconstruction.backward()
arrived = gradient_norms(fresh)
for name, norm in arrived.items():
    print(f"{name:18s} {norm if norm is None else round(norm, 2)}")
assert [name for name, norm in arrived.items() if norm is None and name.startswith(("hidden", "to_"))]

# %% [markdown]
# The reconstruction error does not reach the encoder: `sample()` cuts the graph, where reparameterisation (`rsample` in
# PyTorch's words) keeps it. Looking at the *total* loss would have hidden this, since the KL term does reach the encoder.

# %%
patient.draw = reparameterize
fresh.zero_grad()
terms(patient, fresh, sixteen)[0].backward()
norms = gradient_norms(fresh).values()
everywhere = all(norm is not None and 0 < norm < 1e4 for norm in norms)
holds("now something arrives everywhere", everywhere, min(n or 0 for n in norms), max(n or 0 for n in norms))

# %% [markdown]
# **Check 4: overfit one batch.** A model that cannot learn sixteen pictures by heart will not learn sixty thousand. What is
# a good result? The reconstruction error has a floor, the entropy of the grey pixels, and a baseline, the error of showing the
# average picture whatever is asked. We report where between the two the model ends: 1 is the baseline, 0 the floor.


# %%
def share_of_baseline(model, x):
    """(reconstruction error − floor) / (error of the average picture − floor)."""
    average = x.mean(dim=0, keepdim=True).expand_as(x)
    floor, baseline = (F.binary_cross_entropy(guess, x, reduction="sum").item() / len(x) for guess in (x, average))
    with torch.no_grad():
        error = reconstruction_loss(model.decode(model.encode(x)[0]), x).mean().item()
    return (error - floor) / (baseline - floor)


model, loss = train_patient(patient, sixteen, seed=schedule.seed())
print(f"loss {loss:.0f} nats; share of the baseline {share_of_baseline(model, sixteen):.2f}")
assert share_of_baseline(model, sixteen) > 0.6

# %% [markdown]
# Gradients arrive everywhere, and still it does no better than the average picture. Then perhaps nobody *uses* the
# gradients. Which parameters moved?

# %%
torch.manual_seed(schedule.seed())
untrained = VAE(latent_dim=8, hidden_dim=100).to(device)  # the same start as train_patient's
moved = {
    name: (after - before).norm().item()
    for (name, before), after in zip(untrained.named_parameters(), model.parameters(), strict=True)
}
for name, distance in moved.items():
    print(f"{name:18s} {distance:.2f}")
assert [name for name, distance in moved.items() if distance == 0]

# %% [markdown]
# The encoder stands still: the optimizer was given the decoder only. The fourth repair:

# %%
patient.trained = lambda model: model.parameters()
model, loss = train_patient(patient, sixteen, seed=schedule.seed())
share = share_of_baseline(model, sixteen)
print(f"loss {loss:.0f} nats; share of the baseline {share:.2f}")
assert share < 0.4

# %% [markdown]
# **Check 5: look.** Numbers can agree with each other and be wrong together. Look at what goes in, at what comes out, and at the scale
# of the grey values.

# %%
with torch.no_grad():
    attempt = model.decode(model.encode(sixteen[:10])[0]).sigmoid()
show_images(
    {"wanted": sixteen[:10], "the patient, cured": attempt},
    alt="Ten digits, and below them what the cured patient makes of them.",
)
check_pictures(attempt.view(-1, 1, 28, 28), 0, 1)
torch.testing.assert_close(model.encode(sixteen)[0][:1], model.encode(sixteen[:1])[0], rtol=1e-3, atol=1e-3)

# %% [markdown]
# The last line puts the same picture in twice, in company and alone: Case 13 would have shown here.
#
# **Check 6: one variable at a time, against the noise of the seeds.** Which of the four faults did the harm? Put each one back
# alone, everything else healthy, and train with three seeds. The spread of the healthy runs is the yardstick: a difference
# smaller than that is no difference.
#
# > **❓ Predict.** Pixels from −1 to 1 we leave out, as the error would be measured on another scale. How far do the other three
# > faults stand from the healthy runs, in units of the spread between seeds? And can this yardstick tell which of them is worst?

# %% jupyter={"outputs_hidden": true}
faults = {
    "healthy": {},
    "mean over the pixels": {"reconstruction": lambda logits, x: reconstruction_loss(logits, x) / 784},
    "sample() cuts the graph": {"draw": lambda mu, logvar: reparameterize(mu, logvar).detach()},
    "encoder not in the optimizer": {"trained": lambda model: model.decoder.parameters()},
}
shares = {}
for name, fault in faults.items():
    ill = SimpleNamespace(**{**vars(patient), **fault})
    shares[name] = [share_of_baseline(train_patient(ill, sixteen, seed=seed)[0], sixteen) for seed in range(3)]
    print(f"{name:30s}", "  ".join(f"{share:5.2f}" for share in shares[name]))

# %% jupyter={"outputs_hidden": true}
spread = max(shares["healthy"]) - min(shares["healthy"])
for name in list(faults)[1:]:
    away = min(shares[name]) - max(shares["healthy"])
    holds(f"{name}: far outside the noise", away > 2 * spread, away, spread)

# %% [markdown]
# Each of the three alone is enough to spoil the model, by much more than the seeds differ, and all three end near the baseline, no further apart than about their own seeds scatter: which is worst we cannot say. Note how little the *result*
# says about the *cause*: three different faults, one symptom. The checks told them apart, because each looked at one thing
# only, and at the right moment.
#
# | check | takes | finds |
# |---|---|---|
# | 1. shapes and ranges at the borders | one line each | Cases 1 to 6; Case 7, if you check what a layer puts out |
# | 2. the loss at the start, against its known value | one forward pass | Case 9; sums and means |
# | 3. gradients by parameter: None, zero, huge | one backward pass | Cases 10, 11, 12; cut graphs |
# | 4. overfit one batch; which parameters moved? | seconds | most of what is left |
# | 5. look at input and output; put the same input in twice | seconds | Cases 9, 13, 16 |
# | 6. one variable at a time, against the seeds' noise | minutes | what you should not believe |
#
# Case 17 belongs to check 3; Cases 8, 14, 15 and 18 to 20 lie outside the list. A formula is checked by putting in numbers, an interface by reading its
# documentation, and a file is dangerous whatever the loss says.

# %% [markdown]
# ## Your numbers · 1 min

# %%
results.check()

# %% [markdown]
# ## Your turn · 2 min
#
# > **✎ Your turn.** Four faults to plant, each with what to look for.
#
# 1. Document 001 averages the discriminator's two losses, `(real + fake) / 2`; the others add them. Which value has the
#    loss at the start in each? *To hit: 0.69 and 1.39.* Does it matter to Adam?
# 2. In Case 10, let the *saturating* loss $\log(1-\sigma(s))$ leave its gradients behind. What is the sum in (90.4) now, and what
#    will the discriminator learn about fakes? *To hit: a slope of 0 at every logit.*
# 3. Put two faults of the patient back at once. Do the checks still find both, and in which order must you repair them?
# 4. Take a program of your own that works. Break it in one place, wait a week, and find it with the list.
#
# <details><summary>Solutions</summary>
#
# 1. A fresh discriminator knows nothing: $\log 2$ for each half. Averaged 0.69, added 1.39. Adam divides by the size of the gradient, so a
#    factor of two leaves its steps as they were (chapter 04).
# 2. $-\log(1-\sigma(s)) + \log(1-\sigma(s)) = 0$: the discriminator gets no gradient from fakes at all, and learns only to say "real".
# 3. Shapes and ranges first, since later checks rest on them. The mean over pixels hides the cut graph less than it seems: check 3 looks
#    at one term at a time.
#
# </details>
#
# ## Summary
#
# - A message names two things that disagree. The program stopped where they met; look for where one was made.
# - Settings are not measurements: sizes come from the batch, shapes from (90.1), ranges from a look at the data.
# - A falling loss proves that the optimizer works. Whether the loss is the right one, its sign and its value at the start
#   tell you: $784\log 2$ for a fresh VAE, $2\log 2$ for a fresh discriminator.
# - `backward()` fills everything it can reach. `zero_grad` directly before it, and `detach` where nobody needs the gradient.
#   Otherwise the two players' gradients meet and cancel, by (90.4), at one half.
# - Compute with logits; look at samples in `eval()`; pass arguments by name; load with `weights_only=True`.
# - One variable at a time, and the seeds' noise as the yardstick.

# %% [markdown]
# ## What comes next
#
# - Back to the chapter you came from, with the list at hand.
# - Found a fault in the course itself? Open an issue with the cell and what you expected. It will be entered here.

# %% [markdown]
# ## 90.8 Further: three more of the first kinds · 11 min
#
# ### Case 6. A network for another picture size
#
# *Symptom.* Document 004 trains a DCGAN on the loader that served its VAE, MNIST at 28×28. Its discriminator halves the side
# four times before the last convolution with kernel 4.
#
# > **🔧 Diagnose.** Write down the five sides. At which layer does it stop, and for which picture size was it made?

# %%
channels = (1, 64, 128, 256, 512)
layers = [nn.Conv2d(a, b, 4, 2, 1, bias=False) for a, b in pairwise(channels)]
made_for_64 = nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 0))

side = 28
for _ in range(4):
    side = conv_side(side, 4, 2, 1)
    print("side", side)
with expect_error(RuntimeError) as said:
    made_for_64(digits.train[:2].cpu())
assert "1 x 1" in said[0]

# %% [markdown]
# 28, 14, 7, 3, 1: the last kernel is larger than the map. The network was made for 64×64 (64, 32, 16, 8, 4, and then 1).
# The same document's discriminator with spectral norm, which is tied to no loader, ends in a linear layer for 128·8·8 numbers, that is
# for pictures of 32×32. On the loader of the other listings it would stop, too:

# %%
halved_twice = nn.Sequential(nn.Conv2d(1, 64, 4, 2, 1), nn.Conv2d(64, 128, 4, 2, 1), nn.Flatten())
with expect_error(RuntimeError) as said:
    nn.Linear(128 * 8 * 8, 1)(halved_twice(digits.train[:2].cpu()))
assert str(128 * 7 * 7) in said[0]

# %% [markdown]
# Either bring the pictures to the network (resize to 64×64, at more than five times the pixels) or the network to the
# pictures:

# %%
enlarged = made_for_64(F.interpolate(digits.train[:2].cpu(), size=64))
holds("resized to 64×64: one number a picture", enlarged.shape == (2, 1, 1, 1))
holds("a network for 28×28: likewise", DCGAN(28).discriminator(digits.train[:2].cpu()).shape == (2,))
holds("28 halved twice is 7", conv_side(conv_side(28, 4, 2, 1), 4, 2, 1) == 7)

# %% [markdown]
# ### Case 8. A sign in a formula
#
# *Symptom.* Document 001 writes the discriminator's cost and the generator's as
# $\mathcal J_D = -\sum_x \log D(x) - \sum_z \log(1 - D(G(z)))$ and
# $\mathcal J_G = -\mathcal J_D = \text{const} - \sum_z \log(1 - D(G(z)))$, and says that $\mathcal J_G$ is to be
# *maximised*.
#
# > **🔧 Diagnose.** Put numbers in. Are the two sides of $-\mathcal J_D = \ldots$ equal?

# %%
logits_real, logits_fake = torch.randn(5), torch.randn(5, requires_grad=True)
D_real, D_fake = logits_real.sigmoid(), logits_fake.sigmoid()
J_D = -D_real.log().sum() - (1 - D_fake).log().sum()
const = D_real.log().sum()  # what the generator cannot change

printed = const - (1 - D_fake).log().sum()
right = const + (1 - D_fake).log().sum()
print(f"−J_D = {-J_D:.3f}   as printed {printed:.3f}   with the other sign {right:.3f}")
torch.testing.assert_close(-J_D, right)
assert not torch.isclose(-J_D, printed)

# %% [markdown]
# Negating a sum negates *every* term:
#
# $$\mathcal J_G = -\mathcal J_D = \sum_x \log D(x) + \sum_z \log\bigl(1 - D(G(z))\bigr), \tag{90.6}$$
#
# and a cost is minimised. The document's next line maximises the expression with the wrong sign. Which way does each
# combination send the logits of the fakes? A generator must send them *up*.

# %%
step = {}
for name, cost in (("(90.6), minimised", right), ("printed, minimised", printed), ("printed, maximised", -printed)):
    (slope,) = torch.autograd.grad(cost, logits_fake, retain_graph=True)
    step[name] = -slope  # where gradient descent goes
    print(f"{name:20s} moves the logits {'up' if (step[name] > 0).all() else 'down'}")
assert (step["(90.6), minimised"] > 0).all()
assert (step["printed, minimised"] < 0).all()
torch.testing.assert_close(step["printed, maximised"], step["(90.6), minimised"])

# %% [markdown]
# Two slips that cancel. Whoever mends only one of them, or takes the printed formula into a program whose optimizer
# minimises, has a generator that helps the discriminator. This is why we check each step of a derivation and not only
# where it arrives.

# %% [markdown]
# ### Case 11. A missing detach
#
# *Symptom.* It depends on the order, as you will see. All five documents `detach` the fakes in the discriminator's turn;
# 001 notes that without it we would "mess with the gradient" of the generator. Would we?
#
# > **🔧 Diagnose.** Leave `detach` out. Where does the gradient of the discriminator's loss now arrive, and which way would it
# > move the generator?

# %%
G, D = fresh_pair()
z = torch.randn(64, 64, device=device)
fake = G(z)
against = torch.autograd.grad(F.softplus(D(fake)).mean(), list(G.parameters()), retain_graph=True)  # D's loss
own = torch.autograd.grad(generator_loss(D(fake)), list(G.parameters()))
against, own = (torch.cat([g.flatten() for g in grads]) for grads in (against, own))

cosine = F.cosine_similarity(against, own, dim=0).item()
print(f"norm in G from D's loss {against.norm():.4f}, from its own {own.norm():.4f}, cosine {cosine:.3f}")
assert cosine < -0.95
assert (against + own).norm() < 0.3 * own.norm()

# %% [markdown]
# It is Case 10 in a mirror: on a fresh pair of networks the two gradients are nearly opposite, and by (90.4) their sum
# vanishes at $D(G(z)) = \tfrac12$. If both ever stay in the generator's `.grad`, it is driven to $D(G(z)) = \tfrac12$ and no further. Whether they do depends
# on the order of the loop:
#
# - *Discriminator first, fresh fakes for the generator, `zero_grad` before each `backward`* (004): the leak is wiped. All that is
#   lost is the work of a backward pass through the generator.
# - *Discriminator first, the same fakes for the generator* (000, 002, 003): the discriminator's `backward` has freed the
#   generator's part of the graph, and the generator's own stops with an error.
# - *Generator first* (001): likewise, the other way round.

# %%
fake = G(z)
discriminator_loss(D(2 * digits.train[:64] - 1), D(fake)).backward()  # no detach
with expect_error(RuntimeError) as said:
    generator_loss(D(fake)).backward()
assert "second time" in said[0]

fake = G(z)
generator_loss(D(fake)).backward()  # 001's order
with expect_error(RuntimeError):
    discriminator_loss(D(2 * digits.train[:64] - 1), D(fake)).backward()

# %% [markdown]
# > **⚠ Common mistake.** Obeying the message. It goes on to suggest `retain_graph=True`. With the discriminator first the
# > program runs again, does the needless work, and is one misplaced `zero_grad` away from the leak. In 001's order it stops
# > again, with another message: the generator's weights have changed since. The graph is not the thing to keep. Ask who needs the second pass, and detach where nobody does.
#
# The waste can be counted. PyTorch has a counter of floating-point operations:


# %%
def cost_of_judging(fake_for_judge):
    counter = FlopCounterMode(display=False)
    with counter:
        discriminator_loss(D(2 * digits.train[:64] - 1), D(fake_for_judge(G(z)))).backward()
    return counter.get_total_flops()


ratio = cost_of_judging(lambda fake: fake) / cost_of_judging(lambda fake: fake.detach())
print(f"the discriminator's turn without detach: {ratio:.2f} times the work")
assert ratio > 1.2

G.zero_grad()
cost_of_judging(lambda fake: fake.detach())
assert all(norm is None for norm in gradient_norms(G).values()), "with detach nothing reaches the generator"

# %% [markdown]
# ## 90.9 Further: tools that moved on · 10 min
#
# ### Case 14. The older spectral norm
#
# *Symptom.* Document 004 imports `spectral_norm` from `torch.nn.utils`. It works, until somebody copies the network
# in the middle of training, say to keep an average of its weights.
#
# Spectral norm divides a weight by its largest singular value (chapter 07). The newer
# `torch.nn.utils.parametrizations.spectral_norm` computes the same:

# %%
import torch.nn.utils as old_api
from torch.nn.utils import parametrizations as new_api

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    old, new = old_api.spectral_norm(nn.Linear(20, 10)), new_api.spectral_norm(nn.Linear(20, 10))
print(f"{len(caught)} warnings from PyTorch {torch.__version__.split('+')[0]}")
for _ in range(100):  # each forward pass in training mode improves the estimate a little
    old(torch.zeros(1, 20))
    new(torch.zeros(1, 20))
norms = [torch.linalg.matrix_norm(layer.weight, 2).item() for layer in (old, new)]
print("largest singular values:", [f"{norm:.4f}" for norm in norms])
assert all(abs(norm - 1) < 0.02 for norm in norms)

# %% [markdown]
# > **🔧 Diagnose.** The old function keeps the original weight under another name and stores the *result* of a computation
# > as `weight`. Why might `copy.deepcopy` refuse?

# %%
assert not old.weight.is_leaf
with expect_error(RuntimeError):
    copy.deepcopy(old)
twin = copy.deepcopy(new)
same = torch.allclose(twin.eval().weight, new.eval().weight)
holds("the new one can be copied", same)

# %% [markdown]
# The new one computes the weight whenever it is asked for, so that there is no stale result to copy. No warning told us:
# that a function still runs does not mean it is still the one to use. Names inside a checkpoint differ, too, so that weights
# saved with one are not read with the other.

# %%
print(sorted(old.state_dict()), sorted(new.state_dict()), sep="\n")
assert old.state_dict().keys() != new.state_dict().keys()

# %% [markdown]
# ### Case 15. A file that runs a program
#
# *Symptom.* None that you would see. Document 004 loads its best model with `torch.load` and a file name, nothing else.
#
# Such files are, at heart, pickles, and a pickle is a list of *instructions* for rebuilding an object. Any function can be
# among them. Here is a harmless one: it makes an empty file in a temporary folder. It could have done anything you can do.
#
# > **❓ Predict.** We only *load* the bytes and never look at the result. Is the file there afterwards?


# %% jupyter={"outputs_hidden": true}
class Trap:
    """An object whose pickle says: to rebuild me, call Path.touch on this path."""

    def __init__(self, flag):
        self.flag = flag

    def __reduce__(self):
        return Path.touch, (self.flag,)


folder = tempfile.TemporaryDirectory()
flag = Path(folder.name) / "somebody_was_here"
letter = pickle.dumps(Trap(flag))
assert not flag.exists()
pickle.loads(letter)
print("the file is there:", flag.exists())
assert flag.exists()

# %% [markdown]
# Loading was enough. Up to PyTorch 2.5, `torch.load` did the same by default. With `weights_only=True`, the default
# since 2.6, it refuses everything but tensors, plain numbers, strings and containers, and a short list of
# types that it knows. Write it out all the same, since your readers may
# have an older version.

# %%
flag.unlink()
checkpoint = io.BytesIO()
torch.save({"G": G.state_dict(), "note": Trap(flag)}, checkpoint)

checkpoint.seek(0)
with expect_error(pickle.UnpicklingError):
    torch.load(checkpoint, weights_only=True)
assert not flag.exists()
folder.cleanup()

# %% [markdown]
# The message goes on to say how to load the file anyway. Do that only for files of your own. There is a symptom here that you
# will meet some day: your own checkpoint is refused. Document 004 stores the score next to the weights. If that score is a
# NumPy number, `weights_only=True` does not know it:


# %%
def saved_and_loaded(score):
    checkpoint = io.BytesIO()
    torch.save({"G": G.state_dict(), "fid": score}, checkpoint)
    checkpoint.seek(0)
    return torch.load(checkpoint, weights_only=True)


fid = torch.tensor(12.5).numpy()[()]  # a NumPy number, as many metrics return
with expect_error(pickle.UnpicklingError):
    saved_and_loaded(fid)
assert saved_and_loaded(float(fid))["fid"] == 12.5

# %% [markdown]
# The repair is `float(…)` at the time of saving. For weights that you publish, **safetensors** is the better format: it holds
# tensors and their names and has no place for a program.

# %%
blob = safetensors.torch.save({name: value.cpu() for name, value in G.state_dict().items()})
restored = safetensors.torch.load(blob)
same = all(torch.equal(restored[name], value.cpu()) for name, value in G.state_dict().items())
holds("safetensors: the same tensors come back", same)
with expect_error((pickle.UnpicklingError, ValueError, KeyError)):
    pickle.loads(blob)  # no pickle at all

# %% [markdown]
# ### Case 16. Defaults of an optimizer
#
# Document 000 (§11.6) trains its GAN with `Adam(…, lr=0.0002)`, five epochs, and expects digits. The other four
# documents add `betas=(0.5, 0.999)`, as Radford et al. (2016) recommend.
#
# > **🔧 Diagnose.** What does an optimizer take for an argument that you leave out? Ask it.

# %%
adam = torch.optim.Adam(nn.Linear(1, 1).parameters(), lr=2e-4)
print("betas by default:", adam.defaults["betas"])
assert adam.defaults["betas"] == (0.9, 0.999)

# %% [markdown]
# Chapter 03 trains by the document's recipe and shows what comes out: the beginning of its five epochs, and all five on the full schedule. There was no error. One loss did speak: the discriminator's is near 0, a match that is over. What the samples look like, it does not say. Nor are the betas the whole story; chapter 03 tries them
# alone, too.

# %% [markdown]
# ## 90.10 Further: NaN, leaks, and half the bits · 10 min
#
# ### Case 17. Where was the NaN born?
#
# *Symptom.* The loss is a number for two hundred steps, then `nan`, and from then on every weight is. The forward pass of the
# step before shows nothing: each value is finite.
#
# A distance to a target that happens to be reached, $\sqrt{\sum (a-b)^2}$ at $a = b$, is a small example. The value is 0. The slope of the root
# there is infinite, the slope of the square is 0, and $\infty \cdot 0$ is not a number.
#
# > **🔧 Diagnose.** The forward pass is clean. How do you find the line without reading all of them?

# %%
a = torch.zeros(3, requires_grad=True)
distance = (a - torch.zeros(3)).square().sum().sqrt()
(slope,) = torch.autograd.grad(distance, a, retain_graph=True)
holds("the value is finite, its slope is not a number", bool(distance == 0 and slope.isnan().all()), distance)

with warnings.catch_warnings(), expect_error(RuntimeError) as said:
    warnings.simplefilter("ignore")
    with torch.autograd.detect_anomaly(check_nan=True):
        torch.autograd.grad((a - torch.zeros(3)).square().sum().sqrt(), a)
holds("anomaly detection names the operation", "Backward0" in said[0])

# %% [markdown]
# `torch.autograd.detect_anomaly()` checks every backward step and names the forward line that belongs to the first bad one (in the
# warning above the error, which we hid). It is slow, so switch it on for the one step that fails: keep the last good weights and
# the seed. The repair depends on the meaning: here a small number under the root, or a norm that defines its slope at 0.

# %%
repaired = ((a - torch.zeros(3)).square().sum() + 1e-12).sqrt()
(slope,) = torch.autograd.grad(repaired, a)
holds("with a small number under the root", bool(slope.isfinite().all()), slope.abs().max())
holds("torch.linalg.vector_norm defines it: 0", not torch.autograd.grad(torch.linalg.vector_norm(a), a)[0].any())

# %% [markdown]
# ### Case 18. The test set looks in
#
# *Symptom.* None; the score is better than it should be. Somebody splits the data *after* making copies of them, moved by a pixel, so that a
# picture is in the training set and its twin in the test set.
#
# > **❓ Predict.** A classifier that only looks up the nearest training picture gets a share right of the test pictures. We give all
# > pictures random labels, so that nothing can be learned. What should the share be? What will it be with twins on both sides?

# %% jupyter={"outputs_hidden": true}
some = digits.train[:500].cpu().flatten(2).flatten(1)  # (500, 784)
twins = digits.train[:500].cpu().roll(1, dims=3).flatten(1)  # the same, one pixel to the right
noise = torch.randint(10, (500,), generator=torch.Generator().manual_seed(schedule.seed()))


def looked_up(train, train_labels, test, test_labels):
    nearest = torch.cdist(test, train).argmin(dim=1)
    return (train_labels[nearest] == test_labels).double().mean().item()


honest = looked_up(some[:250], noise[:250], some[250:], noise[250:])
leaky = looked_up(some, noise, twins, noise)
print(f"split by picture: {honest:.2f} of random labels; twins on both sides: {leaky:.2f}")
holds("split by picture: near chance", honest < 0.2, honest)
holds("with twins: far above it", leaky > 0.5, leaky)

# %% [markdown]
# Split first, then enlarge, and split by what belongs together: the writer, the patient, the day. The same leak has quieter forms: a mean, a
# principal component, a threshold or a best checkpoint chosen on the test set. For generators it looks like this: a Fréchet distance to
# *training* pictures, which a model that copies wins.
#
# ### Case 19. Half the bits
#
# *Symptom.* With `autocast` a VAE's loss jumps in steps of one or more.
#
# Under `torch.autocast` matrix products come out in 16 bits: on a CPU bfloat16, with 8 binary digits, about two and a half decimal ones; on a GPU float16 unless you ask. What is added up or
# subtracted afterwards inherits them.
#
# > **🔧 Diagnose.** Two sums over 784 numbers, both near 543. How far apart must two losses be for bfloat16 to tell them apart?

# %%
total = torch.tensor(543.0)
step = (torch.nextafter(total.bfloat16(), torch.tensor(1e3, dtype=torch.bfloat16)) - total.bfloat16()).item()
holds("near 543 the next number in bfloat16 is 4 away", step == 4, step)

logits = torch.randn(64, 784)
exact = F.binary_cross_entropy_with_logits(logits, torch.rand(64, 784), reduction="none")
in_half = exact.bfloat16().sum(dim=1, dtype=torch.bfloat16).float()
print("a picture's loss, summed in 32 and in 16 bits:", f"{exact[0].sum():.2f}", f"{in_half[0]:.2f}")

# %% [markdown]
# The rule: products under autocast, sums and losses in 32 bits. Autocast keeps a list of operations for 32 bits, with most of PyTorch's
# own losses on it, and the list is another on a CPU than on a GPU; a loss written with plain `*` and `+` on 16-bit outputs is on
# none. So turn logits into `.float()` before they reach your loss, as `reconstruction_loss` of chapter 02 does:

# %%
with torch.autocast("cpu", dtype=torch.bfloat16):
    product = nn.Linear(784, 784)(torch.rand(2, 784))
    by_hand = (product - product.mean()) * 1.0
    kept = reconstruction_loss(product, torch.rand(2, 784))
holds("a plain formula stays in 16 bits", by_hand.dtype == torch.bfloat16)
holds("the course's loss is in 32", kept.dtype == torch.float32)

# %% [markdown]
# ### Case 20. Every worker draws the same
#
# *Symptom.* None. Pictures are disturbed at random as they are loaded, with `num_workers=4`, and the model overfits as if there were a
# quarter of the noise.
#
# A worker gets a copy of the data set, random state included. PyTorch gives each worker's `torch` and `random` a seed of its own. A generator
# that *you* made and keep in the data set is copied as it stands. We need no processes to see it: a copy is a copy.


# %%
class Noisy(torch.utils.data.Dataset):
    def __init__(self):
        self.generator = torch.Generator().manual_seed(0)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.rand((), generator=self.generator).item()


workers = [copy.deepcopy(Noisy()) for _ in range(2)]  # what two workers receive
drawn = [[worker[k] for k in range(4)] for worker in workers]
print("worker 0:", [f"{x:.2f}" for x in drawn[0]], " worker 1:", [f"{x:.2f}" for x in drawn[1]])
holds("both draw the same numbers", drawn[0] == drawn[1])

# %% [markdown]
# The repair: seed it in `worker_init_fn` from `torch.initial_seed()`, which differs between workers and epochs, or do as this course
# does: no workers, pictures in one tensor, noise drawn in the training process.


# %%
def seed_worker(dataset, seed):  # as worker_init_fn would, from torch.initial_seed()
    dataset.generator.manual_seed(seed)
    return dataset


workers = [seed_worker(copy.deepcopy(Noisy()), torch.initial_seed() + number) for number in range(2)]
drawn = [[worker[k] for k in range(4)] for worker in workers]
holds("each draws its own", drawn[0] != drawn[1])

# %% [markdown]
# ## 90.11 Further: errata of the source documents · 4 min
#
# Every line was run, as printed or in the smallest reproduction that shows it (number 16 in chapter 03), and the case beside it
# repeats the faulty line, so that you can check it without the document. "§" is the document's own numbering; where it has
# none we name the listing. Chapter 00 says what each document is.
#
# | no. | document | listing | what stands there | what happens | repair | see |
# |---|---|---|---|---|---|---|
# | 1 | 003 | training loop | `for i, real_images in enumerate(…)` | items are pairs on MNIST and its like: AttributeError | unpack `(images, labels)` | [Case 1](#Case-1.-Pairs-from-the-loader) |
# | 2 | 003 | training loop | labels of fixed `batch_size` | last batch: ValueError, 32 outputs against 64 labels | `ones_like(out)` | [Case 2](#Case-2.-Labels-of-a-fixed-size) |
# | 3 | 002 | §6, VAE | trained on the loader of §5, pixels in [−1, 1], not flattened | ValueError on the shapes; flattened, RuntimeError on the range | flatten; pixels in [0, 1] | [Case 3](#Case-3.-Pixels-on-the-wrong-scale) |
# | 4 | 003 | both models | shape comments such as `(128, 64, 8, 8)` | no tensor has this shape: the output is (n, 64, 8, 8) | batch first, channels second | [Case 4](#Case-4.-Comments-on-shapes) |
# | 5 | 003 | discriminator | `view(-1, 1)` after the last convolution | on 32×32 (our choice): 5×5 map, 2 pictures give 50 rows; made for 16×16 | a network for the size; assert | [Case 5](#Case-5.-Rows-made-of-pixels) |
# | 6 | 004 | DCGAN | a 64×64 network on a 28×28 loader | RuntimeError: kernel 4×4 on a 1×1 map | a network for 28×28 | [Case 6](#Case-6.-A-network-for-another-picture-size) |
# | 7 | 004 | spectral normalisation | linear layer for 128·8·8, tied to no loader | on 28×28, RuntimeError: 6272 inputs, 8192 expected | 128·7·7 | [Case 6](#Case-6.-A-network-for-another-picture-size) |
# | 8 | 001 | generator | `BatchNorm1d(256, 0.8)` | 0.8 is `eps`: the output still depends on the input's scale | `momentum=0.2` | [Case 7](#Case-7.-A-positional-argument) |
# | 9 | 001 | generator's cost | −J_D = const − Σ log(1 − D(G(z))), maximised | wrong sign, and a cost is minimised; the two slips cancel | const + Σ log(1 − D(G(z))), minimised | [Case 8](#Case-8.-A-sign-in-a-formula) |
# | 10 | 004 | "L_VAE" | E[log p] − KL called the loss | it is the ELBO; minimised, it teaches what digits are not | the negative of it | [Case 9](#Case-9.-A-bound-taken-for-a-loss) |
# | 11 | 000–004 | GAN loops | the generator's loss leaves gradients in D | harmless only because D's `zero_grad` comes before its next backward pass | keep that order, or `backward(inputs=…)` | [Case 10](#Case-10.-Gradients-that-stay-behind) |
# | 12 | 000–004 | discriminators | sigmoid, then `BCELoss` | the slope fades below $s \approx -27.6$; below about −89 the loss is 100, whatever $s$ is | logits and `softplus` | [Case 12](#Case-12.-A-probability-that-rounds) |
# | 13 | 001 | sample pictures | generator with batch norm, never in `eval()` | a picture depends on its four neighbours; looking changes the running statistics | `eval()`, then `train()` | [Case 13](#Case-13.-Sampling-in-training-mode) |
# | 14 | 004 | spectral normalisation | `torch.nn.utils.spectral_norm` | the older interface: no warning, but after a training pass `deepcopy` fails | `torch.nn.utils.parametrizations` | [Case 14](#Case-14.-The-older-spectral-norm) |
# | 15 | 004 | checkpointing | `torch.load` with a file name only | before PyTorch 2.6 runs whatever the file says | `weights_only=True`, safetensors | [Case 15](#Case-15.-A-file-that-runs-a-program) |
# | 16 | 000 | §11.6, GAN | Adam without `betas`, 5 epochs, "will start producing digits" | it degenerates; measured in chapter 03 | `betas=(0.5, 0.999)` help, and are not enough | [Case 16](#Case-16.-Defaults-of-an-optimizer) |
#
# Two more we read but did not run. 004 calls pytorch-fid's `calculate_fid_given_paths` without `dims`, which in the
# package's source has no default; the package is not part of this course, and chapter 06 computes the distance with other
# tools. And 004's DCGAN takes its real pictures from the VAE's loader, with pixels from 0 to 1, while its generator ends in
# a `Tanh`, from −1 to 1: until the generator has learned the range, the range alone gives its pictures away.
#
# Case 11, the missing `detach`, is in no document: all five have it. Nor are Cases 17 to 20.

# %% [markdown]
# ## References
#
# - S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
#   ICML 2015, [arXiv:1502.03167](https://arxiv.org/abs/1502.03167).
# - I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
# - A. Radford, L. Metz and S. Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
#   networks", ICLR 2016, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434): the sizes of Case 6, the momentum of Case 16.
# - E. Linder-Norén, "PyTorch-GAN", 2018, [github.com/eriklindernoren/PyTorch-GAN](https://github.com/eriklindernoren/PyTorch-GAN).
# - Keras documentation, [BatchNormalization](https://keras.io/api/layers/normalization_layers/batch_normalization/): its `momentum`.
# - T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018,
#   [arXiv:1802.05957](https://arxiv.org/abs/1802.05957).
# - A. Karpathy, "A recipe for training neural networks", 2019,
#   [karpathy.github.io](https://karpathy.github.io/2019/04/25/recipe/): the loss at the start, and overfitting one batch.
# - Python documentation, [pickle](https://docs.python.org/3/library/pickle.html): the warning at the top of the page.
