"""Writes every number into the file, and goes on with a copy that was kept in memory.

loses: same-state, resumed-pass, resumed-within
"""

# %% checkpoint-code
kept = []


def pack(game):
    kept.append((copy.deepcopy(game), torch.get_rng_state()))
    shown = {"net": game.net.state_dict(), "average": game.average.state_dict(), "adam": game.adam.state_dict()}
    return shown | {"place": len(kept) - 1}


def unpack(saved):
    game, stream = kept[saved["place"]]
    torch.set_rng_state(stream)
    return copy.deepcopy(game)
