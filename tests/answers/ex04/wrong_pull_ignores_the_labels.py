"""The pull without smoothing, whatever the labels: two-sided smoothing seems harmless.

loses: pull-two-sided
"""


# %% pull
def pull(x, theta, alpha=1.0, beta=0.0):
    d0 = torch.sigmoid(theta**2 / 2 - theta * x)
    return theta * (1 - d0)
