"""Differentiates in sigma and hands that in as the gradient in logvar.

loses: pathwise-logvar-test
"""


# %% pathwise-code
def pathwise_gradient(mu, logvar, draws):
    mu, sigma = mu.clone().requires_grad_(), (0.5 * logvar).exp().requires_grad_()
    z = mu + sigma * torch.randn(draws, *mu.shape)
    return torch.autograd.grad(f(z).mean(dim=0).sum(), (mu, sigma))
