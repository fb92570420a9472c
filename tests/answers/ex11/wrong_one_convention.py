"""Reads every weight as a scale.

loses: guide-right
"""


# %% guide-code
def guide(told, untold, weight, convention):
    return untold + weight * (told - untold)
