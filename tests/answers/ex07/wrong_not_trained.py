"""Returns the drawer as it was made.

loses: drawer-plain, drawer-remedied
"""


# %% drawer-code
def train_drawer(points, remedied, seed=0, steps=1400):
    """A Drawer trained on points (n, 2), with your remedy or (remedied=False) without: itself or its state_dict()."""
    torch.manual_seed(seed)
    return Drawer()
