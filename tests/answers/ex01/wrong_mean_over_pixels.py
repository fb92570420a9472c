"""Averages over the pixels where (1.3) sums.

loses: picture-errors-test
"""


# %% errors
def picture_errors(x, x_hat):
    return (x - x_hat).square().flatten(1).mean(dim=1)


def per_pixel(errors, shape):
    return errors.mean() / (shape[1] * shape[2] * shape[3])
