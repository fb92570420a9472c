"""Counts a place for which the kernel does not fit: rounds up.

loses: conv-sizes, conv-dilation, output-padding
"""


# %% sizes
def conv_out(n, k, s=1, p=0, d=1):
    """Side of the output of a convolution: input side n, kernel k, stride s, padding p, dilation d. A whole number."""
    return math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1


def transposed_out(m, k, s=1, p=0, d=1, r=0):
    """Side of the output of a transposed convolution: input side m, output_padding r, the others as above."""
    return (m - 1) * s + d * (k - 1) + 1 - 2 * p + r
