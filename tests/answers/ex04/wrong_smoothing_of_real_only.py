"""The label of the fakes is forgotten: D* is scaled by α and nothing more.

loses: smoothed-equal, smoothed-values
"""


# %% smoothed
def smoothed_discriminator(p, q, alpha=1.0, beta=0.0, share=0.5):
    return alpha * share * p / (share * p + (1 - share) * q)
