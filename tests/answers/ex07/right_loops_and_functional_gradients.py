"""One sample at a time, torch.func for every derivative, and the inner steps written out by hand.

loses: nothing
"""


# %% losses-code
def critic_loss(real, fake):
    return -(sum(real) / len(real) - sum(fake) / len(fake))


def generator_loss(fake):
    return torch.mean(-fake)


# %% penalty-code
def gradient_penalty(critic, real, fake, one_sided=False):
    total = 0.0
    for a, b in zip(real, fake):
        eps = torch.rand(1).item()
        x = torch.lerp(a, b, eps)[None].clone().requires_grad_(True)
        g = torch.autograd.grad(critic(x)[0], x, create_graph=True)[0]
        excess = torch.linalg.vector_norm(g) - 1
        if one_sided and excess < 0:
            excess = 0 * excess
        total = total + excess**2
    return total / len(real)


# %% look-ahead-code
from torch.func import grad


def look_ahead_slope(f, x, y, eta, steps=2):
    up = grad(f, argnums=1)

    def later(x):
        end = y
        for _ in range(steps):
            end = end + eta * up(x, end)
        return f(x, end)

    return grad(later)(x)


# %% unrolled-code
def unrolled_step(generator, critic, optimizer, real, z, eta, steps=2):
    names = [name for name, _ in critic.named_parameters()]

    def values(weights, x):
        return functional_call(critic, dict(zip(names, weights)), (x,))

    def after(k, fake):
        if k == 0:
            return [p.detach().clone().requires_grad_() for p in critic.parameters()]
        weights = after(k - 1, fake)
        slopes = torch.autograd.grad(
            values(weights, fake).mean() - values(weights, real).mean(), weights, create_graph=True
        )
        return [w - eta * s for w, s in zip(weights, slopes)]

    fake = generator(z)
    loss = -values(after(steps, fake), fake).mean()
    for p in generator.parameters():
        p.grad = None
    grads = torch.autograd.grad(loss, list(generator.parameters()))
    for p, g in zip(generator.parameters(), grads):
        p.grad = g
    optimizer.step()
    return float(loss.detach())
