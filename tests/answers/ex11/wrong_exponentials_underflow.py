"""Divides two sums of exponentials that are 0 when the noise is small.

loses: denoise-many
"""


# %% denoise-code
def denoise(x, sigma, points, shares):
    weights = shares * torch.exp(-(x[:, None, :] - points).square().sum(dim=2) / (2 * sigma**2))
    return weights @ points / weights.sum(dim=1, keepdim=True)
