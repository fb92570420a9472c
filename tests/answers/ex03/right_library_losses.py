"""Losses from the library, two backward calls, gradients cleaned up by hand.

loses: nothing
"""


# %% weighted-loss
def weighted_loss(real_logits, fake_logits, share=0.5):
    on_real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    on_fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return share * on_real + (1 - share) * on_fake


# %% discriminator-step
def discriminator_step(generator, discriminator, optimizer, real, z):
    discriminator.zero_grad(set_to_none=False)
    real_logits = discriminator(real)
    on_real = nn.BCEWithLogitsLoss()(real_logits, torch.ones(len(real)))
    on_real.backward()
    fake_logits = discriminator(generator(z).detach())
    on_fake = nn.BCEWithLogitsLoss()(fake_logits, torch.zeros(len(z)))
    on_fake.backward()
    optimizer.step()
    return float(on_real + on_fake)


# %% generator-step
def generator_step(generator, discriminator, optimizer, z):
    generator.zero_grad()
    logits = discriminator(generator(z))
    F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).backward()
    optimizer.step()
    discriminator.zero_grad()  # sweep out what has passed through
    return logits.detach().sigmoid().mean(), discriminator(generator(z)).detach().sigmoid().mean()
