"""NumPy's generator for the noise, a checkpoint by names and lists, a bias of 0 replaced by arithmetic, SciPy for luck.

loses: nothing
"""


# %% noise-code
def step_noise(seeds, step, dim):
    import numpy as np

    return torch.tensor(np.stack([np.random.default_rng([seed, step]).standard_normal(dim) for seed in seeds])).float()


# %% checkpoint-code
def pack(game):
    saved = {"done": game.done, "order": None if game.order is None else game.order.tolist()}
    for name in ("net", "average", "adam", "fade"):
        saved[name] = getattr(game, name).state_dict()
    saved["random"] = torch.get_rng_state().tolist()
    return saved


def unpack(saved):
    game = Game(0)
    for name in ("fade", "adam", "average", "net"):
        getattr(game, name).load_state_dict(saved[name])
    game.done = int(saved["done"])
    game.order = None if saved["order"] is None else torch.tensor(saved["order"])
    torch.set_rng_state(torch.tensor(saved["random"], dtype=torch.uint8))
    return game


# %% export-code
def exported(state):
    class Drawing(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, codes):
            return self.inner(codes).add(1).div(2)

    inner = with_norm()
    inner.load_state_dict(state)
    inner.eval()
    some = torch.export.Dim("some", min=1, max=1000)
    return torch.export.export(Drawing(inner), (torch.ones(4, 6),), dynamic_shapes=({0: some},))


# %% bits-code
def scale_and_zero(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return torch.tensor(scale), torch.tensor(-low / scale).round().int()


def to_bits(x, scale, zero):
    return torch.quantize_per_tensor(x, scale, zero, torch.quint8).int_repr()


def from_bits(q, scale, zero):
    return torch.mul(torch.sub(q.float(), float(zero)), scale)


# %% luck-code
def price_of_choosing(mu, sigma):
    torch.manual_seed(4)
    errors = torch.randn(200_000, len(mu)) * sigma
    winner = (mu + errors).argmin(dim=1)
    optimism = -errors.gather(1, winner[:, None]).mean()
    return optimism, mu[winner].mean() - mu.min()


def choose(scores):
    import numpy as np

    return np.nanargmin(scores.numpy())


# %% decide-code
def decide(measurements):
    chosen = measurements[:, ::2].mean(dim=1).argmin().item()
    return (chosen, float(measurements[chosen, 1::2].mean()))
