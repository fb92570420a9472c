"""Takes the first k eigenvectors of eigh, which sorts ascending: the directions of least variance.

loses: fit-pca-test, linear-floor-test
"""


# %% pca
def fit_pca(images, k):
    flat = images.flatten(1)
    mean = flat.mean(dim=0)
    return mean, torch.linalg.eigh((flat - mean).T @ (flat - mean)).eigenvectors[:, :k]


def pca_rebuild(images, mean, directions):
    centred = images.flatten(1) - mean
    return (mean + centred @ directions @ directions.T).view_as(images)


def linear_floor(images, k):
    flat = images.flatten(1)
    flat = flat - flat.mean(dim=0)
    return torch.linalg.eigvalsh(flat.T @ flat)[k:].sum() / images.numel()
