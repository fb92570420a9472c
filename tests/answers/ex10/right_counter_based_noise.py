"""NumPy's Philox keyed by seed and step; a checkpoint of nested lists of Python numbers; bits by integer arithmetic.

loses: nothing
"""

# %% noise-code
from functools import cache

import numpy as np


@cache
def _row(seed: int, step: int, dim: int):
    return np.random.Generator(np.random.Philox(key=[seed, step])).standard_normal(dim, dtype=np.float32)


def step_noise(seeds, step, dim):
    return torch.from_numpy(np.stack([_row(int(seed), int(step), dim) for seed in seeds]))


# %% checkpoint-code
def plain(value):
    if isinstance(value, torch.Tensor):
        return {"dtype": str(value.dtype), "shape": list(value.shape), "values": value.flatten().tolist()}
    if isinstance(value, dict):
        return {"pairs": [[plain(k), plain(v)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def lively(value):
    if isinstance(value, dict) and "dtype" in value:
        dtype = getattr(torch, value["dtype"].split(".")[1])
        return (
            torch.tensor(value["values"], dtype=torch.float64 if dtype.is_floating_point else dtype)
            .to(dtype)
            .reshape(value["shape"])
        )
    if isinstance(value, dict):
        return {lively(k): lively(v) for k, v in value["pairs"]}
    if isinstance(value, list):
        return [lively(one) for one in value]
    return value


PARTS = ("net", "average", "adam", "fade")


def pack(game):
    return {
        "parts": [plain(getattr(game, one).state_dict()) for one in PARTS],
        "rest": plain([game.done, game.order, torch.get_rng_state()]),
    }


def unpack(saved):
    game = Game(seed=1)
    for name, state in zip(PARTS, saved["parts"]):
        getattr(game, name).load_state_dict(lively(state))
    game.done, game.order, stream = lively(saved["rest"])
    torch.set_rng_state(stream)
    return game


# %% bits-code
def scale_and_zero(low, high, levels=256):
    bottom, top = sorted([min(low, 0), max(high, 0)])
    scale = (top - bottom) / (levels - 1)
    return np.float64(scale), int(np.rint(-bottom / scale))


def to_bits(x, scale, zero):
    return np.clip(np.rint(np.asarray(x, dtype=np.float64) / scale) + zero, 0, 255).astype(np.uint8)


def from_bits(q, scale, zero):
    whole = torch.as_tensor(q).to(torch.int16) - zero
    return whole.mul(scale)


# %% luck-code
def price_of_choosing(mu, sigma):
    chance = np.random.default_rng(3)
    truth = mu.numpy().astype(float)
    errors = sigma * chance.standard_normal((100_000, len(truth)))
    measured = np.concatenate([truth + errors, truth - errors])
    winner = measured.argmin(axis=-1)
    return np.mean(truth[winner] - measured.min(axis=-1)), np.mean(truth[winner]) - truth.min()


def choose(scores):
    return np.nanargmin(scores.numpy())


# %% decide-code
def decide(measurements):
    order = measurements.unfold(1, 1, 1).squeeze(-1)
    chosen = order.mean(dim=-1).argmin(dim=-1)
    k, m = order.shape
    left_out = []
    for i in range(m):
        winner = ((order.sum(-1) - order[:, i]) / (m - 1)).argmin()
        left_out.append(order[winner, i])
    return chosen, torch.stack(left_out).mean()
