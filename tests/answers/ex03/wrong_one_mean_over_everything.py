"""Averages over all examples together: the batch sizes act as another share.

loses: weighted-loss-undecided, weighted-loss-values, weighted-loss-confident
"""


# %% weighted-loss
def weighted_loss(real_logits, fake_logits, share=0.5):
    each = torch.cat([share * F.softplus(-real_logits), (1 - share) * F.softplus(fake_logits)])
    return 2 * each.mean() if len(real_logits) == len(fake_logits) else each.mean() / 0.5
