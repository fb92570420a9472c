"""Believes that one-sided smoothing weakens the pull by α.

loses: pull-one-sided, pull-two-sided
"""


# %% pull
def pull(x, theta, alpha=1.0, beta=0.0):
    d0 = torch.sigmoid(theta**2 / 2 - theta * x)
    return alpha * theta * (1 - d0)
