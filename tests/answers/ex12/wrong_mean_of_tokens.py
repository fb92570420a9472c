"""The mean over the tokens instead of their sum.

loses: likelihood-sums
"""


# %% likelihood-code
def log_p(weights, x):
    letters = len(weights["token"]) - 1
    inputs = F.pad(x[:, :-1], (1, 0), value=letters)
    logits = full_logits(weights, inputs)[:, :, :letters]
    return -F.cross_entropy(logits.transpose(1, 2), x, reduction="none").mean(dim=1)
