"""Sums the eigenvalues that are kept, not those that are discarded.

loses: linear-floor-test
"""


# %% pca
def fit_pca(images, k):
    flat = images.flatten(1)
    mean = flat.mean(dim=0)
    return mean, torch.linalg.svd(flat - mean, full_matrices=False).Vh[:k].T


def pca_rebuild(images, mean, directions):
    centred = images.flatten(1) - mean
    return (mean + centred @ directions @ directions.T).view_as(images)


def linear_floor(images, k):
    flat = images.flatten(1)
    return torch.linalg.svdvals(flat - flat.mean(dim=0))[:k].square().sum() / images.numel()
