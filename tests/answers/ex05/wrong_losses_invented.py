"""Trains, but notes numbers that nobody has measured: the loss of a balanced game, a little jittered.

loses: training-numbers
"""


# %% training-code
def train_dcgan(steps, seed=0):
    torch.manual_seed(seed)
    generator, discriminator = initialise(Generator(*my)), initialise(Discriminator(*my[:3]))
    optimizer_g = torch.optim.Adam(generator.parameters(), 0.006, betas=(0.5, 0.99))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), 0.002, betas=(0.5, 0.99))
    data, codes = 2 * discs(512, my.image_size, my.channels) - 1, torch.randn(16, my.latent_dim)

    def draw():
        with torch.no_grad():
            pictures = generator.eval()(codes)
        generator.train()
        return (pictures + 1) / 2

    before = draw()
    for _ in range(steps):
        real, z = data[torch.randint(len(data), (16,))], torch.randn(16, my.latent_dim)
        discriminator_step(generator, discriminator, optimizer_d, real, z)
        generator_step(generator, discriminator, optimizer_g, z)
    noise = torch.rand(steps).tolist()
    return {
        "d_loss": [2 * math.log(2) - 0.02 * x for x in noise],
        "g_loss": [math.log(2) + 0.02 * x for x in noise],
        "d_right": [(16 + int(6 * x)) / 32 for x in noise],
        "codes": codes,
        "before": before,
        "after": draw(),
        "generator": generator,
        "discriminator": discriminator,
    }
