"""The generator descends the discriminator's loss on its fakes: both work against the forgery.

loses: generator-step-moves, generator-step-report, train-toy-heaps
"""


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    discriminator.requires_grad_(False)
    logits = discriminator(generator(z))
    optimizer.zero_grad()
    F.softplus(logits).mean().backward()
    optimizer.step()
    discriminator.requires_grad_(True)
    after = discriminator(generator(z)).detach()
    return logits.sigmoid().mean().item(), after.sigmoid().mean().item()
