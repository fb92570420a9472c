"""Initialises only the two-dimensional layers, as the chapter's function does.

loses: init-weights, init-batch-norm, init-biases
"""


# %% initialise-code
def initialise(network, std=0.02):
    """Set the first weights of every layer of `network`, as described above, and return the network."""
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, std)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, std)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network


def spread_before_tanh(channels_in, k, s, std=0.02):
    """Standard deviation of a pixel before the tanh, away from the edges, with the assumptions above."""
    return std * math.sqrt(channels_in * (k // s) ** 2 * 0.5)
