"""e^s / (1 + e^s): infinity divided by infinity for large logits.

loses: slopes-far
"""


# %% slopes
def slopes(s):
    return -s.exp() / (1 + s.exp()), -1 / (1 + s.exp())
