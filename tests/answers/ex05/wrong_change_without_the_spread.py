"""Leaves the spread of the pictures out.

loses: company-law
"""


# %% change-code
def relative_change(one, other):
    return (one - other).square().mean().sqrt().item()
