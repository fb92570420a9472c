"""Takes p/(p + q) for the best output of every loss.

loses: siblings-hinge
"""


# %% siblings
def sibling_slope(kind, s):
    return -torch.ones_like(s) if kind == "hinge" else s - 1


def best_output(kind, p, q):
    return p / (p + q)
