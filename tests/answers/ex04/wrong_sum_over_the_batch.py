"""The loss is summed over the batch: the norm grows with the batch size.

loses: gradient-norm-values
"""


# %% gradient-norm
def gradient_norm(generator, discriminator, z, kind):
    logits = discriminator(generator(z))
    loss = -F.softplus(logits).sum() if kind == "minimax" else F.softplus(-logits).sum()
    gradients = torch.autograd.grad(loss, list(generator.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
