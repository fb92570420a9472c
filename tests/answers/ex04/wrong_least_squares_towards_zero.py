"""The generator's least-squares loss asks for the label of fakes.

loses: siblings-slopes
"""


# %% siblings
def sibling_slope(kind, s):
    return -torch.ones_like(s) if kind == "hinge" else s


def best_output(kind, p, q):
    return torch.sign(p - q) if kind == "hinge" else p / (p + q)
