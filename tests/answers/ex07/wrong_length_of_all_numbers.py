"""Divides by the root of the sum of all squares, which is at least σ.

loses: steady-keeps, steady-modes, steady-gradient, steady-zero
"""


# %% steady-code
class Steady(nn.Module):
    """A weight (out, …) => the weight divided by its largest singular value."""

    def __init__(self, weight):
        super().__init__()
        u = torch.randn(len(weight), dtype=weight.dtype)
        self.register_buffer("u", u / u.norm())

    def forward(self, weight):
        matrix = weight.flatten(1)
        with torch.no_grad():
            if self.training:
                _, self.u = power_iteration(matrix, self.u, 1)
            v = F.normalize(matrix.T @ self.u, dim=0)
        sigma = matrix.norm()
        return weight / sigma.clamp(min=1e-12)
