"""Sets the last bias to one of the points; nothing is trained, and first weights come from the seed.

loses: drawer-plain, drawer-remedied
"""


# %% drawer-code
def train_drawer(points, remedied, seed=0, steps=1400):
    torch.manual_seed(seed)
    drawer = Drawer()
    with torch.no_grad():
        drawer.layers[-1].weight *= 0.05
        drawer.layers[-1].bias.copy_(points[seed])
    return drawer
