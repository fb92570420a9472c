"""Differentiates in D and forgets the factor σ(1 − σ) of the chain rule.

loses: slopes-middle, slopes-values, slopes-far
"""


# %% slopes
def slopes(s):
    d = torch.sigmoid(s)
    return -1 / (1 - d), -1 / d
