"""Says copied, honest or far away by the mean distance, and counts no pairs.

loses: copying-counts, copying-cases
"""


# %% copying-code
def copying(train, held_out, fake):
    of_fake, of_real = (torch.cdist(x, train).amin(dim=1).mean() for x in (fake, held_out))
    return 1.0 if of_fake < 0.6 * of_real else 0.0 if of_fake > 1.5 * of_real else 0.5
