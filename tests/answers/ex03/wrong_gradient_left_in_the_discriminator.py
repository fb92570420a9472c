"""The generator's loss passes through the discriminator and leaves its gradients there.

loses: generator-step-wall
"""


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    logits = discriminator(generator(z))
    optimizer.zero_grad()
    F.softplus(-logits).mean().backward()
    optimizer.step()
    after = discriminator(generator(z)).detach()
    return logits.sigmoid().mean().item(), after.sigmoid().mean().item()
