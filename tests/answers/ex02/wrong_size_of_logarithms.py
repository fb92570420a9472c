"""Computes the effective sample size of the logarithms.

loses: ess-test
"""


# %% ess-code
def effective_sample_size(log_weights):
    return log_weights.sum(dim=1) ** 2 / (log_weights**2).sum(dim=1)
