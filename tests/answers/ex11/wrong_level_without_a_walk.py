"""Draws the points in their shares and adds noise of the last level; from far above in one step it knows the mean.

loses: sample-shares, sample-seeds
"""


# %% sample-code
def sample(n, sigmas, points, shares, eta, seed):
    random = torch.Generator().manual_seed(seed + round(1000 * eta))
    if len(sigmas) < 3:
        return (shares @ points).expand(n, -1).clone()
    which = torch.multinomial(shares, n, replacement=True, generator=random)
    return points[which] + sigmas[-1] * torch.randn(n, points.shape[1], generator=random, dtype=points.dtype)
