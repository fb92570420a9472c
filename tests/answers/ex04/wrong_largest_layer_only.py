"""Takes the largest of the norms of the weight tensors.

loses: gradient-norm-values
"""


# %% gradient-norm
def gradient_norm(generator, discriminator, z, kind):
    logits = discriminator(generator(z))
    loss = -F.softplus(logits).mean() if kind == "minimax" else F.softplus(-logits).mean()
    gradients = torch.autograd.grad(loss, list(generator.parameters()))
    return max(gradient.norm().item() for gradient in gradients)
