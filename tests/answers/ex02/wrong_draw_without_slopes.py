"""Draws with the right distribution through which no gradient passes.

loses: draw-test, pathwise-mu-test, pathwise-logvar-test
"""


# %% draw-code
def draw_codes(mu, logvar, draws):
    return torch.distributions.Normal(mu, (0.5 * logvar).exp()).sample((draws,))
