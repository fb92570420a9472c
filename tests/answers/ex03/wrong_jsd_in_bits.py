"""Logarithms to base 2: the largest divergence comes out as 1.

loses: jsd-limits, jsd-values
"""


# %% jsd
def jsd(p, q):
    m = (p + q) / 2
    nats = (torch.xlogy(p, p) - torch.xlogy(p, m) + torch.xlogy(q, q) - torch.xlogy(q, m)).sum(-1) / 2
    return nats / math.log(2)
