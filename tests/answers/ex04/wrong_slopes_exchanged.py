"""The two slopes stand in each other's place: the minimax loss is taken for the loud one.

loses: slopes-values, slopes-far
"""


# %% slopes
def slopes(s):
    return -torch.sigmoid(-s), -torch.sigmoid(s)
