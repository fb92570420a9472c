"""Directions of the largest second moment: the mean is not taken away.

loses: fit-pca-test, linear-floor-test
"""


# %% pca
def fit_pca(images, k):
    flat = images.flatten(1)
    return flat.mean(dim=0), torch.linalg.svd(flat, full_matrices=False).Vh[:k].T


def pca_rebuild(images, mean, directions):
    centred = images.flatten(1) - mean
    return (mean + centred @ directions @ directions.T).view_as(images)


def linear_floor(images, k):
    return torch.linalg.svdvals(images.flatten(1))[k:].square().sum() / images.numel()
