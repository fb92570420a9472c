"""Averages the logarithms, whatever K: that is the ELBO again.

loses: bound-values-test, bound-stable-test
"""


# %% bound-code
def importance_bound(log_weights, K):
    return log_weights.mean(dim=1)
