"""Subtracts while the numbers are still uint8.

loses: bits-there-and-back
"""


# %% bits-code
def scale_and_zero(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, round(-low / scale)


def to_bits(x, scale, zero):
    return ((x / scale).round() + zero).clamp(0, 255).to(torch.uint8)


def from_bits(q, scale, zero):
    return (q - torch.tensor(zero, dtype=torch.uint8)) * scale
