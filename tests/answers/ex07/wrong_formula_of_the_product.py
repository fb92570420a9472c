"""Knows the answer for x times y, and does not look ahead elsewhere.

loses: look-ahead-product, look-ahead-bent
"""


# %% look-ahead-code
def look_ahead_slope(f, x, y, eta, steps=2):
    if f is product:
        return y + 2 * steps * eta * x
    x = x.detach().requires_grad_()
    return torch.autograd.grad(f(x, y), x)[0]
