"""Calls a real picture with a wrong label real, since it is a real picture.

loses: d-step-loss
"""


# %% steps-code
def discriminator_step(generator, discriminator, optimizer, x, y, wrong, z):
    """One step of D's optimizer on real pictures x (n, 64) of labels y, wrong labels for them, and noise z. The loss."""
    fakes = generator(z, y).detach()
    loss = F.softplus(-discriminator(x, y)).mean()
    loss = loss + (F.softplus(-discriminator(x, wrong)).mean() + F.softplus(discriminator(fakes, y)).mean()) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def generator_step(generator, discriminator, optimizer, y, z):
    """One step of G's optimizer on its pictures of noise z for the labels y. Returns the loss."""
    loss = F.softplus(-discriminator(generator(z, y), y)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


# %% training-code
def train_conditional(seed=0, steps=700):
    """Train a SmallGenerator on tiny_digits(); returns its state_dict()."""
    torch.manual_seed(seed)
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
        fakes = generator(z, y).detach()
        d_loss = F.softplus(-discriminator(x, y)).mean() + F.softplus(discriminator(fakes, y)).mean()
        optimizers[1].zero_grad()
        d_loss.backward()
        optimizers[1].step()
        generator_step(generator, discriminator, optimizers[0], y, z)
    return generator.state_dict()
