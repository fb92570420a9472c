"""Chapter 93: whether the coordinates of a code are the factors that made the pictures.

A code is given as a table, `codes` (4608, d): one row for each row of `toydata.all_factors()`.
"""

import math

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

from course_utils.data.toydata import FACTORS


def rows_with_one_factor_fixed(fixed, generator):
    """Rows of all_factors(), (n, m), for factors `fixed` (n, m): alike in it, else random."""
    sizes = torch.tensor(list(FACTORS.values()))
    draws = (torch.rand(*fixed.shape, len(sizes), generator=generator) * sizes).long()  # (n, m, 5)
    alike = F.one_hot(fixed, len(sizes)).bool()
    draws = torch.where(alike, draws[:, :1], draws)  # the fixed factor is that of the first of the m
    strides = torch.tensor([math.prod(sizes[k + 1 :].tolist()) for k in range(len(sizes))])
    return (draws * strides).sum(dim=-1)


def beta_vae_score(codes, seed=0, n=2000, pairs=64):
    """Held-out accuracy of a linear classifier that names the factor shared by pairs, from the mean of |z1 − z2|."""
    generator = torch.Generator().manual_seed(seed)
    shared = torch.randint(len(FACTORS), (2 * n,), generator=generator)
    rows = rows_with_one_factor_fixed(shared.repeat_interleave(pairs)[:, None].expand(-1, 2), generator)
    differences = (codes[rows[:, 0]] - codes[rows[:, 1]]).abs().view(2 * n, pairs, -1).mean(dim=1)
    scaled = (differences / codes.std(dim=0).clamp(min=1e-6)).numpy()
    classifier = LogisticRegression(C=1e3, max_iter=2000).fit(scaled[:n], shared[:n].numpy())
    return float(classifier.score(scaled[n:], shared[n:].numpy()))


def factor_vae_score(codes, seed=0, n=1000, group=64):
    """Held-out accuracy of a vote that names the fixed factor, from the coordinate that varies least in a group."""
    active = codes[:, codes.var(dim=0) > 0.01]
    if active.shape[1] == 0:
        return 1 / len(FACTORS)  # a silent code: nothing to vote with
    generator = torch.Generator().manual_seed(seed)
    fixed = torch.randint(len(FACTORS), (2 * n,), generator=generator)
    rows = rows_with_one_factor_fixed(fixed[:, None].expand(-1, group), generator)
    steadiest = (active[rows].var(dim=1) / active.var(dim=0)).argmin(dim=1)  # (2n,)
    votes = torch.zeros(active.shape[1], len(FACTORS))
    votes.index_put_((steadiest[:n], fixed[:n]), torch.ones(n), accumulate=True)
    return (votes.argmax(dim=1)[steadiest[n:]] == fixed[n:]).double().mean().item()
