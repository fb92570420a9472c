"""Counts a sample as its own nearest neighbour.

loses: radii, realistic, recall-by-mode
"""


# %% neighbour-code
def radii(x, k):
    """Distance of each row of x (n, d) from its k-th nearest other row: (n,)."""
    return torch.cdist(x, x).kthvalue(k).values


def realistic(real, fake, k=3):
    """For each fake (m, d), whether it lies in the ball of some real sample (n, d): a tensor of m truth values."""
    return (torch.cdist(fake, real) < radii(real, k)).any(dim=1)


def recall_by_mode(real, labels, fake, k=3):
    """The share of the real samples of each mode that lie in the ball of some fake.

    real (n, d), labels (n,) whole numbers from 0, each of which occurs; fake (m, d). Returns floats (modes,).
    """
    recalled = realistic(fake, real, k).float()
    return torch.stack([recalled[labels == mode].mean() for mode in range(int(labels.max()) + 1)])
