"""The same noise at every step.

loses: noise-differs, noise-law
"""


# %% noise-code
def step_noise(seeds, step, dim):
    each = [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.stack([torch.randn(dim, generator=one) for one in each])
