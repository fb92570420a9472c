"""The fakes of the discriminator's step are not cut off: its loss leaves a gradient in the generator.

loses: discriminator-step-wall
"""


# %% discriminator-step
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(generator(z))).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
