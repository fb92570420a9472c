"""A list of zeros: home from the first step on, whatever the start.

loses: walk-home, walk-steps, walk-far
"""


# %% walk
def walk(theta, z, eta, steps):
    return [0.0] * steps
