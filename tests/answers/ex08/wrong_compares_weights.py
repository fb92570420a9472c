"""Looks for equal columns in the weights, and draws no picture.

loses: deaf-pairs
"""


# %% measure-code
def obedience(asked, read, num_classes):
    agree = (asked == read).double()
    by_label = torch.stack([agree[asked == c].mean() for c in range(num_classes)])
    counts = [torch.bincount(labels, minlength=num_classes).double() / len(labels) for labels in (asked, read)]
    return {"accuracy": agree.mean().item(), "by_label": by_label, "control": (counts[0] * counts[1]).sum().item()}


def within_share(features, labels):
    features = features.double()
    centred = features.clone()
    for c in labels.unique():
        centred[labels == c] -= features[labels == c].mean(dim=0)
    return (centred.square().sum() / (features - features.mean(dim=0)).square().sum()).item()


def deaf_pairs(network, first, num_classes):
    columns = network.layer.weight[:, -num_classes:].T
    pairs = [(a, b) for a in range(num_classes) for b in range(a + 1, num_classes)]
    return [(a, b) for a, b in pairs if (columns[a] - columns[b]).abs().max() <= 1e-6]
