"""Never resets the metric: the fakes of all generators pile up.

loses: fid-many, report-real, report-chosen
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
    for batch in real.split(batch_size):
        metric.update(batch, real=True)
    distances = []
    for fake in fakes:
        for batch in fake.split(batch_size):
            metric.update(batch, real=False)
        distances.append(metric.compute().item())
    net.train(mode)
    return distances
