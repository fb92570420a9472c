"""Compares variances where standard deviations belong.

loses: frechet-1d, frechet-diagonal
"""


# %% simple-cases
def frechet_1d(mean_a, std_a, mean_b, std_b):
    """d² of two Gaussians in one dimension, from their means and standard deviations: floats in, a float out."""
    return (mean_a - mean_b) ** 2 + (std_a**2 - std_b**2)


def frechet_diagonal(mean_a, var_a, mean_b, var_b):
    """d² of two Gaussians with independent coordinates, from means and variances: tensors (d,) in, a float out."""
    difference = (mean_a - mean_b).square() + (var_a - var_b).square()
    return difference.sum().item()
