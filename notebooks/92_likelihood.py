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
# # 92 · Appendix: likelihood
#
# Chapter 06 compares heaps of samples, because an implicit model offers nothing else. A variational autoencoder does: it says
# which probability it gives to a picture. So one can do for it what one does for any statistical model and ask how probable it
# finds pictures that it has never seen. The answer is in nats, and needs no feature net and no reference set. It also needs
# more care than a score.
#
# **You will be able to**
#
# - say what a likelihood tells about samples, and what it cannot tell;
# - estimate the likelihood of a VAE by importance weighting, and see how much the estimate still lacks;
# - say why a number in nats is sometimes no likelihood, and how many nats are coin tosses;
# - say what must agree before two published likelihoods may be compared;
# - (further) close most of the gap with annealed importance sampling.
#
# **Time.** Reading, 30 minutes, and 20 more for what is headed *Further*. Running all cells, about 30 seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** chapter 02 only: the ELBO, and the bound with $K$ draws at its end. For the further sections, the density of a
# Gaussian in many dimensions.

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
import math

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

from course_utils import likelihood, pretrained, schedule
from course_utils.data import load_images
from course_utils.figures import show
from course_utils.results import Results, holds
from course_utils.schedule import seed_everything
from course_utils.taught.vae import log_mean_exp, log_normal

seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("92", digits.source)

# %% [markdown]
# ## 92.1 What a likelihood says, and what it does not · 2 min
#
# A model of black-and-white pictures has $2^{784}$ of them to share its probability among. The mean of $\log p(x)$ over test
# pictures says how well it shares. It does not say what its samples look like (Theis et al., 2016). Take any good model $p$, and
# let it answer with noise $q$ in 99 cases of 100. For every picture,
#
# $$\log\bigl(0.01\, p(x) + 0.99\, q(x)\bigr) \;\ge\; \log p(x) - \log 100. \tag{92.1}$$
#
# > **❓ Predict.** How many nats does the spoiled model lose? Is that much, for pictures whose log-likelihood is about −200 under a
# > crude model and about −85 under a very good one?

# %% jupyter={"outputs_hidden": true}
x = torch.bernoulli(digits.test[:1000]).flatten(1)  # black and white, so that these are probabilities
ink = digits.train.mean(dim=0).flatten().clamp(1e-3, 1 - 1e-3)  # a crude model: independent pixels
log_p = (x * ink.log() + (1 - x) * (1 - ink).log()).sum(dim=1)
log_q = torch.full_like(log_p, -784 * math.log(2))  # noise: fair coins
log_spoiled = torch.logaddexp(log_p + math.log(0.01), log_q + math.log(0.99))
lost = log_p - log_spoiled
print(f"the crude model {log_p.mean():.1f} nats, the spoiled one {log_spoiled.mean():.1f}")
holds("never more than log 100 is lost", lost.max() <= math.log(100) + 1e-3, lost.max())
holds("and on average nearly that", lost.mean() > 4.6, lost.mean())

# %% [markdown]
# A generator that fails 99 times in 100 could still have an excellent likelihood. The other way round is as easy: a memoriser that
# replays training pictures draws perfect samples, and gives every picture that it has not stored the probability 0. Good samples
# and good likelihood are two different things, and neither implies the other.

# %% [markdown]
# ## 92.2 The average of the weights · 3 min
#
# The likelihood of a VAE is an integral over codes. Draw them from the encoder's guess $q$ instead of the prior, and correct for it:
#
# $$p_\theta(x) = \int p_\theta(x\mid z)\,p(z)\,dz = \mathbb{E}_{q(z\mid x)}\left[w(z)\right],
# \qquad w(z) = \frac{p_\theta(x\mid z)\,p(z)}{q(z\mid x)}. \tag{92.2}$$
#
# Draw $z_1, \dots, z_K$ and average the weights $w$. That average $\bar w$ is right on average, *whatever* $q$ is, as long as it is
# positive where the numerator is. Its logarithm is too low on average, by Jensen's inequality: the bound $\mathcal L_K$ of chapter
# 02. By how much? Write $r = \bar w / p_\theta(x)$, which has mean 1 and variance $v/K$, where $v$ is the relative variance of one
# weight. Since $\log r \approx (r-1) - \frac12 (r-1)^2$,
#
# $$\log p_\theta(x) - \mathcal L_K(x) \;\approx\; \frac{v}{2K},
# \qquad v = \frac{\operatorname{Var}(w)}{(\mathbb{E} w)^2}. \tag{92.3}$$
#
# We check it on a model with one pixel, $z\sim\mathcal N(0,1)$, $x = z + 0.2\,\varepsilon$, with a guess that is twice too wide. There
# $v$ is an integral that a fine grid settles.

# %%
s, x_seen = 0.2, 1.3
posterior_mean, posterior_std = x_seen / (1 + s**2), s / math.sqrt(1 + s**2)
evidence = log_normal(torch.tensor([x_seen]), 0, 1 + s**2)
guess = torch.distributions.Normal(posterior_mean, 2 * posterior_std)


def story_log_weights(z):
    z = z.unsqueeze(-1)
    return log_normal(x_seen, z, s**2) + log_normal(z, 0, 1.0) - guess.log_prob(z).squeeze(-1)


# %%
z = torch.linspace(-3, 5, 100_001)
relative = (story_log_weights(z) - evidence).exp()  # w / p(x)
density = guess.log_prob(z).exp()
v = torch.trapezoid(relative**2 * density, z).item() - 1
mean = torch.trapezoid(relative * density, z)
holds("the weights are right on average", abs(mean - 1) < 1e-4, mean)
for K in (10, 40, 160):
    log_r = log_mean_exp(story_log_weights(guess.sample((40_000, K)))) - evidence
    gap = (log_r.exp() - 1 - log_r).mean()  # E[r − 1] is 0; taking it along quietens the dice
    near = abs(gap / (v / (2 * K)) - 1) < (0.2 if K == 10 else 0.08)
    holds(f"K = {K}: the gap is v / 2K, nearly", near, gap, v / (2 * K))

# %% [markdown]
# So with *tame* weights the gap closes like $1/K$. The same $v$ gives the **effective sample size**, the number of even weights that
# would be worth as much as $K$ uneven ones:
#
# $$\mathrm{ESS} = \frac{\left(\sum_k w_k\right)^2}{\sum_k w_k^2} \;\approx\; \frac{K}{1+v}. \tag{92.4}$$

# %% [markdown]
# ## 92.3 How far the bound rises · 7 min
#
# Now the VAE of chapter 02, with the weights that come with the course. As a model of **black-and-white** pictures it is a proper
# one: each pixel is a coin, the probabilities of the $2^{784}$ pictures sum to one, and (92.2) is a probability. (It was trained on
# grey pictures. For its *decoder* that is training on black-and-white pictures drawn from them, averaged over the drawing, since the
# loss is linear in the pixels that it is asked to rebuild. Its *encoder* has never seen a black-and-white picture, and so its guesses
# are not the best.) We ask it about twenty digits of the test set with every pixel drawn once.
#
# The weights, for $k$ draws at once:


# %%
def log_weights(model, x, k):
    """log p(x|z) p(z) / q(z|x) for k draws of z from q: (n, k). `x`: black-and-white pictures."""
    exact = torch.autocast(x.device.type, enabled=False)  # 16-bit numbers only where it trains
    with schedule.autocast() if torch.is_grad_enabled() else exact:
        mu, logvar = (part.to(x.dtype).unsqueeze(1) for part in model.encode(x))  # (n, 1, latent_dim)
        eps = torch.randn(len(x), k, mu.shape[-1], device=x.device, dtype=x.dtype)
        z = mu + (0.5 * logvar).exp() * eps
        logits = model.decode(z).to(x.dtype)  # (n, k, 784); 16-bit numbers end here
    # log p(x|z) = Σ x·logit − softplus(logit), which is minus the binary cross-entropy
    log_likelihood = torch.einsum("nkd,nd->nk", logits, x.flatten(1))
    log_likelihood = log_likelihood - F.softplus(logits).sum(dim=-1)
    # log p(z) − log q(z|x), by way of ε = (z − μ)/σ: the 2π cancel
    return log_likelihood + 0.5 * (eps.square() - z.square() + logvar).sum(dim=-1)


# %% [markdown]
# > **❓ Predict.** From $K=1$ to $K=5000$: by how many nats does the bound rise? And of 5000 draws, how many are worth something?

# %% jupyter={"outputs_hidden": true}
torch.manual_seed(schedule.seed())
vae = pretrained.load(f"vae-{digits.source}")
x = torch.bernoulli(digits.test[:20])
with torch.no_grad():  # (20, 5000), in chunks for memory
    weights = torch.cat([log_weights(vae, x, 250) for _ in range(20)], dim=1)
ladder = (1, 5, 50, 500, 5000)  # each divides the next: all 5000 draws serve every K, in groups of K
bounds = {K: log_mean_exp(weights.view(20, -1, K)).mean().item() for K in ladder}
effective = 1 / weights.softmax(dim=1).square().sum(dim=1)  # of 5000, per picture
for K, bound in bounds.items():
    print(f"K = {K:4d}: {bound:8.2f} nats per picture")
print(f"effective draws of 5000: median {effective.median():.0f}, smallest {effective.min():.1f}")

# %% jupyter={"outputs_hidden": true}
holds("the bound rises with K", list(bounds.values()) == sorted(bounds.values()))
holds("by more than two nats", bounds[5000] - bounds[1] > 2, bounds[5000] - bounds[1])
holds("fewer than a tenth of the draws count", effective.median() < 500, effective.median())
results.add(iw_bound_1=bounds[1], iw_bound_50=bounds[50], iw_bound_5000=bounds[5000])
results.add(effective_samples=effective.median().item())

# %% [markdown]
# So few! In twenty dimensions a guess that is a little off in each direction is far off altogether, and the sum lives on the handful
# of draws that hit.
#
# By (92.4), so few of 5000 mean that $v$ is in the hundreds, and by (92.3) the gap at $K=5000$ would be a few hundredths of a nat. Do not
# believe it. Both are computed from the draws that we have, and what makes $v$ large are rare, huge weights: those that have not come up
# yet. An effective sample size is itself optimistic. Look at the bound instead. With tame weights ten times the draws leave a tenth of
# the gap, so each step of ten would bring a tenth of what the one before it brought:

# %%
fig, ax = plt.subplots(figsize=(6, 2.8))
ax.semilogx(ladder, list(bounds.values()), "o-", label="mean over 20 pictures")
ax.set(xlabel="draws K", ylabel="bound on log p(x), nats")
ax.legend()
show(
    fig,
    alt="The importance-weighted bound, in nats, against the number of draws from 1 to 5000 on a logarithmic axis.",
)
before_last, last = bounds[500] - bounds[50], bounds[5000] - bounds[500]
print(f"from 50 to 500: {before_last:.2f} nats; from 500 to 5000: {last:.2f}")
holds("the last step brings more than a tenth of the one before", last > 0.15 * before_last)

# %% [markdown]
# The curve is not flat at its right end. Every published "5000-sample estimate" is a lower bound in this sense, too, as good as the
# encoder is, and it compares two models fairly only if their encoders are equally good. How much is missing? Sections 92.6 and 92.7
# find out.

# %% [markdown]
# ## 92.4 Grey is not a likelihood · 5 min
#
# Chapter 02 warned that the binary cross-entropy (BCE) of *grey* pixels must not be put beside a likelihood. We can now say by how much
# it is wrong, in three steps. **First**, it is not normalised. As a function of $x\in[0,1]$, the expression $p^x(1-p)^{1-x}$, the
# exponential of minus BCE, has the integral
#
# $$\int_0^1 p^x (1-p)^{1-x}\,dx = (1-p)\int_0^1 e^{x\lambda}\,dx = \frac{2p - 1}{\lambda},
# \qquad \lambda = \log\frac{p}{1-p}, \tag{92.5}$$
#
# which is ½ at $p=\frac12$ and less elsewhere. A density needs 1. Dividing by (92.5) gives the **continuous Bernoulli** distribution
# (Loaiza-Ganem and Cunningham, 2019).

# %%
p = torch.linspace(0.001, 0.999, 998).double()  # an even number: ½ itself is not among them
grid = torch.linspace(0, 1, 2001).double()
by_integration = torch.trapezoid(p[:, None] ** grid * (1 - p[:, None]) ** (1 - grid), grid)
mass = (2 * p - 1) / p.logit()
holds("(92.5) is the integral", torch.allclose(by_integration, mass, rtol=1e-4, atol=0))
library = torch.distributions.ContinuousBernoulli(p).log_prob(torch.full_like(p, 0.3))
ours = 0.3 * p.logit() + (1 - p).log() - mass.log()

# %%
holds("and what torch divides by", torch.allclose(library, ours, rtol=1e-4, atol=1e-4))
holds("it is at most one half", mass.max() < 0.5 + 1e-6, mass.max())
print(f"missing for 784 pixels: at least 784 · log 2 = {784 * math.log(2):.0f} nats")

# %% [markdown]
# So the density that belongs to a grey BCE of 100 nats is *at least* 543 nats larger, a density of $e^{443}$ or more. **Second**, that is
# no contradiction. A density is not a probability: it may exceed 1, and it depends on the unit. Count grey levels from 0 to 255 instead
# of 0 to 1, and every log density falls by $784\log 255 = 4344$ nats with the same model. To be compared with a probability, a density on
# pixels of whole grey levels has to be integrated over cells: add noise of one level's width to the pixels (*dequantisation*; Theis et
# al., 2016). **Third**, even a perfect reconstruction pays. BCE with $p = x$ is the entropy of a coin,
#
# $$h(x) = -x\log x - (1-x)\log(1-x), \tag{92.6}$$
#
# and this is the least that any $p$ can reach for that $x$.

# %%
grey = digits.test.flatten(1)
floor = F.binary_cross_entropy(grey, grey, reduction="none").sum(dim=1).mean().item()
shifted = (grey + 0.02).clamp(max=1)
other = F.binary_cross_entropy(shifted, grey, reduction="none").sum(dim=1).mean().item()
results.add(grey_floor=floor)
holds("a perfect reconstruction costs dozens of nats a picture", floor > 20, floor)
holds("and a worse one more", floor < other, other)

# %% [markdown]
# That number has a second meaning, and it is the more useful one. Made black and white by coins, a picture contains that many nats of
# *coin tosses*, which no model can foresee. For if $b$ is made from a grey $x$, then the mean of $-\log p_\theta(b)$ over the tosses is a
# cross-entropy, and at least the entropy of $b$ given $x$, which is (92.6) summed over the pixels. No model whatever can have a smaller
# mean negative log-likelihood, not even one that has seen the test set. So of the 85 nats or so that good models leave on MNIST, about
# half (mean of the recorded runs: <!--92.grey_floor-->45.5) is noise from making the data, and differences of one nat between models
# are larger than they look.
#
# > **⚠ Common mistake.** Making the test pictures black and white with a threshold at ½. That removes the coin tosses, and the same model
# > looks far "better":

# %%
torch.manual_seed(schedule.seed())
cut = (digits.test[:20] > 0.5).float()
with torch.no_grad():
    by_coins, by_threshold = (log_mean_exp(log_weights(vae, pictures, 250)).mean().item() for pictures in (x, cut))
holds("a threshold flatters, K = 250", by_threshold > by_coins + 5, by_coins, by_threshold)

# %% [markdown]
# > **⚠ Common mistake.** Comparing nats across data: grey BCE against binary likelihood, binarised once (the files of Larochelle and
# > Murray, 2011) against binarised afresh, or 5000-sample estimates against ELBOs. Say which, or give bits per pixel *and* say which.

# %% [markdown]
# ## 92.5 A published protocol · 5 min
#
# A number that is to stand beside a published one must be made in the same way. For likelihoods on MNIST, the most copied way is that of
# Burda et al. (2016). The left column is theirs (for the 59,600 pictures and the output bias, the authors' code; that code also has
# $\beta_1 = 0.99$, which is not copied here). The right column is what this course's command does when it is *not* given the days that the
# left one takes, and no run recorded below was given them:
#
# | | published | shortened, as recorded below |
# |---|---|---|
# | data | black and white, drawn afresh from the grey values for every batch | the same |
# | training pictures | 59,600 | 60,000 |
# | code, hidden layers | 50; two of 200 tanh units on either side | the same |
# | start | Glorot's; output bias at the log odds of the mean picture | the same |
# | loss | $-\mathcal L_K$ with $K$ = 1, 5, 50 | the same |
# | optimiser | Adam, $\beta_1$ = 0.9, $\beta_2$ = 0.999, ε = 10⁻⁴ | the same |
# | learning rate | $10^{-3}\cdot 10^{-i/7}$ for $3^i$ passes, $i = 0, …, 7$ | **another**: the same ratios, an eighth of the run each; first rate two to four times higher |
# | batches, passes | 20; 3280, which is 9.8 million updates | **another**: fewer passes by far, larger batches for $K$ = 1 and 5 |
# | test | 10,000 pictures, made black and white once, 5000 draws each | 100 draws for all, 5000 for some at random, and their mean difference |
#
# ```sh
# python -m course_utils likelihood train --k 50 --epochs 3280      # as published; days on one core
# python -m course_utils likelihood train --k 50 --minutes 30       # as far as half an hour goes
# python -m course_utils likelihood report
# ```

# %%
published = likelihood.PUBLISHED_EPOCHS
rates = [likelihood.learning_rate(step, published, published=True) for step in range(published)]
slowest = sum(math.isclose(rate, 1e-4) for rate in rates) / published
holds("1 + 3 + … + 3⁷ = 3280 passes", published == sum(3**i for i in range(8)) == 3280, published)
holds("two thirds of them run at the last and smallest rate", slowest > 0.66, slowest)

# %%
recorded = [entry for entry in likelihood.records() if entry["data"] == "mnist"]
print("  K  passes   updates  batch  first rate   reached          published   gap")
for entry in sorted(recorded, key=lambda entry: (entry["k"], entry["epochs"])):
    updates = entry["epochs"] * (60_000 // entry["batch_size"])
    theirs = likelihood.PUBLISHED[entry["k"]]
    print(f"{entry['k']:3d}  {entry['epochs']:6d}  {updates:8,d}  {entry['batch_size']:5d}", end="  ")
    print(f"{entry['first_rate']:10.4f}   {entry['nll']:.2f} ± {entry['standard_error']:.2f}", end="  ")
    print(f"{theirs:9.2f}  {entry['nll'] - theirs:+6.2f}")
most = max(entry["epochs"] for entry in recorded) / published

# %%
holds("no recorded run had more than a tenth of the passes", most < 0.1, most)
holds("the estimate is above each ELBO", all(e["nll"] < e["negative_elbo"] for e in recorded))
best = min(entry["nll"] for entry in recorded)
holds("none is better than the best published with two layers (82.90)", best > 82.9, best)

# %% [markdown]
# How to read it. *Reached* is the negative log-likelihood in nats, with the standard error over test pictures; *published* is what the
# paper has. The gap is that of a whole shortened recipe: passes, batch size, rates and their shares all differ. So rows with different
# $K$ are not a comparison of values of $K$, and none of these rows says what the protocol would give. Others have followed it with all 3280
# passes: an independent implementation in TensorFlow reports 86.35, 85.18 and 84.59 (github.com/nbip/IWAE), a little better than the paper.
#
# Between $K=1$ and $K=50$ the published gain is two nats. Does a larger $K$ always train a better model? The bound is tighter, and the encoder
# need not be perfect. But it costs nearly $K$ times the decoder's work for each step, and the *encoder's* gradient loses out: its signal
# falls faster than its noise as $K$ grows (Rainforth et al., 2018).
#
# The standard error, about a quarter of a nat, comes from pictures being unequally hard. Two models tested on the *same* black-and-white
# pictures are compared by the mean difference picture by picture, whose error is far smaller.

# %% [markdown]
# ## Your turn · 1 min
#
# > **✎ Your turn.** **1.** With `weights` of 92.3, how many draws does each picture need before its bound stays within half a nat of its value
# > at 5000? Write `draws_needed(log_w)` for one row of 5000 log weights: the smallest $K$ of the ladder for which the mean of
# > `log_mean_exp` over groups of $K$ is within ½ of the last. Are hard pictures (a low bound) also the ones that need more draws?
#
# <details><summary>Solution 1</summary>
#
# ```python
# def draws_needed(log_w):
#     last = log_mean_exp(log_w)
#     return next(K for K in ladder if last - log_mean_exp(log_w.view(-1, K)).mean() < 0.5)
#
#
# needed = [draws_needed(row) for row in weights]
# print(sorted(zip([round(b, 1) for b in log_mean_exp(weights).tolist()], needed)))
# ```
#
# </details>
#
# > **✎ Your turn.** **2.** By (92.1) a model that answers with noise in 99 cases of 100 loses 4.6 nats. What does the *crude* model lose if its
# > pictures are noise in half of the cases? *To hit:* 0.69.
#
# <details><summary>Solution 2</summary>
#
# ```python
# half = torch.logaddexp(log_p + math.log(0.5), log_q + math.log(0.5))
# print((log_p - half).mean())  # log 2
# ```
#
# </details>

# %% [markdown]
# ## Your numbers · 1 min

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - A likelihood does not tell about samples: spoiling 99 of 100 costs 4.6 nats (92.1).
# - Importance weighting gives a bound that rises with $K$, with a gap of $v/2K$ for tame weights (92.3). Weights of a VAE are not tame: few
#   draws of thousands count, and the effective sample size is itself optimistic.
# - A binary cross-entropy on grey values is no likelihood; it is not normalised (92.5), and its floor is the entropy of the pixels (92.6).
# - Of the nats that a model of binarised digits leaves, about half are coin tosses.
# - Two likelihoods may be compared when data, binarisation, test pictures and estimate agree. A shortened recipe has a gap of its own.

# %% [markdown]
# ## What comes next
#
# - Chapter 12 will have models whose likelihood is exact, on the same black-and-white digits.
# - [Chapter 06](06_evaluation.ipynb) measures what a likelihood cannot: the samples. [Appendix 93](93_disentanglement.ipynb) looks at the codes.

# %% [markdown]
# ## 92.6 Further: the evidence as an area · 7 min
#
# How much is still missing at 5000 draws? We go from the guess $q$ to the posterior not in one leap but by small steps. Put distributions
# between the two,
#
# $$\pi_\beta(z) = \frac{q(z)\,w(z)^\beta}{Z_\beta}, \qquad Z_\beta = \int q(z)\,w(z)^\beta\,dz, \tag{92.7}$$
#
# so that $\pi_0 = q$ with $Z_0 = 1$, and $\pi_1$ is the posterior with $Z_1 = \int p_\theta(x\mid z)\,p(z)\,dz = p_\theta(x)$, which is what we
# want. ($\beta$ here is an inverse temperature, not the weight of the KL term. Physics has done this since Kirkwood, 1935.) The derivative of
# $\log Z_\beta$ is simple, because $\frac{d}{d\beta} w^\beta = w^\beta \log w$:
#
# $$\frac{d}{d\beta} \log Z_\beta = \mathbb{E}_{\pi_\beta}[\log w] =: g(\beta),
# \qquad\text{so}\qquad \log p_\theta(x) = \int_0^1 g(\beta)\,d\beta. \tag{92.8}$$
#
# The evidence is an *area*. At its left end, $g(0) = \mathbb{E}_q[\log w]$ is the ELBO. And $g$ rises, since its derivative is the variance of
# $\log w$ under $\pi_\beta$, by the same calculation. So the ELBO replaces the area under a rising curve by a rectangle of its lowest height,
# and finer rectangles give tighter bounds (Masrani et al., 2019).
#
# To check all this we need a VAE whose evidence is known. Let the decoder be **linear**, $x = Wz + \sigma\varepsilon$. Then everything is
# Gaussian: the posterior has precision $\Lambda = I + W^\top W/\sigma^2$ and mean $\mu = \Lambda^{-1}W^\top x/\sigma^2$, and
# $x \sim \mathcal N(0,\, WW^\top + \sigma^2 I)$. As a guess we take the best one with independent coordinates: the same mean, and variances
# $1/\Lambda_{jj}$.

# %%
torch.manual_seed(0)  # one fixed example, whatever the chapter's seed
d, pixels, sigma = 20, 40, 1.0
common = torch.randn(pixels, 1) * torch.rand(1, d)  # makes the columns alike, and the posterior oblique
W = (0.5 * torch.randn(pixels, d) + common).double()
picture = W @ torch.randn(d).double() + sigma * torch.randn(pixels).double()

Lambda = torch.eye(d).double() + W.T @ W / sigma**2
mu = torch.linalg.solve(Lambda, W.T @ picture / sigma**2)
diagonal = Lambda.diagonal()
of_pictures = torch.distributions.MultivariateNormal(
    torch.zeros(pixels).double(), W @ W.T + sigma**2 * torch.eye(pixels)
)
exact = of_pictures.log_prob(picture)


# %%
def linear_log_w(u):
    """log w at z = μ + u / √Λ_jj. In these coordinates the guess is a standard normal: u ~ N(0, I)."""
    z = mu + u / diagonal.sqrt()
    log_joint = log_normal(picture, z @ W.T, sigma**2) + log_normal(z, 0, 1.0)
    return log_joint - log_normal(z, mu, 1 / diagonal)


print(f"log p(x) = {exact:.3f}")

# %% [markdown]
# By Bayes' rule $w(z) = p(x)\,p(z\mid x)/q(z)$, here a fraction of two Gaussians with the same mean $\mu$ and the precisions $\Lambda$ and $D$,
# the diagonal of $\Lambda$. So
#
# $$\log w(z) = \log p(x) + \tfrac12\log\frac{\det\Lambda}{\det D} - \tfrac12 (z-\mu)^\top(\Lambda-D)(z-\mu), \tag{92.9}$$
#
# and $\pi_\beta$ is Gaussian, too, with mean $\mu$ and precision $\Lambda_\beta = (1-\beta)D + \beta\Lambda$. The mean of a quadratic form
# $(z-\mu)^\top Q\, (z-\mu)$ is the trace of $Q$ times the covariance of $z$. Therefore
#
# $$g(\beta) = \log p(x) + \tfrac12\log\frac{\det\Lambda}{\det D} -
# \tfrac12\operatorname{tr}\left[(\Lambda - D)\,\Lambda_\beta^{-1}\right]. \tag{92.10}$$

# %%
D = diagonal.diag()
half_log_ratio = 0.5 * (torch.logdet(Lambda) - diagonal.log().sum())


def g(beta):
    inverse = torch.linalg.inv((1 - beta) * D + beta * Lambda)
    return exact + half_log_ratio - 0.5 * ((Lambda - D) @ inverse).trace()


# %%
beta = torch.linspace(0, 1, 2001).double()
curve = torch.stack([g(b) for b in beta])
area = torch.trapezoid(curve, beta)
holds("(92.8): the area is log p(x)", abs(area - exact) < 1e-2, area, exact)
elbo = linear_log_w(torch.randn(200_000, d).double()).mean()

# %%
holds("the left end is the ELBO", abs(curve[0] - elbo) < 0.1, curve[0], elbo)
holds("which lacks KL(q || posterior)", torch.isclose(exact - curve[0], -half_log_ratio), exact - curve[0])
holds("g rises", (curve.diff() >= 0).all())
below = [sum(g(k / parts) for k in range(parts)).item() / parts for parts in (1, 2, 4, 8, 32, 128)]
print("1, 2, 4, 8, 32, 128 rectangles:", ", ".join(f"{bound:.3f}" for bound in below))
holds("finer rectangles are tighter, and stay below", below == sorted(below) and below[-1] < exact)

# %%
fig, ax = plt.subplots(figsize=(6, 3))
left, base = torch.arange(4) / 4, curve[0] - 1
heights = torch.stack([g(b) for b in left.double()]) - base
ax.bar(left, heights, 0.25, base, align="edge", alpha=0.25)
ax.plot(beta, curve, label="$g(\\beta)$")
ax.axhline(exact, color="k", linestyle="--", linewidth=1, label="log p(x): as large as the area below g")
ax.axhline(curve[0], color="C1", linestyle="--", linewidth=1, label="ELBO, g(0)")
ax.set(xlabel="$\\beta$", ylabel="nats", xlim=(0, 1), ylim=(base, curve[-1] + 0.5))
ax.legend()
show(
    fig,
    alt="A curve g over beta from 0 to 1, with four rectangles below it; a dashed line at the ELBO touches"
    " its left end, another at log p(x) cuts it.",
)

# %% [markdown]
# ## 92.7 Further: annealed importance sampling · 11 min
#
# In a real VAE nobody can draw from $\pi_\beta$. **Annealed importance sampling** (AIS; Neal, 2001) needs no such draws. Start at
# $u_0 \sim q$. For $\beta_0 = 0 < \beta_1 < \dots < \beta_T = 1$, add $(\beta_t - \beta_{t-1}) \log w(u_{t-1})$ to the log weight, then move
# $u$ by a step of a Markov chain that leaves $\pi_{\beta_t}$ as it is. In the end
#
# $$\log w_\text{AIS} = \sum_{t=1}^{T} (\beta_t - \beta_{t-1}) \log w(u_{t-1}),
# \qquad \mathbb{E}[w_\text{AIS}] = p_\theta(x) \text{ exactly,} \tag{92.11}$$
#
# however few and however poor the steps. Why? Take $T = 2$, one intermediate $\beta$ and one move, whose density we call $M(u_1\mid u_0)$. A move
# that leaves $\pi_\beta$ as it is can be run backwards: there is a density $\tilde M$ with
# $\pi_\beta(u_0)\,M(u_1\mid u_0) = \pi_\beta(u_1)\,\tilde M(u_0 \mid u_1)$. Compare the path as we draw it, $q(u_0)\,M(u_1\mid u_0)$, with one that
# starts at the posterior and runs backwards, $\pi_1(u_1)\,\tilde M(u_0\mid u_1)$. In the fraction of the two, the moves cancel:
#
# $$\begin{aligned}
# \frac{\pi_1(u_1)\,\tilde M(u_0\mid u_1)}{q(u_0)\,M(u_1\mid u_0)} &= \frac{\pi_1(u_1)}{\pi_\beta(u_1)} \cdot \frac{\pi_\beta(u_0)}{q(u_0)} \\
# &= \frac{w(u_0)^{\beta}\, w(u_1)^{1-\beta}}{p_\theta(x)} = \frac{w_\text{AIS}}{p_\theta(x)},
# \end{aligned} \tag{92.12}$$
#
# by (92.7), where $Z_\beta$ cancels, too, and $Z_1 = p_\theta(x)$. Both are densities of whole paths, so the mean of the fraction over paths that
# we draw is 1. More steps add more factors of the same kind. It is plain importance sampling, of paths, and with $T = 1$ it *is* (92.2).
#
# For the moves we take a step along the gradient plus noise, followed by an accept-or-reject decision that keeps $\pi_\beta$ exactly (the
# Metropolis-adjusted Langevin algorithm; Roberts and Tweedie, 1996). In the coordinates $u$, where $q$ is a standard normal,
# $\log \pi_\beta(u) = -\frac12\lVert u\rVert^2 + \beta\log w(u) + \text{const}$.

# %%
from itertools import pairwise


def look(log_w, u):
    """log w and its slope at u (..., d)."""
    u = u.detach().requires_grad_()
    value = log_w(u)
    (slope,) = torch.autograd.grad(value.sum(), u)
    return value.detach(), slope


def annealed_log_weights(log_w, u, betas, step):
    """(6.26) for chains that start at u (..., d), drawn from N(0, I); also the share of moves that was accepted."""
    value, slope = look(log_w, u)
    total, accepted = torch.zeros_like(value), []
    for before, beta in pairwise(betas):
        total = total + (beta - before) * value
        drift = 0.5 * step**2 * (beta * slope - u)
        there = u + drift + step * torch.randn_like(u)
        value_there, slope_there = look(log_w, there)
        drift_there = 0.5 * step**2 * (beta * slope_there - there)
        gain = beta * (value_there - value) - 0.5 * (there.square() - u.square()).sum(dim=-1)  # of log π
        forth, back = (there - u - drift).square(), (u - there - drift_there).square()
        yes = torch.rand_like(gain).log() < gain + (forth - back).sum(dim=-1) / (2 * step**2)
        u, slope = torch.where(yes[..., None], there, u), torch.where(yes[..., None], slope_there, slope)
        value = torch.where(yes, value_there, value)
        accepted.append(yes.double().mean())
    return total, torch.stack(accepted).mean().item()


# %% [markdown]
# > **❓ Predict.** The linear VAE again, with as many looks at the model: 100,000 draws from the guess, against 250 chains of 400 steps, each five
# > times. Who is nearer to $\log p(x)$? And are the estimates too low, too high, or either?

# %% jupyter={"outputs_hidden": true}
torch.manual_seed(schedule.seed())
plain, annealed, means = [], [], {}
for _ in range(5):
    draws = linear_log_w(torch.randn(100_000, d).double())
    plain.append((log_mean_exp(draws) - exact).item())
for steps, times in ((1, 1), (20, 1), (400, 5)):
    betas = torch.linspace(0, 1, steps + 1).tolist()
    for _ in range(times):
        start = torch.randn(250, d).double()
        chains, accepted = annealed_log_weights(linear_log_w, start, betas, step=0.6)
        means[steps] = (chains.mean() - exact).item()
        if steps == 400:
            annealed.append((log_mean_exp(chains) - exact).item())
    print(f"{steps:3d} steps: mean log weight {means[steps]:+.2f} nats, {accepted:.0%} accepted")
print("100,000 draws:   ", ", ".join(f"{error:+.2f}" for error in sorted(plain)), "nats")
print("250 chains of 400:", ", ".join(f"{error:+.2f}" for error in sorted(annealed)), "nats")

# %%
middle = {"plain": sorted(plain)[2], "annealed": sorted(annealed)[2]}
tighter = means[1] < means[20] < means[400] < 0
holds("more steps, tighter on average, and still a lower bound", tighter)
holds("one step is the ELBO, nearly", abs(means[1] + exact - curve[0]) < 1.5, means[1], curve[0] - exact)
holds("the middle one of the five plain estimates is too low", middle["plain"] < -0.5, middle["plain"])
holds("that of the annealed ones is within half a nat", abs(middle["annealed"]) < 0.5, middle["annealed"])
results.add(linear_plain_5=middle["plain"], linear_annealed_400=middle["annealed"])

# %% [markdown]
# The plain estimate is too low most of the time: it waits for draws that do not come. The annealed one errs in either direction, and by less. Single
# ones still go astray: a mean of *weights* lives on the largest, as before. In 36 seeds one annealed estimate of 250 chains was within 0.7 nats of the
# truth 34 times, and 0.9 and 1.1 too high in the other two. With 100 steps and 1000 chains, which cost as much, three of 36 were more than one nat too
# high, one of them by two: more chains of few steps do not help where more steps do. The mean log weight is a Monte Carlo version of the rectangles:
# with perfect moves it would be the sum over rectangles at $\beta_0, \dots, \beta_{T-1}$. Imperfect moves lag behind; the bound is looser then, and still
# valid.
#
# Now some digits. Ten pictures, 16 chains each, 300 steps: 4800 looks at the decoder for each picture, about as many as the 5000 plain draws
# above (each look costs more, since it takes a gradient).

# %%
with torch.no_grad():
    mu_q, logvar_q = (part[:10].unsqueeze(1) for part in vae.encode(x))  # (10, 1, 20)


def digit_log_w(u):
    """log w at z = μ + σu for pictures x[:10]: u (10, chains, 20) => (10, chains)."""
    z = mu_q + (0.5 * logvar_q).exp() * u
    logits = vae.decode(z)
    log_likelihood = torch.einsum("nkd,nd->nk", logits, x[:10].flatten(1)) - F.softplus(logits).sum(dim=-1)
    return log_likelihood + log_normal(z, 0, 1.0) - log_normal(z, mu_q, logvar_q.exp())


# %%
u = torch.randn(10, 16, vae.latent_dim, device=device)
chains, accepted = annealed_log_weights(digit_log_w, u, torch.linspace(0, 1, 301).tolist(), step=0.5)
by_draws, by_chains = log_mean_exp(weights[:10]), log_mean_exp(chains)
difference = (by_chains - by_draws).mean().item()
print(
    f"5000 draws: {by_draws.mean():.2f}; 16 chains of 300 steps: {by_chains.mean():.2f} nats; {accepted:.0%} accepted"
)
print("picture by picture:", " ".join(f"{gain:+.1f}" for gain in (by_chains - by_draws).tolist()))

# %%
results.add(ais_gain=difference)
single = (chains.mean() - weights[:10].mean()).item()
holds("even a single chain is far above the ELBO on average", single > 1, single)
holds("annealing loses less than a nat to the draws, if any", difference > -1, difference)

# %% [markdown]
# Both are lower bounds on average, and an estimate overshoots by $a$ nats with a probability of at most $e^{-a}$ (Markov's inequality), so where
# the annealed one is higher, it is probably the nearer one. Where it is far lower, some draw hit a region that none of the 16 chains found:
# annealing is better on average, not always. Wu et al. (2017) evaluate decoders by AIS, GANs with a noise model among them. Grosse et al. (2015)
# *sandwich* $\log p(x)$ between AIS and a reverse chain that bounds from above. The reverse chain needs an exact draw from the posterior, which
# one has for pictures that the model itself has drawn, and not for test digits.

# %%
results.check()

# %% [markdown]
# ## References
#
# - L. Theis, A. van den Oord and M. Bethge, "A note on the evaluation of generative models", ICLR 2016, [arXiv:1511.01844](https://arxiv.org/abs/1511.01844): (92.1).
# - Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, [arXiv:1509.00519](https://arxiv.org/abs/1509.00519): the protocol of 92.5.
# - T. Rainforth et al., "Tighter variational bounds are not necessarily better", ICML 2018, [arXiv:1802.04537](https://arxiv.org/abs/1802.04537).
# - G. Loaiza-Ganem and J. P. Cunningham, "The continuous Bernoulli: fixing a pervasive error in variational autoencoders", NeurIPS 2019, [arXiv:1907.06845](https://arxiv.org/abs/1907.06845).
# - H. Larochelle and I. Murray, "The neural autoregressive distribution estimator", AISTATS 2011: MNIST made black and white once.
# - J. G. Kirkwood, "Statistical mechanics of fluid mixtures", Journal of Chemical Physics 3, 1935: the integral of 92.6.
# - R. M. Neal, "Annealed importance sampling", Statistics and Computing 11, 2001, [arXiv:physics/9803008](https://arxiv.org/abs/physics/9803008).
# - G. O. Roberts and R. L. Tweedie, "Exponential convergence of Langevin distributions and their discrete approximations", Bernoulli 2, 1996.
# - V. Masrani, T. A. Le and F. Wood, "The thermodynamic variational objective", NeurIPS 2019, [arXiv:1907.00031](https://arxiv.org/abs/1907.00031).
# - R. Grosse, Z. Ghahramani and R. P. Adams, "Sandwiching the marginal likelihood using bidirectional Monte Carlo", 2015, [arXiv:1511.02543](https://arxiv.org/abs/1511.02543).
# - Y. Wu et al., "On the quantitative analysis of decoder-based generative models", ICLR 2017, [arXiv:1611.04273](https://arxiv.org/abs/1611.04273).
