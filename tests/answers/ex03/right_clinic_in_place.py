"""The clinic's listing repaired line by line, with labels made from the logits, and gradients zeroed at the top.

loses: nothing
"""


# %% clinic-networks
class ClinicGenerator(nn.Module):
    def __init__(self, latent_dim, width, pixels):
        super().__init__()
        self.first = nn.Linear(latent_dim, width)
        self.norm = nn.BatchNorm1d(width, 1e-5, 0.2)
        self.last = nn.Linear(width, pixels)

    def forward(self, z):
        return torch.tanh(self.last(torch.relu(self.norm(self.first(z)))))


class ClinicDiscriminator(nn.Module):
    def __init__(self, pixels, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(pixels, width), nn.LeakyReLU(0.2), nn.Linear(width, 1), nn.Flatten(0))

    def forward(self, x):
        return self.layers(x.view(x.size(0), -1))


# %% clinic-epoch
def clinic_epoch(generator, discriminator, optimizer_g, optimizer_d, loader, noises):
    criterion = nn.BCEWithLogitsLoss()
    losses = []
    for (real, _), z in zip(loader, noises, strict=True):
        optimizer_g.zero_grad()
        optimizer_d.zero_grad()
        real = real * 2 - 1
        fake = generator(z)
        real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
        d_loss = criterion(real_logits, torch.ones_like(real_logits))
        d_loss = d_loss + criterion(fake_logits, torch.zeros_like(fake_logits))
        d_loss.backward()
        optimizer_d.step()

        fake_logits = discriminator(fake)
        g_loss = criterion(fake_logits, torch.ones_like(fake_logits))
        g_loss.backward()
        optimizer_g.step()
        losses.append([d_loss.item(), g_loss.item()])
    return losses
