"""Gives back v in the place of u.

loses: power-by-hand, power-svdvals
"""


# %% power-code
def power_iteration(weight, u, rounds):
    """Rounds of power iteration on weight (out, …), from u (out,), of any length but 0: (σ, the new u)."""
    matrix = weight.flatten(1)
    for _ in range(rounds):
        back = matrix.T @ u
        if not back.any():
            return matrix.new_zeros(()), u
        v = back / back.norm()
        forth = matrix @ v
        sigma = forth.norm()  # u · Wv, with u = Wv / |Wv|
        u = forth / sigma
    return sigma, v
