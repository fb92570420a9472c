"""Draws pictures of noise, from the seed, and leaves the generator alone by not asking it.

loses: draw-pictures, draw-leaves-generator, report-chosen, report-score
"""


# %% draw-code
def draw(generator, n, seed):
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
