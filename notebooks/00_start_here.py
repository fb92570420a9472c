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
# # 00 · Start here
#
# A network that draws handwritten digits is a few lines away. This chapter checks that everything is in place,
# draws the first pictures, and shows how the course wants to be read. It takes one cup of coffee.
#
# **You will be able to**
#
# - check an installation, and say what is missing;
# - draw pictures from a generative model that comes with the course;
# - read a chapter: predictions, claims that are checked, bands, your turns;
# - choose schedule, seed and data from outside, and judge a number that falls outside its band.
#
# **Time.** Reading and trying out, about 20 minutes; the sections called *Further* are for looking up, and two of
# them are named by later chapters. Running all cells, about <!--00.seconds-->10 seconds on two CPU cores (not yet
# timed on a GPU).
#
# ![A sheet of 15 by 15 digits that pass smoothly into one another.](images/02.png)
#
# *What you will make by the end of chapter 02: a sheet of digits, each decoded from two numbers.*

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

# %% [markdown]
# ## 0.1 Is everything here? · 4 min
#
# The quickest way to lose an evening is to debug a model when the installation is at fault. So the installation
# goes first, and it is checked by code. The course's own helper package, `course_utils`, states what it needs; the
# next cell compares that with what is installed, and says in a sentence what is missing or too old.

# %%
import platform
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet


def what_is_wrong():
    """One sentence for each thing that is missing or too old, with what to do; the rest is listed."""
    try:
        python, lines = (metadata("course-utils")["Requires-Python"], requires("course-utils"))
    except PackageNotFoundError:
        yield "course_utils is not installed: start with `make lab`, on Colab with the first cell."
        return
    print(f"{'Python':13} {platform.python_version():14} (needs {python})")
    if not SpecifierSet(python).contains(platform.python_version(), prereleases=True):
        yield "This Python is too old for the course: install a newer one."
    for need in map(Requirement, lines):
        if need.marker is None:  # a marker would make it optional
            try:
                found = version(need.name)
            except PackageNotFoundError:
                yield f"{need.name} is missing: run  %pip install '{need.name}{need.specifier}'"
                continue
            print(f"{need.name:13} {found:14} (needs {need.specifier})")
            if not need.specifier.contains(found, prereleases=True):
                yield f"{need.name} {found} is too old: run  %pip install -U '{need.name}{need.specifier}'"


# %%
wrong = list(what_is_wrong())
print("\n".join(wrong) or "Nothing is missing.")

# %% [markdown]
# The checks set floors and no ceilings: newer is welcome. After `%pip`, restart the kernel.
#
# On your own machine `make lab` installs all of it, in an environment of its own (on Windows `environment.yml`
# does); on Colab, PyTorch is there already and the first cell fetches `course_utils`. What else you may need stands
# in section 0.6.

# %% [markdown]
# ## 0.2 A first picture · 5 min
#
# One model of chapter 05 comes with the course, trained. It turns random numbers into digits. Twenty are drawn from
# it here, and shuffled among twenty that people wrote.
#
# > **❓ Predict.** Which are which? Write down five that you take for drawn by the network: row and column.

# %%
import torch

from course_utils import pretrained, schedule
from course_utils.data import load_images
from course_utils.figures import show_images
from course_utils.results import Results, band, holds
from course_utils.schedule import seed_everything

seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("00", digits.source)

# %%
written = digits.test[torch.randperm(len(digits.test))[:20]]
drawn = pretrained.sample(f"dcgan-{digits.source}", 20, seed=schedule.seed())
order = torch.randperm(40)
show_images(
    torch.cat([written, drawn])[order], alt="Forty digits in four rows of ten, half of them drawn by a network."
)

# %% jupyter={"outputs_hidden": true}
marks = torch.cat([torch.zeros(20), torch.ones(20)])[order].view(4, 10)
for row in marks:
    print(" ".join("drawn  " if mark else "written" for mark in row))
show_images(
    {"written by people": written, "drawn by the network": drawn},
    alt="Forty digits, sorted: twenty written by people, twenty drawn by the network.",
)

# %% [markdown]
# Are they perhaps training pictures, handed out again? That can be measured: the distance of each to the *nearest*
# of all training pictures. A copy would be at distance zero. Real digits that nobody trained on show what is usual.

# %%
gallery = digits.train.flatten(1)
to_drawn = torch.cdist(drawn.flatten(1), gallery).amin(dim=1)
to_written = torch.cdist(written.flatten(1), gallery).amin(dim=1)
print(f"written, nearest training picture: median {to_written.median():.1f}")
holds("none of the drawn digits is a copy: the nearest is at a distance of", to_drawn.min() > 0.5, to_drawn.min())

reader = pretrained.load(f"classifier-{digits.source}")
with torch.no_grad():
    sure = reader(pretrained.sample(f"dcgan-{digits.source}", 1000)).softmax(dim=1).amax(dim=1) > 0.9
results.add(sure_share=sure.float().mean())
holds(
    "of 1 000 drawn digits a classifier is sure which digit it is, in", sure.float().mean() > 0.5, sure.float().mean()
)

# %% [markdown]
# That is a **generative model**: from nothing but random numbers it returns a picture that was never in its
# training data and yet could have been. (A **classifier** goes the other way: from a picture to a label. Being sure
# is not being right: chapter 06 is about measuring.)

# %% [markdown]
# ## 0.3 What this course is · 2 min
#
# The course builds such models in PyTorch, from the smallest that works to the families in use today, and asks of
# each the same three questions: what is being optimised, why does that produce pictures, and how would we notice if
# it did not? You need Python, the basics of PyTorch (tensors, `nn.Module`, an optimizer), undergraduate calculus
# and some probability. You do not need a GPU.
#
# | chapter | what it is about | |
# |---|---|---|
# | 00 | set-up, a first picture, how to use the course | you are here |
# | [01](01_autoencoders.ipynb) | autoencoders: squeeze a picture through a narrow place and rebuild it | available |
# | [02](02_vae.ipynb) | variational autoencoders and the KL term: a code you can sample from | available |
# | [03](03_minimax.ipynb) | GANs as a minimax game: two networks train each other | available |
# | [04](04_saturation.ipynb) | saturation: why the generator's first loss starves it, and the repair | available |
# | [05](05_dcgan.ipynb) | DCGAN: the same game with convolutions | available |
# | [06](06_evaluation.ipynb) | evaluation: measuring whether generated pictures are any good | available |
# | [07](07_stable_gans.ipynb) | stabilising GANs, and what to do against mode collapse | available |
# | [08](08_conditional.ipynb) | conditional generation: asking for a seven and getting one | available |
# | [09](09_vae_gan.ipynb) | VAE–GAN, and the two families side by side | available |
# | [10](10_serving.ipynb) | from notebook to use: checkpoints, choosing the best model, export, a page that draws | available |
# | [11](11_diffusion.ipynb) | diffusion models: learning to undo noise | available |
# | [12](12_autoregressive.ipynb) | autoregressive models and transformers: one piece after another; all families in one table | available |
# | [90](90_debugging_clinic.ipynb) | appendix, the debugging clinic: published faults, shown failing and repaired | available |
# | [91](91_scores.ipynb) | appendix, scores in depth: proofs, bias and traps | available |
# | [92](92_likelihood.ipynb) | appendix, likelihood: what it says, and how it is estimated | available |
# | [93](93_disentanglement.ipynb) | appendix, disentanglement: codes whose numbers mean something | available |
# | [94](94_numbers_and_devices.ipynb) | appendix, numbers and devices: what lives where, sixteen bits, the order of a sum | available |
#
# Each chapter names the earlier sections that it needs. [Symbols and terms](notation.md) of the whole course are on
# one page.

# %% [markdown]
# ## 0.4 Five documents · 1 min
#
# The course grew out of five introductions to generative models found on the web. It is to cover what they
# cover, and it runs their code: some of their listings do not work, and a published fault teaches more than an invented one.
# Where one is cited, the faulty lines are described on the spot. Their addresses are not known; here is how to
# recognise them:
#
# | document | title, or first words | what it covers | listings that the course cites |
# |---|---|---|---|
# | 000 | "Chapter 11: Generative Models in PyTorch" | a book's chapter: autoencoders, VAEs, GANs, exercises | its autoencoder (README, the benchmark); its GAN for MNIST (03, 90) |
# | 001 | "So remember we talked about lots of unsupervised machine learning tasks" | lecture notes: why a GAN, its costs, saturation, training on a GPU | the two costs with their signs; a generator with `BatchNorm1d(256, 0.8)`; the training loop (03, 90) |
# | 002 | "In recent years, Generative Adversarial Networks (GANs) and Variational Autoencoders (VAEs) have emerged" | a GAN and a VAE, side by side | the update of its GAN (03); its VAE, trained on the GAN's loader (90) |
# | 003 | "Generative Adversarial Networks, or GANs, represent a groundbreaking approach" | set-up, a convolutional GAN, its training | the shapes in its comments, its discriminator, its training loop (90) |
# | 004 | "Generative Models: VAEs and GANs" | a lesson: VAE, DCGAN, Wasserstein GAN, scores, checkpoints | its VAE loss, its DCGAN on 28×28 pictures, `spectral_norm`, `torch.load` (90) |

# %% [markdown]
# ## 0.5 How a chapter works · 3 min
#
# **Train first.** A chapter starts with a model that trains in a minute or so; the theory then explains what was
# seen. Sections called *Further* stand last, and a first reader leaves them out.
#
# **Five kinds of box.**
#
# > **❓ Predict.** Make a guess before you run the next cell, in writing. A wrong guess that you remember teaches
# > more than a right answer that you read.
#
# > **⚠ Common mistake.** Something that many programs get wrong.
#
# > **🔧 Diagnose.** Something is broken: find the cause before you read on.
#
# > **✎ Your turn.** A function or a change for you to write, with the number to hit. A solution is folded under it.
#
# > **ⓘ Aside.** Worth knowing, not needed.
#
# **Claims are checked where they are made.** `holds("what it says", condition)` prints the sentence with a tick,
# and stops the chapter if it is not true. If that happens, either you changed something, and have learned what
# depends on it, or the course is wrong, and we would like to know.
#
# **Two schedules.** `short` trains for about a minute on two CPU cores, and its results are worth looking at; `full`
# trains several times longer and wants a CUDA GPU. One table lists the settings of both, `name=(short, full)`:

# %%
settings = schedule.choose(steps=(2_000, 20_000), batch_size=(256, 128))
print(f"the {schedule.schedule()} schedule: {settings.steps:,} steps of {settings.batch_size} pictures")

# %% [markdown]
# **Expected bands.** A chapter's measured numbers end in a table, each beside the **band** in which it should fall.
# Training is random, so an expected number without a range would be of no use. The band is computed from runs with
# several seeds: where one more run would fall in 999 of 1 000 cases, roughly (Student's prediction interval, cut short
# where there are only three or four runs). The recorded runs, with date and machine, are in
# `course_utils/expected.json`.
#
# > **❓ Predict.** Three seeds gave test losses of 105, 106 and 107. How far may a fourth run be from 106 and still be
# > inside: 2, 4, or 7? And if eight runs lie between 105 and 107?

# %% jupyter={"outputs_hidden": true}
three = band([105.0, 106.0, 107.0])
eight = band([105.0, 106.0, 107.0, 106.5, 105.5, 106.0, 106.5, 105.5])
print(f"three runs: {three.low:.1f} to {three.high:.1f}; eight: {eight.low:.1f} to {eight.high:.1f}")
holds("112 is inside the band of three", 112.0 in three)
holds("109 is inside the band of eight, 112 is not", 109.0 in eight and 112.0 not in eight)

# %% [markdown]
# Three runs say little about the scatter, so the band is wide; with more it narrows. (These eight also scatter less: six
# are within ½ of 106.) A number outside its band stops the chapter. Look for the reason in this order:
#
# 1. *Cells were run out of order, or twice.* Restart the kernel and run all.
# 2. *You changed a setting.* Then the distance from the band is the effect of your change: a result, not a failure.
# 3. *Schedule, data or seed are not what you think.* Near its beginning a chapter prints one line that names all three.
# 4. *None of these.* Another library version or machine can do it. Open an issue with the table and that line.
#
# Where no band is recorded for your schedule and data, the table shows your numbers and judges nothing.

# %% [markdown]
# ## Your turn · 1 min
#
# > **✎ Your turn.** Draw 200 digits from the same model with the seeds 0 and 1, and again with 0. Are any two of
# > the three sheets equal? *To hit:* equal, different, different, in some order. Then make the model's twenty look
# > worse on purpose: mix each with its neighbour, `(drawn + drawn.roll(1, 0)) / 2`, and ask `reader` how often it
# > is sure. *To hit:* a lower share than for `drawn`.
#
# <details><summary>A solution</summary>
#
# ```python
# sheets = [pretrained.sample(f"dcgan-{digits.source}", 200, seed=seed) for seed in (0, 1, 0)]
# print([torch.equal(sheets[a], sheets[b]) for a, b in ((0, 1), (0, 2), (1, 2))])  # False, True, False
#
# drawn = sheets[0]
# for pictures in (drawn, (drawn + drawn.roll(1, 0)) / 2):
#     with torch.no_grad():
#         print((reader(pictures).softmax(dim=1).amax(dim=1) > 0.9).float().mean())
# ```
#
# A seed fixes where the random numbers start, so the same seed draws the same sheet (section 0.8).
# </details>

# %% [markdown]
# ## Your numbers · 1 min

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - Packages are checked by code, and what is missing is named; the fault is found before a model is blamed.
# - A generative model returns pictures from random numbers. That its pictures are no copies can be measured.
# - Predict, run, read; claims are checked beside the sentence; bands, not digits, are compared.

# %% [markdown]
# ## What comes next
#
# [Chapter 01](01_autoencoders.ipynb) squeezes a picture of 784 pixels through a handful of numbers and rebuilds it,
# and then asks whether those numbers can be made up. Most chapters have an exercise, with checks that
# answer at once: [how to work on them](../exercises/README.md). This one has none.

# %% [markdown]
# ## 0.6 Further: versions, settings from outside, and a session that is cut off · 4 min
#
# Introductions that you find on the web often begin with installation lines from another age; document 003
# recommends Python 3.6 or above. A current PyTorch refuses to be installed on that, as it says itself:

# %%
torch_accepts = metadata("torch")["Requires-Python"]
print("the installed PyTorch accepts Python", torch_accepts)
holds("3.6 is not among them", not SpecifierSet(torch_accepts).contains("3.6"))

# %% [markdown]
# What holds now is shorter. `pip install torch torchvision` takes both from the ordinary package index, on
# Linux already with CUDA inside, which does no harm on a machine without a GPU; for a GPU under Windows, the
# selector on PyTorch's start page gives the command of the day.
#
# > **⚠ Common mistake.** Upgrading `torch` alone. `torchvision` contains compiled code that fits one release of
# > `torch`; with another it fails at import with a message such as *operator torchvision::nms does not exist*.
# > Nothing is wrong with your code then: install the two again, together.

# %%
import torchvision

boxes, scores = (torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]]), torch.tensor([0.9, 0.8]))
kept = torchvision.ops.nms(boxes, scores, 0.5)  # of two boxes that overlap, the one with the higher score
holds("torchvision's compiled code runs here", kept.tolist() == [0])

# %% [markdown]
# **Settings from outside.** Six environment variables steer everything; without them, sensible defaults hold.
#
# | variable | values | default |
# |---|---|---|
# | `COURSE_SCHEDULE` | `short`, `full`, `rehearsal` (full, cut to a few steps) | `full` when the device is CUDA, else `short` |
# | `COURSE_DEVICE` | `cpu`, `cuda`, `mps` | the fastest that torch finds |
# | `COURSE_DATA` | a folder, or `embedded` | a cache folder of your user account (`embedded` under the tests) |
# | `COURSE_CHECKPOINTS` | a folder | in the same cache; on Colab, your Drive when it is mounted |
# | `COURSE_RESULTS` | a folder for the measured numbers, one file `NN.json` a chapter | not set: no files are written |
# | `COURSE_SEED` | a whole number | 0 |
#
# `COURSE_SEED` answers a question you should ask of every result: does it survive another draw of the dice? Set
# the variables in the shell (`COURSE_SCHEDULE=short make lab`), or in a cell at the top with `os.environ`. A
# misspelt schedule or device is refused, not ignored:

# %%
import os
from unittest.mock import patch

from course_utils import CourseError

with patch.dict(os.environ, COURSE_SCHEDULE="quick"):  # afterwards everything is as before
    try:
        schedule.schedule()
        message = "nobody noticed"
    except CourseError as error:
        message = str(error)
print(message)
holds("the sentence names the choices", "short, full" in message)

# %% [markdown]
# **When a session is cut off.** Colab ends sessions without asking, and laptops run out of battery. Long
# trainings therefore write a **checkpoint** every 500 steps: weights, optimizer state, random state and loss
# history. Run the chapter again and the training continues from there. (A finished `short` training leaves no
# checkpoint and runs anew; a finished `full` one is loaded.) If you have meanwhile changed a setting or the
# code of the update, the old checkpoint is set aside, because it belongs to another experiment. On Colab the
# local disk vanishes with the session, so mount your Drive before you start to train:
#
# ```python
# from google.colab import drive
# drive.mount("/content/drive")
# ```
#
# Checkpoints then go to the folder `course_checkpoints` on your Drive.

# %% [markdown]
# ## 0.7 Further: the data · 3 min
#
# Most chapters train on MNIST: 70 000 handwritten digits, 28×28 pixels each, grey values between 0 (black) and
# 1 (white) (LeCun et al., 1998). The first use downloads it into your data folder (`schedule.data_folder()`
# names it) and compares it with a checksum; from then on no network is needed.
#
# If there is no network at all, the **embedded digits** step in, and one line says so: 1 797 real scans that
# come with scikit-learn (Alpaydin and Kaynak, 1998), enlarged from 8×8 to 20×20 pixels, framed to 28×28, and
# repeated with small random rotations, shifts and changes of size. They look softer than MNIST and are fewer, but every
# chapter runs on them.
#
# `digits` is a tuple with names: training images and labels, test images and labels, and the source. There is no
# `DataLoader`: all of it fits on any device you are likely to meet, so it is moved there once, and a mini-batch is
# one indexing operation. Shapes and ranges are worth an assertion in any project, because a model trained on pixels
# between 0 and 255 rarely says so; it only trains badly.

# %%
n = len(digits.train)
megabytes = 60_000 * 28 * 28 * 4 / 1e6  # images × pixels × bytes per number
print(f"{megabytes:.0f} MB for MNIST as 32-bit floats; here {digits.train.nbytes / 1e6:.0f} MB")
holds("they are on the device already", digits.train.device.type == device.type, device.type)
holds("images, channels, height, width", digits.train.shape == (n, 1, 28, 28), str(tuple(digits.train.shape)))
holds("32-bit numbers", digits.train.dtype == torch.float32)
holds("from 0 to 1", digits.train.aminmax() == (0, 1))
holds("labels are 0 to 9", digits.train_labels.unique().tolist() == list(range(10)))
results.add(mean_pixel=digits.train.mean())

# %% [markdown]
# Numbers can all be right and the picture still upside down, so look as well: five examples of each digit, in columns.

# %%
index = torch.cat([(digits.train_labels == digit).nonzero()[:5] for digit in range(10)], dim=1)  # (5, 10)
show_images(
    digits.train[index.flatten()],
    alt="Fifty handwritten digits, white on black, in five rows of ten. Column by column they are the digits "
    "0 to 9, five different examples of each.",
)
black = (digits.train < 0.1).float().mean()
holds("most of the paper is black, or nearly so", black > 0.5, black)

# %% [markdown]
# The labels were checked; only your eyes can check that each column shows the digit that its label names.
# Notice how much two examples of one digit differ. A generative model has to reproduce the sameness and the variety.

# %% [markdown]
# ## 0.8 Further: chance, on purpose · 5 min
#
# Initial weights, the order of the images, the noise a generator starts from: all of it is drawn at random, so
# every result of this course depends on chance. To repeat a run we fix the starting point of the random number
# generators, the **seed**.
#
# > **❓ Predict.** Below, `first` and `second` are drawn with a call of `seed_everything` before each, `third`
# > without one. Which of the three are equal?

# %% jupyter={"outputs_hidden": true}
seed_everything(0)
first = torch.randn(3)
seed_everything(0)
second = torch.randn(3)
third = torch.randn(3)
print(first, second, third, sep="\n")
holds("the first two are equal, the third is another", torch.equal(first, second) and not torch.equal(second, third))

# %% [markdown]
# A seed does not switch chance off; it makes the same sequence start again. `third` continues the sequence
# where `second` stopped. It follows that **an extra random draw anywhere shifts all draws after it**, which is
# why a chapter run from top to bottom repeats exactly, and a cell run twice does not.
#
# A seed is also not a promise across devices. A GPU has a random generator of its own, and PyTorch's notes on
# reproducibility warn that the same seed need not give the same results on CPU and GPU. Where a comparison
# needs identical numbers, draw them on the CPU and move them.
#
# ### Mini-batches
#
# Training reads the images in small shuffled groups. The loop looks the same in every chapter: with `steps`,
# `batches` yields exactly that many, without, one pass over the data.
#
# > **❓ Predict.** One pass over 1 000 images with `batch_size=64`: how many batches come, and how large is the
# > last one?
#
# `batches` accepts any tensor, so we give it the numbers 0 to 999 instead of pictures and can see which were chosen.

# %% jupyter={"outputs_hidden": true}
from course_utils.data import batches

one_pass = list(batches(torch.arange(1000), 64))
seen = torch.cat(one_pass)
print(f"{len(one_pass)} batches of sizes {[len(batch) for batch in one_pass]}")
holds("fifteen of 64", [len(batch) for batch in one_pass] == [64] * 15)
holds("no image comes twice", len(seen.unique()) == len(seen) == 960, len(seen))

# %% [markdown]
# Fifteen, all of the same size. PyTorch's `DataLoader` would by default have added a sixteenth with the 40
# images left over. Here they sit out this pass; every pass is shuffled anew, so the next one leaves out others.
#
# > **⚠ Common mistake.** Writing label tensors of a fixed `batch_size` next to a loader whose last batch is
# > smaller: the program runs well for most of an epoch, then stops with a size mismatch. With equal batches it
# > cannot happen. Where you use a `DataLoader`, ask the batch for its own size, `len(x)`.

# %%
two_passes = torch.cat(list(batches(torch.arange(1000), 64, steps=30)))
left_out_first = set(range(1000)) - set(two_passes[:960].tolist())
left_out_second = set(range(1000)) - set(two_passes[960:].tolist())
holds("40 images sit out each pass", len(left_out_first) == len(left_out_second) == 40)
holds("not the same ones: in both passes", left_out_first != left_out_second, len(left_out_first & left_out_second))

whole = list(batches(torch.arange(1000), 64, steps=20, seed=3))
resumed = list(batches(torch.arange(1000), 64, steps=20, seed=3, start=7))
holds(
    "a run cut off after step 7 goes on with the batches that it would have seen",
    all(torch.equal(a, b) for a, b in zip(whole[7:], resumed, strict=True)),
)

# %% [markdown]
# ## 0.9 Further: gradients in three cells · 3 min
#
# Every model of this course learns by following gradients, and one loss appears in many of them: the **binary
# cross-entropy** between a target $t$ (0 or 1, or a grey value between) and a probability $\sigma(s)$, where
# $\sigma(s) = 1/(1 + e^{-s})$ is the sigmoid and the network's raw output $s$ is called a **logit**. With
# $\operatorname{softplus}(s) = \log(1 + e^{s})$ we have $\log \sigma(s) = s - \operatorname{softplus}(s)$ and
# $\log(1 - \sigma(s)) = -\operatorname{softplus}(s)$, and the loss becomes short:
#
# $$\begin{aligned}
# \ell(s, t) &= -t \log \sigma(s) - (1 - t)\log\bigl(1 - \sigma(s)\bigr) \\
#  &= \operatorname{softplus}(s) - t\,s.
# \end{aligned} \tag{0.1}$$

# %%
import torch.nn.functional as F

s = torch.linspace(-6, 6, 25, dtype=torch.float64, requires_grad=True)
t = torch.linspace(0, 1, 25, dtype=torch.float64)
loss = F.softplus(s) - t * s
long = -t * torch.sigmoid(s).log() - (1 - t) * (1 - torch.sigmoid(s)).log()
holds("the long form is the short one", torch.allclose(loss, long), (loss - long).abs().max())
by_torch = F.binary_cross_entropy_with_logits(s, t, reduction="none")
holds("and PyTorch's", torch.allclose(loss, by_torch), (loss - by_torch).abs().max())

# %% [markdown]
# The derivative of softplus is the sigmoid, so
#
# $$\frac{\partial \ell}{\partial s} = \sigma(s) - t : \tag{0.2}$$
#
# what the model said minus what it should have said. Autograd applies the chain rule to the operations that
# were recorded, without knowing our formula, and arrives at the same numbers:

# %%
(by_autograd,) = torch.autograd.grad(loss.sum(), s)
gap = (by_autograd - (torch.sigmoid(s.detach()) - t)).abs().max()
holds("autograd agrees with (0.2)", gap < 1e-12, gap)

# %% [markdown]
# `torch.autograd.grad` returns a gradient. In training we call `loss.backward()` instead, which *adds* it to
# the `.grad` of each parameter.
#
# > **❓ Predict.** The slope of $w^2$ at $w = 3$ is 6. What stands in `w.grad` after two backward passes in a row?
# > And what does the slope become when one of the two factors is detached?

# %% jupyter={"outputs_hidden": true}
w = torch.tensor(3.0, requires_grad=True)
(w * w).backward()
(w * w).backward()
holds("6 + 6: gradients accumulate", w.grad == 12, w.grad)
w.grad = None  # what optimizer.zero_grad() does
(w * w.detach()).backward()
holds("the detached factor counts as a constant", w.grad == 3, w.grad)

# %% [markdown]
# > **⚠ Common mistake.** Forgetting `optimizer.zero_grad()`: each step then follows the sum of all gradients so
# > far. With two networks it is subtler, since the loss of one leaves gradients in the parameters of the other;
# > chapter 03 shows where, and what `detach()` has to do with it.

# %% [markdown]
# ## 0.10 Further: the probability that the course uses · 8 min
#
# One page. Chapters 01 and 02 lean on it.
#
# **Expectation.** $\mathbb{E}_p[f(x)]$ is the average of $f$ over draws $x \sim p$. It is linear, and it is
# *estimated* by an average over samples (a **Monte Carlo estimate**); with $n$ independent samples the error
# shrinks like $1/\sqrt n$.
#
# **Gaussian.** $\mathcal{N}(\mu, \sigma^2)$ has the density below; in several independent dimensions the densities
# multiply, so their logarithms add.
#
# $$\log p(x) = -\frac{(x - \mu)^2}{2\sigma^2} - \frac12 \log\,(2\pi\sigma^2). \tag{0.3}$$

# %%
mu, std = torch.tensor(1.0), torch.tensor(2.0)
x = torch.linspace(-5.0, 5.0, 11)
by_hand = -((x - mu) ** 2) / (2 * std**2) - 0.5 * torch.log(2 * torch.pi * std**2)
holds("(0.3) is torch's Gaussian", torch.allclose(by_hand, torch.distributions.Normal(mu, std).log_prob(x)))

generator = torch.Generator().manual_seed(0)
for samples in (100, 10_000, 1_000_000):
    estimate = ((mu + std * torch.randn(samples, generator=generator)) ** 2).mean()
    print(f"{samples:9,} samples: E[x²] is about {estimate:.3f}")
holds("the truth is μ² + σ² = 5", abs(estimate - 5) < 0.05, estimate)

# %% [markdown]
# **Why the logarithm of a variance?** Networks of this course return $\log\sigma^2$, because a variance must be
# positive and a linear layer's output need not be. The standard deviation is one `exp` away:
# $\sigma = e^{\frac12 \log \sigma^2}$.
#
# **Jensen's inequality.** The logarithm is concave: a chord lies below the curve. So the average of logarithms is at
# most the logarithm of the average,
#
# $$\mathbb{E}\,[\log x] \le \log \mathbb{E}\,[x], \tag{0.4}$$
#
# with equality only where $x$ does not vary. The picture shows it for an $x$ that takes two values, equally often.

# %%
import matplotlib.pyplot as plt

from course_utils.figures import show

two = torch.tensor([0.3, 3.0])
fig, ax = plt.subplots(figsize=(6, 3))
curve = torch.linspace(0.15, 3.6, 200)
ax.plot(curve, curve.log(), label="log x")
ax.plot(two, two.log(), "o--", label="chord between two values")
ax.plot(two.mean(), two.mean().log(), "k^", label="log of the average")
ax.plot(two.mean(), two.log().mean(), "kv", label="average of the logs")
ax.set(xlabel="x", ylabel="log x")
ax.legend()
show(
    fig,
    alt="The curve of log x with a chord between x = 0.3 and x = 3; above their middle, the point on the chord lies"
    " well below the point on the curve.",
)
holds(
    "the average of the logs is below the log of the average",
    two.log().mean() < two.mean().log(),
    two.log().mean(),
    two.mean().log(),
)

# %% [markdown]
# **Kullback–Leibler divergence.** How far is $p$ from $q$? On average over draws from $p$, by how much does $p$
# find them more probable?
#
# $$D_{\mathrm{KL}}(p\,\Vert\,q) = \mathbb{E}_p\left[\log \frac{p(x)}{q(x)}\right] \ge 0. \tag{0.5}$$
#
# It is never negative by Jensen: $-D_{\mathrm{KL}} = \mathbb{E}_p[\log (q/p)] \le \log \mathbb{E}_p[q/p] = \log 1$
# (where $q$ is zero only if $p$ is). And it is not symmetric.
#
# **Maximum likelihood.** Given draws from an unknown $p_{\text{data}}$, choose the weights $\theta$ of a model
# $p_\theta$ under which the data are most probable: maximise the average of $\log p_\theta(x)$. With many draws
# that average becomes $\mathbb{E}_{p_{\text{data}}}[\log p_\theta(x)]$, and
#
# $$D_{\mathrm{KL}}(p_{\text{data}}\,\Vert\,p_\theta)
#   = \mathbb{E}_{p_{\text{data}}}[\log p_{\text{data}}(x)]
#   - \mathbb{E}_{p_{\text{data}}}[\log p_\theta(x)]. \tag{0.6}$$
#
# The first term does not know $\theta$. So **maximum likelihood is the least Kullback–Leibler divergence from the
# data to the model**, whatever the model. A loaded die shows it: of all models $p_\theta$ in a family, the same one
# wins twice.

# %%
data = torch.tensor([0.10, 0.15, 0.20, 0.20, 0.15, 0.20])  # how often each face comes
theta = torch.linspace(-1, 1, 401)[:, None]
model = torch.softmax(theta * torch.arange(6), dim=1)  # a family: the higher faces more or less probable
log_likelihood = (data * model.log()).sum(dim=1)
divergence = (data * (data / model).log()).sum(dim=1)
backwards = (model * (model / data).log()).sum(dim=1)
holds("the most probable model is the nearest", log_likelihood.argmax() == divergence.argmin())
entropy = -(data * data.log()).sum()
holds("(0.6): their sum is constant", torch.allclose(log_likelihood + divergence, -entropy.expand(401), atol=1e-5))
holds("the divergence is never negative", divergence.min() > 0, divergence.min())
holds("and not symmetric", (divergence - backwards).abs().max() > 0.1, divergence[0], backwards[0])

# %% [markdown]
# **Nats, not bits.** Losses here use the natural logarithm, so information is measured in **nats**; papers on
# compression use logarithms to base 2 and **bits**. One nat is $1/\ln 2 \approx 1.443$ bits. A paper's *bits per
# dimension* for a 28×28 image is the negative log-likelihood in nats, divided by $784 \ln 2$. A fair coin makes the
# exchange rate plain: its outcome carries exactly one bit.

# %%
import math

coin = torch.tensor([0.5, 0.5])
nats = -(coin * coin.log()).sum().item()
print(f"a fair coin: {nats:.4f} nats = {nats / math.log(2):.4f} bit; 1 nat = {1 / math.log(2):.3f} bits")
holds("a coin carries log 2 nats", math.isclose(nats, math.log(2), rel_tol=1e-6), nats)

logvar = torch.tensor([-4.0, 0.0, 2.0])
holds(
    "exp(½ log σ²) is positive, and its square is the variance",
    torch.allclose((0.5 * logvar).exp() ** 2, logvar.exp()),
    str((0.5 * logvar).exp().tolist()),
)

# %%
results.check()

# %% [markdown]
# ## References
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
#   *Proceedings of the IEEE* 86(11), 1998: MNIST.
# - E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998:
#   the embedded digits.
# - PyTorch, [start locally](https://pytorch.org/get-started/locally/), and its documentation on
#   [reproducibility](https://docs.pytorch.org/docs/stable/notes/randomness.html).
