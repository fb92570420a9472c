"""torch.func for the slopes of single samples and of the game; closures for the optimizers; partial and lambdas.

loses: nothing
"""

# %% losses-code

critic_loss = lambda real, fake: torch.sub(fake.mean(), real.mean())  # noqa: E731
generator_loss = lambda fake: fake.mean().neg()  # noqa: E731


# %% penalty-code
from torch.func import grad, jacrev, vmap


def gradient_penalty(critic, real, fake, one_sided=False, **options):
    eps = torch.rand(real.shape[0]).reshape((-1,) + (1,) * (real.ndim - 1))
    mixed = torch.lerp(fake, real, eps.expand_as(real))
    slopes = vmap(grad(lambda one: critic(one.unsqueeze(0)).squeeze(0)))(mixed)
    length = slopes.flatten(start_dim=1).norm(p=2, dim=-1)
    excess = torch.clamp(length - 1, min=0) if one_sided else length - 1
    return excess.pow(2).sum() / len(excess)


# %% steps-code
def critic_step(generator, critic, optimizer, real, z, weight=10.0):
    with torch.no_grad():
        fake = generator(z)
    seen = []

    def closure():
        optimizer.zero_grad(set_to_none=False)
        both = critic(torch.cat([real, fake]))
        loss = critic_loss(both[: len(real)], both[len(real) :]) + weight * gradient_penalty(critic, real, fake)
        loss.backward()
        seen.append(loss.detach())
        return loss

    optimizer.step(closure)
    return seen[0]


def generator_step(generator, critic, optimizer, z):
    critic.requires_grad_(False)
    try:
        loss = generator_loss(critic(generator(z)))
        for p in generator.parameters():
            p.grad = None
        loss.backward()
    finally:
        critic.requires_grad_(True)
    optimizer.step()
    return float(loss.detach())


# %% look-ahead-code
def look_ahead_slope(f, x, y, eta, steps=2):
    def ahead(x, y, k):
        return y if k == 0 else (lambda before: before + eta * jacrev(f, argnums=1)(x, before))(ahead(x, y, k - 1))

    return jacrev(lambda place: f(place, ahead(place, y, steps)))(x)


# %% unrolled-code
def unrolled_step(generator, critic, optimizer, real, z, eta, steps=2):
    names, now = zip(*((name, p.detach()) for name, p in critic.named_parameters()))

    def value(weights, x):
        return functional_call(critic, dict(zip(names, weights)), (x,))

    def inner(weights, fake):
        return critic_loss(value(weights, real), value(weights, fake))

    def outer(mine):
        fake, weights = functional_call(generator, mine, (z,)), now
        for _ in range(steps):
            weights = [w - eta * s for w, s in zip(weights, grad(inner)(weights, fake))]
        return generator_loss(value(weights, fake))

    mine = {name: p.detach() for name, p in generator.named_parameters()}
    slopes, loss = torch.func.grad_and_value(outer)(mine)
    for name, p in generator.named_parameters():
        p.grad = slopes[name]
    optimizer.step()
    return loss
