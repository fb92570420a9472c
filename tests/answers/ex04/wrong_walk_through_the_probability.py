"""The right loss, computed as the logarithm of a sigmoid: far out it is infinite.

loses: walk-far
"""


# %% walk
def walk(theta, z, eta, steps):
    theta = torch.tensor(theta, requires_grad=True)
    path = []
    for _ in range(steps):
        fake = theta + z
        logits = theta.detach() ** 2 / 2 - theta.detach() * fake
        loss = -torch.sigmoid(logits).log().mean()
        (gradient,) = torch.autograd.grad(loss, theta)
        theta = (theta - eta * gradient).detach().requires_grad_()
        path.append(theta.item())
    return path
