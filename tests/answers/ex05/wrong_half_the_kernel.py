"""Keeps the side with half the kernel, also where that is impossible, and forgets dilation.

loses: keeping-padding
"""


# %% ways-back
def needed_output_padding(n, k, s=1, p=0, d=1):
    """The output_padding with which the transposed convolution of the same k, s, p, d returns to side n."""
    return n - transposed_out(conv_out(n, k, s, p, d), k, s, p, d)


def padding_that_keeps(k, d=1):
    """The padding with which a convolution of kernel k, dilation d and stride 1 keeps the side; None if there is none."""
    return k // 2
