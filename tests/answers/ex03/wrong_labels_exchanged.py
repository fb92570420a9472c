"""The discriminator is trained to call real ones fake and fakes real.

loses: discriminator-step-moves, train-toy-heaps
"""


# %% discriminator-step
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.softplus(discriminator(real)).mean() + F.softplus(-discriminator(generator(z).detach())).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
