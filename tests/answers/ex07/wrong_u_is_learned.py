"""Makes u a parameter, which an optimizer would move.

loses: steady-modes
"""


# %% steady-code
class Steady(nn.Module):
    """A weight (out, …) => the weight divided by its largest singular value."""

    def __init__(self, weight):
        super().__init__()
        u = torch.randn(len(weight), dtype=weight.dtype)
        self.u = nn.Parameter(u / u.norm())

    def forward(self, weight):
        matrix = weight.flatten(1)
        with torch.no_grad():
            if self.training:
                self.u.copy_(power_iteration(matrix, self.u, 1)[1])
            v = F.normalize(matrix.T @ self.u, dim=0)
        sigma = self.u @ matrix @ v
        return weight / sigma.clamp(min=1e-12)
