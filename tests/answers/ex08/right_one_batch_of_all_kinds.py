"""All three kinds of pairs in one batch with weights; closures; losses as tensors.

loses: nothing
"""

# %% steps-code
import contextlib


@contextlib.contextmanager
def held_still(network):
    flags = [p.requires_grad for p in network.parameters()]
    network.requires_grad_(False)
    yield network
    for p, flag in zip(network.parameters(), flags):
        p.requires_grad = flag


def discriminator_step(generator, discriminator, optimizer, x, y, wrong, z):
    n = len(x)
    with torch.inference_mode():
        fakes = generator(z, y)
    pairs = torch.cat([x, x, fakes.clone()]), torch.cat([y, wrong, y])
    target = torch.cat([torch.ones(n), torch.zeros(2 * n)])
    weight = torch.cat([torch.ones(n), torch.full((2 * n,), 0.5)])

    def closure():
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(discriminator(*pairs), target, weight=weight, reduction="sum") / n
        loss.backward()
        return loss

    return optimizer.step(closure)


def generator_step(generator, discriminator, optimizer, y, z):
    with held_still(discriminator):
        loss = -F.logsigmoid(discriminator(generator(z, y), y)).mean()
        optimizer.zero_grad()
        loss.backward()
    optimizer.step()
    return loss.detach()


# %% measure-code
from itertools import combinations


def obedience(asked, read, num_classes):
    table = torch.zeros(num_classes, num_classes, dtype=torch.float64)
    table.index_put_((asked, read), torch.tensor(1.0, dtype=torch.float64), accumulate=True)
    table /= table.sum()
    return dict(
        control=table.sum(-1) @ table.sum(0), accuracy=table.trace(), by_label=table.diagonal() / table.sum(dim=-1)
    )


def within_share(features, labels):
    hot = (labels[:, None] == labels.unique()).double()
    x = features.double()
    means = torch.linalg.solve(hot.T @ hot, hot.T @ x)
    return F.mse_loss(hot @ means, x) / F.mse_loss(x.mean(0, keepdim=True).expand_as(x), x)


def deaf_pairs(network, first, num_classes):
    import copy

    own = copy.deepcopy(network).eval()
    with torch.no_grad():
        out = [own(first, torch.tensor([c]).repeat(len(first))) for c in range(num_classes)]
    return [[a, b] for a, b in combinations(range(num_classes), 2) if bool(torch.all((out[a] - out[b]).abs() <= 1e-6))]
