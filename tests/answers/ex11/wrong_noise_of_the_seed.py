"""Random numbers from the seed, which η scales.

loses: sample-shares, sample-seeds
"""


# %% sample-code
def sample(n, sigmas, points, shares, eta, seed):
    random = torch.Generator().manual_seed(seed)
    return (1 + eta) * torch.randn(n, points.shape[1], generator=random, dtype=points.dtype)
