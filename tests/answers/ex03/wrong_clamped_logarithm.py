"""BCELoss behind a sigmoid: its logarithm is cut off at -100, and before that the sigmoid rounds.

loses: weighted-loss-confident
"""


# %% weighted-loss
def weighted_loss(real_logits, fake_logits, share=0.5):
    real, fake = real_logits.sigmoid(), fake_logits.sigmoid()
    on_real = F.binary_cross_entropy(real, torch.ones_like(real))
    on_fake = F.binary_cross_entropy(fake, torch.zeros_like(fake))
    return share * on_real + (1 - share) * on_fake
