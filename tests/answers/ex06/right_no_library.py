"""The repaired script without the metric of torchmetrics; Cholesky in place of eigenvectors where it can be; lists and loops.

loses: nothing
"""


# %% torchmetrics-code
@torch.no_grad()
def features_of(images, net, batch_size):
    mode = net.training
    net.eval()
    features = torch.cat([net(images[i : i + batch_size]) for i in range(0, len(images), batch_size)])
    if mode:
        net.train()
    return features.double()


def distance(x, y):
    return frechet_from_moments(x.mean(0), torch.cov(x.T), y.mean(0), torch.cov(y.T))


def fid(real, fake, net, batch_size=50):
    return distance(features_of(real, net, batch_size), features_of(fake, net, batch_size))


def fid_of_many(real, fakes, net, batch_size=50):
    known = features_of(real, net, batch_size)
    return tuple(distance(known, features_of(fake, net, batch_size)) for fake in fakes)


# %% draw-code
def draw(generator, n, seed):
    was = generator.training
    generator.train(False)
    with torch.inference_mode():
        images = torch.cat([generator(z) for z in codes(n, generator.latent_dim, seed).split(5)])
    generator.train(was)
    return images.clone().mul(0.5).add(0.5).double()


# %% report-code
def report(generators, validation, held_out, net, n, seed):
    best, index = float("inf"), None
    for i in range(len(generators)):
        value = fid(validation[:n], draw(generators[i], n, seed).float(), net, batch_size=17)
        if value < best:
            best, index = value, i
    fresh = draw(generators[index], n, seed + 1).float()
    return dict(
        chosen=torch.tensor(index), score=fid(fresh, held_out[:n], net), real=fid(validation[:n], held_out[:n], net)
    )


# %% neighbour-code
def radii(x, k):
    distances = (x[:, None] - x[None]).pow(2).sum(-1).sqrt()
    return distances.topk(k + 1, largest=False).values[:, -1]


def realistic(real, fake, k=3):
    inside = (fake[:, None] - real[None]).pow(2).sum(-1).sqrt() <= radii(real, k)[None]
    return inside.sum(1) > 0


def recall_by_mode(real, labels, fake, k=3):
    hit = realistic(fake, real, k)
    return torch.tensor([hit[labels == mode].double().mean() for mode in labels.unique()])
