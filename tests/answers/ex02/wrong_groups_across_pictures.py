"""Cuts groups with `reshape` in the wrong order: every K-th draw, not K neighbours.

loses: bound-values-test, bound-stable-test
"""


# %% bound-code
def importance_bound(log_weights, K):
    groups = log_weights.reshape(len(log_weights), K, -1)
    return (groups.logsumexp(dim=1) - math.log(K)).mean(dim=1)
