"""The discriminator is frozen in the generator's step and never thawed.

loses: generator-step-wall, train-toy-heaps
"""


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    discriminator.requires_grad_(False)
    logits = discriminator(generator(z))
    optimizer.zero_grad()
    F.softplus(-logits).mean().backward()
    optimizer.step()
    after = discriminator(generator(z)).detach()
    return logits.sigmoid().mean().item(), after.sigmoid().mean().item()
