"""The share of real examples is ignored: D* as for equal shares.

loses: best-discriminator-share, best-discriminator-values, best-discriminator-far
"""


# %% best-discriminator
def best_discriminator(log_p, log_q, share=0.5):
    return torch.sigmoid(log_p - log_q)
