"""The formula of the chapter: the share of real examples is ignored.

loses: smoothed-equal, smoothed-values
"""


# %% smoothed
def smoothed_discriminator(p, q, alpha=1.0, beta=0.0, share=0.5):
    return (alpha * p + beta * q) / (p + q)
