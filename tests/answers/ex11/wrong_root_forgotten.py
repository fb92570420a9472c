"""Returns the square of the signal.

loses: ladder-published, ladder-short
"""


# %% ladder-code
def ladder(T):
    betas = (torch.linspace(1e-4, 0.02, T, dtype=torch.float64) * 1000 / T).clamp(max=0.999)
    return betas, (1 - betas).cumprod(dim=0)
