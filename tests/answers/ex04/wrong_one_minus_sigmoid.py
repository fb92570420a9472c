"""1 − σ(s) as a difference: at the quiet end it rounds to 0.

loses: slopes-far
"""


# %% slopes
def slopes(s):
    return -torch.sigmoid(s), -(1 - torch.sigmoid(s))
