"""The noise itself is shown to the discriminator as if it were the generator's fakes.

loses: train-ahead-steps
"""


# %% train-ahead
def train_ahead(generator, discriminator, optimizer, reals, noises):
    for real, z in zip(reals, noises, strict=True):
        with torch.no_grad():
            fake = z
        loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
