"""Answers with the number of pixels, as for coins, whatever the noise.

loses: hidden-beta-test
"""


# %% hidden-beta-code
def hidden_beta(D, s):
    return D
