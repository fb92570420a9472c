"""Returns the eigenvalue of W Wᵀ, the square of σ.

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
        forth = matrix @ (back / back.norm())
        sigma = forth.norm()  # u · Wv, with u = Wv / |Wv|
        u = forth / sigma
    return sigma**2, u
