"""Measures the gradient in the discriminator's weights instead of the generator's.

loses: gradient-norm-values
"""


# %% gradient-norm
def gradient_norm(generator, discriminator, z, kind):
    logits = discriminator(generator(z))
    loss = -F.softplus(logits).mean() if kind == "minimax" else F.softplus(-logits).mean()
    gradients = torch.autograd.grad(loss, list(discriminator.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
