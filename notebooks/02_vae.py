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
# Chapter 01 ended with a decoder that could draw and no way to tell it what to draw. A **variational autoencoder**
# (VAE; Kingma and Welling, 2014; Rezende et al., 2014) is trained so that the codes of all pictures together resemble
# a distribution that we can draw from. That has a price, the **KL term**. First you train one. Then we find out what you
# have trained: what the price is, why it is the right one, and what happens when it weighs too much.
#
# **You will be able to**
#
# - train a VAE and draw digits from it;
# - derive the evidence lower bound (ELBO), and say exactly how far below the likelihood it lies;
# - derive the KL divergence between Gaussians, and check it;
# - read the two curves of a training run, and tell a dip from posterior collapse;
# - measure how well the codes keep their contract, and what a nat of code buys.
#
# **Time.** To the *Summary* about 75 minutes; the *Further* sections another 25. All cells run in about <!--02.seconds-->90
# seconds on two CPU cores (not yet timed on a GPU).
#
# **You need** chapter 01's autoencoder and its last question, *from where shall we draw codes?*; logarithms,
# expectations, the density of a Gaussian.
#
# ![A sheet of 15 by 15 digits that change smoothly into one another: the latent plane of a VAE with a
# two-dimensional code.](images/02.png)
#
# *What you will make: a map of digits, each decoded from two numbers, not copied.*

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
from functools import partial

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import distributions, nn

from course_utils import pretrained, schedule
from course_utils.data import batches, load_images
from course_utils.explorer import latent_explorer, sheet
from course_utils.figures import plot_history, show, show_images
from course_utils.results import Results, holds
from course_utils.schedule import seed_everything
from course_utils.training import train

# %%
seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("02", digits.source)

# %% [markdown]
# ## 2.1 A VAE, in a minute · 12 min
#
# An autoencoder's encoder answers a picture with a point. The encoder of a VAE answers with a small *cloud*: a normal
# distribution, with a mean $\mu$ and a standard deviation $\sigma$ for each coordinate of the code. The decoder rebuilds
# the picture from one draw $z$.
#
# ![Diagram: a picture x goes through the encoder to mu and sigma; with a draw epsilon from a standard normal they make z,
# which the decoder turns into the rebuilt picture. Gradients pass back through z to mu and sigma, past epsilon.](images/02_reparameterisation.svg)
#
# The loss has two parts: the reconstruction error, and a price on every cloud that differs from the standard normal
# $\mathcal N(0, I)$. Without the price the encoder would make tiny clouds far apart, chapter 01's autoencoder again. The
# price pulls all clouds towards the same place and size, so that together they fill it. Afterwards we draw $z$ from
# $\mathcal N(0, I)$ and decode.
#
# In code, the draw is a random number that depends on no weight, scaled and shifted by what the encoder says. The last line
# draws four times from a cloud at 5 with $\sigma = 0.1$:


# %%
def reparameterize(mu, logvar):
    eps = torch.randn_like(mu)
    return mu + eps * (0.5 * logvar).exp()


print(reparameterize(torch.tensor([5.0] * 4), torch.tensor([0.01] * 4).log()))

# %% [markdown]
# The encoder gives $\log\sigma^2$, called `logvar`: any real number, while $\sigma$ must be positive. For each pixel the
# decoder answers with a **logit**, the logarithm of the odds that it is white.


# %%
class VAE(nn.Module):
    def __init__(self, latent_dim=20, hidden_dim=400):
        super().__init__()
        self.latent_dim = latent_dim
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(784, hidden_dim), nn.ReLU())
        self.to_mu = nn.Linear(hidden_dim, latent_dim)
        self.to_logvar = nn.Linear(hidden_dim, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, hidden_dim),  # (n, latent_dim) => (n, hidden_dim)
            nn.ReLU(),
            nn.Linear(hidden_dim, 784),  # => (n, 784), a logit for each pixel
        )

    def encode(self, x):
        h = self.hidden(x)  # (n, 1, 28, 28) => (n, hidden_dim)
        return self.to_mu(h), self.to_logvar(h)  # each (n, latent_dim)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar)
        return self.decode(z), mu, logvar

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, self.latent_dim, device=self.to_mu.weight.device)
        return self.decode(z).sigmoid().view(n, 1, 28, 28)


# %% [markdown]
# Now the loss: the binary cross-entropy (BCE), *summed* over the 784 pixels, and the price of the cloud, which section 2.3
# derives. Both are in **nats**, the unit of natural logarithms: one nat is a factor $e$ in probability, and $\log 2 =
# 0.69$ nats are one bit. `beta` is 1 until section 2.7. The last line prices two clouds with $\sigma = 1$, at 0 and at 3:


# %%
def reconstruction_loss(logits, x):
    logits, x = logits.float(), x.flatten(1)
    pixelwise = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return pixelwise.sum(dim=1)  # (n,): the sum over the 784 pixels, in nats


def kl_to_standard_normal(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)  # (n,), in nats


def negative_elbo(logits, x, mu, logvar, beta=1.0):
    kl = kl_to_standard_normal(mu, logvar)
    return (reconstruction_loss(logits, x) + beta * kl).mean()


print(kl_to_standard_normal(torch.tensor([[0.0], [3.0]]), torch.zeros(2, 1)))

# %% [markdown]
# And the training. `OneCycleLR` raises the learning rate during the first third of the steps and then lowers it almost to
# zero (and moves the first of Adam's averaging constants the other way). `schedule.autocast()` computes matrix products in
# 16 bits where that pays; the losses are always float32.

# %%
settings = schedule.choose(  # on the short and the full schedule
    steps=(3_000, 40_000),
    learning_rate=(6e-3, 3e-3),
    experiment_steps=(400, 6_000),
    map_steps=(1_000, 12_000),
)
print(settings)

# %%
vae = VAE().to(device)
optimizer = torch.optim.Adam(vae.parameters(), lr=settings.learning_rate, fused=True)
OneCycle = torch.optim.lr_scheduler.OneCycleLR
scheduler = OneCycle(optimizer, settings.learning_rate, total_steps=settings.steps)


def update(x):
    with schedule.autocast():
        logits, mu, logvar = vae(x)
    reconstruction = reconstruction_loss(logits, x).mean()
    kl = kl_to_standard_normal(mu.float(), logvar.float()).mean()
    optimizer.zero_grad()
    (reconstruction + kl).backward()  # that is negative_elbo, its two parts kept apart
    optimizer.step()
    scheduler.step()
    return {"reconstruction": reconstruction, "KL": kl}


# %%
kept = {"model": vae, "optimizer": optimizer, "scheduler": scheduler}  # in checkpoints
run = {"batch_size": 256, "name": "02_vae", "state": kept}
history = train(update, digits.train, steps=settings.steps, **run)

# %% [markdown]
# While it runs, read on to section 2.2, and come back for the pictures. The loss on test pictures:


# %%
@torch.no_grad()
def test_terms(model):
    """Reconstruction error and KL term on the test set, nats per picture."""
    logits, mu, logvar = model(digits.test)
    reconstruction = reconstruction_loss(logits, digits.test).mean()
    return reconstruction.item(), kl_to_standard_normal(mu, logvar).mean().item()


reconstruction, kl = test_terms(vae)
test_loss = reconstruction + kl
results.add(test_loss=test_loss, test_reconstruction=reconstruction, test_kl=kl)
print(f"test loss {test_loss:.1f} = {reconstruction:.1f} + KL {kl:.1f} nats a picture")

# %% [markdown]
# (Mean of the recorded runs on MNIST: <!--02.test_loss-->103.1, of which <!--02.test_kl-->25.3 are KL; this run's stands
# above.) Now draw $z$ from $\mathcal N(0, I)$, decode, look.
#
# > **❓ Predict.** What share of the samples will be digits that you can name? Write it down before you run the cell.

# %% jupyter={"outputs_hidden": true}
with torch.no_grad():
    rebuilt = vae(digits.test[:10])[0].sigmoid()
show_images(
    {"original": digits.test[:10], "rebuilt": rebuilt, "drawn": vae.sample(30)},
    alt="Ten test digits in a row; under them their reconstructions by the VAE; under "
    "these thirty samples, decoded from draws of a standard normal.",
)

# %% [markdown]
# Count them yourself; section 2.6 lets a classifier do it. Now: why this price, and why may the two parts simply be added?

# %% [markdown]
# ## 2.2 What was that? A story and a lower bound · 7 min
#
# A story in two steps. First someone decides *what* to write: a point $z$, drawn from the **prior** $p(z)$. Then a hand
# writes it: a picture $x$ is drawn from $p_\theta(x\mid z)$, a distribution that the decoder, with weights $\theta$,
# computes from $z$. The probability that the story gives to a picture counts all the ways in which it could have come about:
#
# $$p_\theta(x) = \int p_\theta(x \mid z)\, p(z)\, dz. \tag{2.1}$$
#
# This is a **latent-variable model**; nobody has seen $z$. To fit it, we would make
# $\log p_\theta(x)$ large for the pictures that we have. The integral is the trouble. We can draw a thousand $z$ from the
# prior and average $p_\theta(x \mid z)$, but almost none of them will be about *this* picture.
#
# Take a story so simple that the integral is known: $z$ has $d$ independent standard normal
# coordinates, and $x$ is $z$ with noise of standard deviation $s$ added. Then $x$ is normal, too, with variance $1 + s^2$.


# %%
def log_normal(x, mean, variance):
    """Log density of independent normals, summed over the last axis (nats)."""
    variance = torch.as_tensor(variance)
    each = (x - mean) ** 2 / variance + variance.log() + math.log(2 * math.pi)
    return -0.5 * each.sum(dim=-1)


# %% [markdown]
# > **❓ Predict.** With $s = 0.2$ and 10 000 draws from the prior, by how many nats is the estimate of $\log p(x)$ off
# > for $d = 1$? For $d = 10$?

# %% jupyter={"outputs_hidden": true}
s, missing = 0.2, {}
for d in (1, 2, 5, 10, 20):
    x = math.sqrt(1 + s**2) * torch.randn(200, 1, d)  # drawn from the story
    exact = log_normal(x, 0, 1 + s**2).squeeze(1)
    z = torch.randn(1, 10_000, d)
    estimate = log_normal(x, z, s**2).logsumexp(dim=1) - math.log(10_000)
    missing[d] = (exact - estimate).mean().item()
    print(f"d = {d:2d}: the estimate is {missing[d]:7.2f} nats too low on average")
holds("easy in 1, hopeless in 20", abs(missing[1]) < 0.2 and missing[20] > 20)

# %% [markdown]
# The region of $z$ that explains a given $x$ shrinks like $s^d$, and blind draws miss it. We need someone who, shown the
# picture, says where to look: the encoder, with weights $\phi$. Its cloud $q_\phi(z \mid x)$ is a guess at which $z$ may
# have been behind $x$. Multiply and divide by the guess, and (2.1) becomes an average over the cloud:
#
# $$\begin{aligned}
# \log p_\theta(x) &= \log \mathbb{E}_{q_\phi(z\mid x)}\!\left[\frac{p_\theta(x\mid z)\,p(z)}{q_\phi(z\mid x)}\right] \\
# &\ge\; \mathbb{E}_{q_\phi(z\mid x)}\!\left[\log \frac{p_\theta(x\mid z)\,p(z)}{q_\phi(z\mid x)}\right]
# =: \operatorname{ELBO}(x).
# \end{aligned} \tag{2.2}$$
#
# The step is *Jensen's inequality*: the logarithm of an average is at least the average of the logarithms. (The average
# of 1 and 9 is 5, and $\log 5 = 1.61$; their logarithms, 0 and 2.20, average to 1.10. The logarithm punishes the small
# value more than it rewards the large one.) Since $\log p_\theta(x)$ is called the *evidence*, this is the **evidence
# lower bound**. Two ways of writing it use the **Kullback–Leibler
# divergence** $D_\text{KL}(q\Vert p) = \mathbb{E}_q[\log q(z) - \log p(z)]$, which is never negative (Jensen again), and
# zero only if $q = p$. The first splits the fraction:
#
# $$\operatorname{ELBO}(x) = \underbrace{\mathbb{E}_{q_\phi(z\mid x)}[\log p_\theta(x\mid z)]}_{\text{how well codes explain } x}
# - \underbrace{D_\text{KL}\bigl(q_\phi(z\mid x)\,\Vert\, p(z)\bigr)}_{\text{the KL term}}. \tag{2.3}$$
#
# This is what you trained. Every pixel is a coin that shows white with probability $\hat x_i$, so the first term is
# $\sum_i x_i \log \hat x_i + (1-x_i)\log(1-\hat x_i)$, the negative of the BCE, and one draw of $z$ stands for the
# expectation. Both terms are logarithms of probabilities: that is why they may be added without a factor.
#
# The second way replaces $p_\theta(x\mid z)\,p(z)$ by $p_\theta(z\mid x)\,p_\theta(x)$ and says what the bound costs:
#
# $$\log p_\theta(x) - \operatorname{ELBO}(x) = D_\text{KL}\bigl(q_\phi(z\mid x)\,\Vert\,p_\theta(z\mid x)\bigr) \;\ge\; 0. \tag{2.4}$$
#
# So the bound is tight exactly when the encoder guesses the true **posterior** $p_\theta(z\mid x)$.
#
# > **⚠ Common mistake.** Calling (2.3) "the loss". It is a lower bound on something that we want *large*. The loss,
# > which we want small, is its negative: reconstruction error **plus** KL.
#
# The simple story lets us check (2.4), because its posterior is known: for $d=1$ it is normal with mean
# $x/(1+s^2)$ and variance $s^2/(1+s^2)$. We try the exact posterior as a guess, and two wrong ones.


# %%
def elbo_of_guess(x, q, draws=200_000):
    """Monte Carlo estimate of (2.2) for the story z ~ N(0, 1), x ~ N(z, s²)."""
    z = q.sample((draws,))
    log_joint = log_normal(x, z[:, None], s**2) + log_normal(z[:, None], 0, 1.0)
    return (log_joint - q.log_prob(z)).mean()


# %%
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
    print(f"{name:22s} ELBO {elbo:.4f}, missing {evidence - elbo:.4f}, KL {gap:.4f}")
    torch.testing.assert_close(evidence - elbo, gap, rtol=0, atol=0.02)

# %% [markdown]
# What is missing is the KL divergence to the posterior, as (2.4) says, and nothing is missing when the guess is right.
#
# ### Where is the contract?
#
# The KL term in (2.3) acts on each picture *separately*. Chapter 01 asked for a contract about the codes of all pictures
# together. Write $q(z)$ for those, the average of the clouds $q_\phi(z\mid x)$ over the pictures (the
# **aggregate posterior**). Insert it into the fraction, $\log\frac{q_\phi(z\mid x)}{p(z)} =
# \log\frac{q_\phi(z\mid x)}{q(z)} + \log\frac{q(z)}{p(z)}$, and average both sides over pictures and clouds:
#
# $$\begin{aligned}
# \mathbb{E}_x\, D_\text{KL}\bigl(q_\phi(z\mid x)\,\Vert\,p(z)\bigr)
# &= \underbrace{\mathbb{E}_x\, D_\text{KL}\bigl(q_\phi(z\mid x)\,\Vert\,q(z)\bigr)}_{\text{information}} \\
# &\quad + \underbrace{D_\text{KL}\bigl(q(z)\,\Vert\,p(z)\bigr)}_{\text{contract}}.
# \end{aligned} \tag{2.5}$$
#
# (Hoffman and Johnson, 2016.) The second part is what chapter 01 lacked: zero if the contract is kept. The first is the *mutual information* of picture
# and code: how much the code tells about which picture it came from. The reconstruction wants it, and has to pay. If
# every cloud were the prior itself, the contract would hold perfectly and the code would be silent.

# %% [markdown]
# ## 2.3 The KL term, in closed form · 3 min
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
# That is `kl_to_standard_normal`. Three routes to it: the formula, an average over draws, the library.

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
# > **⚠ Common mistake.** Testing a KL function at $\mu = 0$, $\sigma = 1$ only. Forget the ½, take a mean for the sum, or
# > flip the sign of $\log\sigma^2$, and it gives 0 there all the same. Test elsewhere, too, against the library.

# %%
flipped = 0.5 * (mu**2 + logvar.exp() - 1 + logvar).sum(dim=1)
off = (flipped - by_library).abs()
holds("a flipped sign: row 1 right, row 2 wrong", off[0] == 0 and off[1] > 1)

# %% [markdown]
# The price is a valley with its floor at $\mu = 0$, $\sigma = 1$. Moving $\mu$ costs $\mu^2/2$.
# Changing $\sigma$ costs $\frac12(\sigma^2 - 1) - \log\sigma$: near the floor about $(\sigma-1)^2$, far out nearly
# $\sigma^2/2$. Narrowing is cheap at first, but in the end each halving of $\sigma$ costs $\log 2$, one bit, and buys
# one bit of precision about the code.


# %%
def price(sigma):
    logvar = torch.tensor([[2 * math.log(sigma)]])
    return kl_to_standard_normal(torch.zeros(1, 1), logvar).item()


halvings = [price(sigma / 2) - price(sigma) for sigma in (1.0, 0.02)]
holds("halving σ costs log 2 far down", abs(halvings[1] - math.log(2)) < 1e-3, *halvings)
holds("near the floor, (σ − 1)²", abs(price(1.1) / 0.1**2 - 1) < 0.1, price(1.1))
holds("at σ = 10, σ²/2 up to 6 %", abs(price(10.0) / 50 - 1) < 0.06, price(10.0))

# %% [markdown]
# ## 2.4 Gradients through a dice roll · 2 min
#
# Training needs the gradient of (2.3) in $\mu$ and $\sigma$. The KL term is a formula. The first term is an
# expectation over draws from a distribution *that depends on the parameters*: change $\mu$, and the dice fall elsewhere.
# **Reparameterisation** moves the dice out of the way. Draw $\varepsilon \sim \mathcal N(0, I)$, which depends on nothing,
# and compute
#
# $$z = \mu + \sigma \odot \varepsilon. \tag{2.8}$$
#
# ($\odot$ multiplies coordinate by coordinate.) This $z$ has the distribution that we want, and it is a differentiable
# function of $\mu$ and $\sigma$, with $\partial z/\partial\mu = 1$ and $\partial z/\partial\sigma = \varepsilon$. The
# expectation is now over $\varepsilon$, and the gradient may move inside it. In PyTorch's `distributions`, `sample()`
# cuts the thread from $z$ back to $\mu$ on purpose, and `rsample()` is (2.8) and keeps it.

# %%
mu = torch.tensor(1.5, requires_grad=True)
logvar = torch.tensor(-1.0, requires_grad=True)
z = reparameterize(mu.expand(200_000), logvar.expand(200_000))
by_mu, by_logvar = torch.autograd.grad(z.square().mean(), (mu, logvar))

centre, variance = z.mean().item(), z.var().item()
right = abs(centre - 1.5) < 0.01 and abs(variance - math.exp(-1)) < 0.01
holds("z has mean 1.5 and variance 1/e", right, centre, variance)
holds("E z² = μ² + σ² has the slope 2μ = 3 in μ", abs(by_mu - 3) < 0.02, by_mu)
holds("and σ² = 0.368 in log σ²", abs(by_logvar - math.exp(-1)) < 0.02, by_logvar)
normal = distributions.Normal(mu, 1.0)
threads = [normal.sample().requires_grad, normal.rsample().requires_grad]
holds("sample() forgets μ, rsample() does not", threads == [False, True])

# %% [markdown]
# Section 2.14 measures another way, which needs no derivative of the decoder.

# %% [markdown]
# ## 2.5 Two curves, and a dip · 12 min
#
# `train` kept both parts of the loss, one number a step.

# %%
plot_history(
    history,
    alt="The two parts of the loss against steps, as means of 50: reconstruction "
    "falls, steeply at first; KL stays low, dips near its beginning, and rises to a level.",
    ylabel="nats per picture",
)

# %% [markdown]
# In the long run the KL term rises: the model buys code, as long as a nat of it saves more than
# a nat of reconstruction error. But near its beginning the curve, a mean over 50 steps, has a hump and a dip. Here are
# the first 300 steps of another run without smoothing. Average $\mu$ and $\log\sigma^2$ over
# the batch, too: the KL term of that *average cloud* is what all pictures pay alike, and says nothing about any of them. ((2.7)
# is convex in $\mu$ and $\log\sigma^2$, so by Jensen it is at most the whole.)
#
# A suspicion to test: a fresh decoder answers one half everywhere, and first has to learn that most pixels are dark. So in a
# second copy one thing differs: the bias of its last layer starts at the log-odds of the average digit.


# %%
def train_quickly(model, steps, loss_of=negative_elbo, planned=None):
    """For experiments: `steps` of `planned` on loss_of(logits, x, mu, logvar)."""
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3, fused=True)
    scheduler = OneCycle(optimizer, 6e-3, total_steps=planned or steps)
    for x in batches(digits.train, 256, steps=steps, seed=schedule.seed()):
        with schedule.autocast():
            logits, mu, logvar = model(x)
        loss = loss_of(logits, x, mu.float(), logvar.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    return model


def first_steps(model, steps=300):
    """Of each step: error, KL term, and KL term of the average cloud."""
    rows = []

    def loss_of(logits, x, mu, logvar):
        error, kl = reconstruction_loss(logits, x), kl_to_standard_normal(mu, logvar)
        alike = kl_to_standard_normal(mu.mean(dim=0)[None], logvar.mean(dim=0)[None])
        rows.append(torch.stack([error.mean(), kl.mean(), alike[0]]).detach())
        return (error + kl).mean()

    train_quickly(model, steps, loss_of, planned=3_000)
    return torch.stack(rows, dim=1).cpu()  # (3, steps)


# %%
average_digit = digits.train.mean(dim=0).flatten().clamp(1e-3, 1 - 1e-3)
same_answer = average_digit.logit().expand(len(digits.test), -1)
blank = reconstruction_loss(same_answer, digits.test).mean().item()
fresh, prepared = VAE().to(device), VAE().to(device)
with torch.no_grad():
    prepared.decoder[-1].bias.copy_(average_digit.logit())
fresh_run, prepared_run = first_steps(fresh), first_steps(prepared)
print(f"the average digit, as the answer to every picture, leaves {blank:.1f} nats")

# %% [markdown]
# > **❓ Predict.** Will the prepared copy's KL term dip, too?

# %% jupyter={"outputs_hidden": true}
fig, ax = plt.subplots()
ax.plot(fresh_run[1], label="KL term, fresh")
ax.plot(fresh_run[2], ":", color="C0", label="of it, what all pictures pay alike")
ax.plot(prepared_run[1], label="KL term, bias prepared")
ax.set(xlabel="training step", ylabel="nats per picture")
ax.legend()
show(
    fig,
    alt="The KL term over the first 300 steps, for a fresh VAE, with the part that all "
    "pictures pay alike, and for one whose last bias was prepared.",
)

# %%
peak = int(fresh_run[1][:100].argmax())
trough = peak + int(fresh_run[1][peak:].argmin())
error, kl, alike = fresh_run[:, peak].tolist()
error_low, kl_low, _ = fresh_run[:, trough].tolist()
print(f"fresh: peak at step {peak + 1}, lowest point at step {trough + 1}")
holds("at the peak the code costs tens of nats", kl > 20, kl)
holds("yet its pictures are worse than the average digit", error > blank, error, blank)
holds("most of the price is the same for all pictures", alike > 0.7 * kl, alike)
holds("then the KL term falls to less than half", kl_low < 0.5 * kl, kl_low)
holds("at an error near the average digit's", abs(error_low - blank) < 40, error_low)

# %%
falls = [(r[1].cummax(dim=0)[0] - r[1]).max() for r in (fresh_run, prepared_run)]
holds("bias prepared: the fall is all but gone", falls[1] < 0.3 * falls[0], *falls)
results.add(kl_peak=kl, kl_lowest=kl_low, kl_fall_prepared=falls[1])

# %% [markdown]
# So the beginning reads like this. *Overshoot*: in the first hundred steps all clouds move away together, and the code serves
# as one more bias that darkens the picture. It costs KL and says next to nothing. *Plateau*: the clouds come back, and for a
# while the decoder draws little more than the average digit. *Rise*: differences between pictures are what is left to win,
# and the code begins to carry them. The prepared copy had nothing to darken, and its KL term rises without a hump. So
# for this network the fresh bias makes the dip. Why the plateau lasts so long, and whether other networks and pictures dip
# for the same reason, we have not found out.
#
# ### Sum or mean: the most common mistake of all
#
# Libraries average by default. If the reconstruction error is *averaged* over the 784 pixels while the KL term stays a
# sum, the loss is
#
# $$\tfrac{1}{784}\,\text{BCE} + \text{KL} \;=\; \tfrac1{784}\,\bigl(\text{BCE} + 784\cdot\text{KL}\bigr): \tag{2.9}$$
#
# the KL term weighs 784 times too much, and nothing warns you.


# %%
def mean_for_sum(logits, x, mu, logvar):
    error = F.binary_cross_entropy_with_logits(logits.float(), x.flatten(1))
    return error + kl_to_standard_normal(mu, logvar).mean()


with torch.no_grad():
    logits, mu, logvar = vae(digits.test)
mixed_up = mean_for_sum(logits, digits.test, mu, logvar).item()
by_beta = negative_elbo(logits, digits.test, mu, logvar, beta=784).item() / 784
holds("(2.9): it is β = 784", abs(mixed_up / by_beta - 1) < 1e-3, mixed_up, by_beta)


# %% [markdown]
# > **❓ Predict.** What will its reconstructions look like?

# %% jupyter={"outputs_hidden": true}
wrongly_scaled = train_quickly(VAE().to(device), 300, mean_for_sum)
with torch.no_grad():
    logits, mu, logvar = wrongly_scaled(digits.test)
show_images(
    {"original": digits.test[:10], "wrongly scaled": logits[:10].sigmoid()},
    alt="Ten test digits, and under them what the wrongly scaled VAE rebuilds.",
)
# %%
kl = kl_to_standard_normal(mu, logvar).mean()
spread = logits[:10].sigmoid().std(dim=0).max()
holds("the KL term is practically zero", kl < 0.1, kl)
holds("and the ten reconstructions are one picture", spread < 0.1, spread)

# %% [markdown]
# The code carries nothing, so the decoder draws one picture whatever it is shown. This is **posterior
# collapse**; see 2.8. If you ever see ten equal blobs, look at the scaling first.

# %% [markdown]
# ## 2.6 Do the codes keep the contract? · 8 min
#
# What spoils some of the samples, the decoder or the place where the codes were drawn? Let a classifier judge 2 000 pictures
# of each kind (a small network from chapter 06). With them goes chapter 01's autoencoder
# and its fitted Gaussian, which differs in more than the price: 64 numbers, fewer units, squared error.

# %%
classifier = pretrained.load(f"classifier-{digits.source}")
autoencoder = pretrained.load(f"autoencoder-{digits.source}")  # and its fitted Gaussian


@torch.no_grad()
def sure_share(pictures):
    """The share of pictures of which the classifier is more than 90 % sure."""
    probabilities = classifier(pictures.view(-1, 1, 28, 28)).softmax(dim=1)
    return (probabilities.amax(dim=1) > 0.9).float().mean().item()


with torch.no_grad():
    z = reparameterize(*vae.encode(digits.train))  # one draw from each cloud
z = z[torch.randperm(len(z), device=device)]
kinds = {
    "real digits": digits.test[:2000],
    "VAE, rebuilt": vae.decode(z[:2000]).detach().sigmoid().view(-1, 1, 28, 28),
    "VAE, drawn": vae.sample(2000),
    "autoencoder, drawn": autoencoder.sample(2000),
}

sure = {name: sure_share(pictures) for name, pictures in kinds.items()}
for name, share in sure.items():
    print(f"{name:19s} the classifier is sure of {share:.0%}")
rebuilt, drawn = sure["VAE, rebuilt"], sure["VAE, drawn"]
holds("what is rebuilt passes far more often than what is drawn", rebuilt > drawn + 0.1)
results.add(share_sure_rebuilt=rebuilt, share_sure_drawn=drawn)

# %% [markdown]
# The decoder can draw: what it rebuilds from codes of pictures passes far more often than what it draws from the prior.
# So the fault lies with *where* the codes are drawn: the prior reaches **holes** of $q(z)$, places where no picture
# has its code.
#
# Right means and variances would prove little: chapter 01's fitted Gaussian has them, too. Chapter 01's critic asks more. It
# is a small network that learns to tell two kinds of things apart; an accuracy of one half on fresh ones means that it
# sees no difference. It compares pictures, and then the codes themselves.


# %%
def told_apart(these, those, steps=400):
    """How often a critic that learned from first halves is right about the second."""
    these, those, half = these.flatten(1), those.flatten(1), len(these) // 2
    critic = nn.Sequential(nn.Linear(these.shape[1], 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(critic.to(device).parameters(), lr=2e-3)
    x = torch.cat([these[:half], those[:half]])
    y = (torch.arange(2 * half, device=device) < half).float()[:, None]
    for things, kind in batches(x, 100, labels=y, steps=steps):
        loss = F.binary_cross_entropy_with_logits(critic(things), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = [(critic(these[half:]) > 0).float(), (critic(those[half:]) <= 0).float()]
    return torch.cat(right).mean().item()


real, others = digits.train[torch.randperm(len(digits.train))[:4000]].split(2000)
control = told_apart(others, real)
apart = {name: told_apart(kinds[name], real) for name in list(kinds)[1:]}
for name, accuracy in apart.items():
    print(f"{name:19s} against real: told apart with accuracy {accuracy:.2f}")
holds("real against real, the control, is near one half", control < 0.58, control)
rebuilt, drawn, fitted = apart.values()
holds("rebuilt digits are harder to tell than drawn ones", rebuilt < drawn - 0.05)
holds("and these than the autoencoder's", drawn < fitted)
results.add(told_apart_drawn=drawn, told_apart_fitted=fitted)

# %%
prior = torch.randn(20_000, 20, device=device)
codes_apart = told_apart(z[:10_000], prior[:10_000], steps=1500)
control = told_apart(prior[10_000:], prior[:10_000], steps=1500)
holds("codes can be told from draws of the prior", codes_apart > 0.55, codes_apart)
holds("draws of the prior are not told from each other", control < 0.54, control)
results.add(told_apart_codes=codes_apart)

# %% [markdown]
# The critic tells drawn digits from real ones far more often than rebuilt ones, soft as these are. The last test
# does not look at pictures: the codes themselves are not quite spread as the prior is. The contract is kept approximately,
# no more. Section 2.12 computes (2.5), with a surprise.

# %% [markdown]
# ## 2.7 What a nat buys: β and the rate–distortion curve · 5 min
#
# The two parts of the loss pull in opposite directions, and one knob sets the exchange rate (Higgins et al., 2017; for the
# names, Alemi et al., 2018):
#
# $$L_\beta = \underbrace{\mathbb{E}_q[-\log p_\theta(x\mid z)]}_{\text{distortion } D}
# + \beta\, \underbrace{D_\text{KL}(q_\phi(z\mid x)\Vert p(z))}_{\text{rate } R}. \tag{2.10}$$
#
# The **rate** is the KL term: by (2.5) the information in the code *plus* the broken part of the contract, so at least the
# information. The **distortion** is what remains to be said. At $\beta=1$ their sum is the negative ELBO. At $\beta = 0$
# nothing stops $\sigma$ from shrinking to zero and $\mu$ from going anywhere: chapter 01 again.
#
# Compare the best model at the price $\beta$ with the best at a higher price $\beta'$. At $\beta$ the second may not be
# better, $D + \beta R \le D' + \beta R'$, and at $\beta'$ the first may not. Together: between the two, each nat of rate
# given up costs at least $\beta$ and at most $\beta'$ nats of distortion. So the model buys until the last nat of rate
# saves exactly $\beta$ nats of distortion.
#
# > **❓ Predict.** Which $\beta$ gives the best reconstructions, and which the smallest negative ELBO?

# %% jupyter={"outputs_hidden": true}
betas = [0.1, 1.0, 3.0, 10.0]
models, negative = {}, {}
for beta in betas:
    loss_of = partial(negative_elbo, beta=beta)
    models[beta] = train_quickly(VAE().to(device), settings.experiment_steps, loss_of)
distortions, rates = zip(*map(test_terms, models.values()), strict=True)
for beta, rate, distortion in zip(betas, rates, distortions, strict=True):
    negative[beta] = rate + distortion
    print(f"β = {beta:4g}: {rate:5.1f} (rate) + {distortion:5.1f} = {negative[beta]:.1f}")

# %%
fig, ax = plt.subplots()
ax.plot(rates, distortions, "o-")
for point in zip(betas, rates, distortions, strict=True):
    ax.annotate(f"β = {point[0]:g}", point[1:], (6, 5), textcoords="offset points")
ax.set(xlabel="rate: KL term, nats per picture", ylabel="distortion: BCE, nats")
show(fig, alt="Distortion against rate: four points, one for each β, and a line.")

# %%
for k, low in enumerate(betas[:-1]):
    high, given_up = betas[k + 1], rates[k] - rates[k + 1]
    cost = (distortions[k + 1] - distortions[k]) / given_up
    holds(f"from β = {low:g} to {high:g}, cost of a nat", low < cost < high, cost)
holds("the negative ELBO is smallest at β = 1", min(negative, key=negative.get) == 1.0)
results.add(rate_cheap=rates[0], rate_dear=rates[3], distortion_dear=distortions[3])

# %% [markdown]
# $\beta = 1$ wins the last comparison, since the negative ELBO is what it minimises. And the samples, which (2.10) does
# not mention?

# %%
rows, away = {}, []
for beta in (0.1, 1.0, 10.0):
    with torch.no_grad():
        rows[f"β = {beta:g}, rebuilt"] = models[beta](digits.test[:10])[0].sigmoid()
        codes = reparameterize(*models[beta].encode(digits.train[:20_000]))
    rows[f"β = {beta:g}, drawn"] = models[beta].sample(10)
    away.append(told_apart(codes, torch.randn_like(codes), steps=1000))
show_images(rows, alt="Six rows of digits: rebuilt and drawn, for beta 0.1, 1 and 10.")
cheap, fair, dear = away
holds("cheaper codes are easier to tell from the prior", cheap > fair > dear, *away)

# %% [markdown]
# Cheap codes ($\beta = 0.1$) rebuild best and have moved away from the prior. Expensive codes
# ($\beta = 10$) keep the contract best and say little. Which samples are best is another question: chapter 06.

# %% [markdown]
# ## 2.8 Posterior collapse · 4 min
#
# Towards the left end of that curve the code falls silent, coordinate by coordinate. A coordinate of the code is
# **active** when its mean moves with the picture: Burda et al. (2016) count it when the variance of $\mu_j(x)$ over the
# data exceeds 0.01. A collapsed coordinate has $\mu_j = 0$ and $\sigma_j = 1$ for every picture, costs no KL, and says
# nothing.


# %%
@torch.no_grad()
def coordinates(model):
    """How many coordinates are active, and the KL term of each, over the test set."""
    mu, logvar = model.encode(digits.test)
    each = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).mean(dim=0).cpu()
    return int((mu.var(dim=0) > 0.01).sum()), each


active = {beta: coordinates(model)[0] for beta, model in models.items()}
paying = {beta: int((coordinates(models[beta])[1] > 0.1).sum()) for beta in betas}
print("active coordinates, by β:", active)
print("those that carry more than 0.1 nat:", paying)
fewer = list(paying.values()) == sorted(paying.values(), reverse=True)
holds("a higher price never leaves more of them carrying", fewer)
holds("in the wrongly scaled model none is active", coordinates(wrongly_scaled)[0] == 0)

# %% [markdown]
# (The threshold of 0.01 calls active what carries next to nothing.)
#
# Is that a fault? At $\beta = 10$ a nat of code must save ten nats of error, and most coordinates would not: thrift. It is
# a fault when *all* are silent at a price that nobody meant.
#
# > **🔧 Diagnose.** Your KL term is low. Collapse, or the dip of section 2.5? Log the two parts separately, and wait a few
# > hundred steps: the dip ended by itself. If the KL term stays near zero, check the scaling (2.9); lower $\beta$, or let it rise slowly from zero
# > (*KL annealing*; Bowman et al., 2016); or give the code an allowance.
#
# **Free bits** (Kingma et al., 2016) let every coordinate have some nats for nothing; exercise 02 has you write them. The
# coarse form, one allowance for the whole code, is a single `clamp`. We try it at the price of 10:


# %%
def with_allowance(logits, x, mu, logvar, nats=15.0):
    paid = (kl_to_standard_normal(mu, logvar).mean() - nats).clamp(min=0)
    return reconstruction_loss(logits, x).mean() + 10 * paid


allowed = train_quickly(VAE().to(device), settings.experiment_steps, with_allowance)
distortion, rate = test_terms(allowed)
holds("the code uses most of its allowance of 15 nats", 10 < rate < 16, rate)
holds("it has far less distortion", distortion < distortions[3] - 20, distortion)

# %% [markdown]
# ## 2.9 A map of digits · 11 min
#
# For a map we train a second VAE, with a code of two numbers. Beside it stands a control: **chapter 01's
# autoencoder with two numbers**, made of the same networks and trained for as many steps on the same reconstruction
# error, but with points for clouds and no price.


# %%
class TwoNumbers(VAE):
    """Chapter 01's autoencoder in the VAE's networks: the decoder gets the mean."""

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu), mu, logvar


torch.manual_seed(schedule.seed())
vae2, plain2 = VAE(latent_dim=2).to(device), TwoNumbers(latent_dim=2).to(device)
train_quickly(vae2, settings.map_steps)
train_quickly(plain2, settings.map_steps, partial(negative_elbo, beta=0.0))
error, kl = test_terms(vae2)
print(f"error: VAE {error:.1f}, autoencoder {test_terms(plain2)[0]:.1f} nats")
holds("2 numbers leave a higher loss than 20", error + kl > test_loss + 10, error + kl)
results.add(map_loss=error + kl)

# %% [markdown]
# Lay a 15×15 grid on the VAE's plane, from −2.5 to 2.5 each way, and decode every point:


# %%
@torch.no_grad()
def decoded_grid(model, to_code=lambda z: z):
    """The decoded points of the grid, (15, 15, 28, 28); first axis z₁, second z₂."""
    axis = torch.linspace(-2.5, 2.5, 15, device=device)
    codes = to_code(torch.cartesian_prod(axis, axis))
    return model.decode(codes).sigmoid().view(15, 15, 28, 28).cpu()


def show_sheet(ax, images):
    edge = 2.5 * 15 / 14  # a digit lies around its point
    ax.imshow(sheet(images), extent=(-edge, edge, -edge, edge), vmin=0, vmax=1)
    ax.set(xlabel="$z_1$", ylabel="$z_2$", xticks=range(-2, 3), yticks=range(-2, 3))
    ax.grid(False)


# %% tags=["picture"]
plane = decoded_grid(vae2)
fig, ax = plt.subplots(figsize=(6.4, 6.4))
show_sheet(ax, plane)
show(
    fig,
    alt="The latent plane as a sheet of 15 by 15 decoded digits, z1 to the right and "
    "z2 upwards: neighbours resemble each other, and one digit passes into another.",
)

# %% [markdown]
# Where do the codes of real digits lie? Nobody told the autoencoder where to put them, so we look at its codes also after the best that a Gaussian can do: shifted and scaled to mean 0 and covariance $I$.

# %%
with torch.no_grad():
    vae_codes = reparameterize(*vae2.encode(digits.test))
    plain_codes = plain2.encode(digits.test)[0]
centre, root = plain_codes.mean(dim=0), torch.linalg.cholesky(plain_codes.T.cov())
fitted = torch.linalg.solve(root, (plain_codes - centre).T).T
places = {"VAE": vae_codes, "autoencoder": plain_codes, "fitted": fitted}


# %%
def empty_cells(codes):
    """How many of 100 cells, equally likely under a standard normal, hold no code."""
    cell = distributions.Normal(0.0, 1.0).cdf(codes.cpu()).mul(10).long().clamp(0, 9)
    return 100 - len((10 * cell[:, 0] + cell[:, 1]).unique())


# %% [markdown]
# > **❓ Predict.** Cut the plane into 100 cells that a standard normal would fill equally. How many stay empty of the codes of
# > all test digits, in each of the three cases?

# %% jupyter={"outputs_hidden": true}
empty = {name: empty_cells(codes) for name, codes in places.items()}
z = torch.randn_like(vae_codes)
away = {name: told_apart(codes, z, steps=1000) for name, codes in places.items()}
for name in places:
    print(f"{name:12s} {empty[name]} cells empty, told from the prior {away[name]:.2f}")
holds("the VAE leaves hardly a cell empty", empty["VAE"] <= 5)
holds("its codes are nearer the prior", away["VAE"] < away["autoencoder"] - 0.1)
results.add(told_apart_map_vae=away["VAE"], told_apart_map_fitted=away["fitted"])

# %%
fig, axes = plt.subplots(1, 3, figsize=(11.5, 3.9))
labels = digits.test_labels[:3000].cpu()
for ax, codes, name in ((axes[0], vae_codes, "VAE"), (axes[1], fitted, "autoencoder")):
    points = ax.scatter(*codes[:3000].T.cpu(), c=labels, cmap="tab10", s=3)
    ax.set(title=f"{name}, codes", xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    ax.set(xlim=(-2.7, 2.7), ylim=(-2.7, 2.7))
fig.colorbar(points, ax=list(axes[:2]), ticks=range(10))
show_sheet(axes[2], decoded_grid(plain2, lambda z: centre + z @ root.T))
axes[2].set_title("autoencoder, sheet")
show(
    fig,
    alt="Two scatter plots of codes of test digits, coloured by digit, for the VAE and "
    "for the autoencoder; and the autoencoder's sheet of 15 by 15 decoded points.",
)

# %%
sure_vae = sure_share(vae2.decode(z).sigmoid())
sure_plain = sure_share(plain2.decode(centre + z @ root.T).sigmoid())
holds("yet no more of its drawings pass", sure_vae < sure_plain + 0.05, sure_vae, sure_plain)

# %% [markdown]
# The VAE's codes (left) lie where the prior is, without any fitting. That is the work of the price and the noise together:
# everything else is equal. In *two* dimensions a fitted Gaussian (middle) gets far, too: the table has its empty cells.
# Nor do more of the VAE's drawings pass: the contract is about where codes lie.
#
# Walk around yourself: the cell adds sliders to the picture, and says what the classifier takes each drawing for.

# %%
chances = classifier(plane.view(-1, 1, 28, 28).to(device)).softmax(dim=1).max(dim=1)
found = zip(*(one.tolist() for one in chances), strict=True)
verdicts = [f"looks like {digit} ({chance:.0%} sure)" for chance, digit in found]
latent_explorer(
    plane,
    (-2.5, 2.5),
    alt="The latent plane as a sheet of 15 by 15 decoded digits, z1 right, z2 upwards.",
    labels=[verdicts[15 * i : 15 * i + 15] for i in range(15)],
)

# %% [markdown]
# ## Your turn · 1 min
#
# > **✎ Your turn.** **(1) Colder draws.** Draw 2 000 codes from the main VAE's prior, multiply them by 0.7, decode them, and
# > measure `sure_share`. Do more of them pass, or fewer? Then try 1.3. Numbers to hit on MNIST, with the factors 0.7, 1 and
# > 1.3: about 0.34, 0.43 and a half.
#
# <details><summary>Solution</summary>
#
# ```python
# z = torch.randn(2000, 20, device=device)
# for factor in (0.7, 1.0, 1.3):
#     print(factor, sure_share(vae.decode(factor * z).sigmoid()), (factor * z).norm(dim=1).mean())
# ```
#
# Colder draws pass less often, hotter ones more often. In 20 dimensions the draws of the prior, and the codes of pictures,
# have lengths near $\sqrt{20} = 4.5$. The colder draws have 3.1, the hotter 5.7: to pass is not to lie where codes lie.
#
# </details>
#
# > **✎ Your turn.** **(2) Warm-up.** Write a loss for `train_quickly` whose β rises from 0 to 1 in its first 200 calls, and
# > train a `VAE()` with it for `settings.experiment_steps`. Number to hit: the negative ELBO of $\beta = 1$ in section 2.7,
# > within about a nat.
#
# <details><summary>Solution</summary>
#
# ```python
# from itertools import count
#
# calls = count()
#
# def warming_up(logits, x, mu, logvar):
#     return negative_elbo(logits, x, mu, logvar, beta=min(1.0, next(calls) / 200))
#
# print(sum(test_terms(train_quickly(VAE().to(device), settings.experiment_steps, warming_up))))
# ```
#
# One run on MNIST gave 117.7, against 117.9 without warming up: there was no collapse to prevent.
#
# </details>

# %% [markdown]
# ## On one page · 4 min
#
# In plain PyTorch. It runs alone with `import torchvision` and `images` from the comment.

# %%
import torch
from torch import nn

images = digits.train
# or torchvision.datasets.MNIST("data", download=True).data[:, None] / 255


class TinyVAE(nn.Module):
    def __init__(self, hidden=400, code=20):
        super().__init__()
        layers = nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 2 * code)
        self.encoder = nn.Sequential(*layers)  # mu and logvar
        layers = nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, 784)
        self.decoder = nn.Sequential(*layers)

    def forward(self, x):  # (n, 784)
        mu, logvar = self.encoder(x).chunk(2, dim=1)  # each (n, code)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.decoder(z), mu, logvar


# %%
model = TinyVAE().to(images.device)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for step in range(1, 501):
    x = images[torch.randint(len(images), (128,))].flatten(1)
    logits, mu, logvar = model(x)
    bce = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()
    loss = (bce + kl) / len(x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step}: loss {loss:.1f}, of it KL {kl / len(x):.1f}")
z = torch.randn(20, 20, device=images.device)
drawn = model.decoder(z).sigmoid().view(-1, 1, 28, 28)

# %%
show_images(drawn, alt="Twenty pictures drawn by the one-page VAE after 500 steps.")

# %% [markdown]
# ## Your numbers · 1 min
#
# Yours should lie inside the recorded bands, unless you have changed a setting.

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - A VAE is a story (prior, then decoder) with a guide (encoder). Its loss is the negative of a lower bound: reconstruction
#   error plus KL term (2.3). The bound falls short of the evidence by the KL divergence between guess and posterior (2.4).
# - The KL term (2.7) is information plus broken contract (2.5). At $\beta = 1$ a nat of it must save a nat of
#   reconstruction error, and $\beta$ sets that exchange rate (2.10).
# - With (2.8) the gradient passes the dice.
# - Log both parts. Here a KL term that jumped up, dipped and rose was a decoder learning to be dark; one that stays at
#   zero is a silent code. First suspect: a mean where a sum belongs (2.9).
# - The prior has holes, where no picture has its code. The decoder draws worse there than elsewhere.

# %% [markdown]
# ## What comes next
#
# - [Exercise 02](../exercises/ex02_vae.ipynb): two essays, the KL divergence of two Gaussians, and a broken one to repair.
# - [Chapter 03](03_minimax.ipynb): a judge that learns.

# %% [markdown]
# ## 2.10 Further: a tighter bound, from more guesses · 6 min
#
# How far below the evidence is our ELBO? We cannot compute (2.4), since the posterior of *this* model is unknown. But we
# can tighten the bound. Draw not one $z$ but $K$, and average *before* taking the logarithm (Burda et al., 2016):
#
# $$\begin{aligned}
# w_k &= \frac{p_\theta(x\mid z_k)\,p(z_k)}{q_\phi(z_k\mid x)}, \qquad z_1,\dots,z_K \sim q_\phi(z\mid x), \\
# \mathcal L_K(x) &= \mathbb{E}\left[\log \frac1K \sum_{k=1}^K w_k\right].
# \end{aligned} \tag{2.11}$$
#
# For $K=1$ this is the ELBO. Jensen again gives $\mathcal L_K \le \log p_\theta(x)$, for every $K$. And it can only rise
# with $K$. From one draw to two, the concave logarithm gives
# $\log\frac{w_1+w_2}{2} \ge \frac12(\log w_1 + \log w_2)$; take expectations on both sides. From $K$ to $K+1$: the average
# of $K+1$ weights is the average, over which one is left out, of the averages of the other $K$; again the logarithm of
# an average of $K+1$ things is at least the average of their logarithms, and each of those has the expectation
# $\mathcal L_K$. As $K\to\infty$ the average converges to (2.1) and, if the weights are bounded, the bound to
# $\log p_\theta(x)$.
#
# First on the simple story, where we know what it should converge to:


# %%
def log_mean_exp(log_weights):
    return log_weights.logsumexp(dim=-1) - math.log(log_weights.shape[-1])


# %%
q = guesses["right place, too wide"]
bounds = {}
for K in (1, 2, 5, 20, 100):
    z = q.sample((20_000, K))
    log_weights = log_normal(torch.tensor([[[1.3]]]), z[..., None], s**2)
    log_weights = log_weights + log_normal(z[..., None], 0, 1.0) - q.log_prob(z)
    bounds[K] = log_mean_exp(log_weights).mean().item()
    print(f"K = {K:3d}: {bounds[K]:.4f}   (log p(x) = {evidence:.4f})")
holds("the bound rises with K", list(bounds.values()) == sorted(bounds.values()))
holds("and comes home", abs(bounds[100] - evidence) < 0.02, bounds[100] - evidence)

# %% [markdown]
# Now the VAE, on 500 test pictures made black and white (each pixel a coin that shows its grey value), so that
# $p_\theta(x\mid z)$ is a true probability and the bound a bound on a true log-likelihood:


# %%
@torch.no_grad()
def log_importance_weights(model, grey, x, K):
    """log w_k of K draws: (n, K). The encoder sees grey pictures, as in training."""
    mu, logvar = model.encode(grey)
    columns = []
    for _ in range(K):
        z = reparameterize(mu, logvar)
        log_likelihood = -reconstruction_loss(model.decode(z), x)
        log_ratio = log_normal(z, 0, torch.ones(())) - log_normal(z, mu, logvar.exp())
        columns.append(log_likelihood + log_ratio)
    return torch.stack(columns, dim=1)


grey = digits.test[:500]
x = torch.bernoulli(grey)
log_weights = log_importance_weights(vae, grey, x, 500)

bounds = {}
for K in (1, 5, 50, 500):
    groups = log_weights.view(len(x), -1, K)  # all 500 draws, in groups of K
    bounds[K] = log_mean_exp(groups).mean().item()
    print(f"K = {K:3d}: {bounds[K]:8.2f} nats per picture")
holds("the bound rises with K", list(bounds.values()) == sorted(bounds.values()))
gained = bounds[500] - bounds[1]
holds("by several nats from 1 to 500", gained > 3, gained)
results.add(elbo=bounds.pop(1))
results.add(**{f"iw_bound_{K}": bound for K, bound in bounds.items()})

# %% [markdown]
# So much of the ELBO was the looseness of the bound, not a fault of the model. ($K=1$ differs from the test loss above,
# because these are 500 pictures, turned black and white.) How much of the gap is left at $K=500$ we cannot know from this
# alone: it is a lower bound, too, and averages of very uneven weights converge slowly. Appendix 92 goes to $K=5000$ and the
# published protocol.

# %% [markdown]
# ## 2.11 Further: whose fault is the gap? · 4 min
#
# The gap (2.4) has two sources (Cremer et al., 2018). The clouds are Gaussians with independent coordinates, and the true
# posterior need not be one: the **approximation gap**. And one network has to guess the clouds of all pictures at a
# glance, instead of working on each of them: the **amortisation gap**. The second can be measured. Take 200 test
# pictures, keep the decoder, and let every picture improve its own $\mu$ and $\log\sigma^2$ by gradient descent, starting
# from the encoder's answer.

# %%
x = digits.test[:200]
for parameter in vae.parameters():
    parameter.requires_grad_(False)
guess = [answer.detach().clone() for answer in vae.encode(x)]
own = [answer.clone().requires_grad_() for answer in guess]
optimizer = torch.optim.Adam(own, lr=0.03)


# %%
def losses(mu, logvar, draws):
    """The negative ELBO of each picture, averaged over draws from its cloud."""
    many = (answer.expand(draws, -1, -1) for answer in (mu, logvar))
    z = reparameterize(*many).flatten(0, 1)
    errors = reconstruction_loss(vae.decode(z), x.repeat(draws, 1, 1, 1))
    return errors.view(draws, -1).mean(dim=0) + kl_to_standard_normal(mu, logvar)


# %% [markdown]
# > **❓ Predict.** How many nats does a cloud of its own gain for a test picture?

# %% jupyter={"outputs_hidden": true}
for _ in range(150):
    optimizer.zero_grad()
    losses(*own, draws=4).mean().backward()
    optimizer.step()
with torch.no_grad():
    at_a_glance, improved = losses(*guess, draws=200), losses(*own, draws=200)
gap = at_a_glance - improved
print(f"encoder {at_a_glance.mean():.1f} nats, own clouds {improved.mean():.1f}")
gaining = (gap > 0).float().mean()
holds("nearly every picture gains", gaining > 0.9, gaining)
holds("the amortisation gap is nats, not tenths", gap.mean() > 0.5, gap.mean())
results.add(amortisation_gap=gap.mean().item())

# %% [markdown]
# That is a lower bound on the amortisation gap (the descent may not have found the best cloud). The nats that 500 draws
# gained in the last section were measured on black-and-white drawings of which the encoder saw only the grey. They cover
# part of both gaps, and of that handicap.

# %% [markdown]
# ## 2.12 Further: information and contract, in numbers · 3 min
#
# Equation (2.5) can be computed for a finite set of pictures: $q(z)$ is then the average of their clouds. One caution. With
# $N$ pictures, $q(z) \ge \frac1N q_\phi(z\mid x)$ for each of them, so the information is at most $\log N$: a code cannot
# say more than *which of the $N$*.


# %%
@torch.no_grad()
def split_of_kl(model, pictures, draws=500):
    """Information, broken contract and KL term of (2.5), for the first pictures."""
    mu, logvar = model.encode(pictures)
    first = mu[:draws], logvar[:draws]
    z = reparameterize(*first)
    log_own = log_normal(z, first[0], first[1].exp())
    log_sum = [log_normal(one, mu, logvar.exp()).logsumexp(dim=0) for one in z]
    log_all = torch.stack(log_sum) - math.log(len(mu))  # log q(z)
    parts = log_own - log_all, log_all - log_normal(z, 0, 1.0), kl_to_standard_normal(*first)
    return [part.mean().item() for part in parts]


for N in (100, 1000, len(digits.test)):
    information, contract, kl = split_of_kl(vae, digits.test[:N])
    print(f"N = {N}: information {information:.2f} (log N is {math.log(N):.2f})", end=" ")
    print(f"+ contract {contract:.2f} = {information + contract:.2f}; KL {kl:.2f}")
    assert 0.9 * math.log(N) < information <= math.log(N) + 1e-3
holds("(2.5), up to the noise of the draws", abs(information + contract - kl) < 1.0)
holds("nearly all of log N is used", information > 0.9 * math.log(N), information)
results.add(information=information)

# %% [markdown]
# The surprise: in each of the three sets the code says nearly all there is to say, *which picture it was*. The clouds of different
# pictures hardly overlap. All the rest of the KL term counts as broken contract, against *these* pictures. With more
# pictures the information may grow, and the contract's part shrink; how far, a finite set cannot tell. What stays true:
# the rate is information **plus** broken contract, hence an upper bound on the information.

# %% [markdown]
# ## 2.13 Further: from digit to digit · 4 min
#
# Between codes there are codes. Go in a straight line from the mean code of one picture to that of another. Are the steps
# between them digits? We look at three pairs, and let the critic of section 2.6 compare the middles of 1 600 pairs
# with real digits, beside a control: the middles of the two pictures, pixel by pixel.

# %%
weight = torch.linspace(0, 1, 10, device=device).view(-1, 1)
rows = {}
for a, b in ((3, 2), (18, 4), (61, 7)):
    ends, _ = vae.encode(digits.test[[a, b]])
    path = (1 - weight) * ends[:1] + weight * ends[1:]
    rows[f"from picture {a} to picture {b}"] = vae.decode(path).sigmoid()
show_images(rows, alt="Three rows of ten pictures, each a walk from digit to digit.")

# %%
one, other = digits.test[:1600], digits.test[1600:3200]
with torch.no_grad():
    ends = vae.encode(one)[0]
    middle = (ends + vae.encode(other)[0]) / 2
    lengths = ends.norm(dim=1), middle.norm(dim=1)
    stretch = (lengths[0] / lengths[1])[:, None]
    middles = {
        "ends, rebuilt": vae.decode(ends).sigmoid(),
        "middles of codes": vae.decode(middle).sigmoid(),
        "same, stretched": vae.decode(middle * stretch).sigmoid(),
        "middles of pixels": (one + other) / 2,
    }
apart = {name: told_apart(pictures, real[:1600]) for name, pictures in middles.items()}

for name, accuracy in apart.items():
    passed = sure_share(middles[name])
    print(f"{name:17s} told from real {accuracy:.2f}, classifier sure of {passed:.0%}")
at_ends, of_codes, stretched, of_pixels = apart.values()
holds("middles of codes are told apart more easily than ends", at_ends < of_codes)
shorter = [length.mean() for length in lengths]
holds("they are shorter than codes of digits", shorter[1] < 0.8 * shorter[0], *shorter)
holds("stretched, they beat the double exposure", stretched < of_pixels)
holds("and the middles as they are", stretched < of_codes, stretched, of_codes)

# %% [markdown]
# So a step between two digits often is no digit. The straight line cuts through the middle of the space, where few pictures
# have their codes; at the usual distance from the middle the steps are better. (The classifier alone would not have told
# you much: on MNIST it is sure of about half of the double exposures, too. It never learned to say *none*.)

# %% [markdown]
# ## 2.14 Further: the other way to differentiate · 3 min
#
# The **score-function estimator** (REINFORCE; Williams, 1992) needs no derivative of $f$. Since
# $\nabla_\mu q(z) = q(z)\,\nabla_\mu\log q(z)$, the slope of an expectation is an expectation again,
#
# $$\nabla_\mu\, \mathbb{E}_q\, f(z) = \mathbb{E}_q\bigl[f(z)\,\nabla_\mu \log q(z)\bigr],
# \qquad \nabla_\mu \log q(z) = \frac{z-\mu}{\sigma^2} \text{ for a Gaussian.} \tag{2.12}$$
#
# It is right on average, like (2.8). What it costs is variance. Take $f(z) = \lVert z\rVert^2$ in $d$ dimensions, with $\mu =
# (1, \dots, 1)$ and $\sigma = 1$; the gradient is $2\mu$, so its first coordinate is 2.


# %%
def gradient_estimates(d, draws=20_000, baseline=0.0):
    """One-draw estimates of the gradient of E‖z‖² in μ₁, at μ = (1, …, 1), σ = 1."""
    eps = torch.randn(draws, d)
    z = 1 + eps
    pathwise = 2 * z[:, 0]  # the chain rule through (2.8), with dz/dμ = 1
    score = (z.square().sum(dim=1) - baseline) * eps[:, 0]  # f(z) times (z − μ) / σ²
    return pathwise, score


# %% [markdown]
# > **❓ Predict.** For $d = 20$, the code size of our VAE: how many times larger is the variance of the
# > score-function estimate? Twice, ten times, hundreds of times?

# %% jupyter={"outputs_hidden": true}
for d in (1, 5, 20, 100):
    pathwise, score = gradient_estimates(d)
    ratio = (score.var() / pathwise.var()).item()
    means = f"{pathwise.mean():.2f} and {score.mean():.2f}"
    print(f"d = {d:3d}: means {means}, variance ratio {ratio:8.0f}")
    for one in (pathwise, score):
        assert abs(one.mean() - 2) < 5 * (one.var() / 20_000).sqrt()
    if d == 20:
        results.add(variance_ratio_20=ratio)
        holds("at d = 20 hundreds of times", ratio > 200, ratio)

# %%
pathwise, score = gradient_estimates(20, 100_000, baseline=40.0)  # E‖z‖² = 20 (1 + 1)
helped = score.var() / pathwise.var()
holds("with the mean of f subtracted, tens of times", 25 < helped < 45, helped)

# %% [markdown]
# Both are right on average, but the score function needs that many times as many draws for the same accuracy: it learns only
# *how good* a draw was, not *which way* would have been better. (Subtracting the mean of $f$ first, a *baseline*, helps
# a great deal, and a factor remains.) It is the way to go where $z$ is discrete and (2.8) is not to be had.

# %% [markdown]
# ## 2.15 Further: grey pixels and Gaussian pixels · 3 min
#
# A coin shows 0 or 1, yet our pixels lie between. What does BCE mean for $x_i = 0.3$? Since it is linear in $x_i$, it is
# the *expected* loss on a pixel that is 1 with probability 0.3. So the *decoder* is trained as if on black-and-white
# pictures drawn from the grey ones, averaged over the drawing; the encoder keeps seeing grey. It is *not* a log-likelihood
# of the grey picture, and not to be compared with published likelihoods on black-and-white MNIST. What a likelihood of grey
# pixels would be, Loaiza-Ganem and Cunningham (2019) work out.

# %%
logits, grey = torch.randn(1, 784), digits.test[:1].cpu()
black_and_white = torch.bernoulli(grey.expand(20_000, -1, -1, -1))
averaged = reconstruction_loss(logits.expand(20_000, -1), black_and_white).mean()
on_grey = reconstruction_loss(logits, grey)[0]
close = abs(averaged / on_grey - 1) < 0.005
holds("the loss on grey is the average loss on drawings", close, averaged, on_grey)

# %% [markdown]
# Another story about pixels: the hand adds Gaussian noise of standard deviation $s$ to $\hat x$. Then
#
# $$-\log p_\theta(x\mid z) = \frac{\lVert x - \hat x\rVert^2}{2 s^2} + 784 \log s + \frac{784}{2}\log 2\pi, \tag{2.13}$$
#
# the squared error of chapter 01, divided by $2s^2$. So $s$ sets the exchange rate between error and KL, like $\beta$, and
# "squared error plus KL" has chosen $s$ without saying so. With $s = 1$, how much is there to win at all?

# %%
with torch.no_grad():
    x_hat = vae(digits.test)[0].sigmoid().view_as(digits.test)
x_bar = digits.train.mean(dim=0)  # the average digit
squares = [(digits.test - one).square().mean() * 784 for one in (x_bar, x_hat)]
by_library = -distributions.Normal(x_hat[0], 0.3).log_prob(digits.test[0]).sum()
by_hand = (digits.test[0] - x_hat[0]).square().sum() / (2 * 0.3**2)
by_hand = by_hand + 784 * math.log(0.3) + 392 * math.log(2 * math.pi)
holds("(2.13) is the library's", torch.isclose(by_library, by_hand, rtol=1e-4), by_hand)


# %%
saved, price_of_code = (squares[0] - squares[1]) / 2, results.numbers["test_kl"]
best = (squares[1] / 784).sqrt()
holds("with s = 1 the code saves less than it costs", saved < price_of_code)
print(f"with s = 1 the code saves {saved:.1f} nats of error and costs {price_of_code:.1f};")
print(f"with the best s for these pictures, {best:.2f}, it saves {saved / best**2:.0f}")

# %% [markdown]
# With $s = 1$ this code would not earn what it costs: its price counts in full, and the errors it saves count little. (2.13) itself says which $s$ is
# best: its derivative in $s$ is zero where $s^2$ is the mean squared error per pixel. Rybkin et al. (2021) set it so, batch
# by batch.

# %% [markdown]
# ## 2.16 Further: where to go from here · 1 min
#
# Everything in this chapter was kept as plain as possible, and each plain choice has been replaced by somebody.
#
# - *The prior.* If the codes do not fill the prior, change the prior: a mixture made of the encoder's own answers to
#   learned pseudo-pictures (VampPrior; Tomczak and Welling, 2018), or a second generative model, trained on the codes.
# - *The cloud.* A Gaussian with independent coordinates can be bent by an invertible network (normalising flows; Rezende
#   and Mohamed, 2015).
# - *The code.* Layers of codes, coarse to fine (NVAE; Vahdat and Kautz, 2020); or entries of a learned table in place of
#   numbers (VQ-VAE; van den Oord et al., 2017).
# - *The price.* A larger β was proposed to make single coordinates mean single things (β-VAE, *disentanglement*). Appendix 93
#   measures whether they do.
# - *The pixels.* A decoder whose pixels are not independent, or a judge in place of the likelihood: chapters 03 to 05.

# %%
results.check()

# %% [markdown]
# ## References
#
# - D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014, [arXiv:1312.6114](https://arxiv.org/abs/1312.6114).
# - D. J. Rezende, S. Mohamed and D. Wierstra, "Stochastic backpropagation and approximate inference in deep generative models",
#   ICML 2014, [arXiv:1401.4082](https://arxiv.org/abs/1401.4082).
# - M. D. Hoffman and M. J. Johnson, "ELBO surgery: yet another way to carve up the variational evidence lower bound",
#   NIPS 2016 workshop on advances in approximate Bayesian inference: (2.5).
# - I. Higgins et al., "β-VAE: learning basic visual concepts with a constrained variational framework", ICLR 2017.
# - A. Alemi et al., "Fixing a broken ELBO", ICML 2018, [arXiv:1711.00464](https://arxiv.org/abs/1711.00464): rate and distortion.
# - Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016,
#   [arXiv:1509.00519](https://arxiv.org/abs/1509.00519): (2.11), and active units.
# - S. R. Bowman et al., "Generating sentences from a continuous space", CoNLL 2016,
#   [arXiv:1511.06349](https://arxiv.org/abs/1511.06349): KL annealing.
# - D. P. Kingma et al., "Improved variational inference with inverse autoregressive flow", NIPS 2016,
#   [arXiv:1606.04934](https://arxiv.org/abs/1606.04934): free bits.
# - C. Cremer, X. Li and D. Duvenaud, "Inference suboptimality in variational autoencoders", ICML 2018,
#   [arXiv:1801.03558](https://arxiv.org/abs/1801.03558): the two gaps.
# - D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017: the critic of section 2.6.
# - R. J. Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", *Machine
#   Learning* 8 (1992): (2.12).
# - G. Loaiza-Ganem and J. P. Cunningham, "The continuous Bernoulli: fixing a pervasive error in variational autoencoders", NeurIPS 2019,
#   [arXiv:1907.06845](https://arxiv.org/abs/1907.06845).
# - O. Rybkin, K. Daniilidis and S. Levine, "Simple and effective VAE training with calibrated decoders", ICML 2021,
#   [arXiv:2006.13202](https://arxiv.org/abs/2006.13202).
# - J. M. Tomczak and M. Welling, "VAE with a VampPrior", AISTATS 2018; D. J. Rezende and S. Mohamed, "Variational inference
#   with normalizing flows", ICML 2015; A. Vahdat and J. Kautz, "NVAE: a deep hierarchical variational autoencoder",
#   NeurIPS 2020; A. van den Oord, O. Vinyals and K. Kavukcuoglu, "Neural discrete representation learning", NIPS 2017.
