"""Forgets the roots.

loses: company-law
"""


# %% change-code
def relative_change(one, other):
    return ((one - other).square().mean() / one.var()).item()
