"""Measures in pixels and never asks the net, which therefore stays as it was.

loses: fid-value, fid-batches, fid-leaves-net, fid-many, fid-work, report-real, report-chosen, report-score
"""


# %% torchmetrics-code
def fid(real, fake, net, batch_size=50):
    a, b = real.flatten(1), fake.flatten(1)
    return ((a.mean(0) - b.mean(0)) ** 2).sum().item() + ((a.std(0) - b.std(0)) ** 2).sum().item()


def fid_of_many(real, fakes, net, batch_size=50):
    return [fid(real, fake, net) for fake in fakes]
