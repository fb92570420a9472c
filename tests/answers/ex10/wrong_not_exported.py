"""Hands over the network itself, in something that looks like a program.

loses: export-equal, export-rows
"""


# %% export-code
class Program:
    def __init__(self, network):
        self.network = network

    def module(self):
        return self.network


def exported(state):
    class Drawer(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = with_norm()

        def forward(self, z):
            return (self.network(z) + 1) / 2

    drawer = Drawer()
    drawer.network.load_state_dict(state)
    return Program(drawer.eval())
