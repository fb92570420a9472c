"""Takes output_padding for a flag: 1 for odd or even sides, whatever the stride.

loses: output-padding
"""


# %% ways-back
def needed_output_padding(n, k, s=1, p=0, d=1):
    """The output_padding with which the transposed convolution of the same k, s, p, d returns to side n."""
    return (n + k) % 2


def padding_that_keeps(k, d=1):
    """The padding with which a convolution of kernel k, dilation d and stride 1 keeps the side; None if there is none."""
    return d * (k - 1) // 2 if d * (k - 1) % 2 == 0 else None
