"""Reports the mean logit as if it were a probability.

loses: generator-step-report
"""


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    discriminator.requires_grad_(False)
    logits = discriminator(generator(z))
    optimizer.zero_grad()
    F.softplus(-logits).mean().backward()
    optimizer.step()
    discriminator.requires_grad_(True)
    return logits.mean().item(), discriminator(generator(z)).mean().item()
