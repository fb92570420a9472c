"""Flips the kernel, as if a transpose reversed it.

loses: stamp-overlap, stamp-padding, stamp-dilation, matrix, backward
"""


# %% stamp-code
def stamp_1d(y, kernel, stride=1, padding=0, dilation=1):
    """Transposed convolution of y (m,) with kernel (k,), equation (5.1): returns (n,), with n as in (5.4), r = 0."""
    m, k = len(y), len(kernel)
    width = dilation * (k - 1) + 1
    out = torch.zeros((m - 1) * stride + width, dtype=y.dtype)
    for i in range(m):
        out[i * stride : i * stride + width : dilation] += y[i] * kernel.flip(0)
    return out[padding : len(out) - padding]
