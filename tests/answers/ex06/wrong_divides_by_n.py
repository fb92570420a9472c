"""The covariance divides by n.

loses: stream-batches, stream-unbiased
"""


# %% stream-code
class Moments:
    """Mean and covariance of feature vectors that arrive in batches."""

    def __init__(self, dim):
        """dim: the number of features."""
        self.n = 0
        self.total = torch.zeros(dim, dtype=torch.float64)
        self.products = torch.zeros(dim, dim, dtype=torch.float64)

    def update(self, features):
        """Take in a batch (n, dim), n of 1 or more, usually float32."""
        features = features.double()
        self.n += len(features)
        self.total += features.sum(dim=0)
        self.products += features.T @ features

    def mean(self):
        """The mean (dim,) of all that has come."""
        return self.total / self.n

    def cov(self):
        """The unbiased covariance (dim, dim) of all that has come."""
        mean = self.mean()
        return (self.products - self.n * torch.outer(mean, mean)) / self.n
