"""Has the numbers of gains and shifts, and never uses them.

loses: class-norm-start, class-norm-learns, class-norm-modes
"""


# %% class-norm-code
class ClassNorm(nn.Module):
    def __init__(self, channels, num_classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Parameter(torch.ones(num_classes, channels))
        self.shift = nn.Parameter(torch.zeros(num_classes, channels))

    def forward(self, x, y):
        return self.norm(x)
