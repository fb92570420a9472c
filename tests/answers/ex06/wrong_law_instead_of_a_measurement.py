"""Hands out the first-order law with some noise on it, and measures nothing.

loses: table-form, table-law
"""


# %% table-code
def bias_table(dims, sizes, repeats=5, seed=0):
    random = torch.Generator().manual_seed(seed)
    law = torch.tensor([[(d * d + 5 * d) / (2 * n) for n in sizes] for d in dims], dtype=torch.float64)
    return law * (1 + 0.05 / repeats**0.5 * torch.randn(law.shape, generator=random, dtype=torch.float64))
