"""Weights of the future are set to zero after the softmax, and no longer sum to 1.

loses: attention-plain, attention-out-bid, attention-aligned
"""


# %% attention-code
def causal_attention(q, k, v):
    t, s = q.shape[2], k.shape[2]
    weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights.tril(s - t) @ v
