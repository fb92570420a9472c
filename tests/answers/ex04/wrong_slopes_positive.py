"""The signs are lost: with these slopes descent lowers the logit of a fake.

loses: slopes-middle, slopes-values, slopes-far
"""


# %% slopes
def slopes(s):
    return torch.sigmoid(s), torch.sigmoid(-s)
