"""Takes the picture for a ring without edges, where a Fourier transform gives all singular values.

loses: convolution-norm
"""


# %% convolution-code
def convolution_norm(kernel, side, rounds):
    """The largest singular value of a convolution, kernel (out, in, k, k), on pictures (in, side, side). A float."""
    spectrum = torch.fft.fft2(kernel, s=(max(side, kernel.shape[-1]),) * 2).permute(2, 3, 0, 1)
    return torch.linalg.svdvals(spectrum).max().item()
