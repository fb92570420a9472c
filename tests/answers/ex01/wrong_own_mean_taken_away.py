"""Rebuilding takes away the mean of the pictures at hand, not the mean that was fitted.

loses: pca-rebuild-test
"""


# %% pca
def fit_pca(images, k):
    flat = images.flatten(1)
    mean = flat.mean(dim=0)
    return mean, torch.linalg.svd(flat - mean, full_matrices=False).Vh[:k].T


def pca_rebuild(images, mean, directions):
    flat = images.flatten(1)
    return (mean + (flat - flat.mean(dim=0)) @ directions @ directions.T).view_as(images)


def linear_floor(images, k):
    flat = images.flatten(1)
    return torch.linalg.svdvals(flat - flat.mean(dim=0))[k:].square().sum() / images.numel()
