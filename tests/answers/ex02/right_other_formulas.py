"""Another order of the formulas: cross-entropy minus entropy, traces by einsum, the ELBO as evidence minus gap.

loses: nothing
"""


# %% kl-code
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    entropy = 0.5 * (logvar_q + 1)
    cross = 0.5 * (logvar_p + torch.exp(logvar_q - logvar_p) + (mu_q - mu_p).pow(2) / logvar_p.exp())
    return torch.einsum("nd->n", cross - entropy)


# %% repair-code
def reconstruction_nats(x, x_hat, s):
    pixel = F.mse_loss(x_hat, x, reduction="none") / s**2 + 2 * math.log(s) + math.log(2 * math.pi)
    return 0.5 * pixel.sum(dim=-1)


def kl_nats(mu, log_sigma):
    return -0.5 * torch.sum(1 + 2 * log_sigma - mu.pow(2) - log_sigma.exp().pow(2), dim=-1)


def repaired_loss(x, x_hat, mu, log_sigma, s):
    return (reconstruction_nats(x, x_hat, s).sum() + kl_nats(mu, log_sigma).sum()) / x.shape[0]


# %% posterior-code
def posterior(x, W, b, s):
    k = W.shape[1]
    A = s**2 * torch.eye(k, dtype=W.dtype) + W.T @ W
    return torch.linalg.solve(A, W.T @ (x - b).T).T, s**2 * torch.linalg.inv(A)


# %% elbo-code
def exact_elbo(x, m, logvar, W, b, s):
    gap_mean, covariance = posterior(x, W, b, s)
    precision = torch.linalg.inv(covariance)
    away = m - gap_mean
    quadratic = torch.einsum("ni,ij,nj->n", away, precision, away)
    trace = (logvar.exp() * torch.diagonal(precision)).sum(1)
    gap = 0.5 * (trace + quadratic - m.shape[1] - logvar.sum(1) + torch.logdet(covariance))
    return log_evidence(x, W, b, s) - gap  # equation (2.4)


# %% score-code
def score_gradients(mu, logvar, draws):
    sigma = (0.5 * logvar).exp()
    eps = torch.randn((draws, mu.shape[0], mu.shape[1]))
    return f(mu + sigma * eps).unsqueeze(2) * eps / sigma
