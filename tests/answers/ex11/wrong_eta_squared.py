"""Takes η for a factor of the variance.

loses: step-posterior
"""


# %% step-code
def step(x, x_hat, sigma, lower, eta, noise):
    fresh = math.sqrt(eta) * lower / sigma * math.sqrt(sigma**2 - lower**2)
    eps_hat = (x - x_hat) / sigma
    return x_hat + math.sqrt(max(lower**2 - fresh**2, 0.0)) * eps_hat + fresh * noise
