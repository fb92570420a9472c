"""Does not widen the range.

loses: bits-scale
"""


# %% bits-code
def scale_and_zero(low, high):
    scale = (high - low) / 255
    return scale, round(-low / scale)


def to_bits(x, scale, zero):
    return ((x / scale).round() + zero).clamp(0, 255).to(torch.uint8)


def from_bits(q, scale, zero):
    return (q.float() - zero) * scale
