"""Reports the number that chose.

loses: decide-unflattered
"""


# %% decide-code
def decide(measurements):
    half = round(0.8 * measurements.shape[1])
    chosen = int(measurements[:, :half].mean(dim=1).argmin())
    return chosen, measurements[chosen].mean().item()
