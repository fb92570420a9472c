"""Goes through the probability: the sigmoid rounds to 0 or 1 and the logarithm is infinite.

loses: weighted-loss-confident
"""


# %% weighted-loss
def weighted_loss(real_logits, fake_logits, share=0.5):
    return -share * real_logits.sigmoid().log().mean() - (1 - share) * (1 - fake_logits.sigmoid()).log().mean()
