"""Chapter 91: a distance of generated images without bias, on the features of chapter 06."""

from course_utils import require


def kernel_distance(a, b):
    """KID (Bińkowski et al., 2018) of features (n, d) and (m, d): without bias, so near 0 it may be negative."""
    a, b = require.features(a, b)

    def total(x, y):  # the sum over all pairs, a million at a time
        return sum(((part @ y.T / x.shape[1] + 1) ** 3).sum() for part in x.split(1 + 1_000_000 // len(y)))

    def without_itself(x):  # the mean over pairs of different samples
        itself = ((x.square().sum(dim=1) / x.shape[1] + 1) ** 3).sum()
        return (total(x, x) - itself) / (len(x) * (len(x) - 1))

    return (without_itself(a) + without_itself(b) - 2 * total(a, b) / (len(a) * len(b))).item()
