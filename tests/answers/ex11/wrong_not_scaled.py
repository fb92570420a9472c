"""Keeps the published variances whatever the number of rungs.

loses: ladder-short
"""


# %% ladder-code
def ladder(T):
    betas = torch.linspace(1e-4, 0.02, T, dtype=torch.float64)
    return betas, (1 - betas).cumprod(dim=0).sqrt()
