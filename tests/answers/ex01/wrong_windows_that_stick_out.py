"""Rounds up: counts windows that stick out beyond the padded edge.

loses: conv-size-test
"""


# %% conv-size
def conv_size(n, kernel, stride=1, padding=0):
    return -(-(n + 2 * padding - kernel) // stride) + 1
