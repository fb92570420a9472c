"""Adam's default averaging factors: the two players keep circling, and heaps are dropped.

loses: train-toy-heaps
"""


# %% train-toy
def train_toy(points, seed):
    torch.manual_seed(seed)
    generator = ToyGenerator()
    discriminator = nn.Sequential(
        nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1), nn.Flatten(0)
    )
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-3)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-3)
    for _ in range(600):
        real = points[torch.randint(len(points), (128,))]
        discriminator_step(generator, discriminator, optimizer_d, real, torch.randn(128, 4))
        generator_step(generator, discriminator, optimizer_g, torch.randn(128, 4))
    return generator
