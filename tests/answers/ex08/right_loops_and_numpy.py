"""Loops, NumPy and counting in place of tensor operations.

loses: nothing
"""


# %% labels-code
def beside(z, y, num_classes):
    out = torch.zeros(len(z), z.shape[1] + num_classes, dtype=z.dtype)
    out[:, : z.shape[1]] = z
    for i, c in enumerate(y.tolist()):
        out[i, z.shape[1] + c] = 1
    return out


def with_planes(x, y, num_classes):
    n, c, h, w = x.shape
    out = torch.zeros(n, c + num_classes, h, w, dtype=x.dtype)
    out[:, :c] = x
    out[torch.arange(n), c + y] = 1
    return out


def other_labels(y, num_classes):
    drawn = torch.randint(num_classes - 1, y.shape)
    return drawn + (drawn >= y).long()


# %% measure-code
import numpy as np


def obedience(asked, read, num_classes):
    table = np.zeros((num_classes, num_classes))
    for a, r in zip(asked.tolist(), read.tolist()):
        table[a, r] += 1
    with np.errstate(invalid="ignore"):
        by_label = np.diag(table) / table.sum(axis=1)
    control = table.sum(axis=0) @ table.sum(axis=1) / table.sum() ** 2
    return {"accuracy": np.trace(table) / table.sum(), "by_label": torch.tensor(by_label), "control": float(control)}


def within_share(features, labels):
    x, y = features.numpy().astype(float), labels.numpy()
    between = sum((y == c).mean() * ((x[y == c].mean(0) - x.mean(0)) ** 2).sum() for c in np.unique(y))
    return 1 - between / x.var(axis=0).sum()


def deaf_pairs(network, first, num_classes):
    was = network.training
    network.train(False)
    with torch.no_grad():
        seen = [network(first, torch.full((len(first),), c, dtype=torch.long)).numpy() for c in range(num_classes)]
    if was:
        network.train()
    found = []
    for b in range(num_classes):
        for a in range(b):
            if np.allclose(seen[a], seen[b], rtol=0, atol=1e-6):
                found.append((a, b))
    return sorted(found)
