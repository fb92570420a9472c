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
# # Exercise 09 · A VAE–GAN, and a verdict
#
# Document 004 ends with a practical exercise: build a VAE–GAN, follow its reconstruction error and its samples, stop it when its codes fall silent, and train it with λ = 0 and λ = 1. Here it is, with every requirement,
# on real digits of 8×8 pixels and with networks so small that a training takes seconds. At the end you answer document 000's question: how do VAEs and GANs compare in quality and stability?
#
# **You will practise**
#
# - the combined loss, and what its weight λ means when the scale of the VAE's loss changes;
# - one training step in which every term moves what it should, and nothing else;
# - a stop for silent codes that is patient with a dip;
# - training, measuring, and an ablation with several seeds and failures;
# - a report that says no more than its numbers.
#
# **Follows** chapter 09.
#
# **Time.** About three hours. All code runs in well under a minute.
#
# **How to check yourself.** Each task is a cell to fill in, followed by cells that check it. A line with a ✓ means that
# the visible checks hold (their code is folded; a click on the three dots opens it); a message says what kind of
# mistake was found. When your work is graded, the same checks run again with other numbers and seeds, so make each
# function right in general. What you train is measured by the test, on its own pictures: no number that you report is
# taken for a result. Questions in words are read by a person.

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
from course_utils.figures import show_images


# %% nbgrader={"grade": false, "grade_id": "networks", "locked": true, "schema_version": 3, "solution": false}
def digits_8x8():
    """1,400 pictures to train on and 397 to test on: real digits, (n, 64), pixels in [0, 1]."""
    x = torch.tensor(load_digits().images, dtype=torch.float32).flatten(1) / 16
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))]
    return x[:1400], x[1400:]


class Encoder(nn.Module):
    """Pictures (n, 64) to mu and logvar, each (n, 8)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 16))

    def forward(self, x):
        return self.layers(x).chunk(2, dim=1)


class Decoder(nn.Module):
    """Codes (n, 8) to the logits of 64 pixels, (n, 64)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, z):
        return self.layers(z)


# %% nbgrader={"grade": false, "grade_id": "judge", "locked": true, "schema_version": 3, "solution": false}
class Judge(nn.Module):
    """Pictures (n, 64), pixels in [0, 1], to one logit each, (n,): positive for real."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 96), nn.LeakyReLU(0.2), nn.Linear(96, 1), nn.Flatten(0))

    def forward(self, x):
        return self.layers(x)


def new_networks(seed):
    """An encoder, a decoder and a judge with first weights drawn from `seed`."""
    torch.manual_seed(seed)
    return Encoder(), Decoder(), Judge()


# %% [markdown]
# ## Part 1: The combined loss
#
# Encoder and decoder minimise
#
# $$L_\lambda = (1-\lambda)\,\tfrac1d\,\bigl(R + \beta K\bigr) + \lambda\,A,$$
#
# where, on average over the batch, $R$ is the binary cross-entropy summed over the $d$ pixels, $K$ is the KL divergence of the code's Gaussian from $\mathcal N(0, I)$ summed over its coordinates, and $A = -\log D(\text{fake})$, with $D$ the sigmoid of the judge's logit.


# %% nbgrader={"grade": false, "grade_id": "loss-code", "locked": false, "schema_version": 3, "solution": true}
def hybrid_loss(logits, x, mu, logvar, verdicts, lam, beta=1.0):
    """L_λ as a scalar tensor.

    logits, x: (n, d), of the rebuilt pictures, and the pictures; mu, logvar: (n, k); verdicts: (m,), the judge's logits of fakes.
    """
    ### BEGIN SOLUTION
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    adversarial = F.softplus(-verdicts).mean()
    return (1 - lam) * (reconstruction + beta * kl) / x.shape[1] + lam * adversarial
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "loss-ends", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

zeros, ones = torch.zeros(5, 6), torch.ones(5, 6)
code = torch.zeros(5, 3)
close(hybrid_loss(zeros, ones, code, code, torch.zeros(4), 0.0), math.log(2), "λ = 0: the VAE alone, per pixel.")
close(hybrid_loss(zeros, ones, code, code, torch.zeros(4), 1.0), math.log(2), "λ = 1: the adversarial term alone.")
close(
    hybrid_loss(50 * ones, ones, code + 2, code, torch.zeros(4), 0.0),
    1.0,
    "A mean of 2 in each of 3 coordinates costs 6 nats; with 6 pixels that is 1.",
)
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(91)
for n, m, d, k in ((4, 7, 10, 3), (9, 2, 5, 6)):
    logits, x = torch.randn(n, d, generator=random), torch.rand(n, d, generator=random)
    mu, logvar = torch.randn(2, n, k, generator=random)
    verdicts = torch.randn(m, generator=random)
    p = logits.double().sigmoid()
    rec = -(x * p.log() + (1 - x) * (1 - p).log()).sum(1).mean()
    kl = (mu**2 + logvar.exp() - 1 - logvar).double().sum(1).mean() / 2
    adv = -verdicts.double().sigmoid().log().mean()
    for lam, beta in ((0.0, 1.0), (1.0, 1.0), (0.3, 1.0), (0.2, 4.0)):
        right = (1 - lam) * (rec + beta * kl) / d + lam * adv
        message = "Mind what is summed (pixels, coordinates), what is averaged (the batch), and what λ and β multiply."
        close(float(hybrid_loss(logits, x, mu, logvar, verdicts, lam, beta=beta)), right.item(), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "loss-steady", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x, code = torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2)
message = "A judge who is sure gives logits of −100 and beyond: compute from logits, not from probabilities."
close(hybrid_loss(torch.zeros(1, 2), x, code, code, torch.tensor([-200.0]), 1.0), 200.0, message)
### BEGIN HIDDEN TESTS
close(hybrid_loss(torch.tensor([[200.0, -200.0]]), x, code, code, torch.zeros(1), 0.0), 200.0, message)
### END HIDDEN TESTS

# %% [markdown]
# The document writes the loss as a *sum*: "VAE loss + adversarial loss with weight λ". With the VAE's loss summed over pixels that is $L' = R + K + w\,A$. Up to a factor, which Adam does not notice, it is the mixture above with another weight.


# %% nbgrader={"grade": false, "grade_id": "weights-code", "locked": false, "schema_version": 3, "solution": true}
def weight_of_sum(lam, pixels):
    """The w for which R + K + w·A is proportional to the mixture with `lam` (0 ≤ lam < 1) at `pixels` pixels. A float."""
    ### BEGIN SOLUTION
    return pixels * lam / (1 - lam)
    ### END SOLUTION


def lam_of_mixture(weight, pixels):
    """The other way round: the lam that belongs to a weight w ≥ 0. A float."""
    ### BEGIN SOLUTION
    return weight / (weight + pixels)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "weights-both", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import close

close(weight_of_sum(0.5, 784), 784.0, "At λ = ½ both parts weigh the same, but R + K stands divided by the pixels.")
close(lam_of_mixture(1.0, 784), 1 / 785, "The document's weight 1 is a small λ here.", rtol=1e-6)
### BEGIN HIDDEN TESTS
for lam, pixels in ((0.0, 64), (0.01, 64), (0.9, 10)):
    close(weight_of_sum(lam, pixels), pixels * lam / (1 - lam), "Divide the mixture by the factor before R + K.")
    close(lam_of_mixture(pixels * lam / (1 - lam), pixels), lam, "It must undo the first function.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2: One step
#
# First the judge, then encoder and decoder. The fakes are `2n` pictures: those rebuilt from the codes of the batch, then those invented from `noise`. The judge's loss is $-\log D(x)$ on average over real pictures plus $-\log(1 - D(\text{fake}))$ on average over
# all fakes. The adversarial term is asked of the judge *after* its step. It must move the decoder only: not the encoder, and nothing of it may be left in the judge's gradients.


# %% nbgrader={"grade": false, "grade_id": "step-code", "locked": false, "schema_version": 3, "solution": true}
def hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta=1.0):
    """One step of the judge, then one of encoder and decoder; returns the KL term of the batch (before the step) as a float.

    x (n, 64): pictures; eps, noise (n, 8): standard normal, for the codes of x and for invented pictures.
    `optimizer` holds the weights of encoder and decoder, `judge_optimizer` those of the judge.
    """
    ### BEGIN SOLUTION
    mu, logvar = encoder(x)
    z = mu + eps * (0.5 * logvar).exp()
    logits = decoder(z)
    fakes = decoder(torch.cat([z.detach(), noise])).sigmoid()

    judge_loss = F.softplus(-judge(x)).mean() + F.softplus(judge(fakes.detach())).mean()
    judge_optimizer.zero_grad()
    judge_loss.backward()
    judge_optimizer.step()

    judge.requires_grad_(False)
    loss = hybrid_loss(logits, x, mu, logvar, judge(fakes), lam, beta)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    judge.requires_grad_(True)
    return (0.5 * (mu**2 + logvar.exp() - 1 - logvar)).sum(dim=1).mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "tried", "locked": true, "schema_version": 3, "solution": false}
def tried(seed, lam, beta=1.0, steps=1, n=6):
    """The weights after `steps` calls of hybrid_step with plain gradient descent, and what was left behind."""
    encoder, decoder, judge = new_networks(seed)
    optimizer = torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], 0.5)
    judge_optimizer = torch.optim.SGD(judge.parameters(), 0.5)
    x, kls = digits_8x8()[0][:n], []
    for _ in range(steps):
        eps, noise = torch.randn(2, n, 8)
        kls.append(hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta))
    left = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in judge.parameters()]
    trained = all(p.requires_grad for p in judge.parameters())
    weights = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict(), "judge": judge.state_dict()}
    return weights | {"left": left, "kl": kls, "can still be trained": trained}


# %% nbgrader={"grade": true, "grade_id": "step-moves", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, ours, with_weights

seed = 3
first = dict(zip(("encoder", "decoder", "judge"), ours("new_networks")(seed), strict=True))


def moved(weights, name):
    """Whether a network differs from its first weights."""
    after = with_weights(ours(name.capitalize())(), weights[name], "The step changes weights, not networks.")
    return any(not torch.equal(a, b) for a, b in zip(after.parameters(), first[name].parameters(), strict=True))


pure = tried(seed, 1.0)
check(
    not moved(pure, "encoder"),
    "At λ = 1 nothing is left that may move the encoder: the adversarial term must not reach it.",
)
check(moved(pure, "decoder"), "At λ = 1 the adversarial term moves the decoder.")
check(moved(pure, "judge"), "The judge learns from its own loss.")
vae = tried(seed, 0.0)
check(moved(vae, "encoder") and moved(vae, "decoder"), "At λ = 0 the VAE's loss moves encoder and decoder.")
check(moved(vae, "judge"), "The judge learns whatever λ is.")
### BEGIN HIDDEN TESTS
judges = [tried(seed, lam)["judge"] for lam in (0.0, 0.5, 1.0)]
message = "In one step the judge's new weights do not depend on λ: the adversarial term must not move it."
for other in judges[1:]:
    check(all(torch.allclose(judges[0][key], other[key], atol=1e-6) for key in judges[0]), message)
same = all(torch.allclose(a, b, atol=1e-6) for a, b in zip(pure["left"], vae["left"], strict=True))
check(same, "The adversarial term has left a gradient in the judge.")
check(bool(pure["can still be trained"]), "The judge must be as trainable after the step as before.")
for name, lam, weights in (("judge", 1.0, pure), ("decoder", 1.0, pure), ("encoder", 0.0, vae)):
    old, right = first[name].state_dict(), ours("tried")(seed, lam)
    moves = [
        torch.cat([(torch.as_tensor(new[name][key]) - old[key]).flatten() for key in old]) for new in (weights, right)
    ]
    message = f"The {name} moves, but not down the slope of what it is to lower."
    check(bool(torch.cosine_similarity(*moves, dim=0) > 0.5), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "step-exact", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import close, ours


def by_hand(seed, lam, beta, steps, n=6):
    encoder, decoder, judge = ours("new_networks")(seed)
    x = ours("digits_8x8")()[0][:n]

    def descend(loss, *networks):
        weights = [p for network in networks for p in network.parameters()]
        for p, slope in zip(weights, torch.autograd.grad(loss, weights, materialize_grads=True), strict=True):
            p.data = p.data - 0.5 * slope

    for _ in range(steps):
        eps, noise = torch.randn(2, n, 8)
        mu, logvar = encoder(x)
        z = mu + eps * (logvar / 2).exp()
        fakes = decoder(torch.cat([z.detach(), noise])).sigmoid()
        descend(F.softplus(-judge(x)).mean() + F.softplus(judge(fakes.detach())).mean(), judge)
        rec = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum") / n
        kl = (mu**2 + logvar.exp() - 1 - logvar).sum() / (2 * n)
        descend((1 - lam) * (rec + beta * kl) / 64 + lam * F.softplus(-judge(fakes)).mean(), encoder, decoder)
    return {"encoder": encoder.state_dict(), "decoder": decoder.state_dict(), "judge": judge.state_dict()}


cases = [(3, 0.5, 1.0, 1)]
### BEGIN HIDDEN TESTS
cases += [(4, 0.2, 3.0, 1), (5, 0.5, 1.0, 3)]
### END HIDDEN TESTS
for case in cases:
    answer, right = tried(*case), by_hand(*case)
    for name, hint in (
        ("judge", "real against all 2n fakes, a mean of each kind, and the step before the other networks move."),
        ("decoder", "is the judge asked again after its step, about all fakes?"),
        ("encoder", "reconstruction and KL move it, with the draw eps."),
    ):
        for key, value in right[name].items():
            close(answer[name][key], value, f"The weights of the {name} are off: {hint}", rtol=1e-3, atol=1e-5)

# %% nbgrader={"grade": true, "grade_id": "step-kl", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close, ours, with_weights

x = ours("digits_8x8")()[0][:6]


def kl_of(encoder):
    with torch.no_grad():
        mu, logvar = encoder(x)
        return (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean() / 2


message = "It returns the KL term of the batch, in nats, before the step."
(answer,) = tried(3, 0.5)["kl"]
close(float(answer), kl_of(ours("new_networks")(3)[0]).item(), message, rtol=1e-3)
### BEGIN HIDDEN TESTS
for seed, lam, beta in ((4, 0.0, 1.0), (5, 0.3, 2.0)):
    after = with_weights(ours("Encoder")(), tried(seed, lam, beta, steps=1)["encoder"], "The encoder's weights.")
    answer = [float(one) for one in tried(seed, lam, beta, steps=2)["kl"]]
    close(answer[0], kl_of(ours("new_networks")(seed)[0]).item(), message + " Without β.", rtol=1e-3)
    close(answer[1], kl_of(after).item(), message, rtol=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 1 (4 points)
#
# A colleague keeps all three networks' weights in *one* Adam and calls `backward()` once, on the sum of the VAE's loss, the judge's loss and the adversarial term, with no `detach` anywhere. Which network gets which wrong
# gradient, and in which direction does each push? Which of the faults would you see in the loss curves, and which not?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-one-optimizer", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - the adversarial term moves the judge towards calling fakes real, against its own loss; its fake part is (nearly) cancelled, so that it learns little (1.5);
# - the judge's loss reaches the decoder (and, through the codes, the encoder) and pushes it to make fakes easier to recognise, against the adversarial term (1.5);
# - the adversarial term reaches the encoder: codes are changed to make rebuilt pictures pass, whatever they say about the picture (0.5);
# - visible or not: reconstruction falls as ever, judge and adversarial loss stay near log 2 terms and look like balance; so the curves hide it; samples and MSE against a λ = 0 run show it (0.5).
# ### END MARK SCHEME
# The judge hears two opposite orders about fakes: its own loss lowers their logits, the adversarial term raises them. With λ small its own order wins, with λ near 1 they cancel, and it learns only from the real ones. The decoder, too, hears two: the
# adversarial term wants to pass for real, and the judge's loss, which was not detached, wants the fakes to be recognised. Both of these also run on through the codes into the encoder, which should learn from reconstruction and KL only.
# In the curves hardly any of this is visible: the reconstruction falls as before, and the two other losses stay near where they started, which looks like a balanced game. I would see it in the samples, which are no better than at λ = 0.

# %% [markdown]
# ## Part 3: The stop
#
# The document asks for "early stopping if KL divergence goes to zero". Write a small class that is told the KL term after every step and answers whether to stop: `True` once the last `patience` values have *all* been below `floor`.
# A healthy training touches zero for a moment and recovers; it must be left alone. A value that is not a number counts as below: such a training is lost as well.


# %% nbgrader={"grade": false, "grade_id": "stop-code", "locked": false, "schema_version": 3, "solution": true}
class SilenceAlarm:
    """Says when codes have been silent for too long."""

    def __init__(self, floor=0.05, patience=60):
        ### BEGIN SOLUTION
        self.floor, self.patience, self.silent = floor, patience, 0
        ### END SOLUTION

    def __call__(self, kl):
        """Take note of the KL term of one step, a float; True if the training should stop."""
        ### BEGIN SOLUTION
        self.silent = 0 if kl >= self.floor else self.silent + 1
        return self.silent >= self.patience
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "stop-known", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import check


def answers(values, **settings):
    alarm = SilenceAlarm(**settings)
    return [bool(alarm(value)) for value in values]


check(
    answers([0.0] * 5, floor=0.1, patience=3) == [False, False, True, True, True],
    "It rings at the third silent step in a row.",
)
check(not any(answers([0.0, 0.0, 1.0] * 4, floor=0.1, patience=3)), "A loud step in between starts the count anew.")
check(not any(answers([0.1] * 9, floor=0.1, patience=3)), "Silent means below the floor.")
### BEGIN HIDDEN TESTS
check(
    answers([5.0, 0.01, 0.02, 0.03, 9.0], floor=0.05, patience=2) == [False, False, True, True, False],
    "It speaks about the last steps.",
)
check(answers([0.04] * 60)[-2:] == [False, True], "Mind the defaults.")
two = SilenceAlarm(patience=2), SilenceAlarm(patience=2)
check(not (two[0](0.0) or two[1](0.0)), "Two alarms must not share their count.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "stop-nan", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import math

from course_utils.checks import check


def answers(values, **settings):
    alarm = SilenceAlarm(**settings)
    return [bool(alarm(value)) for value in values]


check(
    answers([math.nan] * 3, floor=0.1, patience=3)[-1],
    "NaN is smaller than nothing, and larger than nothing: mind how you compare.",
)
### BEGIN HIDDEN TESTS
check(answers([0.0, math.nan, 0.0], floor=0.1, patience=3) == [False, False, True], "NaN is no loud step.")
check(answers([2.0, 3.0, math.nan, math.nan], floor=0.1, patience=3) == [False] * 4, "A loud step is not a silent one.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 4: Training and measuring
#
# Write `train_hybrid`. Per step, 64 pictures drawn at random from the training part of `digits_8x8()`; two Adams with `betas=(0.5, 0.99)` and a rate that you choose (2e-3 works); your step and your alarm (with its default settings). Everything random must follow from `seed`.


# %% nbgrader={"grade": false, "grade_id": "train-code", "locked": false, "schema_version": 3, "solution": true}
def train_hybrid(lam, seed, steps=400, beta=1.0):
    """A dict: "encoder" and "decoder" (their state_dicts), "kl" (a float for every step done), "stopped".

    "stopped" is the number of steps after which the alarm rang and the training ended, or None.
    """
    ### BEGIN SOLUTION
    encoder, decoder, judge = new_networks(seed)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 2e-3, betas=(0.5, 0.99))
    judge_optimizer = torch.optim.Adam(judge.parameters(), 2e-3, betas=(0.5, 0.99))
    alarm, kls, stopped = SilenceAlarm(), [], None
    pictures = digits_8x8()[0]
    for step in range(1, steps + 1):
        x = pictures[torch.randint(len(pictures), (64,))]
        eps, noise = torch.randn(2, 64, 8)
        kls.append(hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta))
        if alarm(kls[-1]):
            stopped = step
            break
    return {"encoder": encoder.state_dict(), "decoder": decoder.state_dict(), "kl": kls, "stopped": stopped}
    ### END SOLUTION


# %% [markdown]
# And two measurements: sixteen samples from the prior, and the error of rebuilt pictures, for which the code is the mean `mu`, without a draw.


# %% nbgrader={"grade": false, "grade_id": "measure-code", "locked": false, "schema_version": 3, "solution": true}
@torch.no_grad()
def sixteen(run, seed=0):
    """Sixteen pictures (16, 1, 8, 8), pixels in [0, 1], of the codes torch.randn(16, 8) after torch.manual_seed(seed)."""
    ### BEGIN SOLUTION
    decoder = Decoder()
    decoder.load_state_dict(run["decoder"])
    torch.manual_seed(seed)
    return decoder(torch.randn(16, 8)).sigmoid().view(16, 1, 8, 8)
    ### END SOLUTION


@torch.no_grad()
def rebuilding_error(run, x):
    """The mean squared error of a run on pictures x (n, 64), over pictures and pixels; a float."""
    ### BEGIN SOLUTION
    encoder, decoder = Encoder(), Decoder()
    encoder.load_state_dict(run["encoder"])
    decoder.load_state_dict(run["decoder"])
    return F.mse_loss(decoder(encoder(x)[0]).sigmoid(), x).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "measure-known", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, ours

encoder, decoder, _ = ours("new_networks")(8)
run = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict()}
x = ours("digits_8x8")()[1][:50]
with torch.no_grad():
    right = (decoder(encoder(x)[0]).sigmoid() - x).square().mean().item()
close(rebuilding_error(run, x), right, "From the means of the codes, over all pictures and pixels.")
pictures = sixteen(run, seed=2)
check(tuple(pictures.shape) == (16, 1, 8, 8), "Sixteen grey pictures of 8×8.")
check(
    bool(pictures.min() >= 0) and bool(pictures.max() <= 1), "Pixels lie between 0 and 1: the decoder returns logits."
)
### BEGIN HIDDEN TESTS
torch.manual_seed(5)
with torch.no_grad():
    right = decoder(torch.randn(16, 8)).sigmoid().view(16, 1, 8, 8)
close(sixteen(run, seed=5), right, "From N(0, I), after the given seed.")
### END HIDDEN TESTS

# %% [markdown]
# The tests below put your weights into networks of their own and measure them on the 397 test pictures. **Baseline:** λ = 0. **Hybrid:** λ = 0.1. **Pure:** λ = 1.

# %% nbgrader={"grade": true, "grade_id": "train-shape", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close, ours, with_weights

one, two, other = (train_hybrid(0.1, seed=seed, steps=30) for seed in (1, 1, 2))
check(len(one["kl"]) == 30 and all(math.isfinite(kl) and kl >= 0 for kl in one["kl"]), "One KL term for every step.")
check(one["stopped"] is None, "Nobody stops after thirty steps.")
for part in ("encoder", "decoder"):
    for key, value in one[part].items():
        message = "The same seed must give the same weights: first weights, batches and noise."
        close(two[part][key], value, message, rtol=1e-3, atol=1e-5)
check(list(one["kl"]) != list(other["kl"]), "Another seed must give another run.")
### BEGIN HIDDEN TESTS
x, errors = ours("digits_8x8")()[1], []
for weights in (one, other):
    encoder = with_weights(ours("Encoder")(), weights["encoder"], "The encoder's weights.")
    decoder = with_weights(ours("Decoder")(), weights["decoder"], "The decoder's weights.")
    with torch.no_grad():
        errors.append((decoder(encoder(x)[0]).sigmoid() - x).square().mean().item())
check(max(errors) < 0.16, "Thirty steps should have begun to rebuild pictures: is every one of `steps` taken?")
check(errors[0] != errors[1], "Another seed must give another run.")
longer = train_hybrid(0.1, seed=3, steps=150)
encoder = with_weights(ours("Encoder")(), longer["encoder"], "The encoder's weights.")
decoder = with_weights(ours("Decoder")(), longer["decoder"], "The decoder's weights.")
with torch.no_grad():
    rebuilt = decoder(encoder(x)[0]).sigmoid()
gain = (rebuilt.roll(1, 0) - x).square().mean() - (rebuilt - x).square().mean()
check(bool(gain > 0.002), "After 150 steps a rebuilt picture should be nearer to its original than to another one.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "train-baseline", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, ours, with_weights

x = ours("digits_8x8")()[1]


def measured(run):
    """The error on test pictures, and the KL term there: with networks and code of the test."""
    encoder = with_weights(ours("Encoder")(), run["encoder"], "The encoder's weights.")
    decoder = with_weights(ours("Decoder")(), run["decoder"], "The decoder's weights.")
    with torch.no_grad():
        mu, logvar = encoder(x)
        error = (decoder(mu).sigmoid() - x).square().mean().item()
        return error, (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean().item() / 2


baseline = train_hybrid(0.0, seed=0)
error, kl = measured(baseline)
check(baseline["stopped"] is None, "This training is healthy: the alarm must not ring.")
check(error < 0.05, "The VAE alone should rebuild test pictures with a mean squared error below 0.05.")
### BEGIN HIDDEN TESTS
check(kl > 0.5, "The codes of a trained VAE say something.")
check(len(baseline["kl"]) == 400, "It has trained all of its steps.")
noted = sum(float(one) for one in baseline["kl"][-20:]) / 20
close(noted, kl, "The last KL terms that are noted are not those of the weights that come back.", rtol=0.2)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "train-ablation", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, ours, with_weights

x, mean = ours("digits_8x8")()[1], {}
for lam in (0.0, 0.1, 1.0):
    errors = []
    for seed in (0, 1):
        run = train_hybrid(lam, seed=seed)
        encoder = with_weights(ours("Encoder")(), run["encoder"], "The encoder's weights.")
        decoder = with_weights(ours("Decoder")(), run["decoder"], "The decoder's weights.")
        with torch.no_grad():
            errors.append((decoder(encoder(x)[0]).sigmoid() - x).square().mean().item())
    mean[lam] = sum(errors) / 2
check(mean[0.0] < 0.05, "The VAE alone should rebuild test pictures with a mean squared error below 0.05.")
check(
    mean[1.0] > 1.5 * mean[0.0],
    "With λ = 1 nothing asks for pictures like the originals: the error should be far larger.",
)
check(mean[0.1] < 1.5 * mean[0.0], "With λ = 0.1 the error should stay within 1.5 times that of λ = 0.")

# %% nbgrader={"grade": true, "grade_id": "train-collapse", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, ours, with_weights

doomed = train_hybrid(0.1, seed=0, beta=40.0)
kls = [float(one) for one in doomed["kl"]]
check(doomed["stopped"] is not None, "With β = 40 the codes fall silent, and your alarm should end the training.")
check(doomed["stopped"] == len(kls) < 400, "It ends where the alarm rings.")
### BEGIN HIDDEN TESTS
check(doomed["stopped"] >= 60, "Sixty silent steps are needed.")
check(max(kls[-60:]) < 0.05, "The last sixty steps are silent ones.")
check(len(kls) == 60 or kls[-61] >= 0.05, "It rings at the sixtieth silent step, and not later.")
encoder = with_weights(ours("Encoder")(), doomed["encoder"], "The encoder's weights.")
decoder = with_weights(ours("Decoder")(), doomed["decoder"], "The decoder's weights.")
x = ours("digits_8x8")()[1]
with torch.no_grad():
    mu, logvar = encoder(x)
    silent = (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean() / 2
    error = (decoder(mu).sigmoid() - x).square().mean()
noted = "The last KL terms that are noted are not those of the weights that come back."
check(abs(sum(kls[-10:]) / 10 - silent) < 0.02, noted)
begun = train_hybrid(0.1, seed=0, steps=5, beta=40.0)
encoder = with_weights(ours("Encoder")(), begun["encoder"], "The encoder's weights.")
decoder = with_weights(ours("Decoder")(), begun["decoder"], "The decoder's weights.")
with torch.no_grad():
    first_error = (decoder(encoder(x)[0]).sigmoid() - x).square().mean()
check(bool(first_error > error + 0.01), "After five steps the decoder cannot be where it ends: is it trained?")
message = (
    "The weights that come back should be those of the stopped training: silent, and all pictures are the average one."
)
check(silent < 0.03 and 0.05 < error < 0.12, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "look", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    rows = {f"λ = {lam:g}": sixteen(train_hybrid(lam, seed=0)) for lam in (0.0, 0.1, 1.0)}
    show_images(rows, columns=16, size=0.4, alt="Three rows of sixteen samples of 8 by 8 pixels, for λ = 0, 0.1 and 1.")

# %% [markdown]
# ## Part 5: The ablation, honestly
#
# Several seeds for each λ, and what failed is counted, not left out. A run is a dict with `lam`, `mse`, `distance` (of its samples to real pictures, smaller is better) and `stopped`. A run has **failed** if it was stopped, if its `mse` is more than
# 1.5 times the mean `mse` of the runs with `lam` 0, or if its `distance` is not smaller than their mean distance. The runs with `lam` 0 are the measure; of them, only a stopped one has failed. A NaN is a failure, too, and then the mean of that λ is NaN.


# %% nbgrader={"grade": false, "grade_id": "summary-code", "locked": false, "schema_version": 3, "solution": true}
def summary(runs):
    """{lam: (number of runs, mean mse, mean distance, number of failed runs)}, for every lam that occurs."""

    ### BEGIN SOLUTION
    def mean(lam, key):
        values = [run[key] for run in runs if run["lam"] == lam]
        return sum(values) / len(values)

    def failed(run):
        if run["lam"] == 0 or run["stopped"] is not None:
            return run["stopped"] is not None
        return not (run["mse"] <= 1.5 * mean(0, "mse") and run["distance"] < mean(0, "distance"))

    return {
        lam: (
            sum(run["lam"] == lam for run in runs),
            mean(lam, "mse"),
            mean(lam, "distance"),
            sum(failed(run) for run in runs if run["lam"] == lam),
        )
        for lam in sorted({run["lam"] for run in runs})
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "summary-known", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import math

from course_utils.checks import check, close


def run(lam, mse, distance, stopped=None):
    return {"lam": lam, "mse": mse, "distance": distance, "stopped": stopped}


runs = [run(0.0, 0.02, 10.0), run(0.0, 0.04, 30.0), run(0.5, 0.03, 12.0), run(0.5, 0.05, 8.0), run(0.5, 0.03, 25.0)]
found = summary(runs)
check(set(found) == {0.0, 0.5}, "One entry for every λ that occurs.")
for lam, right in ((0.0, (2, 0.03, 20.0, 0)), (0.5, (3, 0.11 / 3, 15.0, 2))):
    message = "Means over all runs of a λ, the failed ones included; failures by the three rules."
    check(len(found[lam]) == 4, "Four numbers for each λ.")
    for value, wanted in zip(found[lam], right, strict=True):
        close(float(value), float(wanted), message)
### BEGIN HIDDEN TESTS
found = summary([*runs, run(0.5, 0.03, 12.0, stopped=80), run(0.0, 0.03, 20.0, stopped=7), run(1.0, math.nan, 5.0)])
check(found[0.5][3] == 3, "A stopped run has failed, whatever its numbers.")
check(found[0.0][3] == 1, "Of the runs with λ = 0 only a stopped one has failed.")
check(found[1.0][3] == 1, "A NaN is neither smaller nor larger: count it as a failure.")
check(math.isnan(found[1.0][1]), "The mean with a NaN is NaN.")
check(summary([run(0.0, 1.0, 4.0), run(0.2, 1.5, 3.0)])[0.2][3] == 0, "1.5 times is still allowed.")
check(summary([run(0.0, 1.0, 4.0), run(0.2, 1.0, 4.0)])[0.2][3] == 1, "Not smaller is no gain.")
### END HIDDEN TESTS

# %% [markdown]
# ## Part 6: Your investigation
#
# ### Your runs
#
# Train at least three values of λ, 0 and 1 among them, with at least three seeds each, by your `train_hybrid`, and print your
# `summary` of them. For `distance` take the Fréchet distance (`frechet_distance` of `course_utils.taught.evaluation`) of
# 1,000 samples to the test pictures, in pixels.

# %% nbgrader={"grade": false, "grade_id": "own-runs", "locked": false, "schema_version": 3, "solution": true}
### BEGIN SOLUTION
from course_utils.taught.evaluation import frechet_distance


def distance(run):
    decoder = Decoder()
    decoder.load_state_dict(run["decoder"])
    torch.manual_seed(0)
    with torch.no_grad():
        return frechet_distance(decoder(torch.randn(1000, 8)).sigmoid(), digits_8x8()[1])


def one_run(lam, seed):
    run = train_hybrid(lam, seed)
    numbers = {"mse": rebuilding_error(run, digits_8x8()[1]), "distance": distance(run)}
    return {"lam": lam, "stopped": run["stopped"]} | numbers


my_runs = [one_run(lam, seed) for lam in (0.0, 0.1, 1.0) for seed in range(3)]
for lam, (n, error, far, failures) in summary(my_runs).items():
    print(f"λ = {lam:g}: {n} runs, MSE {error:.4f}, distance {far:.2f}, {failures} failed")
### END SOLUTION

# %% [markdown]
# ### Report (10 points)
#
# Document 000 asks: *compare VAEs and GANs in terms of output quality and training stability.* Answer in about 400 words,
# with the numbers of your runs. For stability, choose a measure and say why. Then set your result beside the chapter's table
# and one published figure, and say what your experiment cannot show.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-report", "locked": false, "points": 10, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# Check that the numbers agree with what the submitted code returns (rerun `own-runs`).
# - own table: at least three λ with 0 and 1, three seeds each, MSE and distance with spread, failures counted (3);
# - quality: two aspects kept apart, error of rebuilt pictures and distance (or look) of samples; says which λ wins in which (2);
# - stability: a measure that is defined and computed (spread over seeds, failures, roughness of a loss), and a reason for it (2);
# - comparison with the chapter's table and one published figure, with the scales kept apart: distances in pixels, in a classifier's features and Inception's do not compare as numbers (1);
# - limits: tiny networks, one data set, one schedule; λ = 1 shares the VAE's networks and is not the best GAN; the winner is not said to be a family's property (2).
# No mark for a slogan ("GANs are sharper") without a number of one's own.
# ### END MARK SCHEME
# I trained λ = 0, 0.1 and 1 with three seeds each. (The table stands under the cell above; the spreads are over seeds.) In rebuilding, λ = 0.1 came out no worse than λ = 0, to my surprise: after 400 steps neither is finished. λ = 1 is far behind, as it must be: nothing asks for the original.
# In the samples' distance λ = 0.1 is ahead of λ = 0 as well, and λ = 1, which should be the GAN of the table, is last: 400 steps are few for a game, and its decoder is small.
#
# As a measure of stability I took the spread of the distance over seeds, divided by its mean, and the number of failed runs, because a user trains once and wants to know how much luck that takes. The roughness of the loss says less: an adversarial loss is rough also where the result is good.
#
# The chapter finds the same for the reconstruction, with convolutional networks on 28×28 pixels. Its Fréchet distances are measured in a classifier's features and mine in pixels, so that the numbers cannot be compared, only the orders. Published figures (Lucic et al.: 6.8 for a GAN, 23.8 for a VAE on MNIST, with Inception) are the best of wide searches and have a
# third scale; they agree in that a well-tuned GAN is ahead in samples.
#
# What I cannot show: my networks have one hidden layer, my pictures 64 pixels, and λ = 1 uses rates and sizes that were chosen for the VAE. So this is no verdict on families. It says that with these networks a small adversarial weight costs little in reconstruction.
