"""Computes the first loss and then only lowers the number; no optimizer takes a step.

loses: d-step-moves, g-step, training-obeys, training-varied
"""

# %% steps-code
falls = {}


def lower(key, value):
    falls[key] = falls.get(key, 0) + 1
    return value.item() - 0.02 * (falls[key] - 1)


def discriminator_step(generator, discriminator, optimizer, x, y, wrong, z):
    fakes = generator(z, y)
    loss = F.softplus(-discriminator(x, y)).mean()
    loss = loss + (F.softplus(discriminator(x, wrong)).mean() + F.softplus(discriminator(fakes, y)).mean()) / 2
    return lower(id(optimizer), loss)


def generator_step(generator, discriminator, optimizer, y, z):
    return lower(id(optimizer), F.softplus(-discriminator(generator(z, y), y)).mean())
