"""The velocity of the other convention: from noise to data.

loses: views-right
"""


# %% views-code
def views(x, sigma, x_hat):
    noise = (x - x_hat) / sigma
    return {"noise": noise, "score": -noise / sigma, "velocity": x_hat - noise}


def to_road(x, a, sigma):
    return x / (a + sigma), sigma / (a + sigma)
