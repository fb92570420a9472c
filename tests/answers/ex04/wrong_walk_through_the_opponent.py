"""The gradient flows through the discriminator's θ as well: the generator plans with an opponent that moves along.

loses: walk-steps, walk-far
"""


# %% walk
def walk(theta, z, eta, steps):
    theta = torch.tensor(theta, requires_grad=True)
    path = []
    for _ in range(steps):
        fake = theta + z
        logits = theta**2 / 2 - theta * fake
        loss = F.softplus(-logits).mean()
        (gradient,) = torch.autograd.grad(loss, theta)
        theta = (theta - eta * gradient).detach().requires_grad_()
        path.append(theta.item())
    return path
