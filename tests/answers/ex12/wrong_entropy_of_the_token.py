"""The entropy of single tokens, without the one before.

loses: one-back
"""


# %% one-back-code
def best_from_one(r):
    def from_pair(a, b):
        return r if a + b == 0 else 1 - r  # of a 1

    p = torch.full((2, 2), 0.25, dtype=torch.float64)
    for _ in range(5000):
        q = torch.zeros(2, 2, dtype=torch.float64)
        for a, b in product(range(2), repeat=2):
            q[b, 1] += p[a, b] * from_pair(a, b)
            q[b, 0] += p[a, b] * (1 - from_pair(a, b))
        p = (p + q) / 2
    return (torch.special.entr(p.sum(dim=0)).sum()).item()
