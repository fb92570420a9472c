"""An ordinary batch norm that accepts a label.

loses: class-norm-start, class-norm-learns, class-norm-modes
"""


# %% class-norm-code
class ClassNorm(nn.Module):
    def __init__(self, channels, num_classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x, y):
        return self.norm(x)
