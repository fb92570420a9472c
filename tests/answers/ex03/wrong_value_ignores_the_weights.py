"""Averages the logarithms over the values of x, as if all were equally probable.

loses: value-any-table, value-zeros
"""


# %% value
def value(p, q, d):
    on_data = torch.where(p > 0, d.clamp_min(1e-30).log(), 0.0)
    on_fakes = torch.where(q > 0, (1 - d).clamp_min(1e-30).log(), 0.0)
    return on_data.mean(-1) + on_fakes.mean(-1)
