"""Leaves the wrong labels out.

loses: d-step-loss
"""


# %% steps-code
def discriminator_step(generator, discriminator, optimizer, x, y, wrong, z):
    """One step of D's optimizer on real pictures x (n, 64) of labels y, wrong labels for them, and noise z. The loss."""
    fakes = generator(z, y).detach()
    loss = F.softplus(-discriminator(x, y)).mean()
    loss = loss + F.softplus(discriminator(fakes, y)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def generator_step(generator, discriminator, optimizer, y, z):
    """One step of G's optimizer on its pictures of noise z for the labels y. Returns the loss."""
    loss = F.softplus(-discriminator(generator(z, y), y)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
