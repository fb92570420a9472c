"""Hands over points of the ring where the weights of a drawer are asked for.

loses: drawer-plain, drawer-remedied
"""


# %% drawer-code
def train_drawer(points, remedied, seed=0, steps=1400):
    """A Drawer trained on points (n, 2), with your remedy or (remedied=False) without: itself or its state_dict()."""
    return points[:2500]
