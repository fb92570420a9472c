"""Forgets that the mixture has divided by the pixels.

loses: weights-both
"""


# %% weights-code
def weight_of_sum(lam, pixels):
    """The w for which R + K + w·A is proportional to the mixture with `lam` (0 ≤ lam < 1) at `pixels` pixels. A float."""
    return lam / (1 - lam)


def lam_of_mixture(weight, pixels):
    """The other way round: the lam that belongs to a weight w ≥ 0. A float."""
    return weight / (weight + 1)
