"""No root of d.

loses: full-logits
"""


# %% full-code
def full_logits(weights, tokens):
    x = weights["token"][tokens] + weights["place"][: tokens.shape[1]]
    q, k, v = x @ weights["query"], x @ weights["key"], x @ weights["value"]
    scores = q @ k.transpose(1, 2)
    scores = scores.masked_fill(torch.ones_like(scores[0]).triu(1).bool(), -math.inf)
    return (x + scores.softmax(dim=-1) @ v @ weights["out"]) @ weights["head"]
