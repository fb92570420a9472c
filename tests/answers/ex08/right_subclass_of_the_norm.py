"""ClassNorm as a subclass of BatchNorm2d, with what is learned kept as differences from 1 and 0.

loses: nothing
"""


# %% class-norm-code
class ClassNorm(nn.BatchNorm2d):
    def __init__(self, channels, num_classes, **options):
        super().__init__(channels, affine=False, **options)
        self.more = nn.ParameterList([nn.Parameter(torch.zeros(channels, 2)) for _ in range(num_classes)])

    def forward(self, x, y):
        out = super().forward(x)
        gain, shift = torch.stack([self.more[int(c)] for c in y]).unbind(dim=-1)
        return torch.addcmul(shift[..., None, None].expand_as(out), out, 1 + gain[..., None, None])
