"""Uniform numbers of variance 1.

loses: noise-law
"""


# %% noise-code
def step_noise(seeds, step, dim):
    each = [torch.Generator().manual_seed(1000 * seed + step) for seed in seeds]
    return torch.stack([(torch.rand(dim, generator=one) - 0.5) * 12**0.5 for one in each])
