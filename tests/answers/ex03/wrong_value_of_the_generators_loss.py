"""log D on the fakes too: the game's second term mixed up with the non-saturating loss.

loses: value-any-table, value-zeros
"""


# %% value
def value(p, q, d):
    return (torch.xlogy(p, d) - torch.xlogy(q, d)).sum(dim=-1)
