"""Hashes for seeds, a deep copy as a checkpoint, loops for folding, integration for luck, cross-fitting for the estimate.

loses: nothing
"""


# %% noise-code
def step_noise(seeds, step, dim):
    import hashlib

    rows = []
    for seed in seeds:
        digest = hashlib.sha256(f"{int(seed)}/{int(step)}".encode()).digest()
        g = torch.Generator()
        g.manual_seed(int.from_bytes(digest[:7], "little"))
        rows.append(torch.empty(dim).normal_(generator=g))
    return torch.vstack(rows)


# %% checkpoint-code
def pack(game):
    return copy.deepcopy(
        dict(
            tensors=[game.net.state_dict(), game.average.state_dict()],
            rates=(game.adam.state_dict(), game.fade.state_dict()),
            where=[game.done, game.order],
            rng=torch.random.get_rng_state(),
        )
    )


def unpack(saved):
    game = Game(77)
    game.net.load_state_dict(saved["tensors"][0])
    game.average.load_state_dict(saved["tensors"][1])
    game.adam.load_state_dict(saved["rates"][0])
    game.fade.load_state_dict(saved["rates"][1])
    game.done, game.order = saved["where"]
    torch.random.set_rng_state(saved["rng"])
    return game


# %% folding-code
def folded(state):
    new = without_norm().state_dict()
    gamma = state["1.weight"] * torch.rsqrt(state["1.running_var"] + 1e-5)
    for i in range(72):
        new["0.weight"][i] = state["0.weight"][i] * gamma[i]
        new["0.bias"][i] = state["1.bias"][i] - state["1.running_mean"][i] * gamma[i]
    gamma = state["5.weight"] * torch.rsqrt(state["5.running_var"] + 0.001)
    for i in range(5):
        new["3.weight"][:, i] = state["4.weight"][:, i] * gamma[i]
        new["3.bias"][i] = (state["4.bias"][i] - state["5.running_mean"][i]) * gamma[i] + state["5.bias"][i]
    new["5.weight"], new["5.bias"] = state["7.weight"], state["7.bias"]
    return {name: value.numpy() for name, value in new.items()}


# %% export-code
def exported(state):
    net = without_norm()
    net.load_state_dict({name: torch.as_tensor(value) for name, value in folded(state).items()})

    class Unit(nn.Module):
        def forward(self, pictures):
            return pictures * 0.5 + 0.5

    whole = nn.Sequential(*net, Unit()).eval()
    return torch.export.export(whole, (torch.zeros(2, 6),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))


# %% bits-code
def scale_and_zero(low, high):
    low, high = min(0, low), max(0, high)
    return (high - low) / 255.0, int(torch.tensor(-low * 255.0 / (high - low)).round())


def to_bits(x, scale, zero):
    return torch.clip(torch.round(x / scale + zero), 0, 255).byte()


def from_bits(q, scale, zero):
    return scale * (q.to(torch.float32) - zero)


# %% luck-code
def price_of_choosing(mu, sigma):
    mu = mu.double()
    x = torch.linspace(mu.min().item() - 8 * sigma, mu.max().item() + 8 * sigma, 40_001, dtype=torch.float64)
    optimism = regret = 0.0
    for i in range(len(mu)):
        wins = torch.exp(-(((x - mu[i]) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))
        for j in range(len(mu)):
            if j != i:
                wins = wins * torch.special.ndtr(-(x - mu[j]) / sigma)
        optimism += torch.trapezoid((mu[i] - x) * wins, x).item()
        regret += ((mu[i] - mu.min()) * torch.trapezoid(wins, x)).item()
    return optimism, regret


def choose(scores):
    best = None
    for i, score in enumerate(scores.tolist()):
        if not math.isnan(score) and (best is None or score < scores[best]):
            best = i
    return best


# %% decide-code
def decide(measurements):
    chosen = measurements.mean(dim=1).argmin()
    folds = measurements.shape[1] // 5
    estimates = []
    for part in torch.arange(measurements.shape[1]).split(folds):
        rest = torch.ones(measurements.shape[1], dtype=torch.bool)
        rest[part] = False
        winner = measurements[:, rest].mean(dim=1).argmin()
        estimates.append(measurements[winner, part].mean())
    return chosen, torch.stack(estimates).mean()
