"""The newest token of a context is taken for its oldest.

loses: memory-tables
"""


# %% memory-code
def learned_table(memory, n, seed):
    x = source(n, 24, seed)
    counts = torch.full((2**memory, 2), 0.5)
    for i in range(max(memory, 2), 24):
        context = sum(x[:, i - 1 - k] * 2 ** (memory - 1 - k) for k in range(memory))
        for row, token in zip(context.tolist(), x[:, i].tolist(), strict=True):
            counts[row, token] += 1
    return counts / counts.sum(dim=1, keepdim=True)
