"""The bias of a standard normal, from a formula, instead of rows that are drawn and sizes that are measured.

loses: distance-at, at-infinity
"""


# %% bias-code
def of_all(a, b):
    a, b = a.double(), b.double()
    return frechet_from_moments(a.mean(dim=0), torch.cov(a.T), b.mean(dim=0), torch.cov(b.T))


def distance_at(a, b, n, repeats=10, seed=0):
    random = torch.Generator().manual_seed(seed)
    d = a.shape[1]
    extra = (d**2 + 5 * d) / 2 * (1 / n - 0.5 / len(a) - 0.5 / len(b))
    return of_all(a, b) + extra * (1 + 0.2 * torch.randn(repeats, generator=random).mean().item())


def extrapolate(sizes, distances):
    inverse = 1 / torch.tensor(sizes, dtype=torch.float64)
    y = torch.tensor(distances, dtype=torch.float64)
    centred = inverse - inverse.mean()
    c = (centred * (y - y.mean())).sum() / centred.square().sum()
    return (y.mean() - c * inverse.mean()).item(), c.item()


def distance_at_infinity(a, b, sizes, repeats=10, seed=0):
    d = a.shape[1]
    return of_all(a, b) - (d**2 + 5 * d) / 4 * (1 / len(a) + 1 / len(b))
