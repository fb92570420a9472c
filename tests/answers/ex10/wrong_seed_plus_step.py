"""Adds seed and step, so that pairs with the same sum share their noise.

loses: noise-differs
"""


# %% noise-code
def step_noise(seeds, step, dim):
    each = [torch.Generator().manual_seed(seed + step) for seed in seeds]
    return torch.stack([torch.randn(dim, generator=one) for one in each])
