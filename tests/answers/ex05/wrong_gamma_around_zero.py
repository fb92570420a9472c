"""Draws batch norm's scale around 0, like a weight.

loses: init-batch-norm
"""


# %% initialise-code
def initialise(network, std=0.02):
    """Set the first weights of every layer of `network`, as described above, and return the network."""
    for layer in network.modules():
        if getattr(layer, "weight", None) is None:
            continue
        nn.init.normal_(layer.weight, 0.0, std)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network


def spread_before_tanh(channels_in, k, s, std=0.02):
    """Standard deviation of a pixel before the tanh, away from the edges, with the assumptions above."""
    return std * math.sqrt(channels_in * (k // s) ** 2 * 0.5)
