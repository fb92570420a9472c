"""The names of the two losses are exchanged.

loses: gradient-norm-starves, gradient-norm-values
"""


# %% gradient-norm
def gradient_norm(generator, discriminator, z, kind):
    logits = discriminator(generator(z))
    loss = F.softplus(-logits).mean() if kind == "minimax" else -F.softplus(logits).mean()
    gradients = torch.autograd.grad(loss, list(generator.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
