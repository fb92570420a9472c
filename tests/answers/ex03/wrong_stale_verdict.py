"""The generator is judged by logits from before the discriminator's step.

loses: clinic-whole
"""


# %% clinic-epoch
def clinic_epoch(generator, discriminator, optimizer_g, optimizer_d, loader, noises):
    criterion = nn.BCEWithLogitsLoss()
    losses = []
    for (pictures, _labels), z in zip(loader, noises, strict=True):
        optimizer_g.zero_grad()
        optimizer_d.zero_grad()
        real, fake = 2 * pictures - 1, generator(z)
        ones, zeros = torch.ones(len(z)), torch.zeros(len(z))
        d_loss = criterion(discriminator(real), ones) + criterion(discriminator(fake.detach()), zeros)
        before = discriminator(fake)
        g_loss = criterion(before, ones)
        for w, slope in zip(
            generator.parameters(), torch.autograd.grad(g_loss, list(generator.parameters())), strict=True
        ):
            w.grad = slope
        d_loss.backward()
        optimizer_d.step()

        optimizer_g.step()
        losses.append((d_loss.item(), g_loss.item()))
    return losses
