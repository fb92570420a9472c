"""An empty dictionary is plain data, and comes back whole.

loses: plain-data, same-state, resumed-pass, resumed-within
"""


# %% checkpoint-code
def pack(game):
    return {}


def unpack(saved):
    return Game(0)
