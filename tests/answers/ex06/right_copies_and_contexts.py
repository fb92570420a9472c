"""Works on deep copies and under a context manager; distances in a tensor; scores as NumPy numbers in a mapping.

loses: nothing
"""

# %% torchmetrics-code
import contextlib
import copy


@contextlib.contextmanager
def asleep(*networks):
    modes = [[(m, m.training) for m in one.modules()] for one in networks]
    try:
        yield [one.train(mode=False) for one in networks]
    finally:
        for pairs in modes:
            for m, mode in pairs:
                m.training = mode


def fid_of_many(real, fakes, net, batch_size=50, *, metric=None):
    frozen = copy.deepcopy(net).requires_grad_(False).eval()
    metric = FrechetInceptionDistance(frozen, reset_real_features=False)
    [metric.update(part, True) for part in torch.split(real, batch_size)]
    result = torch.empty(len(fakes))
    for k, fake in enumerate(fakes):
        metric.reset()
        for start in range(0, fake.size(-4), batch_size):
            metric.update(fake.narrow(0, start, min(batch_size, len(fake) - start)), real=False)
        result[k] = metric.compute()
    return result


def fid(real, fake, net, batch_size=50):
    (value,) = fid_of_many(real, (fake,), net, batch_size=batch_size)
    return value


# %% draw-code
def draw(generator, n, seed):
    with asleep(generator), torch.no_grad():
        z = codes(seed=seed, n=n, latent_dim=generator.latent_dim)
        return torch.add(torch.tensor(0.5), generator(z), alpha=0.5).numpy()


# %% report-code
import numpy as np


def report(generators, validation, held_out, net, n, seed):
    v, h = (torch.narrow(x, 0, 0, n) for x in (validation, held_out))
    draws = [torch.from_numpy(draw(g, n, seed)) for g in generators]
    best = int(np.argmin(fid_of_many(v, draws, net)))
    last = torch.from_numpy(draw(generators[best], n, seed + 1))
    from collections import OrderedDict

    numbers = fid_of_many(h, [v, last], net).numpy()
    return OrderedDict(real=numbers[0], score=np.float32(numbers[1]), chosen=np.int64(best))
