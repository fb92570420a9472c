"""Takes exp of the log weights as they are: 0 or infinity for real pictures.

loses: bound-stable-test, ess-test
"""


# %% bound-code
def importance_bound(log_weights, K):
    groups = log_weights.reshape(len(log_weights), -1, K)
    return groups.exp().mean(dim=2).log().mean(dim=1)


# %% ess-code
def effective_sample_size(log_weights):
    w = log_weights.exp()
    return w.sum(dim=1) ** 2 / (w**2).sum(dim=1)
