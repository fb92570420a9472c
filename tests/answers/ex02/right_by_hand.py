"""Densities and determinants written out, in loops over pictures where that is plainest.

loses: nothing
"""


# %% kl-code
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    total = 0
    mu_p, logvar_p = mu_p.expand_as(mu_q), logvar_p.expand_as(mu_q)
    for j in range(mu_q.shape[1]):
        log_ratio = logvar_q[:, j] - logvar_p[:, j]
        scaled = (mu_q[:, j] - mu_p[:, j]) / torch.exp(0.5 * logvar_p[:, j])
        total = total + 0.5 * (torch.expm1(log_ratio) - log_ratio + scaled * scaled)
    return total


# %% kl-sampling-code
def kl_by_sampling(mu_q, logvar_q, mu_p, logvar_p, draws):
    eps = torch.randn(draws, *mu_q.shape)
    z = mu_q + eps * torch.exp(0.5 * logvar_q)
    log_q = -0.5 * (eps**2 + logvar_q)
    log_p = -0.5 * ((z - mu_p) ** 2 / torch.exp(logvar_p) + logvar_p)
    return (log_q - log_p).sum(dim=2).mean(dim=0)


# %% evidence-code
def log_evidence(x, W, b, s):
    print("evidence by Cholesky")
    C = W @ W.T + s * s * torch.eye(W.shape[0]).to(W)
    L = torch.linalg.cholesky(C)
    white = torch.linalg.solve_triangular(L, (x - b).T, upper=False)
    log_det = 2 * L.diagonal().log().sum()
    return -0.5 * ((white**2).sum(0) + log_det + W.shape[0] * math.log(2 * math.pi))


# %% posterior-code
def posterior(x, W, b, s):
    C = W @ W.T + s * s * torch.eye(len(W), dtype=W.dtype)
    gain = W.T @ torch.linalg.inv(C)
    return (x - b) @ gain.T, torch.eye(W.size(1), dtype=W.dtype) - gain @ W


# %% elbo-code
def exact_elbo(x, m, logvar, W, b, s):
    out = []
    for i in range(len(x)):
        V = torch.diag(logvar[i].exp())
        error = x[i] - b - W @ m[i]
        expected = error @ error + torch.trace(W @ V @ W.T)
        log_likelihood = -expected / (2 * s**2) - len(b) / 2 * math.log(2 * math.pi) - len(b) * math.log(s)
        kl = 0.5 * (m[i] @ m[i] + torch.trace(V) - len(m[i]) - logvar[i].sum())
        out.append(log_likelihood - kl)
    return torch.stack(out)


# %% bound-code
def importance_bound(log_weights, K):
    per_group = []
    for start in range(0, log_weights.shape[1], K):
        part = log_weights[:, start : start + K]
        top, _ = part.max(dim=1, keepdim=True)
        per_group.append(top[:, 0] + torch.log(torch.exp(part - top).mean(dim=1)))
    return torch.stack(per_group, dim=1).mean(dim=1)


# %% ess-code
def effective_sample_size(log_weights):
    w = torch.softmax(log_weights, dim=1)
    return 1 / (w**2).sum(dim=1)


# %% free-bits-code
def free_bits(kl, floor):
    total = 0
    for j in range(kl.shape[1]):
        average = kl[:, j].mean()
        total = total + torch.maximum(average, torch.tensor(floor, dtype=kl.dtype))
    return total
