"""Seeds with a number of its own.

loses: training-varied
"""


# %% training-code
def train_conditional(seed=0, steps=700):
    """Train a SmallGenerator on tiny_digits(); returns its state_dict()."""
    torch.manual_seed(0)
    pictures, labels = tiny_digits()
    generator, discriminator = SmallGenerator(), Discriminator()
    optimizers = [
        torch.optim.Adam(network.parameters(), 2e-3, betas=(0.5, 0.99)) for network in (generator, discriminator)
    ]
    for step in range(steps):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, 2 - 2 * step / steps)
        batch = torch.randint(len(pictures), (64,))
        x, y, z = pictures[batch], labels[batch], torch.randn(64, 16)
        discriminator_step(generator, discriminator, optimizers[1], x, y, other_labels(y, 10), z)
        generator_step(generator, discriminator, optimizers[0], y, z)
    return generator.state_dict()
