"""The generator is trained as well: it does not stand still, and nobody has a head start.

loses: train-ahead-steps
"""


# %% train-ahead
def train_ahead(generator, discriminator, optimizer, reals, noises):
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=5e-3, betas=(0.5, 0.99))
    for real, z in zip(reals, noises, strict=True):
        with torch.no_grad():
            fake = generator(z)
        loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer_g.zero_grad()
        F.softplus(-discriminator(generator(z))).mean().backward()
        optimizer_g.step()
