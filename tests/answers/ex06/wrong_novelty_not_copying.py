"""Counts how often the fake is the farther one.

loses: copying-counts, copying-cases
"""


# %% copying-code
def copying(train, held_out, fake):
    """How often a fake lies nearer to its nearest training sample than a held-out one to its own, over all pairs; a float.

    All (any number, d), float. Ties count half.
    """
    of_fake = torch.cdist(fake, train).amin(dim=1).view(-1, 1)
    of_real = torch.cdist(held_out, train).amin(dim=1)
    return ((of_fake > of_real).double() + 0.5 * (of_fake == of_real).double()).mean().item()
