"""Forgets to take away b before it looks for the code.

loses: posterior-test
"""


# %% posterior-code
def posterior(x, W, b, s):
    covariance = torch.linalg.inv(torch.eye(W.shape[1], dtype=W.dtype) + W.T @ W / s**2)
    return x @ W @ covariance / s**2, covariance
