"""Averages over the rows as well: every gradient is too small by their number.

loses: pathwise-mu-test, pathwise-logvar-test
"""


# %% pathwise-code
def pathwise_gradient(mu, logvar, draws):
    mu, logvar = mu.clone().requires_grad_(), logvar.clone().requires_grad_()
    return torch.autograd.grad(f(draw_codes(mu, logvar, draws)).mean(), (mu, logvar))
