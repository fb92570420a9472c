"""Takes dilation for a second stride: it moves the stamps and leaves the kernel dense.

loses: stamp-dilation
"""


# %% stamp-code
def stamp_1d(y, kernel, stride=1, padding=0, dilation=1):
    """Transposed convolution of y (m,) with kernel (k,), equation (5.1): returns (n,), with n as in (5.4), r = 0."""
    m, k = len(y), len(kernel)
    width = k
    out = torch.zeros((m - 1) * stride * dilation + width, dtype=y.dtype)
    for i in range(m):
        out[i * stride * dilation : i * stride * dilation + width] += y[i] * kernel
    return out[padding : len(out) - padding]
