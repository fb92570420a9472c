"""The small last batch is left out, so that labels of a fixed size fit.

loses: clinic-batches, clinic-scale, clinic-whole
"""


# %% clinic-epoch
def clinic_epoch(generator, discriminator, optimizer_g, optimizer_d, loader, noises):
    criterion = nn.BCEWithLogitsLoss()
    losses = []
    for (pictures, _labels), z in zip(loader, noises, strict=True):
        if len(z) != 64:
            continue
        optimizer_g.zero_grad()
        optimizer_d.zero_grad()
        real, fake = 2 * pictures - 1, generator(z)
        ones, zeros = torch.ones(len(z)), torch.zeros(len(z))
        d_loss = criterion(discriminator(real), ones) + criterion(discriminator(fake.detach()), zeros)
        d_loss.backward()
        optimizer_d.step()

        g_loss = criterion(discriminator(fake), ones)
        g_loss.backward()
        optimizer_g.step()
        losses.append((d_loss.item(), g_loss.item()))
    return losses
