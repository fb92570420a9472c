"""Leaves out the last step, to 0.

loses: sample-shares
"""


# %% sample-code
def sample(n, sigmas, points, shares, eta, seed):
    random = torch.Generator().manual_seed(seed)
    x = sigmas[0] * torch.randn(n, points.shape[1], generator=random, dtype=points.dtype)
    for sigma, lower in pairwise(sigmas[:-1]):
        noise = torch.randn(x.shape, generator=random, dtype=points.dtype)
        x = step(x, denoise(x, sigma, points, shares), sigma, lower, eta, noise)
    return x
