"""The root's trace from the eigenvalues of the product, moments merged batch by batch, a metric for each set of fakes.

loses: nothing
"""


# %% moments-code
def frechet_from_moments(mean_a, cov_a, mean_b, cov_b):
    A, B = cov_a.to(torch.float64), cov_b.to(torch.float64)
    roots = torch.linalg.eigvals(A @ B).real.clamp(min=0).sqrt()
    shift = torch.dist(mean_a.double(), mean_b.double()) ** 2
    return float(shift + torch.trace(A + B) - 2 * roots.sum())


# %% stream-code
class Moments:
    def __init__(self, dim):
        self.n, self.m, self.scatter = 0, torch.zeros(dim).double(), torch.zeros(dim, dim).double()

    def update(self, features):
        features = features.double()
        n, m = len(features), features.mean(0)
        step, total = m - self.m, self.n + n
        self.scatter += (features - m).T @ (features - m) + torch.outer(step, step) * self.n * n / total
        self.m = self.m + step * n / total
        self.n = total

    def mean(self):
        return self.m.float()

    def cov(self):
        return self.scatter / (self.n - 1)


# %% simple-cases
def frechet_1d(mean_a, std_a, mean_b, std_b):
    print("one dimension")
    return mean_a**2 - 2 * mean_a * mean_b + mean_b**2 + std_a**2 + std_b**2 - 2 * std_a * std_b


def frechet_diagonal(mean_a, var_a, mean_b, var_b):
    total = 0.0
    for m, v, n, w in zip(mean_a.tolist(), var_a.tolist(), mean_b.tolist(), var_b.tolist(), strict=True):
        total += frechet_1d(m, v**0.5, n, w**0.5)
    return total


# %% torchmetrics-code
def fid(real, fake, net, batch_size=50):
    was_training = net.training
    net.eval()
    metric = FrechetInceptionDistance(feature=net)
    for batch in torch.split(real, batch_size):
        metric.update(batch, real=True)
    for batch in torch.split(fake, batch_size):
        metric.update(batch, real=False)
    net.train(was_training)
    return float(metric.compute())


def fid_of_many(real, fakes, net, batch_size=50):
    import copy

    still = copy.deepcopy(net).eval()
    metric = FrechetInceptionDistance(feature=still, reset_real_features=False)
    for start in range(0, len(real), batch_size):
        metric.update(real[start : start + batch_size], real=True)
    values = []
    for fake in fakes:
        for start in range(0, len(fake), batch_size):
            metric.update(fake[start : start + batch_size], real=False)
        values.append(metric.compute())
        metric.reset()
    return values
