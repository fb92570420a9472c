"""Principal components by eigh of the covariance, in float64; the decoder by least squares; sums by einsum.

loses: nothing
"""


# %% errors
def picture_errors(x, x_hat):
    difference = (x - x_hat).reshape(x.shape[0], -1)
    return torch.einsum("nd,nd->n", difference, difference)


def per_pixel(errors, shape):
    n, *rest = shape
    return errors.sum() / (n * torch.Size(rest).numel())


# %% dataset-error
@torch.no_grad()
def dataset_error(model, images, batch_size):
    means, sizes = [], []
    for start in range(0, len(images), batch_size):
        x = images[start : start + batch_size]
        means.append(F.mse_loss(model(x).double(), x.double()))
        sizes.append(len(x))
    weights = torch.tensor(sizes, dtype=torch.float64) / len(images)
    return (torch.stack(means) * weights).sum()


# %% pca
def covariance(images):
    flat = images.reshape(len(images), -1).double()
    centred = flat - flat.mean(0)
    return flat.mean(0), centred.T @ centred / len(flat)


def fit_pca(images, k):
    mean, C = covariance(images)
    values, vectors = torch.linalg.eigh(C)
    order = values.argsort(descending=True)
    return mean.to(images.dtype), vectors[:, order[:k]].to(images.dtype)


def pca_rebuild(images, mean, directions):
    code = (images.reshape(len(images), -1) - mean) @ directions
    return (code @ directions.T + mean).reshape(images.shape)


def linear_floor(images, k):
    _, C = covariance(images)
    eigenvalues = torch.linalg.eigvalsh(C)
    return (C.trace() - eigenvalues[len(eigenvalues) - k :].sum()).item() / len(C)


# %% best-decoder
def best_decoder(E, images):
    y = images.reshape(len(images), -1).double()
    y = y - y.mean(dim=0)
    codes = y @ E.double().T
    return torch.linalg.lstsq(codes, y).solution.T
