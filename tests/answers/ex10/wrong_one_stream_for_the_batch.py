"""Seeds once with the first seed and draws for the whole batch.

loses: noise-alone
"""


# %% noise-code
def step_noise(seeds, step, dim):
    generator = torch.Generator().manual_seed(1000 * seeds[0] + step)
    return torch.randn(len(seeds), dim, generator=generator)
