"""Everything that the library offers: torch.distributions for densities and divergences.

loses: nothing
"""


# %% kl-code
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    q = torch.distributions.Normal(mu_q, (logvar_q / 2).exp())
    p = torch.distributions.Normal(mu_p, (logvar_p / 2).exp())
    return torch.distributions.kl_divergence(q, p).sum(-1)


# %% kl-sampling-code
def kl_by_sampling(mu_q, logvar_q, mu_p, logvar_p, draws):
    q = torch.distributions.Independent(torch.distributions.Normal(mu_q, (logvar_q / 2).exp()), 1)
    p = torch.distributions.Independent(torch.distributions.Normal(mu_p, (logvar_p / 2).exp()), 1)
    z = q.sample([draws])
    return torch.mean(q.log_prob(z) - p.log_prob(z), 0)


# %% repair-code
def reconstruction_nats(x, x_hat, s):
    return -torch.distributions.Normal(x_hat, s).log_prob(x).sum(1)


def kl_nats(mu, log_sigma):
    q = torch.distributions.Normal(mu, log_sigma.exp())
    return torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1)


def repaired_loss(x, x_hat, mu, log_sigma, s):
    return torch.mean(reconstruction_nats(x, x_hat, s)) + torch.mean(kl_nats(mu, log_sigma))


# %% pathwise-code
def pathwise_gradient(mu, logvar, draws):
    mu = nn.Parameter(mu.clone())
    logvar = nn.Parameter(logvar.clone())
    z = torch.distributions.Normal(mu, (logvar / 2).exp()).rsample((draws,))
    (f(z).sum() / draws).backward()
    return mu.grad, logvar.grad


# %% score-code
def score_gradients(mu, logvar, draws):
    q = torch.distributions.Normal(mu, (logvar / 2).exp())
    z = q.sample((draws,))
    return f(z)[..., None] * (z - mu) / q.variance


# %% elbo-code
def exact_elbo(x, m, logvar, W, b, s):
    q = torch.distributions.Normal(m, (logvar / 2).exp())
    centre = torch.distributions.Normal(m @ W.T + b, s)
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(torch.zeros_like(m), torch.ones_like(m)))
    spread = torch.einsum("dk,nk,dk->n", W, q.variance, W)
    return centre.log_prob(x).sum(1) - spread / (2 * s**2) - kl.sum(1)
