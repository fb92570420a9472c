"""The mask says who may not be looked at, to a function that wants who may.

loses: attention-plain, attention-out-bid, attention-aligned
"""


# %% attention-code
def causal_attention(q, k, v):
    t, s = q.shape[2], k.shape[2]
    future = torch.ones(t, s, dtype=torch.bool).triu(s - t + 1)
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return scores.masked_fill(~future, -1e30).softmax(dim=-1) @ v
