"""Puts the labels into the denominator, too, as if they changed how often real ones are seen.

loses: smoothed-equal, smoothed-values
"""


# %% smoothed
def smoothed_discriminator(p, q, alpha=1.0, beta=0.0, share=0.5):
    real, fake = alpha * share * p, (1 - alpha + beta) * (1 - share) * q
    return real / (real + fake)
