"""Leaves the first u at its length, and takes u·Wv with it.

loses: power-by-hand, power-svdvals, power-kernels, power-zero
"""


# %% power-code
def power_iteration(weight, u, rounds):
    """Rounds of power iteration on weight (out, …), from u (out,), of any length but 0: (σ, the new u)."""
    matrix = weight.flatten(1)
    for _ in range(rounds):
        back = matrix.T @ u
        if not back.any():
            return matrix.new_zeros(()), u
        forth = matrix @ back
        sigma = forth.norm()  # u · Wv, with u = Wv / |Wv|
        u = forth / sigma
    return sigma, u
