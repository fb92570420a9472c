"""Draws rows with replacement.

loses: distance-at, at-infinity
"""


# %% bias-code
def distance_at(a, b, n, repeats=10, seed=0):
    """Mean Fréchet distance of n random rows of a and n random rows of b (each row at most once), over `repeats` draws. Covariances are the unbiased ones.

    a, b: features (m, d), with m of n or more, not always equally many. A float, the same for the same seed.
    """
    random = torch.Generator().manual_seed(seed)
    distances = []
    for _ in range(repeats):
        x, y = (rows[torch.randint(len(rows), (n,), generator=random)].double() for rows in (a, b))
        distances.append(frechet_from_moments(x.mean(dim=0), torch.cov(x.T), y.mean(dim=0), torch.cov(y.T)))
    return sum(distances) / repeats


def extrapolate(sizes, distances):
    """Least-squares fit of distance = limit + c / n to two lists. Returns (limit, c), two floats."""
    inverse = 1 / torch.tensor(sizes, dtype=torch.float64)
    y = torch.tensor(distances, dtype=torch.float64)
    centred = inverse - inverse.mean()
    c = (centred * (y - y.mean())).sum() / centred.square().sum()
    return (y.mean() - c * inverse.mean()).item(), c.item()


def distance_at_infinity(a, b, sizes, repeats=10, seed=0):
    """The distance that infinitely many samples would have, extrapolated from `distance_at` the given sizes. A float."""
    return extrapolate(sizes, [distance_at(a, b, n, repeats, seed) for n in sizes])[0]
