"""Adds the fresh noise without taking as much of the old away.

loses: step-posterior
"""


# %% step-code
def step(x, x_hat, sigma, lower, eta, noise):
    fresh = eta * lower / sigma * math.sqrt(sigma**2 - lower**2)
    return x_hat + lower * (x - x_hat) / sigma + fresh * noise
