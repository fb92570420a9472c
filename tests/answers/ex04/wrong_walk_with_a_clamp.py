"""Clamps the probability before the logarithm: no infinity, and no gradient either.

loses: walk-far
"""


# %% walk
def walk(theta, z, eta, steps):
    theta = torch.tensor(theta, requires_grad=True)
    path = []
    for _ in range(steps):
        fake = theta + z
        logits = theta.detach() ** 2 / 2 - theta.detach() * fake
        loss = -torch.sigmoid(logits).clamp_min(1e-12).log().mean()
        (gradient,) = torch.autograd.grad(loss, theta)
        theta = (theta - eta * gradient).detach().requires_grad_()
        path.append(theta.item())
    return path
