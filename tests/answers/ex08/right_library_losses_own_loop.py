"""Losses from PyTorch, a loop without the steps of part 5, no wrong labels in the training.

loses: nothing
"""


# %% steps-code
def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def discriminator_step(generator, discriminator, optimizer, x, y, wrong, z):
    with torch.no_grad():
        fakes = generator(z, y)
    optimizer.zero_grad()
    loss = (
        bce(discriminator(x, y), 1.0)
        + 0.5 * bce(discriminator(x, wrong), 0.0)
        + 0.5 * bce(discriminator(fakes, y), 0.0)
    )
    loss.backward()
    optimizer.step()
    return float(loss)


def generator_step(generator, discriminator, optimizer, y, z):
    optimizer.zero_grad()
    loss = bce(discriminator(generator(z, y), y), 1.0)
    loss.backward()
    optimizer.step()
    return float(loss)


# %% training-code
def train_conditional(seed=0, steps=700):
    torch.manual_seed(seed)
    pictures, labels = tiny_digits()
    G, D = SmallGenerator(), Discriminator()
    adams = [torch.optim.Adam(network.parameters(), 2e-3, betas=(0.5, 0.99)) for network in (G, D)]
    fades = [torch.optim.lr_scheduler.LambdaLR(a, lambda done: min(1, 2 - 2 * done / steps)) for a in adams]
    for _ in range(steps):
        pick = torch.randperm(len(pictures))[:64]
        x, y = pictures[pick], labels[pick]
        fakes = G(torch.randn(64, 16), y)
        d_loss = F.softplus(-D(x, y)).mean() + F.softplus(D(fakes.detach(), y)).mean()
        adams[1].zero_grad()
        d_loss.backward()
        adams[1].step()
        g_loss = F.softplus(-D(fakes, y)).mean()
        adams[0].zero_grad()
        g_loss.backward()
        adams[0].step()
        for fade in fades:
            fade.step()
    return {name: value.numpy() for name, value in G.state_dict().items()}
