"""Takes the largest singular value of the flattened kernel for that of the convolution.

loses: convolution-norm
"""


# %% convolution-code
def convolution_norm(kernel, side, rounds):
    """The largest singular value of a convolution, kernel (out, in, k, k), on pictures (in, side, side). A float."""
    return power_iteration(kernel, torch.ones(len(kernel)), rounds)[0].item()
