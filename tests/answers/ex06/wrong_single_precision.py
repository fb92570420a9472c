"""Computes the root in float32.

loses: moments-singular
"""


# %% moments-code
def frechet_from_moments(mean_a, cov_a, mean_b, cov_b):
    """d² from means (d,) and covariances (d, d), symmetric and possibly singular, in float32 or float64. A float."""
    mean_a, cov_a, mean_b, cov_b = (x.float() for x in (mean_a, cov_a, mean_b, cov_b))
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return ((mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap).item()
