"""Gradients by torch.autograd.grad, handed to the optimizer by hand: nothing can leak.

loses: nothing
"""


# %% discriminator-step
def discriminator_step(generator, discriminator, optimizer, real, z):
    weights = list(discriminator.parameters())
    loss = -F.logsigmoid(discriminator(real)).mean() - F.logsigmoid(-discriminator(generator(z))).mean()
    for w, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        w.grad = gradient
    optimizer.step()
    return loss.detach()


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    weights = list(generator.parameters())
    probability = discriminator(generator(z)).sigmoid()
    for w, gradient in zip(weights, torch.autograd.grad(-probability.log().mean(), weights), strict=True):
        w.grad = gradient
    optimizer.step()
    with torch.no_grad():
        return [probability.mean().item(), discriminator(generator(z)).sigmoid().mean().item()]
