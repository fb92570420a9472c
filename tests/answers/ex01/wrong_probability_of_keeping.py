"""Takes p for the probability of keeping a value.

loses: pair-target-test, pair-values-test
"""


# %% denoising-pair
def denoising_pair(x, p):
    return x * (torch.rand_like(x) < p), x
