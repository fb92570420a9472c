"""Loops over rows, scipy's logsumexp, torch.lerp; a schedule by logarithms; guidance as a sum of two weights.

loses: nothing
"""


# %% denoise-code
def denoise(x, sigma, points, shares):
    from scipy.special import logsumexp

    logs = shares.double().log().numpy()[None].repeat(len(x), axis=0)
    for k, point in enumerate(points.double().numpy()):
        logs[:, k] -= ((x.double().numpy() - point) ** 2).sum(axis=1) / (2 * sigma**2)
    return (torch.tensor(math.e ** (logs - logsumexp(logs, axis=1, keepdims=True))) @ points.double()).to(x.dtype)


# %% views-code
def views(x, sigma, x_hat):
    score = (x_hat - x) / sigma**2
    return {"noise": -sigma * score, "score": score, "velocity": -sigma * score - x_hat}


def to_road(x, a, sigma):
    t = 1 / (1 + a / sigma)
    return x * (1 - t) / a, t


# %% step-code
def step(x, x_hat, sigma, lower, eta, noise):
    posterior = lower**2 * (1 - lower**2 / sigma**2)
    kept = max(lower**2 - eta**2 * posterior, 0.0) ** 0.5 / sigma
    return torch.lerp(x_hat, x, kept) + eta * posterior**0.5 * noise


# %% sample-code
def sample(n, sigmas, points, shares, eta, seed):
    torch.manual_seed(seed)
    x = torch.randn(n, points.shape[1]).to(points.dtype) * sigmas[0]
    for k in range(len(sigmas) - 1):
        guess = denoise(x, sigmas[k], points, shares)
        x = step(x, guess, sigmas[k], sigmas[k + 1], eta, torch.randn_like(x))
    return x


# %% ladder-code
def ladder(T):
    k = torch.arange(T).double()
    betas = ((1e-4 + k / max(T - 1, 1) * (0.02 - 1e-4)) * (1000 / T)).clamp(max=0.999)
    return betas, (torch.log1p(-betas).cumsum(dim=0) / 2).exp()


# %% guide-code
def guide(told, untold, weight, convention):
    extra = {"scale": weight - 1, "extra": weight}[convention]
    return (1 + extra) * told - extra * untold
