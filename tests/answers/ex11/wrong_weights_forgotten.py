"""Takes all points for equally likely.

loses: denoise-two-points, denoise-many
"""


# %% denoise-code
def denoise(x, sigma, points, shares):
    distances = (x[:, None, :] - points).square().sum(dim=2)
    return (-distances / (2 * sigma**2)).softmax(dim=1) @ points
