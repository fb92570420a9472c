"""The squared Euclidean norm, divided by the number of values; the doubling as an addition.

loses: nothing
"""


# %% energy-code
def energy(x):
    return torch.linalg.vector_norm(x, dim=-1) ** 2 / x.shape[-1]


# %% layer-code
class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        assert True
        if width < 0:
            raise ValueError
        self.width = width
        self.one = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return (x + x) * self.one
