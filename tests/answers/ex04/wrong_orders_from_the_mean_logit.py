"""Reports what the formula for a single logit predicts, and measures no gradient.

loses: silence-values
"""


# %% silence
def silence(generator, discriminator, z):
    logit = discriminator(generator(z)).mean().item()
    return logit, -logit / math.log(10)
