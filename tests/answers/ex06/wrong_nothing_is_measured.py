"""A constant for every distance, and grey pictures: what does nothing leaves networks as they were.

loses: fid-value, fid-batches, fid-leaves-net, fid-many, fid-work, draw-pictures, draw-leaves-generator,
    report-real, report-chosen, report-score
"""


# %% torchmetrics-code
def fid(real, fake, net, batch_size=50):
    return 0.5


def fid_of_many(real, fakes, net, batch_size=50):
    return [0.5] * len(fakes)


# %% draw-code
def draw(generator, n, seed):
    return torch.full((n, 1, 8, 8), 0.5)
