"""The unrest is taken over all rounds.

loses: unrest-values
"""


# %% unrest
def overshoot_and_unrest(path):
    off = path[:, 2] - 3
    return off.max().item(), off.square().mean().sqrt().item()
