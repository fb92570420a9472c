"""Hands over points of the data, a little jittered, as what the two models have drawn: nothing is trained.

loses: contest-samples
"""


# %% contest-code
def contest(steps, seed):
    return {"flow": ring(2000, seed), "gan": ring(2000, seed + 1) + 0.01 * torch.randn(2000, 2)}
