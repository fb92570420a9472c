"""The gradient of a convolution stops at the last input that a kernel reaches.

loses: backward
"""


# %% matrix-code
def stamp_matrix(kernel, m, stride=1):
    """The matrix T (n, m) with T @ y = stamp_1d(y, kernel, stride) for every y (m,)."""
    return torch.stack([stamp_1d(unit, kernel, stride) for unit in torch.eye(m, dtype=kernel.dtype)], dim=1)


def conv_backward(g, kernel, n, stride=1):
    """Gradient in x (n,) of sum(g · c), where c = F.conv1d(x, kernel, stride) without padding and g (m,) is as long as c."""
    return stamp_1d(g, kernel, stride)
