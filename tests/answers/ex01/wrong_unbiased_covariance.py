"""Divides by n - 1, as torch.cov does, and so puts the floor above what can be reached.

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
    eigenvalues = torch.linalg.eigvalsh(images.flatten(1).T.cov()).flip(0)
    return eigenvalues[k:].sum() / len(eigenvalues)
