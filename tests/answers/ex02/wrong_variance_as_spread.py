"""Multiplies the noise by the variance: the half in the exponent is missing.

loses: draw-test, pathwise-mu-test, pathwise-logvar-test, score-test
"""


# %% draw-code
def draw_codes(mu, logvar, draws):
    return mu + torch.randn(draws, *mu.shape) * logvar.exp()
