"""The average is that of a fresh game.

loses: same-state, resumed-pass, resumed-within
"""


# %% checkpoint-code
def pack(game):
    parts = {name: getattr(game, name).state_dict() for name in ("net", "average", "adam", "fade")}
    return {**parts, "done": game.done, "order": game.order, "random": torch.get_rng_state()}


def unpack(saved):
    game = Game(0)
    for name in ("net", "adam", "fade"):
        getattr(game, name).load_state_dict(saved[name])
    game.done, game.order = saved["done"], saved["order"]
    torch.set_rng_state(saved["random"])
    return game
