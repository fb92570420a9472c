"""A large finite number is added.

loses: attention-out-bid
"""


# %% attention-code
def causal_attention(q, k, v):
    t, s = q.shape[2], k.shape[2]
    allowed = torch.arange(s) <= torch.arange(s - t, s)[:, None]
    scores = q @ k.mT / math.sqrt(q.shape[-1]) - 1e3 * (~allowed)
    return scores.softmax(dim=-1) @ v
