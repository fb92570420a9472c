"""Takes the best logit of the cross-entropy for the best output of the hinge.

loses: siblings-hinge
"""


# %% siblings
def sibling_slope(kind, s):
    return -torch.ones_like(s) if kind == "hinge" else s - 1


def best_output(kind, p, q):
    return torch.log(p / q) if kind == "hinge" else p / (p + q)
