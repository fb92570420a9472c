"""The lowest single measurement chooses.

loses: decide-well
"""


# %% decide-code
def decide(measurements):
    half = round(0.8 * measurements.shape[1])
    chosen = int(measurements[:, :half].min(dim=1).values.argmin())
    return chosen, measurements[chosen, half:].mean().item()
