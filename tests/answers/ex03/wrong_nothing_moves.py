"""Both steps move nothing and report plausible numbers: a network that stands still leaves nothing behind in the other.

loses: discriminator-step-moves, discriminator-step-stale, discriminator-step-wall,
    generator-step-moves, generator-step-report, generator-step-stale, generator-step-wall, train-toy-heaps
"""


# %% discriminator-step
def discriminator_step(generator, discriminator, optimizer, real, z):
    optimizer.zero_grad()
    return 1.3 - 0.01 * torch.rand(1).item()


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    optimizer.zero_grad()
    return 0.4, 0.45
