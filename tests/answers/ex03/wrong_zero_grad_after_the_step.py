"""zero_grad stands after the step: gradients that somebody else left are added to the first one.

loses: discriminator-step-stale, generator-step-stale
"""


# %% discriminator-step
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(generator(z).detach())).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    discriminator.requires_grad_(False)
    logits = discriminator(generator(z))
    F.softplus(-logits).mean().backward()
    optimizer.step()
    optimizer.zero_grad()
    discriminator.requires_grad_(True)
    after = discriminator(generator(z)).detach()
    return logits.sigmoid().mean().item(), after.sigmoid().mean().item()
