"""Mean of squares minus square of the mean, in float32.

loses: stream-digits
"""


# %% stream-code
class Moments:
    """Mean and covariance of feature vectors that arrive in batches."""

    def __init__(self, dim):
        """dim: the number of features."""
        self.n = 0
        self.total = torch.zeros(dim)
        self.products = torch.zeros(dim, dim)

    def update(self, features):
        """Take in a batch (n, dim), n of 1 or more, usually float32."""
        features = features.float()
        self.n += len(features)
        self.total += features.sum(dim=0)
        self.products += features.T @ features

    def mean(self):
        """The mean (dim,) of all that has come."""
        return self.total / self.n

    def cov(self):
        """The unbiased covariance (dim, dim) of all that has come."""
        mean = self.mean()
        return (self.products - self.n * torch.outer(mean, mean)) / (self.n - 1)
