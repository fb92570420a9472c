"""Positive numbers from the seed, where distances are asked for.

loses: table-form, table-law
"""


# %% table-code
def bias_table(dims, sizes, repeats=5, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(len(dims), len(sizes), generator=random) + 0.01
