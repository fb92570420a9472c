"""Normalises each label's pictures by themselves, with a batch norm for each.

loses: class-norm-start, class-norm-modes
"""


# %% class-norm-code
class ClassNorm(nn.Module):
    def __init__(self, channels, num_classes):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(num_classes))

    def forward(self, x, y):
        out = torch.zeros_like(x)
        for c, norm in enumerate(self.norms):
            if (y == c).any():
                out[y == c] = norm(x[y == c])
        return out
