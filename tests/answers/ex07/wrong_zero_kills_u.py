"""Normalises with F.normalize, which makes a u of zeros out of a weight of zeros; and u stays so.

loses: power-zero
"""


# %% power-code
def power_iteration(weight, u, rounds):
    """Rounds of power iteration on weight (out, …), from u (out,), of any length but 0: (σ, the new u)."""
    matrix = weight.flatten(1)
    for _ in range(rounds):
        v = F.normalize(matrix.T @ u, dim=0)
        u = F.normalize(matrix @ v, dim=0)
    return u @ matrix @ v, u
