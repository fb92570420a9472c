"""The token at the same place counts as the future.

loses: leak-pairs
"""


# %% leak-code
def leaks(before, after):
    t = len(before)
    moved = ((after - before).abs() > 1e-6).any(dim=-1)
    return [(i, j) for i in range(t) for j in range(i, t) if moved[j, i]]
