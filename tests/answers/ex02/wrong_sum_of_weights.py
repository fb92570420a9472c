"""Forgets to divide by K: the logarithm of the sum, not of the average.

loses: bound-values-test, bound-stable-test
"""


# %% bound-code
def importance_bound(log_weights, K):
    groups = log_weights.reshape(len(log_weights), -1, K)
    return (groups.logsumexp(dim=2)).mean(dim=1)
