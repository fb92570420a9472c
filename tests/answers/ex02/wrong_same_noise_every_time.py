"""Draws the noise once and for all, from a fixed seed.

loses: draw-test, pathwise-mu-test
"""


# %% draw-code
def draw_codes(mu, logvar, draws):
    eps = torch.randn(draws, *mu.shape, generator=torch.Generator().manual_seed(0))
    return mu + eps * (0.5 * logvar).exp()
