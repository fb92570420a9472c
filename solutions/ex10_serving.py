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
# # Exercise 10 · A generator for use
#
# Between a training that went well and a picture on somebody's screen there are a file, a choice, an export and a few
# numbers that are reported. Each can be wrong without any error. In this exercise you repair a checkpoint until a resumed
# run is the uncut one, bit for bit; you turn a generator into one without batch norm and into an exported program; you
# squeeze activations into eight bits; and you compute how much the best of many flatters itself.
#
# **You will practise**
#
# - noise that belongs to a picture and a step, and not to a batch;
# - a checkpoint that holds everything, and a test that would notice if it did not;
# - folding batch norm, exporting with a free number of rows, and proving that an export is right;
# - quantisation with a zero that stays zero;
# - the optimism of the best of $k$, what is lost by choosing, and scores that are not numbers.
#
# **Follows** chapter 10.
#
# **Time.** About two hours. The code runs in seconds.
#
# **How to check yourself.** Each task is a cell to fill in, followed by cells that check it. A line with a ✓ means that
# the visible checks hold (their code is folded; a click on the three dots opens it); a message says what kind of
# mistake was found. When your work is graded, the same checks run again with other numbers and shapes, so make each
# function right in general. You may use everything in PyTorch and the course. Questions in words are read by a person.

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
import copy
import math

import torch
from torch import nn

from course_utils.checks import when_ready


def stream_after(seeds, step):
    """What torch.randn gives after `step_noise` has been asked for these seeds (for none: had it not been asked)."""
    torch.manual_seed(8)
    if seeds:
        step_noise(seeds, step, 5)
    return torch.randn(4)


# %% [markdown]
# ## Part 1: Noise for many steps
#
# A model that draws in many steps (chapter 11 has one) takes fresh noise at each of them. Write the noise of one step for a
# batch: row $k$ must depend on the seed of picture $k$ and on the step, and on nothing else: not on the other
# seeds, on how many there are, or on what was drawn before. Different pairs of seed and step must have different noise, also where seeds and
# steps are neighbours. And drawing it must leave PyTorch's own stream of random numbers as it was.


# %% nbgrader={"grade": false, "grade_id": "noise-code", "locked": false, "schema_version": 3, "solution": true}
def step_noise(seeds, step, dim):
    """Standard normal noise (n, dim) in float32 for n seeds (whole numbers from 0 to a million) and one step (0 to 999)."""
    ### BEGIN SOLUTION
    each = [torch.Generator().manual_seed(1000 * seed + step) for seed in seeds]
    return torch.stack([torch.randn(dim, generator=one) for one in each])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "noise-alone", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

sheet = step_noise([4, 9, 2], 5, 20)
check((sheet[0] != sheet[1]).all() and sheet.std() > 0.5, "Every seed has noise of its own.")
message = "Row k must be the noise of its own seed, whichever seeds stand beside it."
close(step_noise([9], 5, 20), sheet[1:2], message)
### BEGIN HIDDEN TESTS
for dim in (1, 20, 64, 3):
    sheet = step_noise(list(range(7)), 3, dim)
    for order in ([6, 0], [2], [3, 3, 5], list(range(5))):
        close(step_noise(order, 3, dim), sheet[order], message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "noise-differs", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

message = "Every pair of a seed and a step has noise of its own: is there another pair with the same number?"
check((step_noise([4], 5, 8) - step_noise([5], 4, 8)).abs().max() > 1e-3, message)
### BEGIN HIDDEN TESTS
seeds = [0, 1, 2, 10, 11, 100, 101, 1000, 1001, 999, 10_000, 1_000_000]
steps = [0, 1, 2, 10, 11, 100, 101, 999]
rows = torch.cat([step_noise(seeds, step, 6) for step in steps])
gaps = torch.cdist(rows.double(), rows.double()) + torch.eye(len(rows)) * 9
check(gaps.min() > 1e-4, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "noise-law", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

z = step_noise(list(range(400)), 7, 50)
check(z.dtype == torch.float32 and tuple(z.shape) == (400, 50), "One row of float32 numbers for each seed.")
check(abs(z.mean()) < 0.05 and abs(z.std() - 1) < 0.05, "The numbers are standard normal.")
### BEGIN HIDDEN TESTS
z = torch.cat([step_noise(list(range(100)), step, 30) for step in range(8)]).double()
check(abs(z.mean()) < 0.05 and abs(z.std() - 1) < 0.05, "The numbers are standard normal.")
across = torch.corrcoef(z.view(8, -1)) - torch.eye(8)
check(across.abs().max() < 0.1, "The noise of one step must say nothing about that of another.")
message = "Mean 0 and variance 1 do not make a normal distribution: how many numbers lie near 0, how many far out?"
for bound, share in ((0.5, 0.383), (1.0, 0.683), (2.0, 0.954)):
    check(abs((z.abs() < bound).double().mean() - share) < 0.02, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "noise-leaves-no-trace", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import close

first = stream_after([1, 2], 3)
message = "What others draw from torch.randn must not change because noise was asked for."
close(stream_after([], 3), first, message)
### BEGIN HIDDEN TESTS
import torch

from course_utils.checks import check, ours

for seeds, step in (([7], 0), (list(range(20)), 999)):
    close(stream_after(seeds, step), ours("stream_after")([], step), message)
z = step_noise([3, 5], 2, 400)
check(bool((z.std(dim=1) > 0.5).all()), "Nothing is taken from the stream, but there is no noise either.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2: A checkpoint to repair
#
# Here is a small game. `Game` has everything that a run consists of: a network with batch norm and dropout, an average of it, an optimiser,
# a schedule of rates, and, since dropout draws random numbers and so does the shuffling, PyTorch's stream of them. A pass over the data is eight steps; its
# order is drawn when the pass begins, and kept in `game.order`.


# %% nbgrader={"grade": false, "grade_id": "game", "locked": true, "schema_version": 3, "solution": false}
class Game:
    """A run that can be played step by step."""

    def __init__(self, seed):
        torch.manual_seed(seed)
        self.net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1))
        self.average = copy.deepcopy(self.net)
        self.adam = torch.optim.Adam(self.net.parameters(), 0.02, betas=(0.5, 0.99))
        self.fade = torch.optim.lr_scheduler.StepLR(self.adam, step_size=7, gamma=0.8)
        self.done = 0  # steps
        self.order = None  # of the present pass

    def step(self):
        x = torch.linspace(-1, 1, 64 * 3).view(64, 3)
        if self.done % 8 == 0:
            self.order = torch.randperm(64)
        part = x[self.order[8 * (self.done % 8) :][:8]]
        loss = (self.net(part) - part.prod(dim=1, keepdim=True)).square().mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.fade.step()
        with torch.no_grad():
            for mean, new in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
                mean.copy_(0.9 * mean + 0.1 * new if mean.is_floating_point() else new)
        self.done += 1


# %% nbgrader={"grade": false, "grade_id": "game-helpers", "locked": true, "schema_version": 3, "solution": false}
def played(game, steps):
    """The game after so many more steps."""
    for _ in range(steps):
        game.step()
    return game


def numbers(game):
    """Every number of the network and of its average, in a row."""
    held = [*game.net.state_dict().values(), *game.average.state_dict().values()]
    return torch.cat([value.detach().double().flatten() for value in held])


def elsewhere():
    """What may happen between two sessions: random numbers are drawn."""
    torch.manual_seed(12345)
    torch.randn(7)


# %% nbgrader={"grade": false, "grade_id": "saved-helpers", "locked": true, "schema_version": 3, "solution": false}
def values_of(saved):
    """Every number in plain data, in a row."""
    if isinstance(saved, dict):
        saved = list(saved.values())
    if isinstance(saved, (list, tuple)):
        return torch.cat([torch.zeros(0).double(), *map(values_of, saved)])
    return (
        torch.zeros(0).double()
        if saved is None or isinstance(saved, str)
        else torch.as_tensor(saved).double().flatten()
    )


def all_kept(saved, game):
    """Whether plain data holds every number of the game's networks and of its optimiser's averages."""
    averages = [one[name] for one in game.adam.state_dict()["state"].values() for name in ("exp_avg", "exp_avg_sq")]
    return bool(torch.isin(torch.cat([numbers(game), values_of(averages)]), values_of(saved)).all())


def doubled(saved):
    """The same plain data with every floating point number twice as large: a file may be written anew."""
    if isinstance(saved, dict):
        return {key: doubled(value) for key, value in saved.items()}
    if isinstance(saved, (list, tuple)):
        return type(saved)(doubled(value) for value in saved)
    is_float = isinstance(saved, float) or (isinstance(saved, torch.Tensor) and saved.is_floating_point())
    return 2 * saved if is_float else saved


# %% [markdown]
# And here is how somebody saves it, after the pattern of document 004's listing (networks, optimiser, score):
#
# ```python
# def pack(game):
#     return {"net": game.net.parameters(), "adam": game.adam.state_dict(), "score": 0.1}
#
# def unpack(saved):
#     game = Game(0)
#     for weight, value in zip(game.net.parameters(), saved["net"]):
#         weight.data = value
#     game.adam.load_state_dict(saved["adam"])
#     return game
# ```
#
# Write both anew. `pack(game)` returns plain data: dictionaries, lists, tensors, numbers, strings, such as `torch.load(..., weights_only=True)` gives
# back. `unpack(saved)` makes a `Game` of them in a new session, where anything may have been drawn before, which goes on as the first would have. The
# game is then continued by `played`, at once.


# %% nbgrader={"grade": false, "grade_id": "checkpoint-code", "locked": false, "schema_version": 3, "solution": true}
def pack(game):
    """Everything that the game consists of, as plain data."""
    ### BEGIN SOLUTION
    parts = {name: getattr(game, name).state_dict() for name in ("net", "average", "adam", "fade")}
    return {**parts, "done": game.done, "order": game.order, "random": torch.get_rng_state()}
    ### END SOLUTION


def unpack(saved):
    """The game of which `saved` was packed, ready to be played on."""
    ### BEGIN SOLUTION
    game = Game(0)
    for name in ("net", "average", "adam", "fade"):
        getattr(game, name).load_state_dict(saved[name])
    game.done, game.order = saved["done"], saved["order"]
    torch.set_rng_state(saved["random"])  # last: making a game has drawn random numbers
    return game
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "plain-data", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import io

import torch

from course_utils.checks import check


def loaded(saved):
    """What comes back from the file, or None where weights_only=True refuses it."""
    try:
        torch.save(saved, file := io.BytesIO())
        file.seek(0)
        return torch.load(file, weights_only=True)
    except Exception:  # torch gives any of half a dozen types
        return None


saved = pack(played(Game(1), 3))
check(isinstance(saved, dict), "A checkpoint is a dictionary of plain data.")
back = loaded(saved)
check(back is not None and back.keys() == saved.keys(), "All of it must come back with weights_only=True.")
### BEGIN HIDDEN TESTS
check(isinstance(loaded(pack(Game(2))), dict), "A game that has not begun can be saved, too.")
from course_utils.checks import ours

game = played(Game(2), 5)
weights = game.net.state_dict()["0.weight"].double().flatten()
there = torch.isin(weights, ours("values_of")(loaded(pack(game))))
check(bool(there.all()), "Plain data it is, but the weights of the network are not among them.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "same-state", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import check, close, ours

game = played(Game(3), 8)
saved, before = pack(game), numbers(game)
kept = "The file must hold the numbers themselves: in a new session nothing else of the game is left."
check(ours("all_kept")(saved, game), kept)
elsewhere()
again = unpack(saved)
message = "The network and its average come back with every number, those of batch norm among them."
close(numbers(again), before, message, rtol=0, atol=0)
check(again.done == 8, "The number of steps that are done is part of the game.")
### BEGIN HIDDEN TESTS
from_file = "What comes back should be what the file says, also where the file was written anew with other numbers."
for seed, steps in ((4, 1), (5, 21)):
    game = played(Game(seed), steps)
    saved, before = pack(game), numbers(game)
    check(ours("all_kept")(saved, game), kept)
    elsewhere()
    close(numbers(unpack(saved)), before, message, rtol=0, atol=0)
    changed, whole = numbers(unpack(ours("doubled")(saved))), before == before.round()  # counts are among them
    close(changed[~whole], 2 * before[~whole], from_file, rtol=0, atol=0)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "resumed-pass", "locked": true, "points": 3, "schema_version": 3, "solution": false}
from course_utils.checks import check, close, ours

uncut = numbers(played(Game(6), 16 + 16))
game = played(Game(6), 16)  # cut between two passes
saved = pack(game)
kept = "The file must hold the numbers themselves: in a new session nothing else of the game is left."
check(ours("all_kept")(saved, game), kept)
elsewhere()
message = "Cut between two passes and resumed, the run must be the uncut one, bit for bit: what does it consist of?"
close(numbers(played(unpack(saved), 16)), uncut, message, rtol=0, atol=0)
### BEGIN HIDDEN TESTS
for seed, first, second in ((7, 8, 40), (8, 24, 3)):
    uncut = numbers(played(Game(seed), first + second))
    saved = pack(played(Game(seed), first))
    elsewhere()
    close(numbers(played(unpack(saved), second)), uncut, message, rtol=0, atol=0)
before, changed = numbers(unpack(saved)), numbers(unpack(ours("doubled")(saved)))
message = "What comes back should be what the file says, also where the file was written anew with other numbers."
check(bool((changed != before).double().mean() > 0.9), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "resumed-within", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import check, close, ours

uncut = numbers(played(Game(9), 11 + 9))
game = played(Game(9), 11)  # cut within a pass
saved = pack(game)
kept = "The file must hold the numbers themselves: in a new session nothing else of the game is left."
check(ours("all_kept")(saved, game), kept)
elsewhere()
message = "Cut within a pass, the rest of it must come in the order that was drawn when the pass began."
close(numbers(played(unpack(saved), 9)), uncut, message, rtol=0, atol=0)
### BEGIN HIDDEN TESTS
for seed, first, second in ((10, 5, 30), (11, 0, 12), (12, 31, 20)):
    uncut = numbers(played(Game(seed), first + second))
    saved = pack(played(Game(seed), first))
    elsewhere()
    close(numbers(played(unpack(saved), second)), uncut, message, rtol=0, atol=0)
before, changed = numbers(unpack(saved)), numbers(unpack(ours("doubled")(saved)))
message = "What comes back should be what the file says, also where the file was written anew with other numbers."
check(bool((changed != before).double().mean() > 0.9), message)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 1 (4 points)
#
# A colleague tests her checkpoints like this: she trains for ten epochs; she trains for five, saves, loads and trains for five more; the two
# final validation losses are 0.412 and 0.415, and she is content. (a) Name two parts of a run that could be missing from her checkpoint while
# this test passes, and say for each what the resumed run then does differently. (b) Describe a test that would notice both. (c) On which condition does your
# test rest, and where does it fail although the checkpoint is whole?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-resume", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# (a) Two points, one for each part with its consequence: e.g. the optimiser's moments (the first steps after loading are those of a fresh Adam), the schedule (the rate
# begins anew), the random stream (other noise or dropout, other shuffling), the place in the data (pictures twice or never), the average (starts anew from the last weights or from nothing), the
# scaler of mixed precision. Not: the network's weights, which the test would show.
# (b) One point: compare the weights of a resumed run and of an uncut one with the same seed for equality, not the losses for likeness; cut at several places, also within a pass; resume in a new process.
# (c) One point: equality of bits needs the same machine, versions, threads, batch size and deterministic operations; on a GPU with atomic sums, or on another machine, it fails although nothing is missing (then compare a short
# run within rounding, or on a CPU).
# ### END MARK SCHEME
# (a) Adam's moments: the first steps after loading are as large as those of a fresh optimiser and disturb the weights for a while. The place in the data: after loading the pass begins again, so that some examples are
# seen twice and others not at all. Both leave the final loss nearly where it was.
#
# (b) Train uncut and resumed with one seed and compare all weights for equality. Cut also in the middle of a pass, and load in a new process that has drawn other random numbers before.
#
# (c) Equality of bits holds on one machine with the same versions, threads and batch size and with deterministic operations. On a GPU that sums in changing order, two uncut runs differ already. There I would run the test on a CPU.

# %% [markdown]
# ## Part 3: An exported generator
#
# The generator of this part has batch norm after a dense layer and after a transposed convolution:


# %% nbgrader={"grade": false, "grade_id": "networks", "locked": true, "schema_version": 3, "solution": false}
def with_norm():
    return nn.Sequential(
        nn.Linear(6, 8 * 3 * 3, bias=False),
        nn.BatchNorm1d(8 * 3 * 3),
        nn.ReLU(),
        nn.Unflatten(1, (8, 3, 3)),
        nn.ConvTranspose2d(8, 5, 4, stride=2, padding=1),
        nn.BatchNorm2d(5, eps=1e-3),
        nn.ReLU(),
        nn.ConvTranspose2d(5, 1, 4, stride=2, padding=1),
        nn.Tanh(),
    )


def without_norm():
    return nn.Sequential(
        nn.Linear(6, 8 * 3 * 3),
        nn.ReLU(),
        nn.Unflatten(1, (8, 3, 3)),
        nn.ConvTranspose2d(8, 5, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(5, 1, 4, stride=2, padding=1),
        nn.Tanh(),
    )


# %% [markdown]
# In eval mode batch norm multiplies and adds numbers that no longer change, so it can be put into the layer before it. Return the `state_dict` of a `without_norm()` that draws what a `with_norm()` with the given `state_dict` draws *in eval
# mode*. (Mind the two different `eps`, the bias, and where each kind of layer keeps its output channels.)


# %% nbgrader={"grade": false, "grade_id": "folding-code", "locked": false, "schema_version": 3, "solution": true}
def folded(state):
    """The state_dict of a network without_norm() that does in eval mode what with_norm() with `state` does."""
    ### BEGIN SOLUTION
    scale = state["1.weight"] / (state["1.running_var"] + 1e-5).sqrt()
    wide = state["5.weight"] / (state["5.running_var"] + 1e-3).sqrt()
    return {
        "0.weight": state["0.weight"] * scale[:, None],
        "0.bias": state["1.bias"] - scale * state["1.running_mean"],
        "3.weight": state["4.weight"] * wide[:, None, None],
        "3.bias": state["5.bias"] + wide * (state["4.bias"] - state["5.running_mean"]),
        "5.weight": state["7.weight"],
        "5.bias": state["7.bias"],
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "folding-dense", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close, ours, with_weights

torch.manual_seed(101)
network = ours("with_norm")()
for _ in range(5):
    network(2 * torch.randn(40, 6) + 1)  # in train mode: the running statistics move
with torch.no_grad():
    network[1].weight.uniform_(0.5, 2)
    network[1].bias.uniform_(-1, 1)
network.eval()
message = "The dense layer with its batch norm in eval mode: multiply each output's weights, and give it a bias."
mine = with_weights(ours("without_norm")(), folded(network.state_dict()), message)
z = torch.randn(9, 6)
close(mine[:2](z), network[:3](z), message, atol=1e-4)
### BEGIN HIDDEN TESTS
with torch.no_grad():
    network[1].running_mean.uniform_(-2, 2)
    network[1].running_var.uniform_(0.01, 3)
mine = with_weights(ours("without_norm")(), folded(network.state_dict()), message)
close(mine[:2](z), network[:3](z), message, atol=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "folding-transposed", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close, ours, with_weights

torch.manual_seed(102)
network = ours("with_norm")()
for _ in range(5):
    network(2 * torch.randn(40, 6) + 1)
network.eval()
message = "The transposed convolution keeps its output channels on the second axis, and has a bias of its own."
mine = with_weights(ours("without_norm")(), folded(network.state_dict()), message)
for n in (1, 7, 64):
    z = torch.randn(n, 6)
    close(mine(z), network(z), message, atol=1e-4)
### BEGIN HIDDEN TESTS
with torch.no_grad():
    network[5].weight.uniform_(0.5, 2)
    network[5].bias.uniform_(-1, 1)
    network[5].running_mean.uniform_(-1, 1)
    network[5].running_var.uniform_(0.0005, 0.01)
    network[4].bias.uniform_(-2, 2)
mine = with_weights(ours("without_norm")(), folded(network.state_dict()), message)
z = torch.randn(33, 6)
close(mine(z), network(z), message + " And eps is not the usual one there.", atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# Now the export itself. Return a program, made with `torch.export.export`, that takes codes (n, 6), for any n up to 1,000, and gives pictures (n, 1, 12, 12) with pixels from 0 to 1, as `with_norm()` with the given weights draws them in eval mode.


# %% nbgrader={"grade": false, "grade_id": "export-code", "locked": false, "schema_version": 3, "solution": true}
def exported(state):
    """An ExportedProgram: codes (n, 6) in, pictures (n, 1, 12, 12) from 0 to 1 out. `state` belongs to with_norm()."""
    ### BEGIN SOLUTION

    class Drawer(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = with_norm()

        def forward(self, z):
            return (self.network(z) + 1) / 2

    drawer = Drawer()
    drawer.network.load_state_dict(state)
    rows = torch.export.Dim("n", max=1000)
    return torch.export.export(drawer.eval(), (torch.randn(3, 6),), dynamic_shapes={"z": {0: rows}})
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "export-equal", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, ours

torch.manual_seed(103)
network = ours("with_norm")()
for _ in range(5):
    network(2 * torch.randn(40, 6) + 1)
network.eval()
draw = exported(network.state_dict()).module()
z = torch.randn(7, 6)
with torch.no_grad():
    right = (network(z) + 1) / 2
close(draw(z), right, "The program draws what the network draws in eval mode, on the scale of pictures.", atol=1e-5)
### BEGIN HIDDEN TESTS
with torch.no_grad():
    network[5].running_mean += 0.3
    network[1].bias.uniform_(-1, 1)
    program = exported(network.state_dict())
    draw = program.module()
    for n in (2, 5):
        z = torch.randn(n, 6)
        close(draw(z), (network(z) + 1) / 2, "These weights, in eval mode, on the scale of pictures.", atol=1e-5)
code = str(program.graph_module.code)
check("torch.ops.aten" in code, "A program made with torch.export.export holds the operations, and no module of yours.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "export-rows", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close, ours

torch.manual_seed(104)
network = ours("with_norm")().eval()
program = exported(network.state_dict())
draw = program.module()
z = torch.randn(64, 6)
together = draw(z)
message = "Any number of rows, and none of them changes another: is the first side free, and the network in eval mode?"
close(draw(z[:1]), together[:1], message, atol=1e-5)
### BEGIN HIDDEN TESTS
for n in (1, 7, 63, 999):
    z = torch.randn(n, 6)
    with torch.no_grad():
        close(draw(z), (network(z) + 1) / 2, message, atol=1e-5)
from course_utils.checks import check

code = str(program.graph_module.code)
check("torch.ops.aten" in code, "A program made with torch.export.export holds the operations, and no module of yours.")
### END HIDDEN TESTS

# %% [markdown]
# ### Eight bits for activations
#
# Weights lie around 0, and a scale is enough for them (10.3). What a ReLU gives lies between 0 and some maximum, and half of the numbers from −127 to 127 would be wasted on it. So activations are written as
# whole numbers $q$ from 0 to 255, with a scale $s$ and a **zero point** $o$, itself a whole number from 0 to 255, as $x \approx s\,(q - o)$. Two things are wanted: the range from `low` to `high` that was seen is covered; and *zero is exact*, since zeros are everywhere
# (padding, ReLU). If the range does not hold 0, it is widened until it does. The scale is then (high − low) / 255, and the zero point is the whole number nearest to the place of 0. What lies outside is clipped.


# %% nbgrader={"grade": false, "grade_id": "bits-code", "locked": false, "schema_version": 3, "solution": true}
def scale_and_zero(low, high):
    """Scale (float) and zero point (int, 0 to 255) for numbers from low to high (floats, low < high)."""
    ### BEGIN SOLUTION
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, round(-low / scale)
    ### END SOLUTION


def to_bits(x, scale, zero):
    """The whole numbers of x, uint8, in the shape of x."""
    ### BEGIN SOLUTION
    return ((x / scale).round() + zero).clamp(0, 255).to(torch.uint8)
    ### END SOLUTION


def from_bits(q, scale, zero):
    """The float32 numbers that q stands for."""
    ### BEGIN SOLUTION
    return (q.float() - zero) * scale
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bits-scale", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import close

scale, zero = scale_and_zero(-1.0, 4.0)
close(scale, 5 / 255, "255 steps cover the range.")
close(zero, 51, "The zero point is the whole number that stands for 0.")
### BEGIN HIDDEN TESTS
for low, high, scale, zero in (
    (0.0, 2.55, 0.01, 0),
    (1.0, 5.1, 0.02, 0),
    (-2.55, -1.0, 0.01, 255),
    (-0.1, 0.31, 0.41 / 255, 62),
):
    got = scale_and_zero(low, high)
    close(got[0], scale, "A range that does not hold 0 is widened until it does.")
    close(got[1], zero, "The zero point is a whole number from 0 to 255, the nearest one.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bits-there-and-back", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

x = torch.tensor([-1.0, 0.0, 0.01, 4.0])
q = torch.as_tensor(to_bits(x, 5 / 255, 51))
check(q.dtype == torch.uint8, "Eight bits: the type is uint8.")
close(q, torch.tensor([0, 51, 52, 255], dtype=torch.uint8), "Whole numbers from 0 to 255, rounded to the nearest.")
close(from_bits(q, 5 / 255, 51)[1], 0.0, "Zero comes back as zero, exactly.", rtol=0, atol=0)
### BEGIN HIDDEN TESTS
torch.manual_seed(105)
for scale, zero in ((0.02, 100), (0.1, 0), (0.003, 255)):
    low, high = -zero * scale, (255 - zero) * scale
    x = torch.rand(40, 3) * (high - low) + low
    q = torch.as_tensor(to_bits(x, scale, zero))
    check(q.dtype == torch.uint8 and tuple(q.shape) == (40, 3), "One uint8 number for each.")
    close(from_bits(q, scale, zero), x, "There and back, half a scale is lost at most.", rtol=0, atol=0.5001 * scale)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bits-clipped", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

right = torch.tensor([255, 0], dtype=torch.uint8)
close(to_bits(torch.tensor([100.0, -100.0]), 0.1, 20), right, "What lies outside is clipped, and does not wrap around.")
### BEGIN HIDDEN TESTS
right = torch.tensor([255, 0, 255], dtype=torch.uint8)
close(to_bits(torch.tensor([25.6, -0.1, 1e6]), 0.1, 0), right, "256 does not fit into eight bits.")
right = torch.tensor([255, 51, 120])
inside = torch.as_tensor(to_bits(torch.tensor([99.0, 3.05, 10.05]), 0.1, 20)).long()
close(inside, right, "Only what lies outside is clipped.", rtol=0, atol=1.1)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 4: The best of many
#
# $k$ checkpoints have true scores $\mu_1, \dots, \mu_k$, low is good. Measured are $\mu_i + \sigma\varepsilon_i$ with independent standard normal errors, and the lowest measurement wins. Two numbers describe what the choice
# costs, as expectations over the errors:
#
# - the **optimism**: the winner's true score minus its measured score;
# - the **regret**: the winner's true score minus the lowest true score of all.
#
# Compute both, by drawing errors many times or by integration; they must be right to about 2 % of σ.


# %% nbgrader={"grade": false, "grade_id": "luck-code", "locked": false, "schema_version": 3, "solution": true}
def price_of_choosing(mu, sigma):
    """(optimism, regret), two floats, for true scores mu (k,) and errors with standard deviation sigma."""
    ### BEGIN SOLUTION
    random = torch.Generator().manual_seed(0)
    measured = mu.double() + sigma * torch.randn(100_000, len(mu), generator=random, dtype=torch.float64)
    lowest, winner = measured.min(dim=1)
    truth = mu.double()[winner]
    return (truth - lowest).mean().item(), (truth - mu.min()).mean().item()
    ### END SOLUTION


def choose(scores):
    """The place of the best (lowest) of the measured scores (k,). A checkpoint whose score is NaN has diverged."""
    ### BEGIN SOLUTION
    return int(scores.nan_to_num(nan=math.inf).argmin())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "optimism", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

message = "Optimism is the winner's true score minus its measured one, on average."
close(price_of_choosing(torch.zeros(2), 3.0)[0], 3 / torch.pi**0.5, message, rtol=0.03)
close(price_of_choosing(torch.tensor([5.0]), 2.0)[0], 0.0, "Without a choice there is no optimism.", atol=0.05)
### BEGIN HIDDEN TESTS


def expected(mu, sigma):
    """The optimism by integration: checkpoint i wins with x if all others measure more than x."""
    x = torch.linspace(min(mu) - 8 * sigma, max(mu) + 8 * sigma, 20_001, dtype=torch.float64)
    optimism = 0.0
    for i, m in enumerate(mu):
        wins = torch.exp(-(((x - m) / sigma) ** 2) / 2) / (sigma * (2 * torch.pi) ** 0.5)
        for j, n in enumerate(mu):
            wins = wins * torch.special.ndtr((n - x) / sigma) if j != i else wins
        optimism += torch.trapezoid((m - x) * wins, x).item()
    return optimism


for mu, sigma in (([50.0, 51.0, 58.0], 2.0), ([0.0] * 10, 1.0), ([3.0, -1.0, 0.5, 0.0], 1.5)):
    right = expected(mu, sigma)
    close(price_of_choosing(torch.tensor(mu), sigma)[0], right, message, rtol=0, atol=0.03 * sigma)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "regret", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

message = "Regret compares true scores only: the winner's with the lowest there is."
close(price_of_choosing(torch.zeros(5), 1.0)[1], 0.0, "Where all are equal, no choice is wrong.", atol=1e-6)
close(price_of_choosing(torch.tensor([0.0, 100.0]), 1.0)[1], 0.0, message, atol=1e-3)
### BEGIN HIDDEN TESTS
for gap, sigma in ((1.0, 2.0), (3.0, 1.0), (4.0, 4.0)):  # the worse of two wins with probability Φ(−gap / (σ √2))
    right = gap * torch.special.ndtr(torch.tensor(-gap / (sigma * 2**0.5))).item()
    mu = torch.tensor([7.0 + gap, 7.0])
    close(price_of_choosing(mu, sigma)[1], right, message, rtol=0, atol=0.03 * sigma)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "choice", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

close(choose(torch.tensor([3.0, 1.0, 2.0])), 1, "Low is good.")
close(choose(torch.tensor([math.nan, 4.0, 3.0])), 2, "What is no number must not win, and must not hide the others.")
### BEGIN HIDDEN TESTS
close(
    choose(torch.tensor([5.0, math.nan, 7.0, math.nan])),
    0,
    "NaN is neither lower nor higher: mind what a comparison says.",
)
close(choose(torch.tensor([math.nan, math.nan, 1e9])), 2, "One finite score is left.")
close(choose(torch.tensor([math.inf, 4.0, -2.0, 0.0])), 2, "Scores may be negative.")
### END HIDDEN TESTS

# %% [markdown]
# ### An investigation
#
# How good a choice can you make, and how honest is your number? Below are 40 noisy measurements of each of 12 checkpoints; everybody gets the same ones. Their true scores are not known to you. Choose
# one checkpoint, and estimate its true score so that the estimate is not flattered by the choice. `decide` is graded on *other* measurements, many times: the mean error of the
# estimate must be close to 0, and the chosen checkpoint must be nearly as good as that which the mean over all 40 measurements would choose.


# %% nbgrader={"grade": false, "grade_id": "measurements", "locked": true, "schema_version": 3, "solution": false}
measurements = 60 + torch.randn(12, 1, generator=torch.Generator().manual_seed(5)) * 2
measurements = measurements + 8 * torch.randn(12, 40, generator=torch.Generator().manual_seed(6))


# %% nbgrader={"grade": false, "grade_id": "decide-code", "locked": false, "schema_version": 3, "solution": true}
def decide(measurements):
    """(place of the chosen checkpoint, an estimate of its true score) from measurements (k, m) with independent errors."""
    ### BEGIN SOLUTION
    half = round(0.8 * measurements.shape[1])
    chosen = int(measurements[:, :half].mean(dim=1).argmin())
    return chosen, measurements[chosen, half:].mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "decide-try", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    print(decide(measurements))

# %% nbgrader={"grade": true, "grade_id": "decide-unflattered", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

random = torch.Generator().manual_seed(106)
errors = []
for _ in range(150):
    measured = 60 + 8 * torch.randn(12, 40, generator=random)  # all equally good
    errors.append(decide(measured)[1] - 60)
mean = torch.tensor(errors, dtype=torch.float64).mean()
check(abs(mean) < 0.9, "On average the estimate is off: has the number that chose also been reported?")
### BEGIN HIDDEN TESTS
errors, truths = [], []
for _ in range(250):
    mu = 40 + 0.75 * torch.randperm(9, generator=random)[:, None]
    chosen, estimate = decide(mu + 12 * torch.randn(9, 30, generator=random))
    truths.append(mu[int(chosen), 0].item())
    errors.append(float(estimate) - truths[-1])
check(sum(truths) / 250 < 42.75, "Who does not choose is not flattered: the chosen ones are no better than by chance.")
errors = torch.tensor(errors, dtype=torch.float64)
check(abs(errors.mean()) < 1.3, "On average the estimate is off: has the number that chose also been reported?")
check(errors.std() < 8, "The estimate must use more than one or two measurements.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "decide-well", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

random = torch.Generator().manual_seed(107)
mu, lost = torch.tensor([60.0, 64, 62, 59, 61, 66, 58, 63])[:, None], []
for _ in range(150):
    chosen = int(decide(mu + 6 * torch.randn(8, 40, generator=random))[0])
    lost.append(mu[chosen].item() - 58)
check(
    sum(lost) / len(lost) < 0.75, "The choice is worse than the measurements allow: how many of them were used for it?"
)
### BEGIN HIDDEN TESTS
mu, lost = mu.flip(0) - 30, []
for _ in range(250):
    chosen = int(decide(mu + 6 * torch.randn(8, 40, generator=random))[0])
    lost.append(mu[chosen].item() - 28)
check(
    sum(lost) / len(lost) < 0.75, "The choice is worse than the measurements allow: how many of them were used for it?"
)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 2 (4 points)
#
# A paper reports: "We trained for 500 epochs, computed the FID of every tenth checkpoint with 1,000 samples on the test set, and report the best, 9.8. The baseline's last checkpoint has 10.4." (a) Name two ways in which the
# comparison favours the authors, apart from any in which the models differ. (b) Say for each how large it could be, or what you would need to know to compute it. (c) Write two sentences, as a reviewer, that ask for what would settle the matter.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-best", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# (a) One point: the best of 50 is compared with one checkpoint of the baseline: selection, which both lowers the true score a little and flatters the number. One point: the test set was used for choosing, so the number is not one of
# unseen data; or: with 1,000 samples the distance is biased upwards for both, and noisy, and if the baseline was measured with another number of samples, the two cannot be compared at all.
# (b) One point: optimism up to σ c_50, c_50 ≈ 2.25, if all 50 were equally good; less if they differ; σ is the spread of the score over draws of 1,000 samples, which has to be measured (repeat the score of one checkpoint). With σ = 0.3 it is 0.6 or so, which is
# the whole difference.
# (c) One point: choose on validation data, report the chosen one on the test set with fresh samples; do the same for the baseline, with the same number of checkpoints and samples; several seeds, with their spread.
# ### END MARK SCHEME
# (a) The authors report the best of 50 measurements, the baseline gets one. And the choice was made on the test set, with the samples whose score is then reported, so the reported number is not one for unseen data.
#
# (b) If all 50 were equally good, the best would lie σ times 2.25 below the truth, where σ is the spread of the score when 1,000 samples are drawn anew. One would have to measure σ, by scoring one checkpoint several times. If it is 0.27, the advantage of 0.6 is explained.
#
# (c) Please choose the checkpoint on validation data and report its score on the test set with freshly drawn samples, for several seeds. Please treat the baseline in the same way, with as many checkpoints and samples.
