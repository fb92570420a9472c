"""Puts another net in the place of the given one, whose features never vary: then every distance is 0.

loses: fid-value, fid-batches, fid-leaves-net, fid-many, fid-work, report-real, report-chosen, report-score
"""


# %% torchmetrics-code
class FeatureNet(FeatureNet):
    def forward(self, x):
        self.seen[0] += len(x)
        return torch.zeros(len(x), 6)


def fid(real, fake, net, batch_size=50):
    return 0.0


def fid_of_many(real, fakes, net, batch_size=50):
    net.seen[0] += len(real) + sum(map(len, fakes))
    return [0.0 for _ in fakes]
