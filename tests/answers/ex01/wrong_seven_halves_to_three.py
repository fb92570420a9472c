"""Halves 7 to 3, and gives each layer a bias for every channel that it reads.

loses: shapes-by-hand-test, weights-by-hand-test
"""


# %% by-hand
def shapes_by_hand():
    return [(8, 14, 14), (16, 7, 7), (32, 3, 3), (16, 7, 7), (8, 14, 14), (1, 28, 28)]


def weights_by_hand():
    return [80, 1168, 4640, 4640, 1168, 136]
