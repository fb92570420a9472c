"""Adds the two means without weights: an undecided discriminator pays 2 log 2.

loses: weighted-loss-undecided, weighted-loss-values, weighted-loss-confident
"""


# %% weighted-loss
def weighted_loss(real_logits, fake_logits, share=0.5):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
