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
# # 02 · VAEs and the KL term
#
# Chapter 01 ended with a decoder that could draw and no way to tell it what to draw. A **variational
# autoencoder** (VAE; Kingma and Welling, 2014; Rezende et al., 2014) writes the missing contract into the loss:
# the codes of all pictures together must look like a standard normal. Keeping it costs something; that cost is the
# **KL term**, and most of this chapter is about what it is, why it is the right cost, and what happens when it weighs
# too much.
#
# **You will be able to**
#
# - derive the evidence lower bound (ELBO) and say exactly how far below the likelihood it lies;
# - derive the KL divergence between Gaussians and check it in three independent ways;
# - explain reparameterisation, and what its absence would cost, in numbers;
# - train a VAE, draw digits from it, and walk through its latent space;
# - read a rate–distortion curve, and recognise posterior collapse when it happens to you.
#
# **Time.** Reading and thinking, about 90 minutes. Running all cells, about <!--02.seconds-->90
# seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** chapter 01; logarithms, Gaussian densities, expectations.
#
# ![A sheet of 15 by 15 digits that change smoothly into one another: the latent plane of a VAE with a
# two-dimensional code.](images/02.png)
#
# *What you will make: a map on which every point is a digit, decoded from two numbers, not copied.*

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
from torch import distributions, nn

from course_utils import schedule
from course_utils.data import batches, load_images
from course_utils.explorer import latent_explorer
from course_utils.figures import plot_history, show, show_images
from course_utils.results import Results
from course_utils.schedule import seed_everything
from course_utils.training import train

# %%
seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("02", digits.source)

# %% [markdown]
# ## 2.1 A story about how digits come into being
#
# Let us invent a story in two steps. First someone decides *what* to write: a point $z$ in a small space, drawn
# from the **prior** $p(z)$. Then a hand writes it: a picture $x$ is drawn from $p_\theta(x\mid z)$, a
# distribution that a network, the **decoder**, computes from $z$. The probability that the story gives to a
# picture counts all the ways in which it could have come about:
#
# $$p_\theta(x) = \int p_\theta(x \mid z)\, p(z)\, dz. \tag{2.1}$$
#
# This is a **latent-variable model**; *latent* means that nobody has seen $z$, and $\theta$ stands for the decoder's weights. To fit it, we would make
# $\log p_\theta(x)$ large for the pictures that we have. The integral is the trouble. We can draw a thousand $z$ from the
# prior and average $p_\theta(x \mid z)$, but almost none of them will be about *this* picture.
#
# How bad is it? Take a story so simple that the integral is known: $z$ has $d$ independent standard normal
# coordinates, and $x = z + \text{noise of standard deviation } s$. Then $x$ is normal, too, with variance $1 + s^2$.
#
# We measure log probabilities in **nats** (natural logarithms): one nat too low is a factor $e$ too small, and
# $\log 2 = 0.69$ nats are one bit.
#
# > **Predict.** With $s = 0.2$ and 10 000 draws from the prior, by how many nats is the estimate of $\log p(x)$ off
# > for $d = 1$? For $d = 10$?


# %%
def log_normal(x, mean, variance):
    """Log density of independent normals, summed over the last axis (nats)."""
    variance = torch.as_tensor(variance)
    return -0.5 * ((x - mean) ** 2 / variance + variance.log() + math.log(2 * math.pi)).sum(dim=-1)


s = 0.2
for d in (1, 2, 5, 10, 20):
    x = math.sqrt(1 + s**2) * torch.randn(200, 1, d)  # 200 pictures, drawn from the story itself
    exact = log_normal(x, 0, 1 + s**2).squeeze(1)
    z = torch.randn(1, 10_000, d)
    estimate = log_normal(x, z, s**2).logsumexp(dim=1) - math.log(10_000)
    print(f"d = {d:2d}: the estimate is {(exact - estimate).mean():7.2f} nats too low on average")
    if d == 1:
        assert (exact - estimate).abs().mean() < 0.2
assert (exact - estimate).mean() > 10

# %% [markdown]
# One dimension is easy. At ten the estimate is too small by a factor of about ten million, and twenty are hopeless: the region of $z$ that explains a given $x$ shrinks
# like $s^d$, and blind draws miss it. We need someone who, shown the picture, says where to look.
#
# ## 2.2 The evidence lower bound
#
# Let that someone be a second network, the **encoder**, with weights $\phi$: shown $x$, it gives a distribution
# $q_\phi(z \mid x)$, a guess at which $z$ may have been behind it. Multiply and divide by the guess inside (2.1),
#
# $$\log p_\theta(x) = \log \mathbb{E}_{q_\phi(z\mid x)}\!\left[\frac{p_\theta(x\mid z)\,p(z)}{q_\phi(z\mid x)}\right]
# \;\ge\; \mathbb{E}_{q_\phi(z\mid x)}\!\left[\log \frac{p_\theta(x\mid z)\,p(z)}{q_\phi(z\mid x)}\right]
# =: \operatorname{ELBO}(x), \tag{2.2}$$
#
# where the inequality is Jensen's: the logarithm of an average is at least the average of the logarithms.
# Since $\log p_\theta(x)$ is called the *evidence*, this is the **evidence lower bound**. Two rearrangements of
# it are worth knowing by heart. Both use the **Kullback–Leibler divergence**
# $D_\text{KL}(q\Vert p) = \mathbb{E}_q[\log q(z) - \log p(z)]$, which is never negative (Jensen again), and zero only
# if $q = p$. The first splits the fraction:
#
# $$\operatorname{ELBO}(x) = \underbrace{\mathbb{E}_{q_\phi(z\mid x)}[\log p_\theta(x\mid z)]}_{\text{how well the codes explain } x}
# \;-\; \underbrace{D_\text{KL}\bigl(q_\phi(z\mid x)\,\Vert\, p(z)\bigr)}_{\text{how far the codes stray from the prior}}. \tag{2.3}$$
#
# The second replaces $p_\theta(x\mid z)p(z)$ by $p_\theta(z\mid x)\,p_\theta(x)$ and says what the bound costs:
#
# $$\log p_\theta(x) - \operatorname{ELBO}(x) = D_\text{KL}\bigl(q_\phi(z\mid x)\,\Vert\,p_\theta(z\mid x)\bigr) \;\ge\; 0. \tag{2.4}$$
#
# So the bound is tight exactly when the encoder guesses the true **posterior** $p_\theta(z\mid x)$. The ELBO is evidence
# minus gap: raising it raises the evidence, or narrows the gap, or trades a little of one for more of the other.
#
# The KL term in (2.3) acts on each picture *separately*; where is the contract about all codes together? Write
# $q(z)$ for the codes of all pictures together, the average of $q_\phi(z\mid x)$ over the data. Then the average KL term
# splits exactly into two,
#
# $$\mathbb{E}_x\, D_\text{KL}\bigl(q_\phi(z\mid x)\,\Vert\,p(z)\bigr)
# = \underbrace{I_q(x; z)}_{\text{what the code says about the picture}} + \underbrace{D_\text{KL}\bigl(q(z)\,\Vert\,p(z)\bigr)}_{\text{the contract}}, \tag{2.5}$$
#
# where $I_q(x;z) = \mathbb{E}_x D_\text{KL}(q_\phi(z\mid x)\Vert q(z))$ is the *mutual information* of picture and code. The
# second part is what chapter 01 lacked. The first is information, which the reconstruction wants and has to pay for.
# If every $q_\phi(z\mid x)$ were the prior itself, the contract would hold perfectly and the code would be silent.
#
# The simple story lets us check all of it, because its posterior is known: for $d=1$ it is normal with mean
# $x/(1+s^2)$ and variance $s^2/(1+s^2)$. We try the exact posterior as a guess, and two wrong ones.


# %%
def elbo_of_guess(x, q, draws=200_000):
    """Monte Carlo estimate of (2.2) for the story z ~ N(0, 1), x ~ N(z, s²)."""
    z = q.sample((draws,))
    return (log_normal(x, z[:, None], s**2) + log_normal(z[:, None], 0, 1.0) - q.log_prob(z)).mean()


x = torch.tensor([1.3])
evidence = log_normal(x, 0, 1 + s**2)
posterior = distributions.Normal(x.item() / (1 + s**2), s / math.sqrt(1 + s**2))
guesses = {
    "the posterior": posterior,
    "right place, too wide": distributions.Normal(posterior.mean, 0.4),
    "wrong place": distributions.Normal(posterior.mean - 0.3, posterior.stddev),
}

# %%
print(f"log p(x) = {evidence:.4f}")
for name, q in guesses.items():
    elbo = elbo_of_guess(x, q)
    gap = distributions.kl_divergence(q, posterior)  # the right-hand side of (2.4)
    print(f"{name:22s} ELBO {elbo:8.4f}   missing {evidence - elbo:.4f}   KL to the posterior {gap:.4f}")
    torch.testing.assert_close(evidence - elbo, gap, rtol=0, atol=0.02)
    assert elbo < evidence + 1e-3

# %% [markdown]
# What is missing is the KL divergence to the posterior, as (2.4) says, and nothing is missing when the guess is right
# (there is not even sampling noise: at the posterior the fraction in (2.2) is $p_\theta(x)$ for every $z$). Jensen's
# inequality is also why the blind estimates of section 2.1 came out too *low*.
#
# Equation (2.5) is a small computation, too, when there are only two pictures, with codes around $-1$ and $+1$:

# %%
centres = torch.tensor([-1.0, 1.0])
each = distributions.Normal(centres, 0.5)  # q(z|x) of the two pictures
z = each.sample((400_000,))  # (draws, 2)
log_q_all = each.log_prob(z[..., None]).logsumexp(dim=-1) - math.log(2)  # log q(z), the average of the two

information = (each.log_prob(z) - log_q_all).mean()
contract = (log_q_all - log_normal(z[..., None], 0, 1.0)).mean()
average_kl = distributions.kl_divergence(each, distributions.Normal(0.0, 1.0)).mean()
print(f"information {information:.3f} + contract {contract:.3f} = {information + contract:.3f}; KL {average_kl:.3f}")
torch.testing.assert_close(information + contract, average_kl, rtol=0, atol=0.01)
assert information < math.log(2), "two pictures: at most one bit to say"

# %% [markdown]
#
# > **Common mistake.** Calling (2.3) "the loss". It is a lower bound on something that we want *large*. The loss,
# > which we want small, is its negative: reconstruction error **plus** KL.
#
# ## 2.3 The KL term, in closed form
#
# Both distributions in the second term of (2.3) are Gaussians: the prior is $p(z) = \mathcal N(0, I)$, and the encoder answers with
# independent coordinates, $q_\phi(z\mid x) = \prod_j \mathcal N(z_j;\, \mu_j, \sigma_j^2)$. For one coordinate,
#
# $$\log q(z) - \log p(z) = -\tfrac12\log\sigma^2 - \frac{(z-\mu)^2}{2\sigma^2} + \frac{z^2}{2}. \tag{2.6}$$
#
# The constants $\tfrac12\log 2\pi$ have cancelled. Take the expectation under $q$: $\mathbb{E}(z-\mu)^2 = \sigma^2$ makes
# the middle term $-\tfrac12$, and $\mathbb{E}z^2 = \mu^2 + \sigma^2$. Summed over the $d$ coordinates,
#
# $$D_\text{KL}\bigl(q_\phi(z\mid x)\,\Vert\,p(z)\bigr) = \frac12 \sum_{j=1}^{d} \bigl(\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2\bigr). \tag{2.7}$$
#
# Networks output $\log\sigma^2$, called `logvar` in code: it may be any real number, while $\sigma$ must be positive.


# %%
def kl_to_standard_normal(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)  # (n,), in nats


# %% [markdown]
# Three routes to the same numbers: our formula, an average over draws that uses only the definition, and the
# library's own closed form.

# %%
mu = torch.tensor([[0.0, 0.0], [1.0, -2.0], [0.5, 0.1]])
logvar = torch.tensor([[0.0, 0.0], [0.0, -3.0], [-1.0, 1.0]])

q = distributions.Normal(mu, (0.5 * logvar).exp())
p = distributions.Normal(torch.zeros(2), torch.ones(2))
z = q.sample((200_000,))  # (draws, 3, 2)

by_formula = kl_to_standard_normal(mu, logvar)
by_sampling = (q.log_prob(z) - p.log_prob(z)).sum(dim=-1).mean(dim=0)
by_library = distributions.kl_divergence(q, p).sum(dim=-1)

print("formula ", by_formula, "\nsampling", by_sampling, "\nlibrary ", by_library)
torch.testing.assert_close(by_formula, by_library)
torch.testing.assert_close(by_formula, by_sampling, rtol=0.01, atol=0.02)

# %% [markdown]
# > **Common mistake.** Testing a KL function at $\mu = 0$, $\sigma = 1$ only. A missing ½, a flipped sign or a mean instead
# > of a sum all give 0 there. Test away from the floor, as in the second and third rows, against the library.
#
# How does the cost behave? It is a valley with its floor at $\mu = 0$, $\sigma = 1$. Moving $\mu$ away from 0 costs $\mu^2/2$.
# Widening costs about $\sigma^2/2$. Narrowing is cheap at first (the first halving costs 0.32 nats), but then each
# halving of $\sigma$ costs $\log 2$, one bit, and buys one bit of precision about the code.

# %%
mu_axis, sigma_axis = torch.linspace(-3, 3, 121), torch.linspace(0.05, 3, 119)
M, S = torch.meshgrid(mu_axis, sigma_axis, indexing="xy")
height = kl_to_standard_normal(M.reshape(-1, 1), 2 * S.reshape(-1, 1).log()).view_as(M)

fig, ax = plt.subplots(figsize=(6, 3.6))
contours = ax.contour(M, S, height, levels=[0.05, 0.25, 0.5, 1, 2, 3, 4], cmap="viridis")
ax.clabel(contours, fmt="%g")
ax.plot(0, 1, "k*", markersize=10)
ax.set(xlabel="$\\mu$", ylabel="$\\sigma$")
show(
    fig,
    alt="Contour lines of the KL divergence over mu and sigma: a valley with its lowest point, zero, "
    "at mu 0 and sigma 1, steep towards sigma 0.",
)

# %%
precise = [kl_to_standard_normal(torch.zeros(1, 1), torch.tensor([[2 * math.log(s)]])).item() for s in (0.02, 0.01)]
first = kl_to_standard_normal(torch.zeros(1, 1), torch.tensor([[2 * math.log(0.5)]])).item()
print(f"halving σ from 1 to 0.5 costs {first:.3f} nats, from 0.02 to 0.01 {precise[1] - precise[0]:.3f}")
assert abs(first - 0.318) < 0.001
assert abs(precise[1] - precise[0] - math.log(2)) < 0.001
assert height.min() >= 0

# %% [markdown]
# ## 2.4 Gradients through a dice roll
#
# Training needs the gradient of (2.3) in $\mu$ and $\sigma$. The KL term is a formula. But the first term is an
# expectation over draws from a distribution *that depends on the parameters*, and a draw has no derivative:

# %%
mu = torch.tensor(1.0, requires_grad=True)
draw = distributions.Normal(mu, 1.0).sample()
print("does the draw know where it came from?", draw.requires_grad)
assert not draw.requires_grad

# %% [markdown]
# **Reparameterisation** moves the dice out of the way. Draw $\varepsilon \sim \mathcal N(0, I)$, which depends on nothing,
# and compute
#
# $$z = \mu + \sigma \odot \varepsilon. \tag{2.8}$$
#
# ($\odot$ multiplies coordinate by coordinate.) This $z$ has the distribution we want, and it is a differentiable function of $\mu$ and $\sigma$: the expectation
# is now over $\varepsilon$, and the gradient may move inside.


# %%
def reparameterize(mu, logvar):
    eps = torch.randn_like(mu)
    return mu + eps * (0.5 * logvar).exp()


# %%
mu, logvar = torch.full((100_000, 1), 1.5), torch.full((100_000, 1), -1.0)
z = reparameterize(mu, logvar)
torch.testing.assert_close(z.mean(), torch.tensor(1.5), rtol=0, atol=0.01)
torch.testing.assert_close(z.var(), torch.tensor(-1.0).exp(), rtol=0.03, atol=0)

# %% [markdown]
# Is there another way? Yes: the **score-function estimator** (also known as REINFORCE),
# $\nabla_\mu \mathbb{E}_q f(z) = \mathbb{E}_q[f(z)\,\nabla_\mu \log q(z)]$. It needs no derivative of $f$ and is also right on average. What it
# costs is variance. Take $f(z) = \lVert z\rVert^2$ in $d$ dimensions, whose gradient in $\mu$ is exactly $2\mu$:
#
# > **Predict.** For $d = 20$, the code size of the model below: how many times larger is the variance of the
# > score-function estimate? Twice, ten times, hundreds of times?


# %%
def gradient_estimates(d, draws=20_000, baseline=0.0):
    """One-draw estimates of the first coordinate of the gradient of E‖z‖² at μ = (1, …, 1), σ = 1."""
    eps = torch.randn(draws, d)
    z = 1 + eps
    pathwise = 2 * z[:, 0]  # the chain rule through (2.8): df/dz · dz/dμ, with dz/dμ = 1
    score = (z.square().sum(dim=1) - baseline) * eps[:, 0]  # f(z) · (z − μ) / σ²
    return pathwise, score


# %%
for d in (1, 5, 20, 100):
    pathwise, score = gradient_estimates(d)
    ratio = (score.var() / pathwise.var()).item()
    print(f"d = {d:3d}: means {pathwise.mean():.2f} and {score.mean():.2f}, variance ratio {ratio:8.0f}")
    assert abs(pathwise.mean() - 2) < 5 * (pathwise.var() / 20_000).sqrt()
    assert abs(score.mean() - 2) < 5 * (score.var() / 20_000).sqrt()
    if d == 20:
        results.add(variance_ratio_20=ratio)
        assert ratio > 200

# %% [markdown]
# Both are right on average (both means should be 2; at $d = 100$ the score function's 20 000 draws are visibly too few),
# but at $d=20$ it needs nearly five hundred times as many draws for the same accuracy, because it learns only *how good*
# a draw was, not *which way* would have been better. (Subtracting the mean of $f$ first, a *baseline*, helps it a great deal,
# and leaves a factor of about 33.) With reparameterisation a single draw of $\varepsilon$ per picture is enough.
#

# %%
pathwise, score = gradient_estimates(20, draws=100_000, baseline=40.0)  # E‖z‖² = 20 (1 + 1)
print(f"with a baseline, d = 20: variance ratio {score.var() / pathwise.var():.0f}")
assert 25 < score.var() / pathwise.var() < 45

# %% [markdown]
# ## 2.5 The model
#
# The encoder and the decoder are as plain as in chapter 01: one hidden layer of 400 units each, a code of 20. The
# decoder's answer is a distribution over pictures: every pixel is an independent coin, whose **logit** (the
# logarithm of its odds) the decoder outputs.


# %%
class VAE(nn.Module):
    def __init__(self, latent_dim=20, hidden_dim=400):
        super().__init__()
        self.latent_dim = latent_dim
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(784, hidden_dim), nn.ReLU())
        self.to_mu = nn.Linear(hidden_dim, latent_dim)
        self.to_logvar = nn.Linear(hidden_dim, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 784))

    def encode(self, x):
        h = self.hidden(x)  # (n, hidden_dim)
        return self.to_mu(h), self.to_logvar(h)  # each (n, latent_dim)

    def decode(self, z):
        return self.decoder(z)  # logits of the pixels, (n, 784)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar)
        return self.decode(z), mu, logvar

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, self.latent_dim, device=self.to_mu.weight.device)
        return self.decode(z).sigmoid().view(n, 1, 28, 28)


# %% [markdown]
# For coins, $\log p_\theta(x\mid z) = \sum_i x_i \log p_i + (1-x_i)\log(1-p_i)$, the negative of the **binary
# cross-entropy** (BCE). The loss is the negative of (2.3), estimated with one draw of $z$, and averaged
# over the batch:


# %%
def reconstruction_loss(logits, x):
    pixelwise = F.binary_cross_entropy_with_logits(logits.float(), x.flatten(1), reduction="none")
    return pixelwise.sum(dim=1)  # (n,): the sum over the 784 pixels, in nats


def negative_elbo(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_to_standard_normal(mu, logvar)).mean()


# %% [markdown]
# > **A word on grey.** A coin shows 0 or 1, yet our pixels lie between. What does BCE mean for $x_i = 0.3$? Since it is
# > linear in $x_i$, it is the *expected* loss on a pixel that is 1 with probability 0.3. Training on greys is training
# > on black-and-white pictures drawn from them, averaged over the drawing. It is *not* a log-likelihood of the grey picture, and
# > not to be compared with published likelihoods on black-and-white MNIST (chapter 06 will do that properly). What a
# > likelihood of grey pixels would be, Loaiza-Ganem and Cunningham (2019) work out.

# %%
logits, grey = torch.randn(1, 784), digits.test[:1].cpu()
black_and_white = torch.bernoulli(grey.expand(20_000, -1, -1, -1))
averaged = reconstruction_loss(logits.expand(20_000, -1), black_and_white).mean()
torch.testing.assert_close(averaged, reconstruction_loss(logits, grey)[0], rtol=0.005, atol=0)

# %% [markdown]
# ### Sum or mean: the most common mistake of all
#
# Libraries average by default. If the reconstruction term is *averaged* over the 784 pixels while the KL term
# stays a sum, the loss is
#
# $$\tfrac{1}{784}\,\text{BCE} + \text{KL} \;=\; \tfrac1{784}\,\bigl(\text{BCE} + 784\cdot\text{KL}\bigr): \tag{2.9}$$
#
# the KL term weighs 784 times too much, and nothing warns you. (Summing *both* terms over the batch, as is also common,
# is harmless by comparison: it multiplies the whole loss by the batch size, and Adam, which divides by the gradient's own
# magnitude, hardly notices.)
#
# > **Predict.** What will a VAE do whose KL term costs 784 times too much? What will its reconstructions look like?

# %%
logits, mu, logvar = torch.randn(8, 784), torch.randn(8, 20), torch.randn(8, 20)
x = digits.test[:8].cpu()
mixed_up = F.binary_cross_entropy_with_logits(logits, x.flatten(1)) + kl_to_standard_normal(mu, logvar).mean()
torch.testing.assert_close(mixed_up, negative_elbo(logits, x, mu, logvar, beta=784) / 784)


# %%
def train_quickly(model, steps, beta=1.0, learning_rate=6e-3):
    """Train on the negative ELBO, without checkpoint or history: for the small experiments."""
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    for x in batches(digits.train, 256, steps=steps, seed=schedule.seed()):
        with schedule.autocast():
            logits, mu, logvar = model(x)
        loss = negative_elbo(logits, x, mu.float(), logvar.float(), beta)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    return model


# %%
wrongly_scaled = train_quickly(VAE().to(device), steps=300, beta=784)
with torch.no_grad():
    logits, mu, logvar = wrongly_scaled(digits.test)
    kl = kl_to_standard_normal(mu, logvar).mean().item()
print(f"KL of the wrongly scaled model: {kl:.5f} nats")
assert kl < 0.1

# %%
show_images(
    {"original": digits.test[:10], "wrongly scaled": logits[:10].sigmoid()},
    alt="Ten digits and their reconstructions by the wrongly scaled VAE: ten times the same blurred blob.",
)

# %% [markdown]
# The code carries nothing, so the decoder draws the average digit whatever it is shown. This is **posterior
# collapse**, and section 2.8 returns to it. If your VAE ever shows you ten equal blobs, look at the scaling first.
#
# ## 2.6 Training
#
# Everything is in place. `schedule.autocast()` computes matrix products in bfloat16 on machines where that pays, and is plain
# float32 elsewhere; the losses are always float32.

# %%
settings = schedule.choose(
    # short, full
    steps=(3_000, 40_000),
    batch_size=(256, 256),
    learning_rate=(6e-3, 3e-3),
    experiment_steps=(700, 6_000),
)

# %%
vae = VAE().to(device)
optimizer = torch.optim.Adam(vae.parameters(), lr=settings.learning_rate, fused=True)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=settings.steps)


def update(x):
    with schedule.autocast():
        logits, mu, logvar = vae(x)
    reconstruction = reconstruction_loss(logits, x).mean()
    kl = kl_to_standard_normal(mu.float(), logvar.float()).mean()
    optimizer.zero_grad()
    (reconstruction + kl).backward()
    optimizer.step()
    scheduler.step()
    return {"reconstruction": reconstruction, "KL": kl}


# %%
history = train(
    update,
    digits.train,
    steps=settings.steps,
    batch_size=settings.batch_size,
    name="02_vae",
    state={"model": vae, "optimizer": optimizer, "scheduler": scheduler},
)

# %%
plot_history(
    history,
    alt="The two terms of the loss against steps: reconstruction falls throughout; KL rises from zero"
    " within the first few hundred steps, then levels off.",
    ylabel="nats per picture",
)

# %% [markdown]
# Watch the KL term: it starts near zero (an untrained encoder says next to nothing about the picture) and *rises*. The model is buying
# information about the picture, as long as a nat of KL saves more than a nat of reconstruction error.


# %%
@torch.no_grad()
def test_terms(model):
    """Reconstruction error and KL on the test set, nats per picture."""
    logits, mu, logvar = model(digits.test)
    return reconstruction_loss(logits, digits.test).mean().item(), kl_to_standard_normal(mu, logvar).mean().item()


reconstruction, kl = test_terms(vae)
test_loss = reconstruction + kl
results.add(test_loss=test_loss, test_reconstruction=reconstruction, test_kl=kl)
print(f"test loss {test_loss:.1f} = reconstruction {reconstruction:.1f} + KL {kl:.1f}   (nats per picture)")

# %% [markdown]
# On MNIST the short schedule ends at about <!--02.test_loss-->103.1 nats, of which <!--02.test_kl-->25.3
# are KL. By (2.5) that is the most the code can say about a picture: some 36 bits. (With batches of 128 and a constant
# learning rate of $10^{-3}$, as one usually sees it, this network stood at 106.5 after seven passes over the data in one
# run. Ours makes not quite thirteen passes, in larger batches, with a rate that rises and falls.)
#
# Does the contract hold? Chapter 01's codes had every coordinate centred and spread as it pleased. Here they should
# all have mean 0 and standard deviation 1, as $p(z)$ has:

# %%
with torch.no_grad():
    z = reparameterize(*vae.encode(digits.test))
mean_off, std_off = z.mean(dim=0).abs().max().item(), (z.std(dim=0) - 1).abs().max().item()
print(f"of 20 coordinates, the worst mean is {mean_off:.2f} from 0, the worst standard deviation {std_off:.2f} from 1")
assert mean_off < 0.35
assert std_off < 0.35

# %% [markdown]
# Now the question chapter 01 could not answer. Draw $z$ from the prior, decode, look. (We show the coins'
# probabilities. Tossing the coins would give the same shapes with speckled edges, since given $z$ they are independent.)

# %%
with torch.no_grad():
    rebuilt = vae(digits.test[:10])[0].sigmoid()
show_images(
    {"original": digits.test[:10], "rebuilt": rebuilt, "sampled from the prior": vae.sample(30)},
    alt="Ten test digits; their slightly soft reconstructions; and thirty samples drawn from the "
    "prior, most of them recognisable digits, a few malformed.",
)

# %% [markdown]
# Most are digits; some are between digits, and the strokes are soft. Softness is what a likelihood of *independent* pixels
# asks for under uncertainty: unsure whether a stroke passes here or one pixel to the right, the best answer in nats is grey in both places. Chapters 03 to 05 ask another judge.
#
# ## 2.7 What a nat buys: β and the rate–distortion curve
#
# The two terms of the loss pull in opposite directions, and one knob sets the exchange rate (Higgins et al., 2017; for the
# names, Alemi et al., 2018):
#
# $$L_\beta = \underbrace{\mathbb{E}_q[-\log p_\theta(x\mid z)]}_{\text{distortion } D} + \;\beta\, \underbrace{D_\text{KL}(q_\phi(z\mid x)\Vert p(z))}_{\text{rate } R}. \tag{2.10}$$
#
# The **rate** is what the code says about the picture, in nats; the **distortion** is what remains to be said. At $\beta=1$ the sum
# is the negative ELBO. Moving along the curve of attainable pairs, $D + \beta R$ has zero derivative at its minimum, so
# $dD/dR = -\beta$ there: the model buys information until the last nat of rate saves exactly $\beta$ nats of distortion.
# At $\beta = 0$ nothing stops $\sigma$ from shrinking to zero and $\mu$ from going anywhere: chapter 01 again.
#
# > **Predict.** Which $\beta$ gives the sharpest reconstructions, and which the largest ELBO?

# %%
betas = [0.1, 0.5, 1.0, 3.0, 10.0, 40.0]
models = {beta: train_quickly(VAE().to(device), settings.experiment_steps, beta) for beta in betas}
curve = {beta: test_terms(model) for beta, model in models.items()}

for beta, (distortion, rate) in curve.items():
    print(f"β = {beta:4g}: rate {rate:6.2f}, distortion {distortion:6.1f}, negative ELBO {rate + distortion:6.1f}")

# %%
rates, distortions = [rate for _, rate in curve.values()], [distortion for distortion, _ in curve.values()]
fig, ax = plt.subplots()
ax.plot(rates, distortions, "o-")
for beta, rate, distortion in zip(betas, rates, distortions, strict=True):
    ax.annotate(f"β = {beta:g}", (rate, distortion), xytext=(6, 5), textcoords="offset points")
ax.set(xlabel="rate: KL, nats per picture", ylabel="distortion: BCE, nats")
show(
    fig,
    alt="Distortion against rate for six values of beta: a falling, convex curve from beta 40 at no "
    "rate and high distortion to beta 0.1 at high rate and low distortion.",
)

assert rates == sorted(rates, reverse=True), "a higher price for rate buys less of it"
assert distortions == sorted(distortions), "and leaves more distortion"
losses = {beta: rate + distortion for beta, (distortion, rate) in curve.items()}
assert min(losses, key=losses.get) in (0.5, 1.0)
results.add(rate_beta_01=rates[0], rate_beta_10=rates[4], distortion_beta_10=distortions[4])

# %%
torch.manual_seed(schedule.seed())
rows = {}
for beta in (0.1, 1.0, 10.0):
    with torch.no_grad():
        rows[f"β = {beta:g}, rebuilt"] = models[beta](digits.test[:10])[0].sigmoid()
    rows[f"β = {beta:g}, sampled"] = models[beta].sample(10)
show_images(
    rows,
    alt="Reconstructions and samples at three values of beta: at 0.1 sharp reconstructions but broken"
    " samples; at 1 both passable; at 10 reconstructions blurred, samples blurred but unbroken.",
)

# %% [markdown]
# Cheap codes ($\beta = 0.1$) rebuild well and sample badly: the codes have moved away from the prior, and we are
# half-way back to chapter 01. Expensive codes ($\beta = 10$) say little. The negative ELBO is smallest near $\beta = 1$, as one
# expects, since that is what $\beta = 1$ minimises on the training set. Which samples are best, the ELBO does not say: chapter 06.
#
# ## 2.8 Posterior collapse
#
# Towards the left end of that curve the code falls silent, coordinate by coordinate. A coordinate of the code is
# **active** when its mean moves with the picture: Burda et al. (2016) count it when the variance of $\mu_j(x)$ over the
# data exceeds 0.01. A collapsed coordinate has $\mu_j = 0$ and $\sigma_j = 1$ for every picture, costs no KL, and says nothing.


# %%
@torch.no_grad()
def active_units(model):
    mu, _ = model.encode(digits.test)
    return int((mu.var(dim=0) > 0.01).sum())


@torch.no_grad()
def kl_per_unit(model):
    mu, logvar = model.encode(digits.test)
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).mean(dim=0).cpu()


# %%
fig, ax = plt.subplots()
for beta, offset in ((1.0, -0.3), (3.0, 0.0), (10.0, 0.3)):
    ax.bar(
        torch.arange(20) + offset, kl_per_unit(models[beta]).sort(descending=True).values, 0.3, label=f"β = {beta:g}"
    )
ax.set(xlabel="coordinate of the code, sorted", ylabel="KL, nats", xticks=range(0, 20, 2))
ax.legend()
show(
    fig,
    alt="Bars of KL per code coordinate, sorted, for beta 1, 3 and 10: at beta 1 every coordinate "
    "carries something, about one nat on average; at beta 10 only a few carry anything.",
)

# %%
counts = {beta: active_units(model) for beta, model in models.items()}
print("active coordinates of 20:", counts)
assert list(counts.values()) == sorted(counts.values(), reverse=True)
assert counts[0.1] >= 15
assert counts[40.0] <= 1
assert active_units(wrongly_scaled) == 0
assert kl_per_unit(models[40.0]).sum() < 2

# %% [markdown]
# > **How to notice it.** Log the two terms *separately*, as we did. A healthy KL term starts near zero and rises within a few
# > hundred steps; one that stays at zero, or returns there, is collapse. The total hides it, since it still falls while the
# > decoder learns the average digit. Remedies: check the scaling (2.9), lower $\beta$, let $\beta$ rise slowly from zero
# > (*KL annealing*; Bowman et al., 2016), or weaken a decoder so strong that it needs no code.
#
# Is a silent coordinate a fault? Up to $\beta = 1$ all twenty pay for themselves. At $\beta = 10$ only a handful do: a nat
# of code must then save ten nats of error, and the other coordinates would not. That is thrift, not failure. Failure is
# when all are silent.
#
# ## 2.9 Walking through the latent space
#
# Between codes there are codes. Interpolate between the *means* of two pictures and every step is a digit, or nearly:

# %%
weight = torch.linspace(0, 1, 10, device=device).view(-1, 1)
rows = {}
with torch.no_grad():
    for a, b in ((3, 2), (18, 4), (61, 7)):
        ends, _ = vae.encode(digits.test[[a, b]])
        path = (1 - weight) * ends[:1] + weight * ends[1:]
        rows[f"from picture {a} to picture {b}"] = vae.decode(path).sigmoid()
show_images(
    rows,
    alt="Three rows of ten pictures, each turning one digit into another through intermediate shapes "
    "that look drawn by one pen.",
)

# %% [markdown]
# For a map we need two dimensions, so we train a second VAE with a code of two. Its test loss is far higher (two numbers say
# less than twenty), but it can be seen whole. Lay a 15×15 grid on the plane, spaced so that every cell holds the same share of the
# prior, and decode every point:

# %%
torch.manual_seed(schedule.seed())
vae2 = train_quickly(VAE(latent_dim=2).to(device), 2 * settings.experiment_steps)
test_loss_2d = sum(test_terms(vae2))
results.add(test_loss_2d=test_loss_2d)
print(f"test loss with a code of 2: {test_loss_2d:.1f}, with a code of 20: {test_loss:.1f}")
assert test_loss_2d > test_loss + 10

# %% tags=["picture"]
quantiles = distributions.Normal(0.0, 1.0).icdf(torch.linspace(0.02, 0.98, 15))
grid = torch.cartesian_prod(quantiles, quantiles).to(device)
with torch.no_grad():
    manifold = vae2.decode(grid).sigmoid().view(-1, 1, 28, 28)
show_images(
    manifold,
    columns=15,
    size=0.45,
    alt="The latent plane as a sheet of 15 by 15 decoded digits: neighbouring digits resemble each "
    "other, regions of different digits pass into one another.",
)

# %%
with torch.no_grad():
    position = vae2.encode(digits.test[:3000])[0].cpu()
fig, ax = plt.subplots(figsize=(5.5, 4.2))
points = ax.scatter(*position.T, c=digits.test_labels[:3000].cpu(), cmap="tab10", s=5, alpha=0.7)
ax.set(xlabel="$\\mu_1$", ylabel="$\\mu_2$", aspect="equal")
fig.colorbar(points, label="digit", ticks=range(10), boundaries=torch.arange(11) - 0.5)
show(
    fig,
    alt="Codes of test digits in the latent plane, coloured by digit: wedges around the origin, "
    "mostly within three units of it, with few empty patches between them.",
)

# %% [markdown]
# Compare with the map that PCA drew in chapter 01. Nobody told this model about labels either, yet the digits form regions, and the
# regions fill the plane without gaps: that is the KL term at work. Walk around yourself (the sliders need a
# running browser; the sheet above is their static twin):

# %%
axis = torch.linspace(-2.5, 2.5, 15)
with torch.no_grad():
    decoded = vae2.decode(torch.cartesian_prod(axis, axis).to(device)).sigmoid().view(15, 15, 28, 28)
latent_explorer(
    decoded, (-2.5, 2.5), alt="A digit that changes with two sliders, one for each coordinate of the latent plane."
)

# %% [markdown]
# ## 2.10 A tighter bound, from more guesses
#
# How far below the evidence is our ELBO? We cannot compute (2.4), since the posterior of *this* model is unknown. But we can tighten
# the bound. Draw not one $z$ but $K$, and average *before* taking the logarithm (Burda et al., 2016):
#
# $$\mathcal L_K(x) = \mathbb{E}_{z_1,\dots,z_K \sim q_\phi(z\mid x)}\left[\log \frac1K \sum_{k=1}^K \frac{p_\theta(x\mid z_k)\,p(z_k)}{q_\phi(z_k\mid x)}\right]. \tag{2.11}$$
#
# For $K=1$ this is the ELBO. Jensen again gives $\mathcal L_K \le \log p_\theta(x)$, for every $K$. And it can only rise
# with $K$. Call the fraction $w_k$. From one draw to two, the concave logarithm gives
# $\log\frac{w_1+w_2}{2} \ge \frac12(\log w_1 + \log w_2)$; take expectations on both sides. The general step is the same, with
# averages of averages. As $K\to\infty$ the average converges to (2.1) and, if the weights are bounded, the bound to
# $\log p_\theta(x)$.
#
# First on the simple story, where we know what it should converge to:


# %%
def log_mean_exp(log_weights):
    return log_weights.logsumexp(dim=-1) - math.log(log_weights.shape[-1])


q = guesses["right place, too wide"]
bounds = {}
for K in (1, 2, 5, 20, 100):
    z = q.sample((20_000, K))
    log_weights = (
        log_normal(torch.tensor([[[1.3]]]), z[..., None], s**2) + log_normal(z[..., None], 0, 1.0) - q.log_prob(z)
    )
    bounds[K] = log_mean_exp(log_weights).mean().item()
    print(f"K = {K:3d}: {bounds[K]:.4f}   (log p(x) = {evidence:.4f})")
assert list(bounds.values()) == sorted(bounds.values())
assert abs(bounds[100] - evidence) < 0.02

# %% [markdown]
# Now the VAE, on 500 test pictures made black and white (each pixel a coin that shows its grey value), so that
# $p_\theta(x\mid z)$ is a true probability and the bound a bound on a true log-likelihood:


# %%
@torch.no_grad()
def log_importance_weights(model, grey, x, K):
    """log p(x|z)p(z)/q(z|grey) for K draws of z: (n, K). The encoder sees the grey pictures it was trained on."""
    mu, logvar = model.encode(grey)
    std = (0.5 * logvar).exp()
    columns = []
    for _ in range(K):
        z = mu + std * torch.randn_like(mu)
        log_likelihood = -reconstruction_loss(model.decode(z), x)
        columns.append(log_likelihood + log_normal(z, 0, torch.ones(())) - log_normal(z, mu, logvar.exp()))
    return torch.stack(columns, dim=1)


grey = digits.test[:500]
x = torch.bernoulli(grey)
log_weights = log_importance_weights(vae, grey, x, 500)

# %%
bounds = {}
for K in (1, 5, 50, 500):
    groups = log_weights.view(len(x), -1, K)  # all 500 draws serve every K, in groups of K
    bounds[K] = log_mean_exp(groups).mean().item()
    print(f"K = {K:3d}: {bounds[K]:8.2f} nats per picture")
assert list(bounds.values()) == sorted(bounds.values())
results.add(elbo=bounds[1], **{f"iw_bound_{K}": bound for K, bound in bounds.items() if K > 1})

# %% [markdown]
# From $K=1$ to 500 the bound rises by several nats (seven, on MNIST): so much of the ELBO was the looseness of the bound, not
# a fault of the model. ($K=1$ differs a little from the test loss above, because these are 500 pictures, turned black and
# white.) How much of the gap is left at $K=500$ we cannot know from this alone: it is a lower bound, too, and averages of
# very uneven weights converge slowly. Chapter 06 will go to $K=5000$ and the published protocol.

# %% [markdown]
# ## Your numbers
#
# The bands come from runs with three seeds. Yours should lie inside; if you have changed a setting, the table
# shows what your change did.

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - A VAE is a story (prior, then decoder) with a guide (encoder). The ELBO (2.3) is reconstruction minus KL, and falls short
#   of the evidence by the KL divergence between guess and true posterior (2.4).
# - The KL term (2.7) is what information costs, in nats, plus what straying from the prior costs (2.5). At $\beta = 1$ a
#   nat of it must save a nat of reconstruction error.
# - Reparameterisation (2.8) lets the gradient pass the dice. In our example with 20 dimensions, the score-function
#   estimate had nearly five hundred times the variance.
# - Sum over pixels: averaging them makes β = 784, and the posterior collapses.
# - Log both terms. A KL term at zero means the code is silent.
# - Samples are whole but soft: with independent pixels, grey is a better answer than a wrong guess.
#
# ## References
#
# - D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014, [arXiv:1312.6114](https://arxiv.org/abs/1312.6114).
# - D. J. Rezende, S. Mohamed and D. Wierstra, "Stochastic backpropagation and approximate inference in deep generative models",
#   ICML 2014, [arXiv:1401.4082](https://arxiv.org/abs/1401.4082).
# - Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016,
#   [arXiv:1509.00519](https://arxiv.org/abs/1509.00519): (2.11), and active units.
# - I. Higgins et al., "β-VAE: learning basic visual concepts with a constrained variational framework", ICLR 2017.
# - S. R. Bowman et al., "Generating sentences from a continuous space", CoNLL 2016,
#   [arXiv:1511.06349](https://arxiv.org/abs/1511.06349): KL annealing.
# - A. Alemi et al., "Fixing a broken ELBO", ICML 2018, [arXiv:1711.00464](https://arxiv.org/abs/1711.00464): rate and distortion.
# - G. Loaiza-Ganem and J. P. Cunningham, "The continuous Bernoulli: fixing a pervasive error in variational autoencoders", NeurIPS 2019,
#   [arXiv:1907.06845](https://arxiv.org/abs/1907.06845): what a likelihood of grey pixels would be.
#
# ## What comes next
#
# - [Exercise 02](../exercises/ex02_vae.ipynb): two essays, the KL divergence of two Gaussians, and a broken one to repair.
# - [Chapter 03](03_minimax.ipynb): a judge that learns.
