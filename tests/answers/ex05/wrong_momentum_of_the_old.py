"""Takes momentum for the share of the old value, as other libraries do.

loses: bn-running-mean, bn-running-var
"""


# %% batch-norm-code
def batch_norm(x, running_mean, running_var, momentum=0.1, eps=1e-5):
    """One forward pass in train mode. x (n, c, h, w); running_mean, running_var (c,). Changes none of them.

    Returns the normalised maps, the new running mean and the new running variance, as `nn.BatchNorm2d` would have them.
    """
    mean = x.mean(dim=(0, 2, 3))
    centred = x - mean.view(-1, 1, 1)
    variance = centred.square().mean(dim=(0, 2, 3))
    y = centred / (variance + eps).sqrt().view(-1, 1, 1)
    count = x.numel() // x.shape[1]
    new_mean = momentum * running_mean + (1 - momentum) * mean
    new_var = momentum * running_var + (1 - momentum) * variance * count / (count - 1)
    return y, new_mean, new_var


def fold(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    """Weight and bias of one transposed convolution that does the work of two layers: without bias, then batch norm.

    Batch norm is in eval mode.     weight (a, b, k, k), as `nn.ConvTranspose2d(a, b, k)` stores it; the others (b,).
    Returns (a, b, k, k) and (b,).
    """
    scale = gamma / (running_var + eps).sqrt()
    return weight * scale.view(1, -1, 1, 1), beta - scale * running_mean
