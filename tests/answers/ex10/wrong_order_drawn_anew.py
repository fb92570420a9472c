"""A new order for the rest of the pass.

loses: resumed-within
"""


# %% checkpoint-code
def pack(game):
    parts = {name: getattr(game, name).state_dict() for name in ("net", "average", "adam", "fade")}
    return {**parts, "done": game.done, "order": game.order, "random": torch.get_rng_state()}


def unpack(saved):
    game = Game(0)
    for name in ("net", "average", "adam", "fade"):
        getattr(game, name).load_state_dict(saved[name])
    game.done, game.order = saved["done"], saved["order"]
    torch.set_rng_state(saved["random"])
    if game.done % 8:
        with torch.random.fork_rng():
            game.order = torch.randperm(64)
    return game
