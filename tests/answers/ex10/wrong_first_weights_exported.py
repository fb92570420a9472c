"""Forgets to load the weights.

loses: export-equal, export-rows
"""


# %% export-code
def exported(state):
    class Drawer(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = with_norm()

        def forward(self, z):
            return (self.network(z) + 1) / 2

    drawer = Drawer()
    rows = torch.export.Dim("n", max=1000)
    return torch.export.export(drawer.eval(), (torch.randn(3, 6),), dynamic_shapes={"z": {0: rows}})
