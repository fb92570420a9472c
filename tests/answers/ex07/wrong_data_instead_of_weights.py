"""Hands over points of the ring where the weights of a drawer are asked for.

loses: drawer-plain, drawer-remedied
"""


# %% drawer-code
def train_drawer(remedied, seed=0, steps=1400):
    """A Drawer trained on the ring, with your remedy or (remedied=False) without: the Drawer or its state_dict()."""
    return toydata.ring(2500, seed).samples
