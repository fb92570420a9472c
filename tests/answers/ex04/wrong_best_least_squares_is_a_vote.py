"""Takes the majority, 1 or 0, for the best squared error, where it is the mean.

loses: siblings-least-squares
"""


# %% siblings
def sibling_slope(kind, s):
    return -torch.ones_like(s) if kind == "hinge" else s - 1


def best_output(kind, p, q):
    return torch.sign(p - q) if kind == "hinge" else (p > q).to(p.dtype)
