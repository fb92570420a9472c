"""Moments as a module that merges mean and scatter batch by batch; the root by complex eigenvalues of the product.

loses: nothing
"""

# %% simple-cases
from functools import reduce
from typing import Any

frechet_1d = lambda mean_a, std_a, mean_b, std_b: abs(complex(mean_a - mean_b, std_a - std_b)) ** 2  # noqa: E731


def frechet_diagonal(mean_a: torch.Tensor, var_a: torch.Tensor, mean_b, var_b, *, root=torch.sqrt, **_: Any):
    return torch.einsum("i->", (mean_a - mean_b) ** 2 + var_a + var_b - 2 * root(var_a * var_b))


# %% moments-code
def frechet_from_moments(mean_a, cov_a, mean_b, cov_b):
    a, b = (x.to(torch.complex128) for x in (cov_a, cov_b))
    overlap = torch.linalg.eigvals(a @ b).real.clip(0).sqrt().sum()
    return torch.dist(mean_a.double(), mean_b.double()) ** 2 + (a + b).trace().real - 2 * overlap


# %% stream-code
class Moments(nn.Module):
    def __init__(self, dim: int, dtype=torch.float64):
        super().__init__()
        self.register_buffer("m", torch.zeros(dim, dtype=dtype))
        self.register_buffer("scatter", torch.zeros(dim, dim, dtype=dtype))
        self.n = 0

    def forward(self, features):
        x = features.to(self.m)
        new, n = x.mean(-2), x.shape[-2]
        gap, total = new - self.m, self.n + n
        self.scatter += (x - new).mT.matmul(x - new) + gap.outer(gap) * (self.n * n / total)
        self.m.lerp_(new, n / total)
        self.n = total
        return self

    update = forward

    def mean(self):
        return self.m.clone()

    def cov(self):
        return self.scatter.div(self.n - 1)


# %% entropy-code
def two_entropies(probabilities):
    p = probabilities.double()
    nats = torch.special.entr
    return nats(p.mean(-2)).sum(-1), nats(p).sum(-1).mean(-1)


def best_inception_score(shares):
    return torch.exp(torch.special.entr(shares).sum())


# %% table-code
def bias_table(dims, sizes, repeats=5, seed=0):
    def one(d, n, r):
        a, b = pair(n, d, seed + r)
        return frechet_from_moments(a.mean(0), torch.cov(a.T), b.mean(0), torch.cov(b.T))

    cells = {
        (d, n): reduce(float.__add__, (float(one(d, n, r)) for r in range(repeats))) / repeats
        for d in dims
        for n in sizes
    }
    import numpy as np

    return np.array([[cells[d, n] for n in sizes] for d in dims])
