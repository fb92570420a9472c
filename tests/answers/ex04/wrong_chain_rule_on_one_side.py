"""The factor σ(1 − σ) is there, but the logarithm's own derivative is missing: both losses seem to saturate.

loses: slopes-middle, slopes-values, slopes-far
"""


# %% slopes
def slopes(s):
    d = torch.sigmoid(s)
    return -d * (1 - d), -d * (1 - d)
