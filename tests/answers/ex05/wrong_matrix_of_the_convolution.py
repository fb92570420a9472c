"""Returns the matrix of the convolution in place of its transpose.

loses: matrix
"""


# %% matrix-code
def stamp_matrix(kernel, m, stride=1):
    """The matrix T (n, m) with T @ y = stamp_1d(y, kernel, stride) for every y (m,)."""
    return torch.stack([stamp_1d(unit, kernel, stride) for unit in torch.eye(m, dtype=kernel.dtype)], dim=0)


def conv_backward(g, kernel, n, stride=1):
    """Gradient in x (n,) of sum(g · c), where c = F.conv1d(x, kernel, stride) without padding and g (m,) is as long as c."""
    gradient = torch.zeros(n, dtype=g.dtype)
    reached = stamp_1d(g, kernel, stride)
    gradient[: len(reached)] = reached
    return gradient
