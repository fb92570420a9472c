"""Rounds odd sides up, as pooling with ceil would.

loses: table-sides, table-output-paddings, table-generator-weights, table-discriminator-weights
"""


# %% table
def shape_table():
    """A dictionary about your two networks, all of it worked out before they are built:

    "sides": the sides of the maps, from the picture inwards, a list that begins with image_size and ends at 6 or less;
    "maps": the channels that belong to them, a list that begins with the channels of the picture;
    "output_paddings": of the generator's transposed convolutions, in the order of the generator: from the small maps to the picture;
    "generator_weights", "discriminator_weights": how many numbers each network learns (weights, biases, batch norm's γ and β).
    """
    sides, maps = [my.image_size], [my.channels]
    while sides[-1] > 6:
        sides.append((sides[-1] + 1) // 2)
        maps.append(my.width * 2 ** (len(maps) - 1))
    stages = sum(16 * a * b for a, b in pairwise(maps))
    map_size = maps[-1] * sides[-1] ** 2
    normed = sum(maps[2:])  # batch norm and no bias: two numbers a channel
    return {
        "sides": sides,
        "maps": maps,
        "output_paddings": [side % 2 for side in reversed(sides[:-1])],
        "generator_weights": my.latent_dim * map_size + stages + 2 * sum(maps[1:]) + my.channels,
        "discriminator_weights": stages + 2 * normed + my.width + map_size + 1,
    }
