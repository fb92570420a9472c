"""Returns the drawer as it was made.

loses: drawer-plain, drawer-remedied
"""


# %% drawer-code
def train_drawer(remedied, seed=0, steps=1400):
    """A Drawer trained on the ring, with your remedy or (remedied=False) without: the Drawer or its state_dict()."""
    torch.manual_seed(seed)
    return Drawer()
