"""Compares a sample with the exact moments of N(0, I): half of the bias.

loses: table-law
"""


# %% table-code
def bias_table(dims, sizes, repeats=5, seed=0):
    """Mean distance of two independent samples of N(0, I_d), n rows each, for all d in dims and n in sizes.

    A tensor (len(dims), len(sizes)) of means over `repeats`, the same for the same seed.
    """
    random = torch.Generator().manual_seed(seed)
    table = torch.zeros(len(dims), len(sizes), dtype=torch.float64)
    for i, d in enumerate(dims):
        for j, n in enumerate(sizes):
            for _ in range(repeats):
                a = torch.randn(n, d, generator=random, dtype=torch.float64)
                table[i, j] += frechet_from_moments(a.mean(0), torch.cov(a.T), torch.zeros(d), torch.eye(d)) / repeats
    return table
