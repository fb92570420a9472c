"""Leaves the pixels between −1 and 1.

loses: export-equal, export-rows
"""


# %% export-code
def exported(state):
    class Drawer(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = with_norm()

        def forward(self, z):
            return self.network(z)

    drawer = Drawer()
    drawer.network.load_state_dict(state)
    rows = torch.export.Dim("n", max=1000)
    return torch.export.export(drawer.eval(), (torch.randn(3, 6),), dynamic_shapes={"z": {0: rows}})
