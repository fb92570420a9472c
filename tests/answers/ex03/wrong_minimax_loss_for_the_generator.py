"""The generator descends log(1 - D), the loss of the formula, where the task asks for the non-saturating one.

loses: generator-step-moves
"""


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    discriminator.requires_grad_(False)
    logits = discriminator(generator(z))
    optimizer.zero_grad()
    (-F.softplus(logits)).mean().backward()
    optimizer.step()
    discriminator.requires_grad_(True)
    after = discriminator(generator(z)).detach()
    return logits.sigmoid().mean().item(), after.sigmoid().mean().item()
