"""The spread of θ around its own mean: a game that rests in the wrong place would look calm.

loses: unrest-values
"""


# %% unrest
def overshoot_and_unrest(path):
    off = path[:, 2] - 3
    return off.max().item(), off[-100:].std(unbiased=False).item()
