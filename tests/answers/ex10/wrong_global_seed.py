"""Seeds PyTorch's own stream for each picture.

loses: noise-leaves-no-trace
"""


# %% noise-code
def step_noise(seeds, step, dim):
    rows = []
    for seed in seeds:
        torch.manual_seed(1000 * seed + step)
        rows.append(torch.randn(dim))
    return torch.stack(rows)
