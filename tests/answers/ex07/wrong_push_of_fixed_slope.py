"""Keeps a graph through y alone: the slopes of the steps are taken at a detached x.

loses: look-ahead-product, look-ahead-bent
"""


# %% look-ahead-code
def look_ahead_slope(f, x, y, eta, steps=2):
    """d/dx f(x, y after `steps` steps of ascent at rate eta), through the steps: a tensor of the shape of x."""
    x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
    for _ in range(steps):
        (push,) = torch.autograd.grad(f(x.detach(), y), y, create_graph=True)
        y = y + eta * push
    (slope,) = torch.autograd.grad(f(x, y), x)
    return slope
