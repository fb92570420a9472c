"""255 for what is positive, 0 for the rest.

loses: bits-there-and-back, bits-clipped
"""


# %% bits-code
def scale_and_zero(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, round(-low / scale)


def to_bits(x, scale, zero):
    return torch.where(x > 0, 255, 0).to(torch.uint8)


def from_bits(q, scale, zero):
    return (q.float() - zero) * scale
