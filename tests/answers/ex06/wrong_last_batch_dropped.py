"""Drops a last, incomplete batch.

loses: fid-value, fid-batches, fid-leaves-net, fid-many, fid-work, report-real
"""


# %% torchmetrics-code
def fid(real, fake, net, batch_size=50):
    """Fréchet distance of two sets of pictures on the features of net in eval mode, by torchmetrics. A float."""
    return fid_of_many(real, [fake], net, batch_size)[0]


def fid_of_many(real, fakes, net, batch_size=50):
    """A list with the distance of each set of pictures in the list `fakes` from the same real pictures."""
    mode = net.training
    metric = FrechetInceptionDistance(feature=net, reset_real_features=False)
    net.eval()
    for batch in real[: len(real) - len(real) % batch_size].split(batch_size):
        metric.update(batch, real=True)
    distances = []
    for fake in fakes:
        metric.reset()
        for batch in fake[: len(fake) - len(fake) % batch_size].split(batch_size):
            metric.update(batch, real=False)
        distances.append(metric.compute().item())
    net.train(mode)
    return distances
