"""Believes that averaging over the pixels makes the KL term too weak.

loses: hidden-beta-test
"""


# %% hidden-beta-code
def hidden_beta(D, s):
    return 2 * s**2 / D
