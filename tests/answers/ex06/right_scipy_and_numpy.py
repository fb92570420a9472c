"""NumPy's decompositions and polynomial fit, SciPy's Mann–Whitney statistic, sorting for neighbours.

loses: nothing
"""


# %% moments-code
def frechet_from_moments(mean_a, cov_a, mean_b, cov_b):
    import numpy as np

    a, A, b, B = (np.asarray(x, dtype=np.float64) for x in (mean_a, cov_a, mean_b, cov_b))
    la, va = np.linalg.eigh(A)
    lb, vb = np.linalg.eigh(B)
    roots = [(v * np.sqrt(np.maximum(l, 0))) @ v.T for l, v in ((la, va), (lb, vb))]
    return ((a - b) ** 2).sum() + la.sum() + lb.sum() - 2 * np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum()


# %% bias-code
import numpy as np


def distance_at(a, b, n, repeats=10, seed=0):
    rng = np.random.default_rng(seed)
    total = 0.0
    for _ in range(repeats):
        x = a.double()[rng.choice(len(a), n, replace=False)]
        y = b.double()[rng.choice(len(b), n, replace=False)]
        from course_utils.taught.evaluation import frechet_distance

        total += frechet_distance(x, y)
    return total / repeats


def extrapolate(sizes, distances):
    c, limit = np.polyfit(1 / np.array(sizes, dtype=float), distances, 1)
    return limit, c


def distance_at_infinity(a, b, sizes, repeats=10, seed=0):
    points = [distance_at(a, b, n, repeats, seed + 100 + i) for i, n in enumerate(sizes)]
    return extrapolate(sizes, points)[0]


# %% entropy-code
def two_entropies(probabilities):
    p = torch.distributions.Categorical(probs=probabilities.double().clamp(min=1e-30))
    q = torch.distributions.Categorical(probs=probabilities.double().mean(0).clamp(min=1e-30))
    return q.entropy().item(), p.entropy().mean().item()


def best_inception_score(shares):
    kept = shares[shares > 0].double()
    return float((kept**-kept).prod())


# %% neighbour-code
def radii(x, k):
    rows = []
    for i in range(len(x)):
        others = torch.cat([x[:i], x[i + 1 :]])
        rows.append((others - x[i]).norm(dim=1).sort().values[k - 1])
    return torch.stack(rows).double()


def realistic(real, fake, k=3):
    own = radii(real, k)
    return [any((one - x).norm() <= r for x, r in zip(real, own, strict=True)) for one in fake]


def recall_by_mode(real, labels, fake, k=3):
    near = torch.tensor(realistic(fake, real, k)).double()
    hits = torch.zeros(int(labels.max()) + 1, dtype=torch.float64).index_add(0, labels, near)
    return hits / torch.bincount(labels)


# %% copying-code
def copying(train, held_out, fake):
    from scipy.stats import mannwhitneyu

    nearest = [
        torch.cdist(x.double(), train.double(), compute_mode="donot_use_mm_for_euclid_dist").min(1).values
        for x in (held_out, fake)
    ]
    return mannwhitneyu(nearest[0].numpy(), nearest[1].numpy()).statistic / (len(held_out) * len(fake))


# %% table-code
def bias_table(dims, sizes, repeats=5, seed=0):
    from course_utils.taught.evaluation import frechet_distance

    rows = []
    for d in dims:
        row = []
        for n in sizes:
            row.append(sum(frechet_distance(*pair(n, d, seed + r)) for r in range(repeats)) / repeats)
        rows.append(row)
    return torch.tensor(rows)
