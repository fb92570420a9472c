"""Writes the zeros into x itself, so that the target is damaged as well.

loses: pair-target-test, train-denoises-test
"""


# %% denoising-pair
def denoising_pair(x, p):
    x[torch.rand_like(x) < p] = 0
    return x, x
