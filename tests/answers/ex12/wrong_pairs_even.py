"""All four pairs are taken to be equally frequent.

loses: one-back
"""


# %% one-back-code
def best_from_one(r):
    q = torch.tensor([0.5 * r + 0.5 * (1 - r), 1 - r], dtype=torch.float64)  # p(1 | last token)
    return 0.5 * (torch.special.entr(q) + torch.special.entr(1 - q)).sum().item()
