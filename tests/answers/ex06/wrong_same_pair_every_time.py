"""Takes the same pair in every repetition.

loses: table-law
"""


# %% table-code
def bias_table(dims, sizes, repeats=5, seed=0):
    table = [[distance_at(*pair(n, d, seed), n, repeats=1) for n in sizes] for d in dims]
    return torch.tensor(table, dtype=torch.float64)
