"""One measurement chooses, all others report.

loses: decide-well
"""


# %% decide-code
def decide(measurements):
    half = 1
    chosen = int(measurements[:, :half].mean(dim=1).argmin())
    return chosen, measurements[chosen, half:].mean().item()
