"""Nine tenths choose, one tenth reports; a state_dict of the whole game; the noise is drawn in one stream for each picture and cut.

loses: nothing
"""


# %% noise-code
def step_noise(seeds, step, dim):
    rows = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed * 4096 + step + 17)
        rows.append(torch.randn(1, dim, generator=generator))
    return torch.cat(rows, dim=0)


# %% checkpoint-code
def pack(game):
    return {
        "weights": {
            f"{name}.{key}": value
            for name in ("net", "average")
            for key, value in getattr(game, name).state_dict().items()
        },
        "adam": game.adam.state_dict(),
        "fade": game.fade.state_dict(),
        "numbers": {"done": torch.tensor(game.done)},
        "order": torch.zeros(0, dtype=torch.long) if game.order is None else game.order,
        "rng": torch.get_rng_state(),
    }


def unpack(saved):
    game = Game(5)
    for name in ("net", "average"):
        mine = {k.removeprefix(name + "."): v for k, v in saved["weights"].items() if k.startswith(name + ".")}
        getattr(game, name).load_state_dict(mine)
    game.adam.load_state_dict(saved["adam"])
    game.fade.load_state_dict(saved["fade"])
    game.done, game.order = saved["numbers"]["done"].item(), saved["order"] if len(saved["order"]) else None
    torch.set_rng_state(saved["rng"])
    return game


# %% bits-code
def scale_and_zero(low, high):
    if low > 0:
        low = 0.0
    if high < 0:
        high = 0.0
    scale = (high - low) / (2**8 - 1)
    return scale, math.floor(-low / scale + 0.5)


def to_bits(x, scale, zero):
    return (torch.floor(x / scale + 0.5) + zero).clamp(min=0, max=255).type(torch.uint8)


def from_bits(q, scale, zero):
    return (q.int() - zero).float() * scale


# %% decide-code
def decide(measurements):
    last = measurements.shape[1] // 8
    chosen = int(torch.argmin(measurements[:, last:].sum(dim=1)))
    return chosen, sum(measurements[chosen, :last].tolist()) / last
