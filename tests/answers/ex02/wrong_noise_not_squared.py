"""Adds s instead of s squared to the covariance of x.

loses: evidence-test
"""


# %% evidence-code
def log_evidence(x, W, b, s):
    covariance = W @ W.T + s * torch.eye(len(b), dtype=x.dtype)
    return torch.distributions.MultivariateNormal(b, covariance).log_prob(x)
