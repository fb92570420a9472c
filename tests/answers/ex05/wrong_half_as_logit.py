"""Compares logits with one half, as if they were probabilities.

loses: share-right
"""


# %% share-code
def share_right(real_logits, fake_logits):
    right = torch.cat([real_logits > 0.5, fake_logits < 0.5])
    return right.float().mean().item()
