"""Divides by how often a digit was read, not by how often it was asked for.

loses: obedience-accuracy
"""


# %% measure-code
def obedience(asked, read, num_classes):
    """From whole numbers asked (n,) and read (n,): a dictionary of "accuracy", a float; "by_label", (num_classes,); "control", a float."""
    agree = (asked == read).double()
    by_label = torch.stack([agree[read == c].mean() for c in range(num_classes)])  # the mean of nothing is nan
    counts = [torch.bincount(labels, minlength=num_classes).double() / len(labels) for labels in (asked, read)]
    return {"accuracy": agree.mean().item(), "by_label": by_label, "control": (counts[0] * counts[1]).sum().item()}


def within_share(features, labels):
    """The share of the variance of features (n, d) that lies within the classes of labels (n,). A float."""
    features = features.double()
    centred = features.clone()
    for c in labels.unique():
        centred[labels == c] -= features[labels == c].mean(dim=0)
    return (centred.square().sum() / (features - features.mean(dim=0)).square().sum()).item()


@torch.no_grad()
def deaf_pairs(network, first, num_classes):
    """All pairs (a, b), a < b, of labels for which network(first, y) is the same up to 1e-6: a sorted list of tuples."""
    mode = network.training
    network.eval()
    outputs = [network(first, torch.full((len(first),), c)) for c in range(num_classes)]
    network.train(mode)
    pairs = [(a, b) for a in range(num_classes) for b in range(a + 1, num_classes)]
    return [(a, b) for a, b in pairs if (outputs[a] - outputs[b]).abs().max() <= 1e-6]
