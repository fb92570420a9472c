"""Scores pictures from −1 to 1.

loses: draw-pictures, report-chosen, report-score
"""


# %% draw-code
@torch.no_grad()
def draw(generator, n, seed):
    """Pictures of codes(n, generator.latent_dim, seed), as they should be scored: pixels from 0 to 1."""
    mode = generator.training
    pictures = generator.eval()(codes(n, generator.latent_dim, seed))
    generator.train(mode)
    return pictures
