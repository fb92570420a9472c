"""Takes the root of AB for the product of the roots of A and B.

loses: moments-turned, moments-singular
"""


# %% moments-code
def frechet_from_moments(mean_a, cov_a, mean_b, cov_b):
    def root(matrix):
        values, vectors = torch.linalg.eigh(matrix.double())
        return vectors * values.clamp(min=0).sqrt() @ vectors.T

    cross = (root(cov_a) @ root(cov_b)).trace()
    return ((mean_a - mean_b).double().square().sum() + cov_a.trace() + cov_b.trace() - 2 * cross).item()
