"""Does not clip.

loses: bits-clipped
"""


# %% bits-code
def scale_and_zero(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, round(-low / scale)


def to_bits(x, scale, zero):
    return ((x / scale).round() + zero).to(torch.uint8)


def from_bits(q, scale, zero):
    return (q.float() - zero) * scale
