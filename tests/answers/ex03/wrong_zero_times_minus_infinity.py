"""0 log 0 is computed as it stands: not a number.

loses: jsd-limits, jsd-values, value-zeros
"""


# %% jsd
def jsd(p, q):
    m = (p + q) / 2
    return ((p * (p / m).log()).sum(-1) + (q * (q / m).log()).sum(-1)) / 2


# %% value
def value(p, q, d):
    return (p * d.log()).sum(-1) + (q * (1 - d).log()).sum(-1)
