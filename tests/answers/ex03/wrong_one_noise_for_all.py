"""The same noise vectors in every step: the generator learns a handful of points.

loses: train-toy-heaps
"""


# %% train-toy
def train_toy(points, seed):
    torch.manual_seed(seed)
    generator = ToyGenerator()
    discriminator = nn.Sequential(
        nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1), nn.Flatten(0)
    )
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.99))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.99))
    z = torch.randn(1, 4).expand(128, 4)
    for _ in range(600):
        real = points[torch.randint(len(points), (128,))]
        discriminator_step(generator, discriminator, optimizer_d, real, z)
        generator_step(generator, discriminator, optimizer_g, z)
    return generator
