"""detach in the generator's step, too: no gradient reaches the generator, but one stays in the discriminator.

loses: generator-step-moves, generator-step-report, generator-step-stale, generator-step-wall, train-toy-heaps
"""


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    logits = discriminator(generator(z).detach())
    optimizer.zero_grad()
    F.softplus(-logits).mean().backward()
    optimizer.step()
    after = discriminator(generator(z)).detach()
    return logits.sigmoid().mean().item(), after.sigmoid().mean().item()
