"""Takes the root of a matrix entry by entry.

loses: moments-known, moments-turned, moments-singular
"""


# %% moments-code
def frechet_from_moments(mean_a, cov_a, mean_b, cov_b):
    """d² from means (d,) and covariances (d, d), symmetric and possibly singular, in float32 or float64. A float."""
    mean_a, cov_a, mean_b, cov_b = (x.double() for x in (mean_a, cov_a, mean_b, cov_b))
    overlap = (cov_a @ cov_b).clamp(min=0).sqrt().trace()
    return ((mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap).item()
