"""Adds output_padding on both sides.

loses: transposed-size-test
"""


# %% transposed-size
def transposed_size(n, kernel, stride=1, padding=0, output_padding=0):
    return (n - 1) * stride + kernel - 2 * padding + 2 * output_padding
