"""Divides by the variance.

loses: folding-dense, folding-transposed
"""


# %% folding-code
def folded(state):
    scale = state["1.weight"] / (state["1.running_var"] + 1e-5)
    wide = state["5.weight"] / (state["5.running_var"] + 1e-3).sqrt()
    return {
        "0.weight": state["0.weight"] * scale[:, None],
        "0.bias": state["1.bias"] - scale * state["1.running_mean"],
        "3.weight": state["4.weight"] * wide[:, None, None],
        "3.bias": state["5.bias"] + wide * (state["4.bias"] - state["5.running_mean"]),
        "5.weight": state["7.weight"],
        "5.bias": state["7.bias"],
    }
