"""Takes the first checkpoint without a look: nothing flatters the mean of its measurements.

loses: decide-unflattered, decide-well
"""


# %% decide-code
def decide(measurements):
    return 0, measurements[0].mean().item()
