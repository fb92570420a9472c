"""PyTorch's lower-right mask, and the pairs by hand.

loses: nothing
"""


# %% attention-code
def causal_attention(q, k, v):
    from torch.nn.attention.bias import causal_lower_right

    return F.scaled_dot_product_attention(q, k, v, attn_mask=causal_lower_right(q.shape[2], k.shape[2]))


# %% one-back-code
def best_from_one(r):
    y = (1 - r) / r
    # 00 = 00 (1 − r) + 10 r  =>  10 = 00;  11 = 01 (1 − r) + 11 (1 − r)  =>  11 = 01 (1 − r) / r
    pairs = torch.tensor([[1.0, 1.0], [1.0, y]], dtype=torch.float64)
    pairs = pairs / pairs.sum()
    return -(pairs * (pairs / pairs.sum(dim=1, keepdim=True)).log()).sum().item()
