"""Reports the stretch of going there and back.

loses: convolution-norm
"""


# %% convolution-code
def convolution_norm(kernel, side, rounds):
    """The largest singular value of a convolution, kernel (out, in, k, k), on pictures (in, side, side). A float."""
    padding = kernel.shape[-1] // 2
    x = torch.randn(1, kernel.shape[1], side, side, dtype=kernel.dtype)
    for _ in range(rounds):
        y = F.conv2d(x / x.norm(), kernel, padding=padding)
        x = F.conv_transpose2d(y, kernel, padding=padding)
    return x.norm().item()
