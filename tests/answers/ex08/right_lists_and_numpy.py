"""Shares as a list of floats, counts in NumPy, labels as whole numbers of 32 bits.

loses: nothing
"""

# %% labels-code
import numpy as np


def beside(z, y, num_classes):
    return torch.hstack([z, torch.eye(num_classes, dtype=z.dtype)[y.long()]])


def with_planes(x, y, num_classes):
    planes = (torch.arange(num_classes) == y[:, None]).to(x.dtype)[..., None, None]
    return torch.cat((x, planes * torch.ones_like(x[:, :1])), 1)


def other_labels(y, num_classes):
    new = torch.randint(num_classes - 1, y.shape)
    return (new + (new >= y)).int()


# %% measure-code
def obedience(asked, read, num_classes):
    asked, read = np.asarray(asked), np.asarray(read)
    shares = []
    for c in range(num_classes):
        chosen = read[asked == c]
        shares.append(float(np.mean(chosen == c)) if len(chosen) else float("nan"))
    control = sum(np.mean(asked == c) * np.mean(read == c) for c in range(num_classes))
    return {"accuracy": np.mean(asked == read), "by_label": shares, "control": control}


def within_share(features, labels):
    x, y = np.asarray(features, dtype=np.float64), np.asarray(labels)
    within = sum(((x[y == c] - x[y == c].mean(axis=0)) ** 2).sum() for c in np.unique(y))
    return within / ((x - x.mean(axis=0)) ** 2).sum()


def deaf_pairs(network, first, num_classes):
    mode, pairs = network.training, set()
    with torch.no_grad():
        network.eval()
        for a in range(num_classes):
            for b in range(a + 1, num_classes):
                one, other = (network(first, torch.full((len(first),), c)) for c in (a, b))
                if torch.allclose(one, other, rtol=0, atol=1e-6):
                    pairs.add((a, b))
    network.train(mode)
    return sorted(pairs)
