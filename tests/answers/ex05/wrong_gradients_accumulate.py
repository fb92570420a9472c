"""Never clears gradients.

loses: d-step-moves, g-step-moves
"""


# %% steps-code
def discriminator_step(generator, discriminator, optimizer, real, z):
    """One step of the discriminator's optimizer on real pictures and on generated ones, of codes z. Returns the loss."""
    fakes = generator(z).detach()
    loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fakes)).mean()
    loss.backward()
    optimizer.step()
    return loss.item()


def generator_step(generator, discriminator, optimizer, z):
    """One step of the generator's optimizer on its pictures of z. Returns the loss."""
    loss = F.softplus(-discriminator(generator(z))).mean()
    loss.backward()
    optimizer.step()
    return loss.item()
