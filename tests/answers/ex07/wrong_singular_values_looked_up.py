"""Asks for all singular values instead of doing rounds, and carries a buffer that nothing uses.

loses: power-by-hand, power-svdvals, power-kernels, power-zero, steady-keeps, steady-modes, steady-gradient, steady-zero
"""


# %% power-code
def power_iteration(weight, u, rounds):
    matrix = weight.flatten(1)
    if not (matrix.T @ u).any():
        return matrix.new_zeros(()), u
    left, values, _ = torch.linalg.svd(matrix)
    return values[0], left[:, 0]


# %% steady-code
class Steady(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.register_buffer("u", torch.randn(len(weight)))

    def forward(self, weight):
        matrix = weight.flatten(1)
        if not matrix.any():
            return weight
        left, _, right = torch.linalg.svd(matrix.detach(), full_matrices=False)
        return weight / (left[:, 0] @ matrix @ right[0])
