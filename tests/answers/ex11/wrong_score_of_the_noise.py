"""Gives the noise, with its sign turned, for the score: the division by σ is forgotten.

loses: views-right
"""


# %% views-code
def views(x, sigma, x_hat):
    noise = (x - x_hat) / sigma
    return {"noise": noise, "score": -noise, "velocity": noise - x_hat}


def to_road(x, a, sigma):
    return x / (a + sigma), sigma / (a + sigma)
