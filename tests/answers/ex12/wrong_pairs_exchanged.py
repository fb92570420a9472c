"""The changed token stands first in the pair.

loses: leak-pairs
"""


# %% leak-code
def leaks(before, after):
    t = len(before)
    moved = ((after - before).abs() > 1e-6).any(dim=-1)
    return [(j, i) for i in range(t) for j in range(i + 1, t) if moved[j, i]]
