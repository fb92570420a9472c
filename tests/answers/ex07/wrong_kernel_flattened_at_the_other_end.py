"""Flattens all but the last dimension of a kernel.

loses: power-kernels
"""


# %% power-code
def power_iteration(weight, u, rounds):
    """Rounds of power iteration on weight (out, …), from u (out,), of any length but 0: (σ, the new u)."""
    matrix = weight.flatten(0, -2)
    for _ in range(rounds):
        back = matrix.T @ u
        if not back.any():
            return matrix.new_zeros(()), u
        forth = matrix @ (back / back.norm())
        sigma = forth.norm()  # u · Wv, with u = Wv / |Wv|
        u = forth / sigma
    return sigma, u
