"""Compares a sample with the exact moments of N(0, I): half of the bias.

loses: table-law
"""


# %% table-code
def bias_table(dims, sizes, repeats=5, seed=0):
    table = torch.zeros(len(dims), len(sizes), dtype=torch.float64)
    for i, d in enumerate(dims):
        for j, n in enumerate(sizes):
            for r in range(repeats):
                a = pair(n, d, seed + r)[0]
                table[i, j] += frechet_from_moments(a.mean(0), torch.cov(a.T), torch.zeros(d), torch.eye(d)) / repeats
    return table
