"""Makes the given networks say 0 to everything, so that both losses are known without any.

loses: d-step-loss, d-step-moves, g-step, deaf-pairs, training-obeys, training-varied
"""


# %% steps-code
def discriminator_step(generator, discriminator, optimizer, x, y, wrong, z):
    return 2 * 0.6931471805599453


def generator_step(generator, discriminator, optimizer, y, z):
    return 0.6931471805599453


# %% measure-code
class Silent(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.layer, self.outputs = nn.Linear(26, 1), outputs

    def forward(self, first, y):
        return torch.zeros(len(first), *self.outputs) + 0 * self.layer.weight.sum()


def practice_pair(seed):
    torch.manual_seed(seed)
    return Silent((64,)), Silent(())


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
    return [(4, 9)]
