"""The mean square is reported without its root.

loses: unrest-values
"""


# %% unrest
def overshoot_and_unrest(path):
    off = path[:, 2] - 3
    return off.max().item(), off[-100:].square().mean().item()
