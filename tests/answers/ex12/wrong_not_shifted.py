"""The token to be predicted stands in the input.

loses: likelihood-sums
"""


# %% likelihood-code
def log_p(weights, x):
    letters = len(weights["token"]) - 1
    inputs = x
    logits = full_logits(weights, inputs)[:, :, :letters]
    return -F.cross_entropy(logits.transpose(1, 2), x, reduction="none").sum(dim=1)
