"""The two divergences are added, not averaged.

loses: jsd-limits, jsd-values
"""


# %% jsd
def jsd(p, q):
    m = (p + q) / 2
    return (torch.xlogy(p, p) - torch.xlogy(p, m) + torch.xlogy(q, q) - torch.xlogy(q, m)).sum(-1)
