"""PyTorch's own fusion for convolutions, a module in place of a state_dict; the export of a folded network with a free first side.

loses: nothing
"""

# %% folding-code
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights


def folded(state):
    s, new = state, without_norm().requires_grad_(False)
    pieces = fuse_linear_bn_weights(
        s["0.weight"], None, s["1.running_mean"], s["1.running_var"], 1e-5, s["1.weight"], s["1.bias"]
    )
    new[0].weight.copy_(pieces[0]), new[0].bias.copy_(pieces[1])
    pieces = fuse_conv_bn_weights(
        s["4.weight"],
        s["4.bias"],
        s["5.running_mean"],
        s["5.running_var"],
        1e-3,
        s["5.weight"],
        s["5.bias"],
        transpose=True,
    )
    new[3].weight.copy_(pieces[0]), new[3].bias.copy_(pieces[1])
    new[5].weight.copy_(s["7.weight"]), new[5].bias.copy_(s["7.bias"])
    return new


# %% export-code
def exported(state):
    class Pictures(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, codes):
            return torch.lerp(torch.tensor(0.5), torch.tensor(1.0), self.inner(codes))

    whole = Pictures(folded(state)).train(False)
    free = {0: torch.export.Dim("rows", min=1, max=1000)}
    with torch.no_grad():
        return torch.export.export(whole, args=(torch.ones(4, 6),), dynamic_shapes=[free])


# %% bits-code
def scale_and_zero(low, high):
    span = max(high, 0.0) - min(low, 0.0)
    return torch.tensor(span / 255, dtype=torch.float64), torch.tensor(-min(low, 0.0) * 255 / span).round().int()


def to_bits(x, scale, zero):
    return torch.quantize_per_tensor(x, float(scale), int(zero), torch.quint8).int_repr()


def from_bits(q, scale, zero):
    return torch.sub(q.to(torch.float32), zero).mul_(scale)
