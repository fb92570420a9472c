"""The triangle at the upper left.

loses: attention-aligned
"""


# %% attention-code
def causal_attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)
