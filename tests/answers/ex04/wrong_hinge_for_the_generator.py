"""Gives the generator a hinge of its own, which is flat above 1: its loss is −s everywhere.

loses: siblings-slopes
"""


# %% siblings
def sibling_slope(kind, s):
    return -(s < 1).to(s.dtype) if kind == "hinge" else s - 1


def best_output(kind, p, q):
    return torch.sign(p - q) if kind == "hinge" else p / (p + q)
