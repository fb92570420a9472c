"""0.8 is still the eps of the batch normalisation, and the sigmoid is still in front of a loss that applies one.

loses: clinic-batch-norm, clinic-logits
"""


# %% clinic-networks
class ClinicGenerator(nn.Module):
    def __init__(self, latent_dim, width, pixels):
        super().__init__()
        self.first = nn.Linear(latent_dim, width)
        self.norm = nn.BatchNorm1d(width, 0.8, momentum=0.2)
        self.last = nn.Linear(width, pixels)

    def forward(self, z):
        return torch.tanh(self.last(torch.relu(self.norm(self.first(z)))))


class ClinicDiscriminator(nn.Module):
    def __init__(self, pixels, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, width), nn.LeakyReLU(0.2), nn.Linear(width, 1), nn.Sigmoid(), nn.Flatten(0)
        )

    def forward(self, x):
        return self.layers(x)
