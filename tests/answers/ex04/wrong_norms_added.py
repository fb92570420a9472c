"""Adds the norms of the single weight tensors instead of taking one norm of all.

loses: gradient-norm-values
"""


# %% gradient-norm
def gradient_norm(generator, discriminator, z, kind):
    logits = discriminator(generator(z))
    loss = -F.softplus(logits).mean() if kind == "minimax" else F.softplus(-logits).mean()
    gradients = torch.autograd.grad(loss, list(generator.parameters()))
    return sum(gradient.norm().item() for gradient in gradients)
