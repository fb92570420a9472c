"""The slope of log D*: its descent drives fakes away from the data.

loses: pull-one-sided, pull-two-sided
"""


# %% pull
def pull(x, theta, alpha=1.0, beta=0.0):
    d0 = torch.sigmoid(theta**2 / 2 - theta * x)
    d = beta + (alpha - beta) * d0
    return -(alpha - beta) * theta * d0 * (1 - d0) / d
