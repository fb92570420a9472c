"""D* for equal shares, multiplied by the share (which happens to be right where the densities are equal).

loses: best-discriminator-values, best-discriminator-far
"""


# %% best-discriminator
def best_discriminator(log_p, log_q, share=0.5):
    return 2 * share * torch.sigmoid(log_p - log_q)
