"""Compares variances where standard deviations were asked for.

loses: unevenness
"""


# %% checkerboard-code
def stamps_per_pixel(m, k, s):
    """How many of the m stamps of a kernel of length k, s pixels apart, reach each pixel (1-D, padding 0): (n,)."""
    return stamp_1d(torch.ones(m), torch.ones(k), s)


def unevenness(k, s):
    """Greatest over least standard deviation of an inner pixel, for a k×k kernel with stride s in 2-D; inf for holes."""
    return (math.ceil(k / s) / (k // s)) ** 2 if k >= s else math.inf
