"""zero_grad is forgotten: every step takes all the earlier gradients along.

loses: train-ahead-steps
"""


# %% train-ahead
def train_ahead(generator, discriminator, optimizer, reals, noises):
    for real, z in zip(reals, noises, strict=True):
        with torch.no_grad():
            fake = generator(z)
        loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
        loss.backward()
        optimizer.step()
