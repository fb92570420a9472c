"""Forgets that a ReLU halves the mean square.

loses: init-spread
"""


# %% initialise-code
def initialise(network, std=0.02):
    """Set the first weights of every layer of `network`, as described above, and return the network."""
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, std)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(layer.weight, 1.0, std)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network


def spread_before_tanh(channels_in, k, s, std=0.02):
    """Standard deviation of a pixel before the tanh, away from the edges, with the assumptions above."""
    return std * math.sqrt(channels_in * (k // s) ** 2)
