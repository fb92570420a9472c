"""Seeds the damage inside, so that it is the same in every call.

loses: pair-fresh-test
"""


# %% denoising-pair
def denoising_pair(x, p):
    generator = torch.Generator().manual_seed(0)
    return x * (torch.rand(x.shape, generator=generator) >= p), x
