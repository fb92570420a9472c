"""Compares p with q and q with p instead of both with their mixture (Jeffreys' divergence, infinite without overlap).

loses: jsd-limits, jsd-values
"""


# %% jsd
def jsd(p, q):
    there = torch.xlogy(p, p) - torch.xlogy(p, q)
    back = torch.xlogy(q, q) - torch.xlogy(q, p)
    return (there + back).sum(-1) / 2
