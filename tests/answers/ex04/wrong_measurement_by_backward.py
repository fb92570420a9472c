"""backward() without cleaning up: gradients stay in both networks, and the next measurement adds to them.

loses: gradient-norm-clean
"""


# %% gradient-norm
def gradient_norm(generator, discriminator, z, kind):
    logits = discriminator(generator(z))
    loss = -F.softplus(logits).mean() if kind == "minimax" else F.softplus(-logits).mean()
    generator.zero_grad()
    loss.backward()
    return math.sqrt(sum(w.grad.square().sum().item() for w in generator.parameters()))
