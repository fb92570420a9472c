"""Gives every pixel the count of the inner pixels.

loses: stamp-counts
"""


# %% checkerboard-code
def stamps_per_pixel(m, k, s):
    """How many of the m stamps of a kernel of length k, s pixels apart, reach each pixel (1-D, padding 0): (n,)."""
    return torch.tensor([sum(1 for i in range(-k, m + k) if 0 <= j - s * i < k) for j in range((m - 1) * s + k)])


def unevenness(k, s):
    """Greatest over least standard deviation of an inner pixel, for a k×k kernel with stride s in 2-D; inf for holes."""
    return math.ceil(k / s) / (k // s) if k >= s else math.inf
