"""Starts the walk from standard normal noise, whatever the first level is.

loses: sample-shares
"""


# %% sample-code
def sample(n, sigmas, points, shares, eta, seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, points.shape[1], generator=random, dtype=points.dtype)
    for sigma, lower in pairwise(sigmas):
        noise = torch.randn(x.shape, generator=random, dtype=points.dtype)
        x = step(x, denoise(x, sigma, points, shares), sigma, lower, eta, noise)
    return x
