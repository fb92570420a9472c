"""Divides by 2σ in place of 2σ².

loses: denoise-two-points, denoise-many
"""


# %% denoise-code
def denoise(x, sigma, points, shares):
    distances = (x[:, None, :] - points).square().sum(dim=2)
    return (shares.log() - distances / (2 * sigma)).softmax(dim=1) @ points
