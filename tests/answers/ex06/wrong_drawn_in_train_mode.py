"""Draws in train mode.

loses: draw-pictures, draw-leaves-generator, report-score
"""


# %% draw-code
@torch.no_grad()
def draw(generator, n, seed):
    """Pictures of codes(n, generator.latent_dim, seed), as they should be scored: pixels from 0 to 1."""
    mode = generator.training
    pictures = (generator(codes(n, generator.latent_dim, seed)) + 1) / 2
    generator.train(mode)
    return pictures
