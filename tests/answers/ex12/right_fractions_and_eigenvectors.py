"""The pairs by exact fractions or an eigenvector; tables by NumPy as lists; the network as arrays; pairs by a generator.

loses: nothing
"""


# %% leak-code
def leaks(before, after):
    places = range(before.shape[0])
    return ((i, j) for i in places for j in places[i + 1 :] if (after[j, i] - before[i]).abs().max() > 1e-6)


# %% one-back-code
def best_from_one(r, *, steps=None):
    import numpy as np

    P = np.zeros((2, 2, 2, 2))
    for a in (0, 1):
        for b in (0, 1):
            one = r if a == b == 0 else 1 - r
            P[a, b, b] = [1 - one, one]
    values, vectors = np.linalg.eig(P.reshape(4, 4).T)
    pair = vectors[:, np.argmin(abs(values - 1))].real.reshape(2, 2)
    pair = pair / pair.sum()
    return float(-(pair * np.log(pair / pair.sum(axis=1, keepdims=True))).sum())


# %% training-code
def trained(seed=0):
    torch.manual_seed(seed)
    model = Tiny().double()
    optimizer = torch.optim.NAdam(model.parameters(), 1e-2)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 300)
    for k in range(300):
        x = source(64, 24, k)
        log = model(x[:, :-1]).log_softmax(-1)[:, 1:]
        loss = -log.gather(-1, x[:, 2:].unsqueeze(-1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        plan.step()
    return {name: value.numpy() for name, value in model.state_dict().items()}


# %% memory-code
def learned_table(memory, n, seed):
    import numpy as np

    x = source(n, 24, seed=seed).numpy()
    start = max(memory, 2)
    windows = np.lib.stride_tricks.sliding_window_view(x[:, start - memory :], memory + 1, axis=1).reshape(
        -1, memory + 1
    )
    row = windows @ (1 << np.arange(memory, -1, -1))
    counts = np.bincount(row, minlength=2 ** (memory + 1)).reshape(-1, 2) + 1.0
    return (counts / counts.sum(axis=-1, keepdims=True)).tolist()
