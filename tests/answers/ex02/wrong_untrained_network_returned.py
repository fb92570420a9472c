"""Returns the numbers of a training that took place elsewhere: here, a fresh network.

loses: experiment-beta-test, experiment-elbo-test, experiment-seed-test, experiment-floor-test
"""


# %% experiment-code
def train_small(train_x, beta, steps, seed=0, floor=0.0):
    torch.manual_seed(seed + steps)
    return SmallVAE()
