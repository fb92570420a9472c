"""Uses dropout, which rescales the values that it keeps.

loses: pair-values-test, train-denoises-test
"""


# %% denoising-pair
def denoising_pair(x, p):
    return F.dropout(x, p), x
