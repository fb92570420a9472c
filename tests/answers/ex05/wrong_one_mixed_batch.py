"""Shows the discriminator one mixed batch.

loses: d-step-loss
"""


# %% steps-code
def discriminator_step(generator, discriminator, optimizer, real, z):
    """One step of the discriminator's optimizer on real pictures and on generated ones, of codes z. Returns the loss."""
    fakes = generator(z).detach()
    on_real, on_fakes = discriminator(torch.cat([real, fakes])).chunk(2)
    loss = F.softplus(-on_real).mean() + F.softplus(on_fakes).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def generator_step(generator, discriminator, optimizer, z):
    """One step of the generator's optimizer on its pictures of z. Returns the loss."""
    loss = F.softplus(-discriminator(generator(z))).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
