"""Puts the label in front of the noise.

loses: beside
"""


# %% labels-code
def beside(z, y, num_classes):
    """z (n, d) with the one-hot label behind it: (n, d + num_classes), floating point."""
    return torch.cat([F.one_hot(y, num_classes).to(z.dtype), z], dim=1)


def with_planes(x, y, num_classes):
    """Pictures x (n, c, h, w) with num_classes planes behind: all 0, but 1 everywhere in the plane of the label."""
    planes = F.one_hot(y, num_classes).to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes], dim=1)


def other_labels(y, num_classes):
    """For each label another one, never itself, drawn evenly from the rest: whole numbers (n,)."""
    return (y + torch.randint(1, num_classes, y.shape)) % num_classes
