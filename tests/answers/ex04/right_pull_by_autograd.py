"""The pull and the walk by autograd, the gradient norm by backward with the old gradients kept aside.

loses: nothing
"""


# %% walk
def walk(theta, z, eta, steps):
    theta = torch.tensor(theta, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=eta)
    path = []
    for _ in range(steps):
        at = theta.detach().clone()
        fake = theta + z
        loss = -F.logsigmoid(at**2 / 2 - at * fake).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        path.append(theta.detach().clone())
    return torch.stack(path)


# %% gradient-norm
def gradient_norm(generator, discriminator, z, kind):
    kept = [[w.grad for w in network.parameters()] for network in (generator, discriminator)]
    generator.zero_grad()
    logits = discriminator(generator(z))
    loss = F.logsigmoid(-logits).mean() if kind == "minimax" else -F.logsigmoid(logits).mean()
    loss.backward()
    norm = math.sqrt(sum((w.grad**2).sum().item() for w in generator.parameters()))
    for network, gradients in zip((generator, discriminator), kept, strict=True):
        for w, gradient in zip(network.parameters(), gradients, strict=True):
            w.grad = gradient
    return norm


# %% pull
def pull(x, theta, alpha=1.0, beta=0.0):
    x = x.clone().requires_grad_()
    d = beta + (alpha - beta) * torch.sigmoid(theta**2 / 2 - theta * x)
    return torch.autograd.grad(-d.log().sum(), x)[0]


# %% siblings
def sibling_slope(kind, s):
    s = s.clone().requires_grad_()
    loss = {"hinge": -s, "least-squares": 0.5 * (s - 1) ** 2}[kind]
    return torch.autograd.grad(loss.sum(), s)[0]


def best_output(kind, p, q):
    if kind == "least-squares":
        return torch.sigmoid(p.log() - q.log())
    return torch.where(p > q, 1.0, -1.0)
