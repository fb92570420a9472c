"""Adds the padding once instead of on both sides.

loses: conv-size-test
"""


# %% conv-size
def conv_size(n, kernel, stride=1, padding=0):
    return (n + padding - kernel) // stride + 1
