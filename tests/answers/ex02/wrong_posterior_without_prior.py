"""Forgets the prior: the least-squares code, with the covariance that belongs to it.

loses: posterior-test
"""


# %% posterior-code
def posterior(x, W, b, s):
    covariance = torch.linalg.pinv(W.T @ W / s**2)
    return (x - b) @ W @ covariance / s**2, covariance
