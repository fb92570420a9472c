"""Batch normalisation, leaky ReLU, a decoder that ends in (1 + tanh) / 2; layers called one by one.

loses: nothing
"""


# %% conv-autoencoder
class ConvAutoencoder(nn.Module):
    def __init__(self, latent_dim, size=28):
        super().__init__()
        self.side = size // 4
        self.conv1 = nn.Conv2d(1, 12, 4, 2, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 24, 4, 2, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(24)
        self.to_code = nn.Linear(24 * self.side**2, latent_dim)
        self.from_code = nn.Linear(latent_dim, 24 * self.side**2)
        self.up1 = nn.ConvTranspose2d(24, 12, 2, stride=2)
        self.norm3 = nn.BatchNorm2d(12)
        self.up2 = nn.ConvTranspose2d(12, 8, 2, stride=2)
        self.last = nn.Conv2d(8, 1, 3, padding=1)

    def encode(self, x):
        x = F.leaky_relu(self.norm1(self.conv1(x)), 0.1)
        x = F.leaky_relu(self.norm2(self.conv2(x)), 0.1)
        return self.to_code(x.flatten(start_dim=1))

    def decode(self, z):
        x = F.leaky_relu(self.from_code(z), 0.1).view(z.size(0), 24, self.side, self.side)
        x = F.leaky_relu(self.norm3(self.up1(x)), 0.1)
        x = F.leaky_relu(self.up2(x), 0.1)
        return (1 + torch.tanh(self.last(x))) / 2

    def forward(self, x):
        return self.decode(self.encode(x))
