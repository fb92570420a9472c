"""Holds the sum of the KL divergences to the floor, not each coordinate.

loses: free-bits-test, experiment-floor-test
"""


# %% free-bits-code
def free_bits(kl, floor):
    return kl.mean(dim=0).sum().clamp(min=floor)
