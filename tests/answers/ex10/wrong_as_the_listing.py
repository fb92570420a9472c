"""Networks and optimiser, as document 004's listing has them.

loses: same-state, resumed-pass, resumed-within
"""


# %% checkpoint-code
def pack(game):
    return {"net": game.net.state_dict(), "adam": game.adam.state_dict(), "score": 0.1}


def unpack(saved):
    game = Game(0)
    game.net.load_state_dict(saved["net"])
    game.adam.load_state_dict(saved["adam"])
    return game
