"""Takes the data points themselves, in their shares, and blurs them a little: nothing is walked.

loses: sample-shares, sample-seeds
"""


# %% sample-code
def sample(n, sigmas, points, shares, eta, seed):
    random = torch.Generator().manual_seed(seed + round(1000 * eta))
    which = torch.multinomial(shares, n, replacement=True, generator=random)
    return points[which] + sigmas[-1] * torch.randn(n, points.shape[1], generator=random, dtype=points.dtype)
