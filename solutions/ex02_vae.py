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
# # Exercise 02 · VAEs and the KL term
#
# A variational autoencoder is short to write and easy to get subtly wrong: a missing ½, a mean where a sum belongs, a
# sign, a standard deviation taken for a variance. None of these crashes. All of them train. This exercise is about
# knowing which numbers to expect, so that you notice.
#
# **You will practise**
#
# - saying in your own words what a VAE adds to an autoencoder, and why the addition is a KL divergence;
# - the KL divergence between *any* two diagonal Gaussians, and how to test it;
# - repairing a loss that runs, trains, and is wrong in four places;
# - two ways to differentiate an expectation;
# - a model whose evidence is known exactly, so that "lower bound" can be checked to the last digit;
# - importance-weighted bounds that do not overflow, and how far to trust them;
# - an experiment on posterior collapse, reported with numbers.
#
# **Follows** chapter 02. **Time**: about 180 minutes, of which the computer needs less than one. The parts are
# independent of one another, except where they say so.
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
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from course_utils.checks import when_ready

torch.set_num_threads(1)  # networks as small as these gain nothing from a second core

# %% [markdown]
# ## 1 In words first
#
# ### Question 1 (5 points)
#
# *Explain the key difference between an autoencoder and a variational autoencoder.* Say (a)
# what each encoder gives for one picture; (b) what each is trained to minimise; (c) what you can do with the decoder of
# the one that you cannot do with the other's, and why; (d) what the VAE pays for it; and (e) what becomes of a VAE when
# the KL term's weight β goes to 0.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-ae-vae", "locked": false, "points": 5, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point for each:
# - (a) a point (a code vector) against a distribution over codes (mean and variance of a Gaussian), from which a code
#   is drawn.
# - (b) reconstruction error alone against the negative ELBO: expected reconstruction error (a negative log-likelihood)
#   *plus* the KL divergence from q(z|x) to the prior. No point for "the loss is the ELBO" without the sign.
# - (c) draw z from the prior, decode, get a new picture. In an autoencoder nothing says where the codes lie, so there
#   is nothing to draw from; the KL term makes the codes of all pictures together resemble the prior, and the noise
#   fills the gaps between them. (Also good: a VAE gives a bound on log p(x).)
# - (d) reconstructions are less sharp / carry less information: every nat of code must be paid for; or: a variance that
#   blurs; or: a bound instead of an error.
# - (e) nothing keeps σ from shrinking to 0 and the means from going anywhere: an ordinary autoencoder again (in
#   practice, with a likelihood as its loss).
# ### END MARK SCHEME
#
# (a) An autoencoder's encoder gives one code for a picture. A VAE's encoder gives a distribution of codes, a Gaussian
# with a mean and a variance for every coordinate, and the decoder sees a draw from it. (b) The autoencoder minimises
# the reconstruction error. The VAE minimises the negative ELBO: the expected reconstruction error, −log p(x|z), plus
# the KL divergence from q(z|x) to the prior. (c) From a VAE I can draw: take z from the prior and decode it. The KL
# term has made the codes of all pictures together look like the prior, and since every code is blurred there are few
# gaps between them. In an autoencoder nobody knows where codes lie, so most points that I could try belong to no
# picture. (d) The code may say only what is worth its price, so reconstructions are softer. (e) Noise in the code only
# harms the reconstruction. If it costs nothing to remove it, σ shrinks towards zero, the means spread as they please,
# and an autoencoder is left.

# %% [markdown]
# ### Question 2 (5 points)
#
# *Why is the KL divergence used in VAEs?* (a) Derive from $\log p(x)$ where the KL term
# comes from: it is not an ornament that somebody added. (b) It is $D_\text{KL}(q\Vert p)$ and not $D_\text{KL}(p\Vert
# q)$. Where does the order come from? (c) What goes wrong if the term is left out, and what if it weighs far too much?
# (d) Somebody proposes $\lVert\mu\rVert^2$ as the penalty, "because it also pulls the codes to zero". What is missing?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-why-kl", "locked": false, "points": 5, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 2 points for (a): log p(x) = log E_q[p(x|z)p(z)/q(z|x)] ≥ E_q[log …] (Jensen), and the split into E_q[log p(x|z)] −
#   KL(q(z|x)‖p(z)). Equally: log p(x) − KL(q‖p(z|x)) and rearranging. 1 point if the result is stated, with the right
#   signs, without the derivation.
# - 1 point for (b): the expectation is under q, because q is what we can draw from; the order falls out of the
#   derivation. (A further good remark: KL(q‖p) punishes q for being where p is not.)
# - 1 point for (c): without it codes are anywhere with no variance: no sampling; no bound. Too heavy: q(z|x) = p(z) for
#   every x, the code is silent: posterior collapse.
# - 1 point for (d): nothing about σ: it shrinks to 0 (a narrow q is good for reconstruction), so the codes become
#   points again; the KL has −log σ², which forbids it, and the unit, nats, in which it may be added to a
#   log-likelihood.
# ### END MARK SCHEME
#
# (a) $\log p(x) = \log\int p(x|z)p(z)\,dz = \log \mathbb{E}_q[p(x|z)p(z)/q(z|x)] \ge \mathbb{E}_q[\log p(x|z)] +
# \mathbb{E}_q[\log p(z) - \log q(z|x)]$ by Jensen. The last expectation is $-D_\text{KL}(q(z|x)\Vert p(z))$. So the
# term is part of a bound on the evidence. (b) The expectation is under q, because we introduced q to have something to
# draw from. Hence the KL divergence weighs with q. (c) Without it the encoder makes σ tiny and puts the means anywhere,
# so that draws from the prior decode to nothing. If it weighs too much, the cheapest answer is q = p for every picture:
# the code says nothing. (d) σ does not occur in it. Noise hurts the reconstruction and would be free to remove, so σ
# shrinks to zero. The KL divergence contains −log σ², which goes to infinity there.

# %% [markdown]
# ## 2 The KL divergence between two Gaussians
#
# Formula (2.7) compares with the standard normal. Often the prior is another Gaussian: one for each class, or one that
# is learned. Redo the derivation of section 2.3 for
#
# $$q = \mathcal N(\mu_q, \operatorname{diag} \sigma_q^2), \qquad p = \mathcal N(\mu_p, \operatorname{diag} \sigma_p^2).$$
#
# ### Task 2a
#
# Write it. Networks give `logvar`, that is $\log\sigma^2$.


# %% nbgrader={"grade": false, "grade_id": "kl-code", "locked": false, "schema_version": 3, "solution": true}
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    """KL(q‖p) in nats, one number a row: (n,).  q's parameters are (n, d); p's are (n, d), or (d,) for one p for all rows."""
    ### BEGIN SOLUTION
    shift = (mu_q - mu_p) ** 2 * (-logvar_p).exp()
    return 0.5 * (logvar_p - logvar_q + (logvar_q - logvar_p).exp() + shift - 1).sum(dim=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kl-by-hand-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

zero, one = torch.zeros(3, 5), torch.ones(3, 5)
close(
    kl_gaussians(one, zero, one, zero),
    torch.zeros(3),
    "q equals p here, so every row has the KL divergence 0; one number a row.",
)
close(
    kl_gaussians(2 * one, zero, zero, zero),
    torch.full((3,), 10.0),
    "Means 2 apart, unit variances: half of 2² for each of the 5 coordinates, summed over them.",
)
close(
    kl_gaussians(zero, zero + math.log(4), zero, zero),
    torch.full((3,), 2.5 * (3 - math.log(4))),
    "q has the VARIANCE 4 and p the variance 1: logvar is the logarithm of the variance.",
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(201)
for shape in ((1, 1), (1, 7), (6, 2)):
    mu, logvar = torch.randn(2, *shape, generator=generator, dtype=torch.float64).unbind(0)
    truth = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)
    zeros = torch.zeros(shape, dtype=torch.float64)
    close(
        kl_gaussians(mu, logvar, zeros, zeros),
        truth,
        "With a standard normal p this must be the formula of the chapter, summed over coordinates.",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "kl-direction-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

zero, wide = torch.zeros(1, 1), torch.full((1, 1), math.log(9.0))
narrow_in_wide, wide_in_narrow = kl_gaussians(zero, zero, zero, wide), kl_gaussians(zero, wide, zero, zero)
check(
    (wide_in_narrow > narrow_in_wide).all(),
    "A wide q strays to where a narrow p has next to nothing: that must cost more than the other way round. Is the order q, p?",
)
close(
    narrow_in_wide,
    torch.tensor([0.5 * (math.log(9.0) + 1 / 9 - 1)]),
    "Every part that compares with p is measured in units of p's variance.",
)
### BEGIN HIDDEN TESTS
from torch import distributions

generator = torch.Generator().manual_seed(202)
mu_1, logvar_1, mu_2, logvar_2 = torch.randn(4, 9, 4, generator=generator, dtype=torch.float64).unbind(0)
one = distributions.Normal(mu_1, (0.5 * logvar_1).exp())
two = distributions.Normal(mu_2, (0.5 * logvar_2).exp())
close(
    kl_gaussians(mu_1, logvar_1, mu_2, logvar_2),
    distributions.kl_divergence(one, two).sum(dim=1),
    "Some q and p that differ in mean and variance give another number than the library. Go through the derivation for one coordinate.",
)
close(
    kl_gaussians(mu_2, logvar_2, mu_1, logvar_1),
    distributions.kl_divergence(two, one).sum(dim=1),
    "The same for the two exchanged.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "kl-shared-prior-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

mu = torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [5.0, 0.0, -1.0]])
close(
    kl_gaussians(mu, torch.zeros(4, 3), torch.tensor([1.0, 0.0, -1.0]), torch.zeros(3)),
    torch.tensor([0.0, 1.0, 2.0, 8.0]),
    "One p for all rows, with parameters of shape (d,): half the squared distance of each row's mean from the one of p.",
)
### BEGIN HIDDEN TESTS
from torch import distributions

mu_p, logvar_p = torch.tensor([1.0, 0.0, -1.0]), torch.tensor([0.0, 1.0, -1.0])
p = distributions.Normal(mu_p, (0.5 * logvar_p).exp())
for rows, message in (
    (4, "One p for all rows must give what the same p repeated for every row gives."),
    (3, "With as many rows as coordinates, a p of shape (d,) must still run along the coordinates."),
):
    mu, logvar = torch.randn(2, rows, 3, generator=torch.Generator().manual_seed(204)).unbind(0)
    truth = distributions.kl_divergence(distributions.Normal(mu, (0.5 * logvar).exp()), p).sum(dim=1)
    close(kl_gaussians(mu, logvar, mu_p, logvar_p), truth, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "kl-stable-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

zero, huge = torch.zeros(2, 3), torch.full((2, 3), 100.0)
close(
    kl_gaussians(zero, huge, zero, huge),
    torch.zeros(2),
    "Both variances are e¹⁰⁰, too large for float32, but their ratio is 1: subtract the logarithms before you take exp.",
)
### BEGIN HIDDEN TESTS
close(
    kl_gaussians(zero, huge + 1, zero, huge),
    torch.full((2,), 1.5 * (torch.tensor(1.0).exp().item() - 2)),
    "The ratio of two huge variances is an ordinary number.",
    rtol=1e-3,
)
### END HIDDEN TESTS

# %% [markdown]
# ### Task 2b
#
# A formula deserves a second witness. Estimate the same number from the definition alone,
# $\mathbb{E}_q[\log q(z) - \log p(z)]$, with draws from the right distribution. (`torch.distributions.Normal` has
# `sample` and `log_prob`, or write the log density yourself.) Both logarithms are taken at the same draws.


# %% nbgrader={"grade": false, "grade_id": "kl-sampling-code", "locked": false, "schema_version": 3, "solution": true}
def kl_by_sampling(mu_q, logvar_q, mu_p, logvar_p, draws):
    """Monte Carlo estimate of KL(q‖p) from `draws` draws a row; all parameters (n, d); returns (n,)."""
    ### BEGIN SOLUTION
    q = torch.distributions.Normal(mu_q, (0.5 * logvar_q).exp())
    p = torch.distributions.Normal(mu_p, (0.5 * logvar_p).exp())
    z = q.sample((draws,))  # (draws, n, d)
    return (q.log_prob(z) - p.log_prob(z)).sum(dim=-1).mean(dim=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kl-sampling-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

zero, one = torch.zeros(2, 3), torch.ones(2, 3)
message = "Means 1 apart in three coordinates: about 3 · ½ nats."
close(kl_by_sampling(one, zero, zero, zero, 20_000), torch.full((2,), 1.5), message, rtol=0, atol=0.1)
one_draw = torch.as_tensor(kl_by_sampling(one, zero, zero, zero, 1))
check(one_draw.shape == (2,), "One number a row, also for a single draw.")
message = "Two estimates from one draw each should differ: draw anew in every call."
check((one_draw != torch.as_tensor(kl_by_sampling(one, zero, zero, zero, 1))).any(), message)
message = (
    "Where q equals p, log q(z) − log p(z) is 0 at every draw, and so is the estimate. Both logarithms at the same z?"
)
close(kl_by_sampling(one, one, one, one, 1), torch.zeros(2), message, rtol=0, atol=1e-4)
### BEGIN HIDDEN TESTS
from torch import distributions

generator = torch.Generator().manual_seed(205)
mu_1, logvar_1, mu_2, logvar_2 = torch.randn(4, 3, 2, generator=generator).mul(0.7).unbind(0)
truth = distributions.kl_divergence(
    distributions.Normal(mu_1, (0.5 * logvar_1).exp()), distributions.Normal(mu_2, (0.5 * logvar_2).exp())
).sum(dim=1)
message = "The average must be taken over draws from q, and p must keep its own mean and variance."
close(kl_by_sampling(mu_1, logvar_1, mu_2, logvar_2, 40_000), truth, message, rtol=0.08, atol=0.05)
message = "With few draws this estimate has a known spread, and yours has another: each row and each coordinate needs its own draws, as many as are asked for."
away, zero = torch.ones(1000, 4), torch.zeros(1000, 4)
for draws in (1, 16):
    few = torch.as_tensor(kl_by_sampling(away, zero, zero, zero, draws))
    check(0.8 < float(few.std()) * draws**0.5 / 2 < 1.2, message)
# A wide q around a narrow p: log q − log p = −log 3 + 4 ε² for each coordinate, which has a smallest value.
wide = torch.full((1000, 2), 9.0).log()
few = torch.as_tensor(kl_by_sampling(wide * 0, wide, wide * 0, wide * 0, 1)) + 2 * math.log(3)
message = "Some estimates are smaller than any z could make them. Is each of them log q(z) − log p(z) at draws z of q?"
check((few > -1e-3).all(), message)
check(0.8 < float(few.mean()) / 8 < 1.2 and 0.8 < float(few.std()) / 8 < 1.2, message)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 A loss to repair
#
# The story here has grey pixels with Gaussian noise: $p(x\mid z) = \mathcal N(x;\ \hat x,\ s^2 I)$ with $\hat x$ the
# decoder's answer, and the encoder gives `mu` and `log_sigma`, the logarithm of the *standard deviation*. A colleague
# wrote the loss below. It runs, it trains, and it is wrong in four places.


# %% nbgrader={"grade": false, "grade_id": "broken-loss", "locked": true, "schema_version": 3, "solution": false}
def broken_loss(x, x_hat, mu, log_sigma, s):
    """The negative ELBO in nats, averaged over the batch; or so its author believes."""
    reconstruction = F.mse_loss(x_hat, x)
    kl = 0.5 * (1 + log_sigma - mu**2 - log_sigma.exp()).sum(dim=1).mean()
    return reconstruction + kl


# %% [markdown]
# ### Task 3a
#
# Write the two terms as they should be, one number a picture, in nats; $-\log p(x\mid z)$ with everything
# that belongs to it. Then the loss, to be *minimised*: their sum, averaged over the batch.


# %% nbgrader={"grade": false, "grade_id": "repair-code", "locked": false, "schema_version": 3, "solution": true}
def reconstruction_nats(x, x_hat, s):
    """−log N(x; x_hat, s² I) for x, x_hat (n, D) and a number s > 0 => (n,)"""
    ### BEGIN SOLUTION
    squared = ((x - x_hat) ** 2).sum(dim=1) / (2 * s**2)
    return squared + x.shape[1] * (math.log(s) + 0.5 * math.log(2 * math.pi))
    ### END SOLUTION


def kl_nats(mu, log_sigma):
    """KL(N(mu, sigma²) ‖ N(0, I)) for mu, log_sigma (n, d) => (n,)"""
    ### BEGIN SOLUTION
    return 0.5 * (mu**2 + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum(dim=1)
    ### END SOLUTION


def repaired_loss(x, x_hat, mu, log_sigma, s):
    """The negative ELBO in nats, averaged over the batch: a tensor with one number."""
    ### BEGIN SOLUTION
    return (reconstruction_nats(x, x_hat, s) + kl_nats(mu, log_sigma)).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "repair-scale-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

truth, same, off = torch.zeros(2, 10), torch.zeros(2, 10), torch.full((2, 10), 3.0)
grown = reconstruction_nats(truth, off, 1.0) - reconstruction_nats(truth, same, 1.0)
close(
    grown,
    torch.full((2,), 45.0),
    "Ten pixels, each off by 3, with s = 1: the exponent of a Gaussian is half the squared distance, SUMMED over pixels. One number a picture.",
)
grown = reconstruction_nats(truth, off, 3.0) - reconstruction_nats(truth, same, 3.0)
close(grown, torch.full((2,), 5.0), "The same with s = 3: distances are measured in units of s.")
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(301)
for n, pixels, s in ((1, 7, 0.3), (4, 3, 1.7)):
    x, x_hat = torch.randn(2, n, pixels, generator=generator, dtype=torch.float64).unbind(0)
    truth = ((x - x_hat) ** 2).sum(dim=1) / (2 * s * s)
    close(
        reconstruction_nats(x, x_hat, s) - reconstruction_nats(x, x, s),
        truth,
        "Sum over the pixels, halve, and divide by s².",
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "repair-constant-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

close(
    reconstruction_nats(torch.zeros(3, 2), torch.zeros(3, 2), 1.0),
    torch.full((3,), math.log(2 * math.pi)),
    "A perfect reconstruction does not cost 0 nats: a density has a normalising constant, in every pixel.",
)
### BEGIN HIDDEN TESTS
from torch import distributions

generator = torch.Generator().manual_seed(302)
for n, pixels, s in ((1, 5, 0.2), (3, 8, 2.5)):
    x = torch.randn(n, pixels, generator=generator, dtype=torch.float64)
    truth = -distributions.Normal(x, s).log_prob(x).sum(dim=1)
    close(reconstruction_nats(x, x, s), truth, "The normalising constant depends on s and on the number of pixels.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "repair-sigma-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

zero = torch.zeros(2, 4)
close(kl_nats(zero, zero), torch.zeros(2), "sigma = 1 and mu = 0 is the prior itself: 0 nats, one number a row.")
check((kl_nats(zero + 1, zero) > 0).all(), "A KL divergence is never negative.")
close(
    kl_nats(zero, zero + math.log(2)),
    torch.full((2,), 4 * (1.5 - math.log(2))),
    "The encoder gives the logarithm of the standard deviation here. With sigma = 2 the variance is 4.",
)
### BEGIN HIDDEN TESTS
from torch import distributions

mu, log_sigma = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(303), dtype=torch.float64).unbind(0)
prior = distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
close(
    kl_nats(mu, log_sigma),
    distributions.kl_divergence(distributions.Normal(mu, log_sigma.exp()), prior).sum(dim=1),
    "Another number than the library's, for this mu and sigma.",
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "repair-loss-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

x, x_hat = torch.rand(2, 6, 9, generator=torch.Generator().manual_seed(304)).unbind(0)
zero, away = torch.zeros(6, 2), torch.full((6, 2), 3.0)
check(
    (repaired_loss(x, x_hat, away, zero, 1.0) > repaired_loss(x, x_hat, zero, zero, 1.0)).all(),
    "Codes that stray from the prior must make the loss LARGER: the KL term is added to a loss that is minimised.",
)
close(
    repaired_loss(x, x_hat, away, zero, 1.0) - repaired_loss(x, x_hat, zero, zero, 1.0),
    torch.tensor(9.0),
    "Both terms are sums over their own axis, and only the batch is averaged.",
    rtol=1e-3,
)
### BEGIN HIDDEN TESTS
from torch import distributions

generator = torch.Generator().manual_seed(305)
for n, pixels, latent in ((1, 4, 3), (7, 5, 2)):
    x, x_hat = torch.randn(2, n, pixels, generator=generator, dtype=torch.float64).unbind(0)
    mu, log_sigma = torch.randn(2, n, latent, generator=generator, dtype=torch.float64).unbind(0)
    first = -distributions.Normal(x_hat, 0.8).log_prob(x).sum(dim=1)
    second = distributions.kl_divergence(
        distributions.Normal(mu, log_sigma.exp()), distributions.Normal(torch.zeros_like(mu), 1.0)
    ).sum(dim=1)
    close(
        repaired_loss(x, x_hat, mu, log_sigma, 0.8),
        (first + second).mean(),
        "The loss is not the average over the batch of reconstruction plus KL.",
    )
### END HIDDEN TESTS

# %% [markdown]
# ### Task 3b
#
# Suppose the colleague repairs the sign and the standard deviation, but keeps `F.mse_loss`. His loss is
# then, up to a factor and a constant, a loss (2.10) with *some* β, for the story with pixel noise $s$. Which β? Give it
# as a function of the number of pixels $D$ and of $s$.


# %% nbgrader={"grade": false, "grade_id": "hidden-beta-code", "locked": false, "schema_version": 3, "solution": true}
def hidden_beta(D, s):
    """The β that `F.mse_loss(x_hat, x) + KL` amounts to (KL summed over coordinates, averaged over the batch)."""
    ### BEGIN SOLUTION
    return D / (2 * s**2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "hidden-beta-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
from course_utils.checks import check, close

check(
    float(hidden_beta(784, 1.0)) > 1,
    "Averaging over 784 pixels makes the reconstruction term small. Is the KL term then too weak, or too strong?",
)
check(
    float(hidden_beta(784, 0.5)) > float(hidden_beta(784, 1.0)),
    "If the pixels are less noisy, an error in them should cost more, but this loss does not know s. Which way does that move β?",
)
### BEGIN HIDDEN TESTS
for D, s in ((784, 1.0), (784, 0.1), (64, 2.0)):
    close(
        float(hidden_beta(D, s)),
        D / (2 * s * s),
        "Multiply the loss by the factor that makes its first term the squared error over 2s², summed over pixels. What stands before the KL?",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## 4 Two ways to a gradient
#
# Training needs the gradient of $\mathbb{E}_{q}[f(z)]$ in the parameters of $q$. Here is an $f$ for which we know the
# answer, so that estimates can be held against it. For one coordinate $z\sim\mathcal N(\mu,\sigma^2)$, $\mathbb{E}\cos
# z = \cos\mu\; e^{-\sigma^2/2}$, and with $v = \log\sigma^2$
#
# $$\frac{\partial}{\partial\mu}\,\mathbb{E}\cos z = -\sin\mu\; e^{-\sigma^2/2}, \qquad \frac{\partial}{\partial v}\,\mathbb{E}\cos z = -\tfrac12\,\sigma^2\cos\mu\; e^{-\sigma^2/2}.$$


# %% nbgrader={"grade": false, "grade_id": "f", "locked": true, "schema_version": 3, "solution": false}
def f(z):
    """(…, d) => (…): the cosines of the coordinates, summed."""
    return z.cos().sum(dim=-1)


# %% [markdown]
# ### Task 4a
#
# Draws by reparameterisation, several for each row.


# %% nbgrader={"grade": false, "grade_id": "draw-code", "locked": false, "schema_version": 3, "solution": true}
def draw_codes(mu, logvar, draws):
    """mu, logvar (n, d) => z (draws, n, d), differentiable in mu and logvar."""
    ### BEGIN SOLUTION
    eps = torch.randn(draws, *mu.shape, dtype=mu.dtype)
    return mu + eps * (0.5 * logvar).exp()
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "draw-slopes", "locked": true, "schema_version": 3, "solution": false}
def slopes_of_a_draw(mu, logvar):
    """One draw a row by your `draw_codes`, (n, d), and its slopes in mu and in logvar, None where no gradient passes."""
    mu, logvar = mu.clone().requires_grad_(), logvar.clone().requires_grad_()
    with torch.enable_grad():
        z = draw_codes(mu, logvar, 1)[0]
        slopes = torch.autograd.grad(z.sum(), (mu, logvar), allow_unused=True) if z.requires_grad else (None, None)
    return z.detach(), *slopes


# %% nbgrader={"grade": true, "grade_id": "draw-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

mu, logvar = torch.tensor([[0.0, 5.0], [-3.0, 1.0]]), torch.tensor([[0.0, math.log(9.0)], [math.log(0.25), 0.0]])
z = draw_codes(mu, logvar, 20_000)
check(z.shape == (20_000, 2, 2), "The draws come first: (draws, n, d).")
close(z.mean(dim=0), mu, "The draws are not centred at mu.", rtol=0, atol=0.15)
close(
    z.std(dim=0),
    torch.tensor([[1.0, 3.0], [0.5, 1.0]]),
    "The spread is not sigma. From logvar = log σ² to σ there is a half on the way.",
    rtol=0.05,
    atol=0,
)
z, in_mu, in_logvar = slopes_of_a_draw(mu, logvar)
check(in_mu is not None and in_logvar is not None, "No gradient passes from the draw to mu and logvar.")
close(in_mu, torch.ones(2, 2), "Where mu moves, the draw moves with it: its slope in mu is 1.")
### BEGIN HIDDEN TESTS
message = "With the noise held fixed, z − mu grows with sigma: the slope in logvar is half of z − mu."
close(in_logvar, (z - mu) / 2, message, rtol=1e-3)
z = draw_codes(torch.zeros(3, 2), torch.zeros(3, 2), 8_000).flatten(1)
close(
    z.T.corrcoef(),
    torch.eye(6),
    "Different rows or coordinates share their noise: every one needs its own.",
    rtol=0,
    atol=0.08,
)
check(abs(float((z[:-1] * z[1:]).mean())) < 0.05, "Different draws share their noise.")
check(abs(float((z**4).mean()) - 3) < 0.5, "The noise is not Gaussian.")
check(not torch.equal(draw_codes(mu, logvar, 1), draw_codes(mu, logvar, 1)), "Two calls gave the same draws.")
### END HIDDEN TESTS

# %% [markdown]
# ### Task 4b
#
# The *pathwise* gradient: average `f` over the draws of each row, sum over the rows, and differentiate
# that number in `mu` and in `logvar` by autograd. (The arguments come without `requires_grad`.)


# %% nbgrader={"grade": false, "grade_id": "pathwise-code", "locked": false, "schema_version": 3, "solution": true}
def pathwise_gradient(mu, logvar, draws):
    """Estimates of the gradients of E[f(z)] in mu and in logvar: two tensors (n, d), without graph."""
    ### BEGIN SOLUTION
    mu, logvar = mu.clone().requires_grad_(), logvar.clone().requires_grad_()
    value = f(draw_codes(mu, logvar, draws)).mean(dim=0).sum()
    return torch.autograd.grad(value, (mu, logvar))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pathwise-mu-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

mu, logvar = torch.tensor([[0.5, -1.0], [2.0, 0.0]]), torch.tensor([[0.0, -1.0], [0.7, 0.0]])
exact = -mu.sin() * (-logvar.exp() / 2).exp()
gradient, _ = pathwise_gradient(mu, logvar, 20_000)
close(
    gradient,
    exact,
    "The gradient in mu does not come near the exact one. Does the gradient pass through the draw (no `sample`, no `detach`), and is f averaged over the draws, but not over the rows?",
    rtol=0,
    atol=0.03,
)
first, second = (torch.as_tensor(pathwise_gradient(mu, logvar, 1)[0]) for _ in range(2))
check((first != second).any(), "Two estimates from single draws should differ.")
### BEGIN HIDDEN TESTS
mu, logvar = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(401)).unbind(0)
exact = -mu.sin() * (-logvar.exp() / 2).exp()
close(
    pathwise_gradient(mu, logvar, 20_000)[0],
    exact,
    "The gradient in mu is off for another number of rows and coordinates.",
    rtol=0,
    atol=0.04,
)
# At μ = −π/2 a single draw gives −sin z = cos(σ ε), which is never above 1 and below it by σ² ε² / 2.
mu, logvar = torch.full((2000, 1), -math.pi / 2), torch.full((2000, 1), 0.01).log()
below = 200 * (1 - torch.as_tensor(pathwise_gradient(mu, logvar, 1)[0]).double())  # the law of ε²
message = (
    "From a single draw the gradient is −sin z at that draw: yours takes other values, or scatters in another way."
)
check((below > -1e-3).all(), message)
check(abs(float(below.mean()) - 1) < 0.2 and abs(float(below.std()) - 2**0.5) < 0.4, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "pathwise-logvar-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

mu, logvar = torch.tensor([[0.5, -1.0], [2.0, 0.0]]), torch.tensor([[0.0, -1.0], [0.7, 0.0]])
exact = -0.5 * logvar.exp() * mu.cos() * (-logvar.exp() / 2).exp()
_, gradient = pathwise_gradient(mu, logvar, 20_000)
close(
    gradient,
    exact,
    "The gradient in logvar does not come near the exact one. Is it the gradient in logvar, and not in σ or σ²?",
    rtol=0,
    atol=0.04,
)
### BEGIN HIDDEN TESTS
mu, logvar = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(402)).unbind(0)
exact = -0.5 * logvar.exp() * mu.cos() * (-logvar.exp() / 2).exp()
close(
    pathwise_gradient(mu, logvar, 40_000)[1],
    exact,
    "The gradient in logvar is off for another number of rows and coordinates.",
    rtol=0,
    atol=0.06,
)
# At μ = 0 a single draw gives −sin(z) z / 2, which is never above 0: −σ² ε² / 2 for a small σ.
mu, logvar = torch.zeros(2000, 1), torch.full((2000, 1), 0.01).log()
square = -200 * torch.as_tensor(pathwise_gradient(mu, logvar, 1)[1]).double()  # the law of ε²
message = "From a single draw the gradient is −sin(z) (z − μ)/2 at that draw: yours takes other values, or scatters otherwise."
check((square > -1e-3).all(), message)
check(abs(float(square.mean()) - 1) < 0.2 and abs(float(square.std()) - 2**0.5) < 0.4, message)
### END HIDDEN TESTS

# %% [markdown]
# ### Task 4c
#
# The *score-function* gradient in `mu`, one estimate from each single draw: $f(z)\,\nabla_\mu\log q(z)$.
# No derivative of `f` is needed; write $\nabla_\mu\log q(z)$ by hand.


# %% nbgrader={"grade": false, "grade_id": "score-code", "locked": false, "schema_version": 3, "solution": true}
def score_gradients(mu, logvar, draws):
    """One-draw estimates of the gradient of E[f(z)] in mu: (draws, n, d); their mean over the draws is the estimate."""
    ### BEGIN SOLUTION
    z = draw_codes(mu, logvar, draws)
    return f(z).unsqueeze(-1) * (z - mu) / logvar.exp()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "score-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

mu, logvar = torch.tensor([[0.5, -1.0], [2.0, 0.0]]), torch.tensor([[0.0, -0.5], [0.7, 0.0]])
exact = -mu.sin() * (-logvar.exp() / 2).exp()
each = score_gradients(mu, logvar, 50_000)
check(each.shape == (50_000, 2, 2), "One estimate for each draw: (draws, n, d).")
close(
    each.mean(dim=0),
    exact,
    "On average the score function must give the same gradient: f(z) times (z − μ)/σ². All of f(z), not only the part that belongs to one coordinate.",
    rtol=0,
    atol=0.05,
)
### BEGIN HIDDEN TESTS
mu, logvar = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(403)).unbind(0)
logvar = 0.5 * logvar
exact = -mu.sin() * (-logvar.exp() / 2).exp()
each = score_gradients(mu, logvar, 50_000)
message = "The mean over the draws is off for another number of rows and coordinates."
close(each.mean(dim=0), exact, message, rtol=0, atol=0.1)
# At μ = 0, σ = 1 and d = 3 the second moment of (cos a + cos b + cos c)·a is 2.168.
check(
    1.35 < float(score_gradients(torch.zeros(1, 3), torch.zeros(1, 3), 50_000).std()) < 1.6,
    "Single draws spread more, or less, than f(z) times the score does, with the whole of f(z) and fresh noise in every draw.",
)
# At μ = π/2 and d = 1 each draw gives cos(z) (z − μ)/σ² = −sin(σ ε) ε / σ, which is never above 0: −ε² for a small σ.
here, narrow = torch.full((1, 1), math.pi / 2), torch.full((1, 1), 0.01).log()
square = -torch.as_tensor(score_gradients(here, narrow, 4000)).double()
message = (
    "A single draw gives f(z) times the score at that same z: yours takes other values, or scatters in another way."
)
check((square > -1e-3).all(), message)
check(abs(float(square.mean()) - 1) < 0.2 and abs(float(square.std()) - 2**0.5) < 0.4, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "variance-output", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    for d in (1, 5, 20):
        here, unit = torch.full((1, d), 0.5), torch.zeros(1, d)
        pathwise = torch.stack([pathwise_gradient(here, unit, 1)[0][0, 0] for _ in range(300)])
        score = score_gradients(here, unit, 300)[:, 0, 0]
        print(f"d = {d:2d}: variance of one estimate: pathwise {pathwise.var():.2f}, score function {score.var():.2f}")

# %% [markdown]
# ### Question 3 (3 points)
#
# (a) As $d$ grows, one variance stays and the other grows. Explain, from the two formulas.
# (b) Name a kind of $z$ or of $f$ for which the pathwise gradient is not available. (c) Why does an answer with
# `torch.distributions.Normal(mu, sigma).sample()` train the decoder but not the encoder's reconstruction? Which of the
# encoder's gradients remain?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-gradients", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 1 point: pathwise uses ∂f/∂z_j, which for this f involves coordinate j only. The score function multiplies the whole
#   of f(z), all d terms, by the noise of coordinate j: the other terms add variance and no information.
# - 1 point: discrete z (a draw that jumps has no derivative), or an f that cannot be differentiated (a black box, a
#   step function, a reward).
# - 1 point: `sample` gives a constant without graph, so reconstruction has no gradient in mu and sigma; the decoder's
#   weights still have theirs. What remains for the encoder is the KL term, which drives q to the prior: collapse.
# ### END MARK SCHEME
#
# (a) Pathwise: the derivative in μ_j is −sin z_j, whatever d is. Score function: all d cosines are multiplied by the
# noise of coordinate j, and d − 1 of them are only noise. (b) A discrete z: a draw jumps, it has no slope. Or an f
# without derivatives, such as a reward. (c) `sample` cuts the graph. The decoder gets its gradient, since z is just an
# input to it. To the encoder only the KL term speaks, and it says: be the prior.

# %% [markdown]
# ## 5 A model with a known evidence
#
# In *probabilistic PCA* the story is $z\sim\mathcal N(0, I_k)$, $x\mid z\sim\mathcal N(Wz + b,\ s^2 I_D)$. Everything
# in it is Gaussian, so everything can be computed, and the ELBO can be held against the truth.
#
# ### Task 5a
#
# The evidence $\log p(x)$. What are the mean and the covariance of $x$?
# (`torch.distributions.MultivariateNormal` may help, or `torch.linalg.slogdet` and `solve`.)


# %% nbgrader={"grade": false, "grade_id": "evidence-code", "locked": false, "schema_version": 3, "solution": true}
def log_evidence(x, W, b, s):
    """log p(x) in nats for x (n, D), W (D, k), b (D,) and a number s => (n,)"""
    ### BEGIN SOLUTION
    covariance = W @ W.T + s**2 * torch.eye(len(b), dtype=x.dtype)
    return torch.distributions.MultivariateNormal(b, covariance).log_prob(x)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "evidence-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import close

# One pixel, one code: x = 3 z + 1 + 4 ε has mean 1 and variance 9 + 16.
x, W, b = torch.tensor([[1.0], [6.0]]), torch.tensor([[3.0]]), torch.tensor([1.0])
close(
    log_evidence(x, W, b, 4.0),
    -0.5 * (torch.tensor([0.0, 1.0]) + math.log(2 * math.pi * 25)),
    "x = 3z + 1 + 4ε has the variance 3² + 4², and a density has its constant.",
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(501)
for n, D, k, s in ((1, 3, 1, 0.5), (6, 4, 2, 1.3), (2, 2, 4, 0.7)):
    x, W, b = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((n, D), (D, k), (D,)))
    C = W @ W.T + s * s * torch.eye(D, dtype=torch.float64)
    y = x - b
    truth = (
        -0.5 * (y * torch.linalg.solve(C, y.T).T).sum(dim=1) - 0.5 * torch.logdet(C) - 0.5 * D * math.log(2 * math.pi)
    )
    close(
        log_evidence(x, W, b, s),
        truth,
        "The pixels of x are correlated through z; their covariance is a matrix (D, D) made of W and s².",
    )
### END HIDDEN TESTS

# %% [markdown]
# ### Task 5b
#
# The true posterior $p(z\mid x)$, a Gaussian as well. With $\log p(x\mid z) + \log p(z)$ written as a
# quadratic form in $z$, read off its precision (inverse covariance) $I + W^\top W/s^2$ and then its mean.


# %% nbgrader={"grade": false, "grade_id": "posterior-code", "locked": false, "schema_version": 3, "solution": true}
def posterior(x, W, b, s):
    """Mean (n, k) and covariance (k, k) of p(z|x)."""
    ### BEGIN SOLUTION
    precision = torch.eye(W.shape[1], dtype=W.dtype) + W.T @ W / s**2
    covariance = torch.linalg.inv(precision)
    return (x - b) @ W @ covariance / s**2, covariance
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "posterior-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

x, W, b = torch.tensor([[1.0], [6.0]]), torch.tensor([[3.0]]), torch.tensor([1.0])
mean, covariance = posterior(x, W, b, 4.0)
close(covariance, torch.tensor([[16 / 25]]), "Precision 1 + 9/16, so variance 16/25.")
close(
    mean,
    torch.tensor([[0.0], [0.6]]),
    "At x = b there is nothing to explain, so z is centred at 0; elsewhere the mean grows with x − b, shrunk by the prior.",
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(502)
for n, D, k, s in ((1, 3, 1, 0.5), (5, 4, 2, 1.3), (2, 2, 3, 0.7)):
    x, W, b = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((n, D), (D, k), (D,)))
    C = W @ W.T + s * s * torch.eye(D, dtype=torch.float64)
    gain = torch.linalg.solve(C, W).T  # (k, D): the other way to condition a Gaussian
    mean, covariance = posterior(x, W, b, s)
    close(mean, (x - b) @ gain.T, "The mean of the posterior is off when there are several codes or pixels.")
    close(
        covariance,
        torch.eye(k, dtype=torch.float64) - gain @ W,
        "The covariance of the posterior is off when there are several codes or pixels.",
    )
### END HIDDEN TESTS

# %% [markdown]
# ### Task 5c
#
# The ELBO, exactly, for a guess $q = \mathcal N(m, \operatorname{diag} v)$ with $v = e^{\text{logvar}}$,
# one guess for each row. The KL term you have. For the other, $\mathbb{E}_q\lVert x - b - Wz\rVert^2$ is *not* $\lVert
# x - b - Wm\rVert^2$: what does the spread of $z$ add?


# %% nbgrader={"grade": false, "grade_id": "elbo-code", "locked": false, "schema_version": 3, "solution": true}
def exact_elbo(x, m, logvar, W, b, s):
    """The ELBO in nats, without sampling: x (n, D), m and logvar (n, k) => (n,)"""
    ### BEGIN SOLUTION
    variance = logvar.exp()
    squared = ((x - b - m @ W.T) ** 2).sum(dim=1) + (variance * (W**2).sum(dim=0)).sum(dim=1)
    reconstruction = squared / (2 * s**2) + 0.5 * x.shape[1] * math.log(2 * math.pi * s**2)
    kl = 0.5 * (m**2 + variance - 1 - logvar).sum(dim=1)
    return -reconstruction - kl
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "elbo-bound-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import math

import torch

from course_utils.checks import check, close

x, W, b = torch.tensor([[1.0], [6.0]]), torch.tensor([[3.0]]), torch.tensor([1.0])
evidence = -0.5 * (torch.tensor([0.0, 1.0]) + math.log(2 * math.pi * 25))
mean, logvar = torch.tensor([[0.0], [0.6]]), torch.full((2, 1), math.log(16 / 25))
message = "An ELBO above log p(x): a lower bound cannot do that. Is the KL term subtracted, and does the spread of z cost reconstruction?"
check((exact_elbo(x, mean, logvar - 3, W, b, 4.0) < evidence).all(), message)
close(
    exact_elbo(x, mean, logvar, W, b, 4.0), evidence, "For the true posterior nothing may be missing: ELBO = log p(x)."
)
### BEGIN HIDDEN TESTS
options = {"generator": torch.Generator().manual_seed(503), "dtype": torch.float64}
for n, D, k, s in ((3, 5, 2, 0.6), (1, 3, 3, 1.5)):
    W = torch.linalg.qr(torch.randn(D, k, **options)).Q * (0.5 + torch.rand(k, **options))  # a diagonal posterior
    x, b = torch.randn(n, D, **options), torch.randn(D, **options)
    covariance = torch.linalg.inv(torch.eye(k, dtype=torch.float64) + W.T @ W / s**2)
    mean, logvar = (x - b) @ W @ covariance / s**2, covariance.diagonal().log().expand(n, k)
    C = W @ W.T + s * s * torch.eye(D, dtype=torch.float64)
    evidence = torch.distributions.MultivariateNormal(b, C).log_prob(x)
    message = "With orthogonal columns of W the posterior is diagonal, and the bound must be tight there."
    close(exact_elbo(x, mean, logvar, W, b, s), evidence, message)
    for _ in range(5):
        guess = mean + torch.randn(n, k, **options), logvar + torch.randn(n, k, **options)
        below = exact_elbo(x, *guess, W, b, s) < evidence
        check(below.all(), "An ELBO above log p(x): a lower bound cannot do that.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "elbo-gap-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

# Two pixels, two codes; moving the guess away from the posterior costs exactly the KL divergence to it (2.4).
x, W, b = torch.tensor([[2.0, 0.0]]), torch.eye(2), torch.zeros(2)
half = torch.full((1, 2), 0.5).log()
tight = exact_elbo(x, torch.tensor([[1.0, 0.0]]), half, W, b, 1.0)
moved = exact_elbo(x, torch.tensor([[1.0, 3.0]]), half, W, b, 1.0)
message = "The guess was moved by 3 where the posterior has the variance ½: that costs 3² / (2 · ½) = 9 nats."
close(tight - moved, torch.tensor([9.0]), message)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(504)
for n, D, k, s in ((4, 3, 2, 0.9), (1, 2, 3, 0.5)):
    x, W, b = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((n, D), (D, k), (D,)))
    m, logvar = torch.randn(2, n, k, generator=generator, dtype=torch.float64).unbind(0)
    precision = torch.eye(k, dtype=torch.float64) + W.T @ W / s**2
    away = m - (x - b) @ W @ torch.linalg.inv(precision) / s**2
    gap = 0.5 * (
        (logvar.exp() * precision.diagonal()).sum(dim=1)
        + ((away @ precision) * away).sum(dim=1)
        - k
        - logvar.sum(dim=1)
        - torch.logdet(precision)
    )
    C = W @ W.T + s * s * torch.eye(D, dtype=torch.float64)
    evidence = torch.distributions.MultivariateNormal(b, C).log_prob(x)
    message = "What is missing to log p(x) must be the KL divergence to the posterior, also when W mixes the codes. What does the spread of z add to the squared error?"
    close(evidence - exact_elbo(x, m, logvar, W, b, s), gap, message)
### END HIDDEN TESTS

# %% [markdown]
# ## 6 Bounds from several guesses
#
# ### Task 6a
#
# You are given log weights, $\log w = \log p(x\mid z) + \log p(z) - \log q(z\mid x)$, for $M$ draws of $z$
# a picture, as a tensor $(n, M)$. Estimate the bound $\mathcal L_K$ of (2.11) for each picture and use *all* draws: cut
# them, in the order in which they come, into groups of $K$ (which divides $M$), and average the groups' values. Weights
# of real pictures are of the size $e^{-100}$ or far smaller.


# %% nbgrader={"grade": false, "grade_id": "bound-code", "locked": false, "schema_version": 3, "solution": true}
def importance_bound(log_weights, K):
    """Log weights (n, M) and K, a divisor of M => the estimate of the bound for each picture, (n,)"""
    ### BEGIN SOLUTION
    groups = log_weights.reshape(len(log_weights), -1, K)
    return (groups.logsumexp(dim=2) - math.log(K)).mean(dim=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bound-values-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

weights = torch.tensor([[1.0, 3.0, 2.0, 2.0], [8.0, 8.0, 8.0, 8.0]])
close(
    importance_bound(weights.log(), 4),
    torch.tensor([2.0, 8.0]).log(),
    "With all draws in one group: the logarithm of the AVERAGE weight. (Is the division by K there, and is the average taken before the logarithm?)",
)
close(
    importance_bound(weights.log(), 1),
    weights.log().mean(dim=1),
    "With K = 1 this is the ELBO: the average of the logarithms.",
)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(601)
logs = torch.randn(5, 12, generator=generator, dtype=torch.float64)
for K in (1, 2, 3, 4, 6, 12):
    truth = torch.stack([part.exp().mean(dim=1).log() for part in logs.split(K, dim=1)]).mean(dim=0)
    close(
        importance_bound(logs, K),
        truth,
        "Groups of K neighbouring draws of the SAME picture: average the weights in each, take the logarithm, then average over the groups.",
    )
close(importance_bound(logs[:1], 3).reshape(-1), importance_bound(logs, 3)[:1], "A batch of one picture is a batch.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "bound-stable-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

tiny = torch.tensor([[1.0, 3.0, 2.0, 2.0]]).log() - 500
close(
    importance_bound(tiny, 4),
    torch.tensor([2.0]).log() - 500,
    "e⁻⁵⁰⁰ is 0 in float32, and log 0 is −∞: take out the largest log weight before exp, and add it again.",
)
### BEGIN HIDDEN TESTS
close(
    importance_bound(tiny + 1000, 2),
    torch.tensor([0.5 * torch.tensor([2.0, 2.0]).log().sum().item() + 500]),
    "e⁵⁰⁰ overflows; the bound must not.",
)
spread = torch.tensor([[-2000.0, -2000.0, 0.0, 0.0]])
close(
    importance_bound(spread, 2),
    torch.tensor([-1000.0]),
    "Groups of very different size: each group needs a largest log weight of its own.",
)
### END HIDDEN TESTS

# %% [markdown]
# ### Task 6b
#
# If one weight dwarfs all others, $K$ draws are worth one. The *effective sample size* says what they are
# worth: $(\sum_k w_k)^2 / \sum_k w_k^2$, between 1 and the number of draws.


# %% nbgrader={"grade": false, "grade_id": "ess-code", "locked": false, "schema_version": 3, "solution": true}
def effective_sample_size(log_weights):
    """Log weights (n, M) => (n,), each between 1 and M."""
    ### BEGIN SOLUTION
    return (2 * log_weights.logsumexp(dim=1) - (2 * log_weights).logsumexp(dim=1)).exp()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ess-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

logs = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, -100.0, -100.0, -100.0], [0.0, 0.0, -100.0, -100.0]])
close(
    effective_sample_size(logs),
    torch.tensor([4.0, 1.0, 2.0]),
    "Equal weights count fully; one that dwarfs the others counts as one; two equal ones as two.",
    rtol=1e-3,
)
close(
    effective_sample_size(logs - 500),
    torch.tensor([4.0, 1.0, 2.0]),
    "A common factor of the weights must cancel, also one that float32 cannot hold.",
    rtol=1e-3,
)
### BEGIN HIDDEN TESTS
logs = 2 * torch.randn(6, 9, generator=torch.Generator().manual_seed(602), dtype=torch.float64)
truth = logs.exp().sum(dim=1) ** 2 / (logs.exp() ** 2).sum(dim=1)
close(
    effective_sample_size(logs + 1000),
    truth,
    "Square of the sum over sum of the squares, of the weights and not of their logarithms, for each picture.",
    rtol=1e-3,
)
### END HIDDEN TESTS

# %% [markdown]
# On the model of part 5 the truth is known. Watch the bound rise to it, and the effective sample size tell how good the
# guess is. (The guess below has the right mean and too small a spread.)

# %% nbgrader={"grade": false, "grade_id": "bound-output", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    torch.manual_seed(0)
    W, b, s = torch.randn(10, 4), torch.zeros(10), 1.0
    x = torch.randn(200, 4) @ W.T + torch.randn(200, 10)
    mean, covariance = posterior(x, W, b, s)
    logvar = (0.6 * covariance.diagonal()).log().expand(200, 4)
    z = draw_codes(mean, logvar, 512)
    log_weights = -0.5 * ((x - z @ W.T) ** 2 + math.log(2 * math.pi)).sum(-1) - 0.5 * (
        z**2 + math.log(2 * math.pi)
    ).sum(-1)
    log_weights += 0.5 * ((z - mean) ** 2 / logvar.exp() + logvar + math.log(2 * math.pi)).sum(-1)
    for K in (1, 8, 64, 512):
        print(f"K = {K:3d}: {importance_bound(log_weights.T, K).mean():.3f}")
    print(
        f"log p(x): {log_evidence(x, W, b, s).mean():.3f}, exact ELBO: {exact_elbo(x, mean, logvar, W, b, s).mean():.3f}"
    )
    print(f"512 draws are worth {effective_sample_size(log_weights.T).mean():.0f}")

# %% [markdown]
# ## 7 Free bits
#
# A remedy for posterior collapse (Kingma et al., 2016). Section 2.8 shows its coarse form, one allowance for the whole
# code; here every coordinate has $\lambda$ nats for nothing. Average the KL divergence of each coordinate over the batch first, and replace what lies
# below $\lambda$ by $\lambda$:
#
# $$\sum_{j=1}^d \max\Bigl(\lambda,\ \frac1n\sum_{i=1}^n D_\text{KL}\bigl(q(z_j\mid x_i)\,\Vert\,p(z_j)\bigr)\Bigr).$$
#
# Below $\lambda$ the term is flat, so nothing presses the coordinate any further.
#
# ### Task 7
#
# Write it.


# %% nbgrader={"grade": false, "grade_id": "free-bits-code", "locked": false, "schema_version": 3, "solution": true}
def free_bits(kl, floor):
    """KL divergences (n, d), one for each picture and coordinate, and λ => the term above, a tensor with one number."""
    ### BEGIN SOLUTION
    return kl.mean(dim=0).clamp(min=floor).sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "free-bits-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

kl = torch.tensor([[0.0, 3.0], [0.2, 1.0]])  # means 0.1 and 2.0
close(free_bits(kl, 0.0), torch.tensor(2.1), "Without a floor: averaged over the batch, summed over the coordinates.")
close(free_bits(kl, 0.5), torch.tensor(2.5), "Only the first coordinate is below the floor, and only it is lifted.")
check(
    bool(free_bits(kl, 0.5) == free_bits(kl * torch.tensor([2.0, 1.0]), 0.5)), "Below the floor the term must be flat."
)
### BEGIN HIDDEN TESTS
kl = torch.tensor([[0.0, 2.0, 0.1], [1.0, 0.0, 0.1], [0.2, 0.4, 0.0]], dtype=torch.float64)  # means 0.4, 0.8, 0.067
close(
    free_bits(kl, 0.5),
    torch.tensor(0.5 + 0.8 + 0.5, dtype=torch.float64),
    "The floor holds for each coordinate's average over the batch: not for single pictures, and not for the sum.",
)
close(free_bits(kl[:1], 0.5), torch.tensor(0.5 + 2.0 + 0.5, dtype=torch.float64), "A batch of one picture is a batch.")
### END HIDDEN TESTS

# %% [markdown]
# ## 8 Investigation: when does the code fall silent?
#
# Here is a VAE so small that it trains in about a second, on the 8×8 digits of scikit-learn, made black and white. Its
# pixels are coins, as in the chapter, so that $p(x\mid z)$ is a true probability.

# %% nbgrader={"grade": false, "grade_id": "small-vae", "locked": true, "schema_version": 3, "solution": false}
from course_utils.taught.vae import reconstruction_loss  # (logits, x) => nats of each picture

pixels = torch.tensor(load_digits().data > 7.5, dtype=torch.float32)  # (1797, 64), each 0 or 1
train_pixels, test_pixels = pixels[:-360], pixels[-360:]


class SmallVAE(nn.Module):
    def __init__(self, latent_dim=8, hidden_dim=64):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 64))

    def encode(self, x):
        return self.encoder(x).chunk(2, dim=1)  # mu and logvar, each (n, latent_dim)


# %% [markdown]
# **Before you start, write down** at which β you expect the last of the eight coordinates to fall silent: 2, 5, 20,
# 100?
#
# ### Task 8a · Train one
#
# Write `train_small`. Call `torch.manual_seed(seed)`, make a `SmallVAE`, and train it for `steps` steps with Adam
# (learning rate $5\cdot10^{-3}$, random batches of 128 training pictures) on $L_\beta$ of (2.10), or, with `floor > 0`,
# with `free_bits` in the place of the KL term. Return the trained network. (What it does is measured by the checks.)


# %% nbgrader={"grade": false, "grade_id": "experiment-code", "locked": false, "schema_version": 3, "solution": true}
def train_small(train_x, beta, steps, seed=0, floor=0.0):
    """Train one SmallVAE on train_x (n, 64), each pixel 0 or 1; return it."""
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    vae = SmallVAE()
    optimizer = torch.optim.Adam(vae.parameters(), lr=5e-3)
    for _ in range(steps):
        x = train_x[torch.randint(len(train_x), (128,))]
        mu, logvar = vae.encode(x)
        logits = vae.decoder(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar)  # (n, latent_dim)
        loss = reconstruction_loss(logits, x).mean() + beta * free_bits(kl, floor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return vae
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "experiment-beta-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from course_utils.checks import check, ours, with_weights

coins = torch.tensor(load_digits().data > 7.5, dtype=torch.float32)
seen, held_out = coins[:-360], coins[-360:]


@torch.no_grad()
def measured(vae, x):
    """Rate and distortion in nats a picture, the latter over 20 draws of z."""
    mu, logvar = vae.encode(x)
    z = mu + torch.randn(20, *mu.shape, generator=torch.Generator().manual_seed(201)) * (0.5 * logvar).exp()
    distortion = F.binary_cross_entropy_with_logits(vae.decoder(z), x.expand(20, -1, -1), reduction="sum")
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1).mean().item(), distortion.item() / (20 * len(x))


kind = "Return the trained SmallVAE itself."
honest = with_weights(ours("SmallVAE")(), train_small(seen, 1.0, steps=150), kind)
dear = with_weights(ours("SmallVAE")(), train_small(seen, 100.0, steps=150), kind)
with torch.no_grad():
    speaking, silent = ((vae.encode(held_out)[0].var(dim=0) > 0.01).sum() for vae in (honest, dear))
message = "At β = 100 the code should fall silent: no mu that differs between pictures. Does β multiply the KL term?"
check(silent == 0, message)
message = "At β = 1 the code should speak. Are pixels summed, like coordinates? Is z drawn around every mu?"
check(speaking >= 3, message)
### BEGIN HIDDEN TESTS
rate, distortion = measured(dear, held_out)
check(rate < 0.1 and 20 < distortion < 28, "At β = 100 hardly any rate is left, and the average picture.")
some = seen[torch.randperm(len(seen), generator=torch.Generator().manual_seed(202))[:1200]]
vae = with_weights(ours("SmallVAE")(), train_small(some, 0.1, steps=100, seed=204), kind)
rate, distortion = measured(vae, held_out)
message = "At β = 0.1 a nat of code is cheap, so the rate should be large: does β multiply the KL term, and the KL term only? Is z drawn with the standard deviation that the KL term believes in?"
check(rate > 11.2 and distortion < 18, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "experiment-elbo-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from course_utils.checks import check, ours, with_weights

coins = torch.tensor(load_digits().data > 7.5, dtype=torch.float32)
seen, held_out = coins[:-360], coins[-360:]


@torch.no_grad()
def measured(vae, x):
    """Rate and distortion in nats a picture, the latter over 20 draws of z."""
    mu, logvar = vae.encode(x)
    z = mu + torch.randn(20, *mu.shape, generator=torch.Generator().manual_seed(201)) * (0.5 * logvar).exp()
    distortion = F.binary_cross_entropy_with_logits(vae.decoder(z), x.expand(20, -1, -1), reduction="sum")
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1).mean().item(), distortion.item() / (20 * len(x))


kind = "Return the trained SmallVAE itself."
rate, distortion = measured(with_weights(ours("SmallVAE")(), train_small(seen, 1.0, steps=150), kind), held_out)
message = "At β = 1 the network reaches no plausible negative ELBO: both terms in nats per picture, summed over coordinates or pixels, averaged over pictures, with the KL divergence's own ½; and steps that learn."
check(rate > 1.5 and 17 < rate + distortion < 22.7, message)
### BEGIN HIDDEN TESTS
check(distortion < 22, "At β = 1 the code should tell the pictures apart.")
some = seen[torch.randperm(len(seen), generator=torch.Generator().manual_seed(202))[:1200]]
rate, distortion = measured(
    with_weights(ours("SmallVAE")(), train_small(some, 1.0, steps=150, seed=203), kind), held_out
)
message = "On other training pictures, with another seed, the network reaches no plausible negative ELBO: is it trained on the pictures that are handed in?"
check(rate > 1.5 and 17 < rate + distortion < 23, message)
vae = with_weights(ours("SmallVAE")(), train_small(1 - some, 1.0, steps=100, seed=205), kind)
message = (
    "Trained on negatives, the network should rebuild negatives: is it trained on the pictures that are handed in?"
)
check(sum(measured(vae, 1 - held_out)) < 25 < sum(measured(vae, held_out)), message)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "experiment-seed-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from course_utils.checks import check, close, ours, with_weights

coins = torch.tensor(load_digits().data[:500] > 7.5, dtype=torch.float32)
kind = "Return the trained SmallVAE itself."
trained = [train_small(coins, 2.0, steps=20, seed=seed) for seed in (1, 1, 2)]
with torch.no_grad():
    first, again, other = [with_weights(ours("SmallVAE")(), vae, kind).encode(coins)[0] for vae in trained]
close(again, first, "The same seed gave two networks: seed before the model is made.", rtol=1e-3, atol=1e-4)
check((other - first).abs().max() > 1e-3, "Two seeds gave exactly the same network: is the seed used?")
### BEGIN HIDDEN TESTS
with torch.no_grad():
    logits = with_weights(ours("SmallVAE")(), trained[0], kind).decoder(first)
distortion = F.binary_cross_entropy_with_logits(logits, coins, reduction="sum").item() / len(coins)
check(distortion < 40, "After twenty steps a network should be better than one that says ½ to every pixel.")
trained = [train_small(coins, 2.0, steps=5, **seed) for seed in ({}, {"seed": 0})]
with torch.no_grad():
    default, zero = [with_weights(ours("SmallVAE")(), vae, kind).encode(coins)[1] for vae in trained]
close(default, zero, "Without a seed the seed is 0.", rtol=1e-3, atol=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "experiment-floor-test", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from course_utils.checks import check, ours, with_weights

coins = torch.tensor(load_digits().data > 7.5, dtype=torch.float32)
trained = [train_small(coins[:-360], 20.0, steps=150, floor=floor) for floor in (0.0, 0.5)]
with torch.no_grad():
    silent, helped = [with_weights(ours("SmallVAE")(), one, "Return the trained SmallVAE itself.") for one in trained]
    rates = []
    for vae in (silent, helped):
        mu, logvar = vae.encode(coins[-360:])
        rates.append(0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1).mean().item())
check(
    rates[1] > rates[0] + 1,
    "With half a nat free in every coordinate, the code should carry more than without, even at β = 20.",
)
### BEGIN HIDDEN TESTS
with torch.no_grad():
    distortions = []
    for vae in (silent, helped):
        mu, logvar = vae.encode(coins[-360:])
        z = mu + torch.randn(mu.shape, generator=torch.Generator().manual_seed(205)) * (0.5 * logvar).exp()
        distortions.append(F.binary_cross_entropy_with_logits(vae.decoder(z), coins[-360:], reduction="sum") / 360)
check(distortions[1] < distortions[0] - 1, "Free nats should be used: they should make the distortion smaller.")
message = "Beyond its free half nat a coordinate costs 20 times its rate: does β multiply the term with the floor, too?"
check(rates[1] < 4.3, message)
### END HIDDEN TESTS

# %% [markdown]
# ### Task 8b · Measure it
#
# Write `measure`: with one draw of $z$ for each picture, the rate and the distortion, in nats per picture, and the number
# of active coordinates (variance of $\mu_j(x)$ over the pictures above 0.01).


# %% nbgrader={"grade": false, "grade_id": "measure-code", "locked": false, "schema_version": 3, "solution": true}
@torch.no_grad()
def measure(vae, x):
    """{"rate": float, "distortion": float, "active": int} of a SmallVAE on the pictures x (n, 64), each pixel 0 or 1."""
    ### BEGIN SOLUTION
    mu, logvar = vae.encode(x)
    logits = vae.decoder(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
    rate = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    active = (mu.var(dim=0) > 0.01).sum()
    return {"rate": rate.item(), "distortion": reconstruction_loss(logits, x).mean().item(), "active": int(active)}
    ### END SOLUTION


# %% given=["experiment-code"] nbgrader={"grade": true, "grade_id": "measure-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from course_utils.checks import check, close, ours, with_weights

coins = torch.tensor(load_digits().data > 7.5, dtype=torch.float32)
vae = train_small(coins[:-360], 1.0, steps=150)
found = measure(vae, coins[-360:])
check(set(found) == {"rate", "distortion", "active"}, "A dictionary with exactly these keys: rate, distortion, active.")
check(
    0 <= found["active"] <= 8, "There are eight coordinates: the variance of mu is over the pictures, for each of them."
)
check(
    15 < found["rate"] + found["distortion"] < 25,
    "Nats per picture: summed over pixels or coordinates, averaged over pictures.",
)
### BEGIN HIDDEN TESTS
for beta, steps, part in ((1.0, 150, coins[-360:]), (3.0, 120, coins[-300:-100]), (0.3, 60, 1 - coins[-200:])):
    vae = train_small(coins[:-360], beta, steps=steps, seed=206)
    found = measure(vae, part)
    with torch.no_grad():
        own = with_weights(ours("SmallVAE")(), vae, "The network must be left as it is.")
        mu, logvar = own.encode(part)
        z = mu + torch.randn(60, *mu.shape, generator=torch.Generator().manual_seed(207)) * (0.5 * logvar).exp()
        draws = F.binary_cross_entropy_with_logits(own.decoder(z), part.expand(60, -1, -1), reduction="none")
        draws = draws.sum(-1).mean(-1)  # one measurement for each draw
        rate = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1).mean().item()
        active = int((mu.var(dim=0) > 0.01).sum())
    message = "The rate is the KL divergence itself, without β or a floor, of the pictures that are handed in."
    close(found["rate"], rate, message, rtol=1e-3)
    message = "The distortion is off: is z drawn around every picture's mu, with its own standard deviation (mu alone is no draw)? Of the pictures that are handed in?"
    check(abs(found["distortion"] - draws.mean().item()) < 6 * draws.std().item() + 1e-3, message)
    close(found["active"], active, "Active is a coordinate whose mu has a variance (no standard deviation) above 0.01.")
once, twice = measure(vae, coins[:200])["distortion"], measure(vae, coins[:200])["distortion"]
check(once != twice, "Two measurements agree to the last digit: z should be drawn each time.")
### END HIDDEN TESTS

# %% [markdown]
# Now run your experiment. The next cell is a beginning: change it as you like, and plot. It is not graded, and the
# grader does not run it again.


# %%
def my_experiment():
    for beta in (0.1, 0.5, 1.0, 2.0, 5.0):
        for seed in (0, 1):
            found = measure(train_small(train_pixels, beta, steps=300, seed=seed), test_pixels)
            print(f"β = {beta:3g}, seed {seed}:", found, f"negative ELBO {found['rate'] + found['distortion']:.2f}")
    print("β = 20, λ = 0.5:", measure(train_small(train_pixels, 20.0, steps=300, floor=0.5), test_pixels))


# %% nbgrader={"grade": false, "grade_id": "experiment-output", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    found  # the tests above have been run
    my_experiment()

# %% [markdown]
# ### Report (5 points, about 150 words and a table)
#
# (a) What did you expect, and at which β did the last coordinate
# fall silent? (b) Give rate, distortion and active coordinates for at least four values of β, with at least two seeds.
# (c) Which β has the smallest negative ELBO (rate + distortion), and is that what theory says? (d) What do free bits
# change, and do they improve the ELBO? (e) One thing in your own experiment that could mislead a reader.

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-report", "locked": false, "points": 5, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - 1 point: an expectation stated before, and compared with the outcome (a wrong guess costs nothing).
# - 1 point: a table with at least four values of β and two seeds, all on test pictures.
# - 1 point: the smallest negative ELBO, from the student's own numbers, and the reason: β = 1 is what the ELBO weighs;
#   a neighbour may win on test pictures, or within the spread of seeds, since training minimises it on the training set
#   and only for so many steps.
# - 1 point: free bits raise the rate and the number of speaking coordinates; the ELBO (β = 1) at large β improves
#   against the silent code, but not against β = 1 itself. Accept what follows from the numbers.
# - 1 point: (e) a real threat: few steps, spread between seeds, one draw of z, the threshold 0.01, a single split.
# ### END MARK SCHEME
#
# (a) I expected silence near β = 20. It came between β = 2 and β = 5. (b) 300 steps, test pictures, nats, seeds 0 and
# 1:
#
# | β | rate | distortion | active | negative ELBO |
# |---|---|---|---|---|
# | 0.1 | 16.8, 17.3 | 10.3, 9.7 | 8, 8 | 27.1, 27.0 |
# | 0.5 | 8.1, 8.3 | 12.4, 12.0 | 8, 8 | 20.5, 20.3 |
# | 1 | 4.2, 4.6 | 15.6, 15.0 | 8, 8 | 19.8, 19.6 |
# | 2 | 1.9, 1.7 | 19.1, 19.6 | 7, 8 | 21.0, 21.3 |
# | 5 | 0.0, 0.0 | 24.9, 24.9 | 0, 0 | 24.9, 24.9 |
#
# (c) β = 1, in both seeds, by more than the seeds differ. It is what the ELBO weighs, and hence what training with β =
# 1 looks for. (d) At β = 20 a floor of 0.5 brings all eight coordinates back to life: rate 2.5, distortion 20.2,
# together 22.7. That is better than the silent code's 24.9, and worse than β = 1. (e) 300 steps are few. At β = 2 the
# code might still be waking up or falling silent, so the place where it falls silent may move with the number of steps.
# I would repeat β from 2 to 5 with 3000.
