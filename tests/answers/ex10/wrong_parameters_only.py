"""Saves parameters and not the buffers of batch norm.

loses: same-state, resumed-pass, resumed-within
"""


# %% checkpoint-code
def pack(game):
    nets = [[p.detach() for p in net.parameters()] for net in (game.net, game.average)]
    parts = {name: getattr(game, name).state_dict() for name in ("adam", "fade")}
    return {"nets": nets, **parts, "done": game.done, "order": game.order, "random": torch.get_rng_state()}


def unpack(saved):
    game = Game(0)
    for net, values in zip((game.net, game.average), saved["nets"]):
        for p, value in zip(net.parameters(), values):
            p.data = value.clone()
    game.adam.load_state_dict(saved["adam"])
    game.fade.load_state_dict(saved["fade"])
    game.done, game.order = saved["done"], saved["order"]
    torch.set_rng_state(saved["random"])
    return game
