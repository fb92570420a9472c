"""Never lets the fresh noise go below a small floor, so that the last step adds some.

loses: step-deterministic
"""


# %% step-code
def step(x, x_hat, sigma, lower, eta, noise):
    fresh = max(eta * lower / sigma * math.sqrt(sigma**2 - lower**2), 0.05)
    eps_hat = (x - x_hat) / sigma
    return x_hat + math.sqrt(max(lower**2 - fresh**2, 0.0)) * eps_hat + fresh * noise
