"""Divides by the root of a² + σ², which is the scale of another ladder.

loses: road-right
"""


# %% views-code
def views(x, sigma, x_hat):
    noise = (x - x_hat) / sigma
    return {"noise": noise, "score": -noise / sigma, "velocity": noise - x_hat}


def to_road(x, a, sigma):
    return x / math.sqrt(a**2 + sigma**2), sigma / (a + sigma)
