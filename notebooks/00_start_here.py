# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
#
# Before a network can invent a handwritten seven, a hundred small things have to be in the right place: a
# working installation, data that arrived whole, and tensors that all lie on the same device. This chapter puts
# them there, shows how the rest of the course wants to be read, and lists its symbols and words in one place.
#
# **You will be able to**
#
# - check an installation, a device and a data set, and say which of the three is at fault when something
#   breaks;
# - say where every tensor of a training step lives, and repair a step in which one was left behind;
# - explain why two correct runs may differ in their last digits, and what is lost in sixteen bits;
# - choose a chapter's schedule, seed, data and folders, and judge a number that falls outside its expected
#   band;
# - read the notation of all later chapters, and translate it into the names used in the code.
#
# **Time.** Reading and trying out, about 45 minutes. Running all cells, about <!--00.seconds-->10 seconds on two CPU
# cores (not yet timed on a GPU).
#
# ![A sheet of 15 by 15 digits that pass smoothly into one another.](images/02.png)
#
# *What you will make by the end of chapter 02: a map on which every point is a digit.*

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
# ## 0.1 What this course is
#
# A classifier looks at a picture and returns a label. A **generative model** goes the other way: from nothing
# but random numbers it returns a picture, one that was never in its training data and yet could have been. The
# course builds such models in PyTorch, from the smallest that works to the families in use today, and for each
# it asks the same three questions: what is being optimised, why does that produce pictures, and how would we
# notice if it did not?
#
# You need Python, the basics of PyTorch (tensors, `nn.Module`, an optimizer), undergraduate calculus and some
# probability. You do not need a GPU, nor any earlier acquaintance with generative models.
#
# | chapter | what it is about | |
# |---|---|---|
# | 00 | set-up, devices, how to use the course, notation | you are here |
# | 01 | autoencoders: squeeze a picture through a narrow place and rebuild it | available |
# | 02 | variational autoencoders and the KL term: a code you can sample from | available |
# | 03 | GANs as a minimax game: a forger and an expert train each other | available |
# | 04 | saturation: why the forger's first loss starves it, and the repair | available |
# | 05 | DCGAN: the same game with convolutions | available |
# | 06 | evaluation: measuring whether generated pictures are any good | available |
# | 07 | stabilising GANs, and what to do against mode collapse | planned |
# | 08 | conditional generation: asking for a seven and getting one | planned |
# | 09 | VAE–GAN, and the two families side by side | planned |
# | 10 | checkpoints, choosing the best model, serving it | planned |
# | 11 | diffusion models: learning to undo noise | planned |
# | 12 | autoregressive models: one pixel after another | planned |
# | 90 | appendix, the debugging clinic: published faults, shown failing and repaired | available |
#
# Read them in order the first time; each uses what the ones before it taught and introduces nothing twice.

# %% [markdown]
# ## 0.2 Is everything here?
#
# The quickest way to lose an evening is to debug a model when the installation is at fault. So the installation
# goes first, and it is checked by code, not by eye.
#
# Every package states which versions of Python and of other packages it accepts. We read these statements from
# the course's own helper package, `course_utils`, and compare them with what is installed here.

# %%
import platform
from importlib.metadata import metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

accepted = metadata("course-utils")["Requires-Python"]
print(f"Python {platform.python_version()} (the course needs {accepted})")
assert SpecifierSet(accepted).contains(platform.python_version(), prereleases=True), "install a newer Python"

# %%
for line in requires("course-utils"):
    need = Requirement(line)
    if need.marker is None:  # a marker would make it optional
        installed = version(need.name)
        print(f"{need.name:13} {installed:14} (needs {need.specifier})")
        assert need.specifier.contains(installed, prereleases=True), f"upgrade {need.name}"

# %% [markdown]
# If both cells ran without an error, the versions are fine. The checks set floors and no ceilings: newer is
# welcome.
#
# Introductions to GANs that you find on the web often begin with installation lines from another age; one of
# the texts behind this course recommends Python 3.6 or above and a wheel index called `cu113`. Both have
# expired. The index held builds for CUDA 11.3 and stopped at PyTorch 1.12, and a current PyTorch refuses to be
# installed on an old Python, as it says itself:

# %%
torch_accepts = metadata("torch")["Requires-Python"]
print("the installed PyTorch accepts Python", torch_accepts)
assert not SpecifierSet(torch_accepts).contains("3.6")

# %% [markdown]
# What holds now is shorter. `pip install torch torchvision` takes both from the ordinary package index, on
# Linux already with CUDA inside, which does no harm on a machine without a GPU; for a GPU under Windows, the
# selector on PyTorch's start page gives the command of the day. The two have to be of matching releases, which
# they are when one command installs both. `torchaudio`, which old instructions add out of habit, is not needed
# here. In this repository `make lab` does all of it, in an environment of its own (on Windows,
# `environment.yml` does); on Colab, PyTorch is already there and the first cell fetched the rest.
#
# > **Common mistake.** Upgrading `torch` alone. `torchvision` contains compiled code that fits one release of
# > `torch`; with another it fails at import with a message such as *operator torchvision::nms does not exist*.
# > Nothing is wrong with your code then: install the two again, together.

# %%
import torch
import torchvision

boxes, scores = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]]), torch.tensor([0.9, 0.8])
kept = torchvision.ops.nms(boxes, scores, 0.5)  # compiled code: runs only if the two releases match
assert kept.tolist() == [0]

# %% [markdown]
# ### Which device?
#
# PyTorch calls the place where a tensor lies, and where its arithmetic is done, a **device**: `cpu`, `cuda` for
# an NVIDIA GPU, `mps` for the GPU in an Apple computer. The usual idiom is
# `torch.device("cuda" if torch.cuda.is_available() else "cpu")`: CUDA where there is any, else the CPU. The
# course's version also knows Apple's chips, and lets you overrule it with an environment variable.

# %%
from course_utils import schedule

device = schedule.device()
print("device:", device)

# %% [markdown]
# Finding a device is not the same as being able to compute on it: a driver that does not fit shows only when
# the first operation runs. So we run one, and compare with the same product on the CPU.

# %%
a, b = torch.rand(5, 3), torch.rand(3, 4)
product = a.to(device) @ b.to(device)
assert product.device.type == device.type
torch.testing.assert_close(product.cpu(), a @ b)

# %% [markdown]
# On Colab you get a GPU under *Runtime → Change runtime type*. On a machine without one, carry on: everything
# here and in the next chapters is made to run on two CPU cores.

# %% [markdown]
# ## 0.3 How a chapter works
#
# **Predict, run, read.** A line that begins with **Predict** asks for a guess before you run the next cell.
# Make one, in writing; a wrong guess that you remember teaches more than a right answer that you read.
#
# **Claims are checked where they are made.** When the text says that two expressions are equal, a cell beside
# it computes both and `assert`s it. An assertion that holds is silent. If one fails, either you changed
# something, and have learned what depends on it, or the course is wrong, and we would like to know.
#
# **Two schedules.** `short` trains for about a minute on two CPU cores, and its results are worth looking at;
# `full` trains several times longer and wants a CUDA GPU. The same cells serve both. A chapter lists the
# settings of both schedules in one table, of the form `name=(short, full)`, and the present schedule picks a
# column:

# %%
settings = schedule.choose(steps=(2_000, 20_000), batch_size=(256, 128))
print(f"the {schedule.schedule()} schedule: {settings.steps:,} steps of {settings.batch_size} images")

# %% [markdown]
# **Expected bands.** A chapter ends with a table of its measured numbers, each beside the **band** in which it
# should fall. Training is random, so an expected number without a range would be of no use. The bands come from
# runs with several seeds: the range they spanned, widened on each side by twice that range (and by 1 % of the
# mean at least). They are kept in one file, `course_utils/expected.json`, for each schedule and data source
# separately, with the date and the machine.
#
# > **Predict.** Three seeds gave test losses of 105, 106 and 107. Which of these would you accept from a
# > fourth: 108, 110, 112?

# %%
from course_utils.results import band

expected = band([105.0, 106.0, 107.0])
print(f"{expected.low:.1f} to {expected.high:.1f}")
assert (108.0 in expected, 110.0 in expected, 112.0 in expected) == (True, True, False)

# %% [markdown]
# Three seeds show the spread only roughly, hence the generous margin: 110 is unusual, 112 is a reason to look.
# **When a number lies outside its band**, the table says so and the chapter stops with an error. In order of
# likelihood:
#
# 1. *Cells were run out of order, or twice.* Restart the kernel and run all.
# 2. *You changed a setting.* Then the distance from the band is the effect of your change: a result, not a
#    failure.
# 3. *Schedule, data or seed are not what you think.* Near its beginning a chapter prints one line that names
#    all three.
# 4. *Neither.* Another library version or machine can do it. Open an issue with the table and that line.
#
# Where no band is recorded for your schedule and data, the table shows your numbers and judges nothing.
#
# **Settings from outside.** Six environment variables steer everything; without them, sensible defaults hold.
#
# | variable | values | default |
# |---|---|---|
# | `COURSE_SCHEDULE` | `short`, `full` | `full` when the device is CUDA, else `short` |
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
assert "short, full" in message

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
# ## 0.4 The data
#
# Most chapters train on MNIST: 70 000 handwritten digits, 28×28 pixels each, grey values between 0 (black) and
# 1 (white) (LeCun et al., 1998). The first use downloads it into your data folder (`schedule.data_folder()`
# names it) and compares it with a checksum; from then on no network is needed.
#
# If there is no network at all, the **embedded digits** step in, and one line says so: 1 797 real scans that
# come with scikit-learn (Alpaydin and Kaynak, 1998), enlarged from 8×8 to 20×20 pixels, framed to 28×28, and repeated with small
# random rotations, shifts and changes of size. They look softer than MNIST and are fewer, but every chapter
# runs on them.

# %%
from course_utils.data import load_images
from course_utils.results import Results

images = load_images()
results = Results("00", images.source)

# %% [markdown]
# The two lines printed above are the ones to quote when you ask somebody for help.
#
# `images` is a tuple with names: training images and labels, test images and labels, and the source. There is
# no `DataLoader`. All of MNIST's training images together, as 32-bit floats, take

# %%
megabytes = 60_000 * 28 * 28 * 4 / 1e6  # images × pixels × bytes per number
print(f"{megabytes:.0f} MB for MNIST; here {images.train.nbytes / 1e6:.0f} MB, on the device already")
assert images.train.device.type == device.type

# %% [markdown]
# A photograph collection has to be read in pieces. This fits on any device you are likely to meet, so it is
# moved there once, and a mini-batch is one indexing operation. Shapes and ranges are worth an assertion in any
# project, because a model trained on pixels between 0 and 255 rarely says so; it only trains badly.

# %%
n = len(images.train)
assert images.train.shape == (n, 1, 28, 28)  # images, channels, height, width
assert images.train.dtype == torch.float32
assert images.train.min() >= 0
assert images.train.max() <= 1
assert images.train_labels.unique().tolist() == list(range(10))

# %% [markdown]
# Numbers can all be right and the picture still upside down, so look as well. We take five examples of each
# digit and let them stand in columns.

# %%
from course_utils.figures import show_images

index = torch.cat([(images.train_labels == digit).nonzero()[:5] for digit in range(10)], dim=1)  # (5, 10)
show_images(
    images.train[index.flatten()],
    alt="Fifty handwritten digits, white on black, in five rows of ten. Column by column they are the digits "
    "0 to 9, five different examples of each.",
)
assert images.train_labels[index].tolist() == [list(range(10))] * 5

# %% [markdown]
# The assertion checks the labels; only your eyes can check that each column shows the digit its label names.
# Notice how much two examples of one digit differ, and how much of the area is black. A generative model has to
# reproduce the sameness and the variety.

# %%
black = (images.train < 0.1).float().mean().item()
print(f"{black:.0%} of all pixels are black, or nearly so; the mean grey value is {images.train.mean():.3f}")
assert black > 0.5

# %% [markdown]
# ## 0.5 Chance, on purpose
#
# Initial weights, the order of the images, the noise a generator starts from: all of it is drawn at random, so
# every result of this course depends on chance. To repeat a run we fix the starting point of the random number
# generators, the **seed**.
#
# > **Predict.** Below, `first` and `second` are drawn with a call of `seed_everything` before each, `third`
# > without one. Which of the three are equal?

# %%
from course_utils.schedule import seed_everything

seed_everything(0)
first = torch.randn(3)
seed_everything(0)
second = torch.randn(3)
third = torch.randn(3)
print(first, second, third, sep="\n")
assert torch.equal(first, second)
assert not torch.equal(second, third)

# %% [markdown]
# A seed does not switch chance off; it makes the same sequence start again. `third` continues the sequence
# where `second` stopped. It follows that **an extra random draw anywhere shifts all draws after it**, which is
# why a chapter run from top to bottom repeats exactly, and a cell run twice does not.
#
# A seed is also not a promise across devices. A GPU has a random generator of its own, and PyTorch's notes on
# reproducibility warn that the same seed need not give the same results on CPU and GPU. Where a comparison
# needs identical numbers, draw them on the CPU and move them.

# %% [markdown]
# ### Mini-batches
#
# Training reads the images in small shuffled groups. The loop looks the same in every chapter:

# %%
from course_utils.data import batches

for x in batches(images.train, batch_size=64, steps=3):
    print(x.shape, x.device.type)
    assert x.shape == (64, 1, 28, 28)

# %% [markdown]
# With `steps` it yields exactly that many batches; without, one pass over the data.
#
# > **Predict.** One pass over 1 000 images with `batch_size=64`: how many batches come, and how large is the
# > last one?
#
# `batches` accepts any tensor, so we give it the numbers 0 to 999 instead of pictures and can see which images
# were chosen.

# %%
one_pass = list(batches(torch.arange(1000), 64))
seen = torch.cat(one_pass)
sizes = {len(batch) for batch in one_pass}
print(f"{len(one_pass)} batches of sizes {sizes}, {len(seen)} images")
assert sizes == {64}
assert len(one_pass) == 1000 // 64 == 15
assert len(seen.unique()) == len(seen) == 960  # no image twice

# %% [markdown]
# Fifteen, all of the same size. PyTorch's `DataLoader` would by default have added a sixteenth with the 40
# images left over. Here they sit out this pass; every pass is shuffled anew, so the next one leaves out others.
#
# > **Common mistake.** Writing label tensors of a fixed `batch_size` next to a loader whose last batch is
# > smaller: the program runs well for most of an epoch, then stops with a size mismatch. With equal batches it
# > cannot happen. Where you use a `DataLoader`, ask the batch for its own size, `len(x)`.

# %%
two_passes = torch.cat(list(batches(torch.arange(1000), 64, steps=30)))
left_out_first = set(range(1000)) - set(two_passes[:960].tolist())
left_out_second = set(range(1000)) - set(two_passes[960:].tolist())
print(len(left_out_first), "images sat out each pass,", len(left_out_first & left_out_second), "of them both")
assert len(left_out_first) == len(left_out_second) == 40  # so each image came at most once per pass
assert left_out_first != left_out_second

# %% [markdown]
# The order depends on the seed and on the number of the step, and on nothing else. So a run that was cut off
# after step 7 can go on with exactly the batches it would have seen:

# %%
whole = list(batches(torch.arange(1000), 64, steps=20, seed=3))
resumed = list(batches(torch.arange(1000), 64, steps=20, seed=3, start=7))
assert all(torch.equal(a, b) for a, b in zip(whole[7:], resumed, strict=True))

# %% [markdown]
# ## 0.6 What lives where
#
# A GPU has memory of its own. An operation can use only what lies in the memory of the device that carries it
# out, and PyTorch never moves a tensor behind your back: a copy across takes time, and you should see it in the
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
# | in this course: `images.train` and its companions | on the device, since `load_images()` |
#
# To show what goes wrong we need two devices, and your machine may have only one. PyTorch brings a second
# along: the device **`meta`** keeps shapes and types but no numbers. Nothing can be computed on it, yet it
# counts as a place of its own, and it has the same rules about mixing places as a GPU.
#
# > **Predict.** What does the last line of the next cell print, `cpu` or `meta`?

# %%
x = torch.ones(3)
x.to("meta")
print(x.device)

# %% [markdown]
# `cpu`. For a **tensor**, `.to(…)` leaves the original alone and returns another tensor; whoever drops the
# return value has done nothing. (When the tensor is on the wanted device already, there is nothing to do and
# `.to` returns the very same object, so calling it once too often costs nothing.)

# %%
moved = x.to("meta")
assert x.device.type == "cpu"
assert moved.device.type == "meta"
assert x.to("cpu") is x  # already there: no copy

# %% [markdown]
# For a **module** the same method does something else: it moves the parameters *inside* the module and returns
# the module itself.

# %%
layer = torch.nn.Linear(784, 10)
assert layer.weight.device.type == "cpu"
returned = layer.to("meta")
assert returned is layer
assert layer.weight.device.type == "meta"

# %% [markdown]
# > **Common mistake.** `x.to(device)` on a line of its own, written by analogy with `model.to(device)`. The
# > model moves, the tensor stays. Write `x = x.to(device)`.
#
# New tensors can be made at their destination. `torch.ones(64, 1, device=device)` fills device memory directly;
# `torch.ones(64, 1).to(device)` fills CPU memory first and then copies it across, at every step of the loop.
# The result is the same, the detour is not free. When there already is a tensor to imitate, `ones_like` and
# `randn_like` take over its shape, its type *and its device*, so they cannot be wrong about the place.

# %%
direct = torch.ones(64, 1, device=device)
detour = torch.ones(64, 1).to(device)
assert torch.equal(direct, detour)
eps = torch.randn_like(moved)  # `moved` is on meta, so the noise is, too
assert eps.device.type == "meta"

# %% [markdown]
# ### The four things to move
#
# Chapter 03 trains two networks against each other: a **generator** that turns noise into pictures, and a
# **discriminator** that tells real pictures from generated ones. You need not know yet why that works. Just
# count what takes part in one step:
#
# 1. **the models**, both of them: once, before the optimizers are made;
# 2. **the real images**: every batch, unless all of them lie on the device already, as here;
# 3. **the label tensors**, the ones and zeros that stand for "real" and "fake": made on the device;
# 4. **the noise**, the generator's input: made on the device.
#
# A classifier follows the same rule with fewer parts: the model once, then the inputs and targets of every
# batch. Images are hard to forget. Labels and noise are easy to forget, because we make them ourselves.
#
# The function below is such a step in miniature, one linear layer for each network. Everything is put on
# `meta`, except for the part we tell it to forget. (The loss it calls is explained in section 0.9.)

# %%
import torch.nn.functional as F
from torch import nn

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


# %% [markdown]
# > **Predict.** Five runs, each with one of the five parts left on the CPU. Which of them get away with it?

# %%
assert half_a_gan_step().device.type == "meta"  # nothing forgotten: no complaint
for part in PARTS:
    try:
        half_a_gan_step(forgotten=part)
        message = "nobody noticed"
    except RuntimeError as error:
        message = str(error).splitlines()[0]
    print(f"{part:13} left behind → {message}")
    assert "device" in message

# %% [markdown]
# None of them. On a GPU the sentence is worded a little differently, along the lines of *Expected all tensors
# to be on the same device, but found at least two devices, cuda:0 and cpu!*, and means the same. In both forms
# it names the two places but **not your variable**; at most it adds the name of an argument deep inside
# PyTorch, such as `mat1`. To find the culprit, go to the line in the error's traceback, print `.device` of each
# operand (of a module: `next(module.parameters()).device`), and follow the one that says `cpu` back to where it
# was made.
#
# One exception keeps many programs alive without their authors knowing: a CPU tensor with a *single number and
# no dimensions* may take part in arithmetic on any device, as a plain Python number may.

# %%
two = torch.tensor(2.0)  # on the CPU, shape ()
assert (two * moved).device.type == "meta"
assert (2.0 * moved).device.type == "meta"

# %% [markdown]
# ### The way back, and what it costs
#
# Printing a loss, drawing a picture and calling NumPy need the numbers in CPU memory: `.item()` fetches one
# number, `.cpu()` a whole tensor. On a GPU both do more than copy. The CPU only *queues* work for the GPU and
# runs ahead; when it asks for a number, it must **wait until the queue is empty** (PyTorch's notes on CUDA
# semantics describe this). A loop that calls `loss.item()` at each step makes the two take turns where they
# could have overlapped. The course's training loop keeps the losses as tensors and fetches them at the end,
# detached:

# %%
w = torch.tensor(3.0, device=device, requires_grad=True)
at_each_step, kept = [], []
for step in range(5):
    loss = (w - step) ** 2
    at_each_step.append(loss.item())  # waits, every time
    kept.append(loss.detach())  # waits for nothing
assert torch.stack(kept).tolist() == at_each_step  # one transfer for all five
assert loss.grad_fn is not None
assert kept[-1].grad_fn is None

# %% [markdown]
# The last two lines are about memory. A loss that is kept *without* `detach()` (or `.item()`) holds on to its
# `grad_fn`, and through it to what that step stored for its backward pass. Memory then grows with each step
# until it runs out, in a place that has nothing to do with the cause.

# %% [markdown]
# ## 0.7 When a GPU pays
#
# A GPU multiplies large matrices many times faster than a CPU. It does not follow that it speeds up *your*
# program, for each operation also costs a fixed amount: Python has to run, memory has to be found, and a
# kernel, which is what a program for the GPU is called, has to be started. That cost is the same for a tiny
# matrix as for a huge one, and you can see it on any device.
#
# An $n \times n$ product takes $n^3$ multiplications and about as many additions, so from $n = 8$ to $n = 512$
# the work grows by a factor of
#
# $$\left(\frac{512}{8}\right)^3 = 262\,144. \tag{0.1}$$
#
# > **Predict.** By what factor does the time grow?

# %%
import time


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


# %%
small, large = microseconds(8), microseconds(512)
print(f"8×8: {small:.1f} µs, 512×512: {large:.0f} µs, so {large / small:,.0f} times longer for 262,144 times the work")
assert (512 / 8) ** 3 == 262_144
assert large / small < 262_144 / 4

# %% [markdown]
# The exact figures are those of the machine that ran the cell, and they change from run to run; that the factor
# stays far below 262 144 does not. The small product hardly computes: it *starts up*. On a GPU the balance
# moves further, because starting takes it about as long and the arithmetic takes it far less: run this cell on
# one, on Colab for instance, and compare the factors. Three rules of thumb follow:
#
# - few large operations beat many small ones: larger batches, no Python loop over single images;
# - two-layer networks on 28×28 pictures, as in the next chapter, are small, and a CPU is not out of place; with
#   the convolutions of chapter 05 a GPU is welcome;
# - whoever times GPU code must wait for the result before stopping the clock, as the `.item()` above does.
#   Without it you measure how long it takes to write the queue.

# %% [markdown]
# ## 0.8 Sixteen bits, and the order of a sum
#
# Most of the arithmetic in this course is done in `float32`. Recent GPUs multiply `bfloat16` numbers much
# faster, and half the bytes move faster too. What is given up?
#
# A floating-point number is a fraction with a fixed number $p$ of binary digits, times a power of two. Between
# $2^k$ and $2^{k+1}$ lie $2^p$ of these numbers, evenly spread, so the distance from $x$ to the next larger one
# (unless $x$ is almost zero) is
#
# $$\Delta(x) = 2^{\lfloor \log_2 |x| \rfloor - p}, \qquad p = 23 \text{ for float32}, \quad
# 10 \text{ for float16}, \quad 7 \text{ for bfloat16}. \tag{0.2}$$
#
# `torch.finfo(…).eps` is $\Delta(1)$, and `torch.nextafter` knows each number's neighbour. We let both confirm
# the formula.

# %%
fraction_bits = {torch.float32: 23, torch.float16: 10, torch.bfloat16: 7}
for dtype, p in fraction_bits.items():
    info = torch.finfo(dtype)
    print(f"{dtype!s:15}: after 1 comes 1 + {info.eps:.3g}; the largest number is {info.max:.3g}")
    for x in (0.1, 1.0, 3.0, 1000.0):
        x = torch.tensor(x, dtype=dtype)
        gap = torch.nextafter(x, 2 * x).double() - x.double()
        assert gap == 2.0 ** (x.double().log2().floor() - p)
assert torch.finfo(torch.bfloat16).eps == 2**-7 == 0.0078125

# %% [markdown]
# `bfloat16` reaches as far as `float32` but is coarse: between 1 and 2 it has only 128 values, two to three
# decimal digits. `float16` is finer but ends at 65 504, so that a large gradient becomes infinite, and one
# infinite gradient ruins the weights; small gradients become zero. Coarse products, by contrast, do training little harm (Kalamkar et al.,
# 2019); hence the preference for `bfloat16`.

# %%
big = torch.tensor(70_000.0)
print(big.half(), big.bfloat16())  # half() is float16
assert big.half().isinf()
assert big.bfloat16().isfinite()

# %% [markdown]
# Equation (0.2) as a picture:

# %%
import matplotlib.pyplot as plt

from course_utils.figures import show

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
assert 2 ** (10 - 7) == 8
assert 2 ** (23 - 7) == 65_536

# %% [markdown]
# The distance grows in step with the number, so it is the *relative* precision that is fixed. A tiny weight is
# stored as faithfully as a huge one. Trouble comes when a large number meets a small one:
#
# > **Predict.** A weight starts at 1 and receives a thousand updates of −0.001 each, in `bfloat16`. Where does
# > it end? Where does it in `float32`?

# %%
ends = {}
for dtype in (torch.float32, torch.bfloat16):
    weight = torch.tensor(1.0, dtype=dtype)
    for _ in range(1000):
        weight = weight - 0.001
    ends[dtype] = weight.item()
    print(f"{dtype!s:15}: {ends[dtype]:.6f}")
assert abs(ends[torch.float32]) < 1e-3
assert ends[torch.bfloat16] == 1.0

# %% [markdown]
# It has not moved at all. Below 1, the neighbours are $2^{-8} \approx 0.0039$ apart; a step of 0.001 is less
# than half of that and is rounded away, every single time. Above 1 the distance is twice as large, and from 1
# itself even an exact half step is lost (a tie goes to the even neighbour):

# %%
one = torch.tensor(1.0, dtype=torch.bfloat16)
assert one + 1 / 256 == 1  # half a step: rounded back down
assert one + 1 / 128 == 1.0078125  # a whole step survives

# %% [markdown]
# So weights and their updates stay in `float32`, and only the products inside the forward pass are done in
# `bfloat16`. **Autocast** arranges this: within its `with` block, matrix products and convolutions convert
# their inputs on the way in. The course's `schedule.autocast()` switches it on **only where it pays**: on GPUs
# and the few CPUs with hardware for it. Elsewhere `bfloat16` is emulated by converting back and forth, and
# usually comes out slower than `float32`.

# %%
print("does bfloat16 pay here?", schedule.bfloat16_pays())
print(f"512×512 in float32: {microseconds(512):.0f} µs, in bfloat16: {microseconds(512, torch.bfloat16):.0f} µs")

layer = nn.Linear(784, 10).to(device)
with schedule.autocast():
    logits = layer(images.train[:8].flatten(1))
assert logits.dtype == (torch.bfloat16 if schedule.bfloat16_pays() else torch.float32)
assert layer.weight.dtype == torch.float32  # the weights themselves are never converted

# %% [markdown]
# Which of the two was faster depends on your machine, and a little on what else it was doing; compare it with
# the answer on the first line.
#
# ### Why two correct runs differ
#
# Rounding has another consequence. On paper, $(a + b) + c = a + (b + c)$. Here are the first ten thousand terms
# of the harmonic series $1 + \frac12 + \frac13 + \dots$, added from the left and from the right.
#
# > **Predict.** Do the two sums agree to the last digit? If not, which is closer to the truth?

# %%
terms = 1 / torch.arange(1, 10_001, dtype=torch.float32)
from_left, from_right = sum(terms).item(), sum(terms.flip(0)).item()
truth = terms.double().sum().item()
print(f"from the left {from_left:.6f}, from the right {from_right:.6f}, in float64 {truth:.6f}")
assert from_left != from_right
assert abs(from_left - from_right) < 1e-5 * truth
assert abs(from_right - truth) < abs(from_left - truth)

# %% [markdown]
# They part at the sixth digit, and the right-hand sum is the better one. From the left, tiny terms meet a large
# sum and lose their last digits, as the thousand updates did; from the right, small terms first add up among
# themselves.
#
# Neither run is wrong. A CPU with eight threads, a CPU with two and a GPU split a sum in different ways and
# round differently, by about one part in a million. Training then repeats this thousands of times and each step
# builds on the one before, so two runs with the same seed on different machines drift apart, first in the last
# digit, finally in the shape of a seven. That is why the course compares with **bands** and not with digits. On
# one machine, with one version of everything, a CPU run with the same seed does repeat, bit for bit. Here is the
# course's first training, a linear classifier for twenty steps, run twice:


# %%
def twenty_steps():
    seed_everything(0)
    classifier = nn.Linear(784, 10)  # on the CPU, whatever the device
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.1)
    for x, y in batches(images.train, 64, labels=images.train_labels, steps=20):
        optimizer.zero_grad()
        F.cross_entropy(classifier(x.cpu().flatten(1)), y.cpu()).backward()
        optimizer.step()
    return classifier.weight


assert torch.equal(twenty_steps(), twenty_steps())

# %% [markdown]
# ## 0.9 Gradients in three cells
#
# Every model of this course learns by following gradients, and one loss appears in many of them: the **binary
# cross-entropy** between a target $t$ (0 or 1, or a grey value between) and a probability $\sigma(s)$, where
# $\sigma(s) = 1/(1 + e^{-s})$ is the sigmoid and the network's raw output $s$ is called a **logit**. With
# $\operatorname{softplus}(s) = \log(1 + e^{s})$ we have $\log \sigma(s) = s - \operatorname{softplus}(s)$ and
# $\log(1 - \sigma(s)) = -\operatorname{softplus}(s)$, and the loss becomes short:
#
# $$\ell(s, t) = -t \log \sigma(s) - (1 - t)\log\bigl(1 - \sigma(s)\bigr) = \operatorname{softplus}(s) - t\,s. \tag{0.3}$$

# %%
s = torch.linspace(-6, 6, 25, dtype=torch.float64, requires_grad=True)
t = torch.linspace(0, 1, 25, dtype=torch.float64)
loss = F.softplus(s) - t * s
torch.testing.assert_close(loss, -t * torch.sigmoid(s).log() - (1 - t) * (1 - torch.sigmoid(s)).log())
torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(s, t, reduction="none"))

# %% [markdown]
# The derivative of softplus is the sigmoid, so
#
# $$\frac{\partial \ell}{\partial s} = \sigma(s) - t : \tag{0.4}$$
#
# what the model said minus what it should have said. Autograd applies the chain rule to the operations that
# were recorded, without knowing our formula, and arrives at the same numbers:

# %%
(by_autograd,) = torch.autograd.grad(loss.sum(), s)
torch.testing.assert_close(by_autograd, torch.sigmoid(s.detach()) - t)

# %% [markdown]
# `torch.autograd.grad` returns a gradient. In training we call `loss.backward()` instead, which *adds* it to
# the `.grad` of each parameter.
#
# > **Predict.** The slope of $w^2$ at $w = 3$ is 6. What stands in `w.grad` after two backward passes in a row?
# > And what does the slope become when one of the two factors is detached?

# %%
w = torch.tensor(3.0, requires_grad=True)
(w * w).backward()
(w * w).backward()
assert w.grad == 12  # 6 + 6: gradients accumulate
w.grad = None  # what optimizer.zero_grad() does
(w * w.detach()).backward()
assert w.grad == 3  # the detached factor counts as a constant

# %% [markdown]
# > **Common mistake.** Forgetting `optimizer.zero_grad()`: each step then follows the sum of all gradients so
# > far. With two networks it is subtler, since the loss of one leaves gradients in the parameters of the other;
# > chapter 03 shows where, and what `detach()` has to do with it.

# %% [markdown]
# ## 0.10 Notation
#
# The symbols of the whole course. You will meet them one at a time, each with its explanation; this table is
# for looking up.
#
# | symbol | meaning | in code |
# |---|---|---|
# | $x$ | a data point, here an image | `x`, shape `(n, 1, 28, 28)` |
# | $\hat{x}$ | its reconstruction | `x_hat`, or `model(x)` |
# | $z$ | latent vector, or code | `z`, shape `(n, latent_dim)` |
# | $d$ | number of latent dimensions | `latent_dim` |
# | $\mu,\ \sigma$ | mean and standard deviation of a Gaussian, for each latent dimension | `mu`, `(0.5 * logvar).exp()` |
# | $\log \sigma^2$ | logarithm of its variance; what the encoder returns | `logvar` |
# | $\varepsilon$ | noise, drawn from $\mathcal{N}(0, I)$ | `eps` |
# | $\theta,\ \phi$ | weights of the decoder or generator; weights of the encoder | `model.parameters()` |
# | $p(z)$ | prior: how latent vectors are distributed before any image is seen, here $\mathcal{N}(0, I)$ | `torch.randn(n, latent_dim)` |
# | $q_\phi(z \mid x)$ | encoder's distribution of $z$, given $x$ (approximate posterior) | `mu, logvar = model.encode(x)` |
# | $p_\theta(x \mid z)$ | decoder's distribution of $x$, given $z$ | `model.decode(z)` |
# | $D_{\mathrm{KL}}(q \,\Vert\, p)$ | Kullback–Leibler divergence of $q$ from $p$ | `kl_to_standard_normal(mu, logvar)` |
# | ELBO | evidence lower bound: at most $\log p_\theta(x)$; to be maximised | the loss is its negative, `negative_elbo` |
# | $\beta$ | weight of the KL term | `beta` |
# | $G(z)$ | generator: turns noise into an image | `generator(z)` |
# | $D(x)$ | discriminator: probability that $x$ is real | `discriminator(x).sigmoid()` |
# | $s$ | logit: a score before the sigmoid, $D(x) = \sigma(s)$ | `logits` |
# | $\sigma(\cdot)$ | sigmoid, $\sigma(s) = 1/(1+e^{-s})$ | `torch.sigmoid` |
# | $V(D, G)$ | value of the game, $\mathbb{E}_{p_{\text{data}}}[\log D(x)] + \mathbb{E}_{p(z)}[\log(1 - D(G(z)))]$ | |
# | $p_{\text{data}},\ p_g$ | distribution of real images; distribution of generated images | `images.train`; `generator(z)` |
# | $\mathbb{E}_p[f]$ | expectation of $f$ under $p$ | an average over samples |
# | $\log$ | natural logarithm | `torch.log` |
#
# Three places deserve a warning.
#
# **One letter, two meanings.** The literature writes $\sigma$ for a standard deviation and for the sigmoid, and
# so do we. With an argument, $\sigma(s)$, it is the sigmoid; without one it is the standard deviation. Should
# both turn up in one formula, the text says so.
#
# **Why the logarithm of a variance?** A variance must be positive and a linear layer's output need not be. Its
# logarithm may be any number, and the standard deviation is one `exp` away:
# $\sigma = e^{\frac12 \log \sigma^2}$.

# %%
logvar = torch.tensor([-4.0, 0.0, 2.0])
std = (0.5 * logvar).exp()
assert (std > 0).all()
torch.testing.assert_close(std**2, logvar.exp())

# %% [markdown]
# **Nats, not bits.** Losses here use the natural logarithm, so information is measured in **nats**; papers on
# compression use logarithms to base 2 and **bits**. One nat is $1/\ln 2 \approx 1.443$ bits. A paper's *bits
# per dimension* for a 28×28 image is the negative log-likelihood in nats, divided by $784 \ln 2$.
#
# A fair coin makes the exchange rate plain: its outcome carries exactly one bit.

# %%
import math

coin = torch.tensor([0.5, 0.5])
entropy = -(coin * coin.log()).sum().item()
print(f"a fair coin: {entropy:.4f} nats = {entropy / math.log(2):.4f} bit; 1 nat = {1 / math.log(2):.3f} bits")
assert math.isclose(entropy, math.log(2), rel_tol=1e-6)
assert round(1 / math.log(2), 3) == 1.443

# %% [markdown]
# ## 0.11 Glossary
#
# Words that come back, with the chapter that explains them properly.
#
# - **Adversarial training**: two networks with opposite goals improve each other (03).
# - **Autocast**: does matrix products in a 16-bit type and leaves the weights in 32 (section 0.8).
# - **Autoencoder**: encoder and decoder, trained together to reproduce their input (01).
# - **Band**: the range in which a measured number is expected to fall (section 0.3).
# - **Bottleneck**: the narrow place in an autoencoder that forces it to choose what to keep (01).
# - **Checkpoint**: a file from which an interrupted training can go on (0.3; in depth in 10).
# - **Code**, or **latent vector**: the few numbers that stand for an image (01).
# - **Decoder**: the network that turns a code back into an image (01).
# - **Detach**: to treat a tensor as a constant, so that no gradient flows through it (0.9, 03).
# - **Device**: where a tensor lies and is worked on: `cpu`, `cuda`, `mps` (section 0.6).
# - **Discriminator**: the network that judges whether an image is real (03).
# - **ELBO**: a lower bound on the log-probability of the data, which a VAE maximises (02).
# - **Embedded digits**: the data used when there is no network (section 0.4).
# - **Encoder**: the network that turns an image into a code, or into a distribution of codes (01, 02).
# - **Epoch**, or **pass**: one round through the training images (section 0.5).
# - **FID**: Fréchet inception distance, between real and generated images in feature space; smaller is better
#   (06).
# - **Generator**: the network that turns noise into an image (03).
# - **Inception score**: rewards generated images that are recognisable and varied; larger is better (06).
# - **KL divergence**: how far one distribution is from another; never negative, and not symmetric (02).
# - **Latent space**: the space in which the codes live (01).
# - **Logit**: a score before the sigmoid; any real number (section 0.9).
# - **Mini-batch**, or **batch**: the images that one step is computed from (section 0.5).
# - **Mode collapse**: the generator produces few kinds of image, however well (07).
# - **Monte Carlo estimate**: an average over random samples in place of an expectation (02).
# - **Nat**: unit of information for natural logarithms, about 1.44 bits (section 0.10).
# - **Posterior**: the distribution of $z$ once $x$ has been seen; the **prior** is the one before (02).
# - **Posterior collapse**: the encoder's distribution equals the prior and says nothing about the image (02).
# - **Reparameterisation**: writing a random $z$ as $\mu + \sigma\varepsilon$, so that gradients reach $\mu$ and
#   $\sigma$ (02).
# - **Saturation**: the flat part of a function, where its gradient is too small to learn from (04).
# - **Schedule**: how long a chapter trains: `short` or `full` (section 0.3).
# - **Seed**: the number that fixes where a random sequence starts (section 0.5).
# - **Step**: one update of the weights, from one mini-batch (section 0.5).

# %% [markdown]
# ## Check yourself
#
# Answer first, then open.
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
# Because an update is small beside the weight. If it is less than half the distance (0.2) to the next number,
# adding it changes nothing, however often it is repeated.
# </details>

# %% [markdown]
# Finally, the numbers of this chapter in the table that ends every chapter. These two counts and an average are
# not trained, so there is nothing to compare yet: no band is recorded, and the table says that.

# %%
results.add(
    train_images=len(images.train),
    test_images=len(images.test),
    mean_pixel=images.train.mean().item(),
)
results.check()

# %% [markdown]
# ## Summary
#
# - Versions, device and data are checked by code; the fault is found before a model is blamed.
# - A tensor's `.to` returns a tensor, which must be kept; a module's `.to` moves the module itself.
# - Models, images, label tensors and noise belong on one device; the error message names places, not variables.
# - `.item()` and `.cpu()` make the CPU wait for the GPU; small operations cost mostly their start.
# - `bfloat16` keeps the range of `float32` and two to three digits: good enough for products, too coarse for
#   updates.
# - Sums depend on their order, so runs on different machines differ; bands allow for it.
# - Equation (0.4), $\sigma(s) - t$, is the gradient that the pixels of a VAE and the judgements of a GAN both
#   learn from.

# %% [markdown]
# ## References
#
# - D. Goldberg, "What every computer scientist should know about floating-point arithmetic", *ACM Computing
#   Surveys* 23(1), 1991.
# - D. Kalamkar et al., "A study of BFLOAT16 for deep learning training", arXiv:1905.12322, 2019.
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
#   *Proceedings of the IEEE* 86(11), 1998: MNIST.
# - E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998:
#   the embedded digits.
# - PyTorch, [start locally](https://pytorch.org/get-started/locally/) and [previous
#   versions](https://pytorch.org/get-started/previous-versions/): which release came with which CUDA.
# - PyTorch documentation: [reproducibility](https://docs.pytorch.org/docs/stable/notes/randomness.html), [CUDA
#   semantics](https://docs.pytorch.org/docs/stable/notes/cuda.html) (asynchronous execution), [automatic mixed
#   precision](https://docs.pytorch.org/docs/stable/amp.html), [meta
#   device](https://docs.pytorch.org/docs/stable/meta.html).

# %% [markdown]
# ## What comes next
#
# [Chapter 01](01_autoencoders.ipynb) squeezes a picture of 784 pixels through a handful of numbers and rebuilds
# it, and then asks whether those numbers can be made up.
#
# Chapters 01 to 06 have an exercise each, with checks that answer at once: [how to work on
# them](../exercises/README.md). This chapter has none.
