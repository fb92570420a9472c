"""Computes the real features anew for each generator.

loses: fid-work
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
    distances = []
    for fake in fakes:
        metric = FrechetInceptionDistance(feature=net)
        for batch in real.split(batch_size):
            metric.update(batch, real=True)
        for batch in fake.split(batch_size):
            metric.update(batch, real=False)
        distances.append(metric.compute().item())
    net.train(mode)
    return distances
