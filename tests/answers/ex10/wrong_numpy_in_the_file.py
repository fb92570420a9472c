"""Puts NumPy numbers into the checkpoint, which weights_only=True refuses.

loses: plain-data
"""


# %% checkpoint-code
def pack(game):
    import numpy as np

    parts = {name: getattr(game, name).state_dict() for name in ("net", "average", "adam", "fade")}
    return {**parts, "done": np.int64(game.done), "order": game.order, "random": torch.get_rng_state()}


def unpack(saved):
    game = Game(0)
    for name in ("net", "average", "adam", "fade"):
        getattr(game, name).load_state_dict(saved[name])
    game.done, game.order = int(saved["done"]), saved["order"]
    torch.set_rng_state(saved["random"])
    return game
